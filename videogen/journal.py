"""The last line of defence between "the API has answered" and "the row is committed".

One small file per submission, named by its token and synced to disk before anything else happens
with the answer. A pump that starts finds what a killed one left behind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings


def _folder() -> Path:
    return Path(settings.STATE_DIR) / "journal"


def write_answer(token: UUID, operation_name: str) -> None:
    """Keep the operation's name until the row has it. On disk when this returns."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{token}.json"
    temporary = folder / f".{token}.part"
    with temporary.open("w") as file:
        json.dump({"operation_name": operation_name}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_answers() -> Iterator[tuple[UUID, str]]:
    """(token, operation name) of every answer that no row is known to have."""
    for path in sorted(_folder().glob("*.json")):
        try:
            yield UUID(path.stem), json.loads(path.read_text())["operation_name"]
        except (ValueError, KeyError, TypeError, OSError):
            # Renamed only when whole and synced: what does not read is not ours.
            continue


def remove_answer(token: UUID) -> None:
    (_folder() / f"{token}.json").unlink(missing_ok=True)
