"""The pages of a shot's takes."""
