"""The last line of defence between "the API has answered" and "the row is committed".

One small file per submission, named by its token and synced to disk before anything else happens
with the answer. A pump that starts finds what a killed one left behind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

from .errors import VeoError

# More than any operation's name takes.
_ROOM = 2048


def _folder() -> Path:
    return Path(settings.STATE_DIR) / "journal"


def reserve(token: UUID) -> None:
    """Make room for the answer before the paid call leaves. Raises VeoError where there is none:
    what could not be written down is not bought."""
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        with _temporary(token).open("wb") as file:
            file.write(b" " * _ROOM)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        give_up(token)
        raise VeoError(
            f"Not sent: its answer could not be kept on this disk ({error.strerror}). Look at the "
            "disk of VIDEO_STATE_DIR.",
            code="no_journal",
            permanent=False,
        ) from error


def give_up(token: UUID) -> None:
    """There is no answer to be kept."""
    with suppress(OSError):
        _temporary(token).unlink(missing_ok=True)


def write_answer(token: UUID, operation_name: str) -> None:
    """Keep the operation's name until the row has it. On disk when this returns."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(token)
    # Into the room that was made for it: a disk may be full by now.
    with temporary.open("r+" if temporary.exists() else "w") as file:
        json.dump({"operation_name": operation_name}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / f"{token}.json")
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


def _temporary(token: UUID) -> Path:
    return _folder() / f".{token}.part"
