"""What people without an account see, by a link: the page and the files that the link covers."""
