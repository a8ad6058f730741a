"""Which shots name a character, an environment or a voice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import ngettext

from .designs import character_id, environment_id
from .documents import objects_in
from .models import Shot, Story

_most_codes = 12
# Kind of an id → the document's list that defines it, and what people call it.
_lists = {
    "character": ("character_designs", character_id),
    "environment": ("environment_designs", environment_id),
    "voice": ("character_voice_profiles", character_id),
}


def warn_of_lost_uses(
    story: Story | int, before: dict[str, Any], after: dict[str, Any]
) -> list[str]:
    """Return a sentence for each id that `after` has no more and that shots of the story name.

    Both are the same design document. Makes one query if an id is gone, else none.
    """
    lost = [
        (kind, each)
        for kind, ids in _ids(before).items()
        for each in ids
        if each not in _ids(after)[kind]
    ]
    if not lost:
        return []
    uses: dict[tuple[str, str], list[str]] = {}
    shots = Shot.objects.filter(scenelet__story=story, gone_since=None).select_related("scenelet")
    for shot in shots.order_by("scenelet__place", "shot_index"):
        for use in dict.fromkeys(_uses_in(shot.storyboard_payload)):
            uses.setdefault(use, []).append(shot.code)
    return [_sentence(*use, uses[use]) for use in lost if use in uses]


def _ids(document: dict[str, Any]) -> dict[str, dict[str, None]]:
    return {
        kind: dict.fromkeys(filter(None, map(id_of, objects_in(document.get(key)))))
        for kind, (key, id_of) in _lists.items()
    }


def _uses_in(payload: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(payload, dict):
        return
    referenced = payload.get("referencedDesigns")
    for kind in ("character", "environment"):
        named = referenced.get(f"{kind}s") if isinstance(referenced, dict) else None
        for each in named if isinstance(named, list) else ():
            if isinstance(each, str):
                yield kind, each
    for line in objects_in(payload.get("audioAndNarrative")):
        if isinstance(source := line.get("source"), str):
            yield "voice", source


def _sentence(kind: str, each: str, codes: list[str]) -> str:
    shown = ", ".join(codes[:_most_codes])
    more = len(codes) - _most_codes
    where = shown
    if more > 0:
        where += ngettext(" and %d more shot", " and %d more shots", more) % more
    if kind == "voice":
        return f"The voice of “{each}” is gone, and it speaks in {where}: no voice is sent there."
    return (
        f"The {kind} “{each}” is gone, and {where} "
        f"{ngettext('names', 'name', len(codes))} it: no design and no picture is sent there."
    )
