"""The envelope of an event of the API → an Event: checked once, here.

As https://ai.google.dev/gemini-api/docs/webhooks has it: one object with `type` and `data`, where
`data.id` names the operation or the interaction, and `video.generated` has `output_file_uri` and
`file_name` too. Several events in one body are not documented, so a list is no event. Not
documented either, so guessed: that `user_metadata` stands beside `data`.
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
# What goes into a row and into the path of a poll, letter by letter.
_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._~/-]{0,499}")
_TYPE = re.compile(r"[a-z][a-z0-9_.]{0,99}")


@dataclass(frozen=True)
class Event:
    """`name`: of the operation or the interaction that ended; `file_name`, `file_uri`: of what it
    made; `token`: of the submission of ours. Empty: not told, or not usable."""

    type: str
    name: str = ""
    file_name: str = ""
    file_uri: str = ""
    token: UUID | None = None

    def contradicts(self, other: Event) -> bool:
        """What both tell is not the same."""
        pairs = [(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)]
        return any(mine and its and mine != its for mine, its in pairs)


def parse_object(text: bytes) -> dict[str, Any]:
    """Strict JSON. EventError (bad_event) for anything but an object."""
    try:
        return read_object(text.decode(), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise bad("it is not JSON") from error
    except ValueError as error:
        raise bad(str(error)) from error


def read_event(envelope: Mapping[str, Any]) -> Event:
    """EventError (bad_event) where it is no envelope of an event."""
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
