"""The import of a story: an archive or a folder is checked and stored."""
