"""The import of a story: a zipped bundle or a folder is checked and stored."""
