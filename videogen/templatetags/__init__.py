"""Tags that the templates of the pages load."""
