"""The pages of stories that are not those of the admin."""
