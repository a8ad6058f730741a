"""What became of renders that were interrupted or whose outcome is not known."""
