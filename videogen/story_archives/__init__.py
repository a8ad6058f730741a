"""A story as one file: rows, takes and ledger. It is written, read back, and restored.

- `tables.py` says which rows belong to a story, and what an archive leaves out.
- `rows.py` turns a row into a line of JSON, and back.
- `archive_file.py` is the zip: its names, its manifest and its bounds.
- `archive.py` writes it, `wipe.py` removes the story, `restore.py` brings it back.

Here, *archive* is always this file. A story that is *archived* is only out of the way: its rows
have `archived_at`, which an archive keeps like any other column.
"""
