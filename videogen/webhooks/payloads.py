"""Reads the envelope of an event of the API; every field is checked here and nowhere else.

The format is that of https://ai.google.dev/gemini-api/docs/webhooks: one object with `type` and
`data`, where `data.id` names the operation or the interaction, and `video.generated` has
`output_file_uri` and `file_name`, too. Several events in one body are not documented, so a list is
not an event. It is not documented either where `user_metadata` is; that it is beside `data` is a
guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NoReturn
from uuid import UUID

from videogen.common.errors import EventError
from videogen.common.untrusted_text import clean_link, without_key
from videogen.providers.lists import TOKEN_FIELD
from videogen.providers.response_limits import read_object

VIDEO = "video."
INTERACTION = "interaction."

MAX_LINK = 2000
# A name is stored in a column and goes into the path of a poll, letter by letter.
_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._~/-]{0,499}")
_TYPE = re.compile(r"[a-z][a-z0-9_.]{0,99}")


@dataclass(frozen=True)
class Event:
    """An event. A field is empty if the event does not tell it, or not in a usable form."""

    type: str
    # Of the operation or interaction that ended.
    name: str = ""
    # Of the video that it made.
    file_name: str = ""
    file_uri: str = ""
    # Of our submission.
    token: UUID | None = None

    def contradicts(self, other: Event) -> bool:
        """Whether the two events differ in something that both of them tell."""
        pairs = [(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)]
        return any(mine and its and mine != its for mine, its in pairs)


def parse_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object in the text. Raises EventError (bad_event) for anything else."""
    try:
        return read_object(text.decode(), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise bad("it is not JSON") from error
    except ValueError as error:
        raise bad(str(error)) from error


def read_event(envelope: Mapping[str, Any]) -> Event:
    """Return the event in the envelope. Raises EventError (bad_event) if it is not an envelope."""
    kind, data = envelope.get("type"), envelope.get("data")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise bad("it has no type")
    if not isinstance(data, dict):
        raise bad("it has no data")
    user = envelope.get("user_metadata")
    return Event(
        type=kind,
        name=_name(data.get("id")),
        file_name=_name(data.get("file_name")),
        file_uri=_link(data.get("output_file_uri")),
        token=_token(user.get(TOKEN_FIELD) if isinstance(user, dict) else None),
    )


def bad(what: str) -> EventError:
    return EventError(f"The event cannot be read: {what}.", code="bad_event")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _name(value: Any) -> str:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""


def _link(value: Any) -> str:
    is_usable = isinstance(value, str) and value.isprintable() and len(value) <= MAX_LINK
    return without_key(clean_link(value)) if is_usable else ""


def _token(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
