"""Reference pictures as the pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from videogen.common.formats import media_url
from videogen.prompts.references import KIND_WORDS, Dropped


@dataclass(frozen=True)
class ShownPicture:
    """A reference as a page shows it. `url` is empty if there is no file to show."""

    url: str
    kind: str
    id: str
    path: str
    reason: str = ""


def shown_pictures(records: Iterable[Mapping[str, Any]]) -> list[ShownPicture]:
    """Return the pictures of a render's `references` or `dropped_references`. Only the dropped ones
    have a reason."""
    return [
        ShownPicture(
            url=media_url(str(each.get("path") or "")),
            kind=KIND_WORDS.get(each.get("kind", ""), each.get("kind", "")),
            id=str(each.get("id", "")),
            path=str(each.get("path", "")),
            reason=Dropped.read(each).reason,
        )
        for each in records
    ]
