from __future__ import annotations

from videogen.common.errors import VideogenError


class ArchiveError(VideogenError):
    """A story cannot be archived, wiped or restored. Nothing was changed.

    code: "output" (the file cannot be written where it was named), "open_work" (something of the
    story is still to be decided or made), "changed" (the story is not as the archive has it),
    "damaged" (the archive is not as it was written), "not_an_archive", "other_version", "exists"
    (the story is here), "busy" (it is being restored or wiped), "charged_here" (the ledger has
    charges of it), "file_differs" (another file has the name), "not_accepted" (the database does
    not take a row) or "storage" (the disk, the object store or the database is away).
    """
