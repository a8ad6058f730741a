"""How a story comes in: an archive or a folder, checked and stored."""
