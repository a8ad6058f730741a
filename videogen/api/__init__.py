"""The REST API: what the pages and commands do, for programs.

`door.py` is the address; it loads the rest when the first request comes, because pydantic and
django-ninja are much to load. `identity.py` says in whose name a request comes. The other modules
have the operations, one module for each resource. Nothing is decided here: what is planned, queued,
reviewed or made goes through the same functions as the pages.
"""
