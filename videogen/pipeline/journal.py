"""Keeps the API's answer to a paid call on disk until the row has it.

One small file per submission, named by its token and synced to disk before anything else happens
with the answer. If the process is killed in between, the next pump finds the file.

Another file says that a claimed call has not left yet. It is removed before the call leaves, so
whoever finds it after the process has ended knows that nothing was sent, and need not ask anybody.
Its absence says nothing, and neither does a copy of it: in a backup it outlasts the call. So it has
the number of its own file in it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

from storybook.media_store import sync
from videogen.common.errors import VeoError

logger = logging.getLogger(__name__)

# Bytes; more than any operation's name needs.
_ROOM = 2048
_UNSENT = ".unsent"


def folder() -> Path:
    return Path(settings.STATE_DIR) / "journal"


def note_unsent(token: UUID) -> None:
    """Note that the call has not left. If the disk does not take that, a process that is killed
    before it sends leaves a submission whose outcome is unknown."""
    with suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        with _unsent(token).open("w") as file:
            file.write(str(os.fstat(file.fileno()).st_ino))


def unsent() -> set[UUID]:
    """Return the tokens of calls that have not left. That of a process that lives may leave at any
    moment."""
    return {token for token in notes() if _is_original(_unsent(token))}


def notes() -> set[UUID]:
    """Return the tokens of calls of which there is a note that they have not left, or a copy of
    one."""
    return {UUID(path.stem) for path in _files(_UNSENT) if _is_token(path.stem)}


def forget_unsent(tokens: Iterable[UUID], *, age: float = 0) -> None:
    """Remove the notes of these calls that are at least so many seconds old. Without its note, a
    call counts as one that may have left."""
    for token in tokens:
        with suppress(OSError):
            if time.time() - _unsent(token).stat().st_mtime >= age:
                _unsent(token).unlink()


def reserve(token: UUID) -> None:
    """Make room for the answer, and remove the note that the call has not left: it may leave now.
    Raises VeoError if the disk has no room: we do not pay for an answer that could not be written
    down."""
    try:
        _make_room(_temporary(token))
        _unsent(token).unlink(missing_ok=True)
    except OSError as error:
        give_up(token)
        raise VeoError(
            f"Not sent: its answer could not be kept on this disk ({error.strerror}). Look at the "
            "disk of VIDEO_STATE_DIR.",
            code="no_journal",
            permanent=False,
        ) from error


def give_up(token: UUID) -> None:
    """Remove the room that was made, because there is no answer to keep."""
    with suppress(OSError):
        _temporary(token).unlink(missing_ok=True)


def write_answer(token: UUID, operation_name: str) -> None:
    """Keep the operation's name until the row has it. It is on disk when this returns."""
    _keep(_temporary(token), _final(token), operation_name)


def read_answers() -> Iterator[tuple[UUID, str]]:
    """Yield (token, operation name) of every answer that is not known to be in its row."""
    for path in _files(".json"):
        try:
            yield UUID(path.stem), _read(path)
        except (ValueError, KeyError, TypeError, OSError):
            # A file gets its name only when it is whole and synced: this one is not ours.
            continue


def remove_answer(token: UUID) -> None:
    """Remove the answer because the row has it. An answer that cannot be removed is stored once
    more, which does no harm."""
    try:
        _final(token).unlink(missing_ok=True)
    except OSError as error:
        logger.error("The journal keeps the answer %s: %s", token, error.strerror)


def probe(place: Path) -> None:
    """Try in this folder everything that is done with an answer, with a file that no reader takes
    for one. Raises OSError if that fails or if the file is not read as it was written."""
    temporary = place / f".probe-{uuid4().hex}.part"
    final = temporary.with_suffix(".json")
    try:
        _make_room(temporary)
        _keep(temporary, final, temporary.name)
        if _read(final) != temporary.name or final.stat().st_size != _ROOM:
            raise OSError("what was written is not what is read")
    except (ValueError, KeyError, TypeError) as error:
        raise OSError("what was written cannot be read") from error
    finally:
        for path in (temporary, final):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _files(suffix: str) -> list[Path]:
    """What is in a folder that cannot be read now is found later."""
    try:
        return sorted(folder().glob(f"*{suffix}"))
    except OSError as error:
        logger.error("The journal cannot be read: %s", error.strerror)
        return []


def _temporary(token: UUID) -> Path:
    return folder() / f".{token}.part"


def _unsent(token: UUID) -> Path:
    return folder() / f"{token}{_UNSENT}"


def _is_token(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _is_original(note: Path) -> bool:
    try:
        with note.open() as file:
            return file.read(40) == str(os.fstat(file.fileno()).st_ino)
    except (OSError, ValueError):
        return False


def _final(token: UUID) -> Path:
    return folder() / f"{token}.json"


def _make_room(temporary: Path) -> None:
    temporary.parent.mkdir(parents=True, exist_ok=True)
    with temporary.open("wb") as file:
        file.write(b" " * _ROOM)
        file.flush()
        os.fsync(file.fileno())


def _keep(temporary: Path, final: Path, operation_name: str) -> None:
    final.parent.mkdir(parents=True, exist_ok=True)
    # It goes into the room that was made for it, because the disk may be full by now.
    with temporary.open("r+" if temporary.exists() else "w") as file:
        json.dump({"operation_name": operation_name}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(final)
    sync(final.parent)


def _read(final: Path) -> str:
    return json.loads(final.read_text())["operation_name"]
