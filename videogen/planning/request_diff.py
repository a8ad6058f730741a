"""What changed between the requests of two renders of a shot: the prompt, the references by their
content, and the settings. No queries."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from videogen.common.formats import indented_text
from videogen.models import VideoRender

SAME = "same"
ADDED = "added"
REMOVED = "removed"
CHANGED = "changed"

# Unchanged lines that are shown before and after a change.
CONTEXT = 3
# A fold has to save more than itself.
SHORTEST_FOLD = 3

_SETTINGS = {
    "backend": "backend",
    "route": "route",
    "model": "model",
    "aspect_ratio": "aspect ratio",
    "resolution": "resolution",
    "duration_seconds": "seconds",
    "reference_type": "reference type",
    "seed": "seed",
    "negative_prompt": "negative prompt",
    "person_generation": "person generation",
    "prompt_profile": "prompt profile",
}


class DiffLine(NamedTuple):
    """A line of the prompt. `kind` is "same", "added" or "removed". Unchanged lines that are not
    shown are one "same" line that says how many they are."""

    kind: str
    text: str


@dataclass(frozen=True)
class ReferenceChange:
    """`change`: "added", "removed", or "changed": the same character, environment or key frame
    with another picture. `path` is the new picture's, `old_path` the old one's, relative to
    MEDIA_ROOT, "" where there is none."""

    change: str
    kind: str
    id: str
    path: str = ""
    old_path: str = ""


@dataclass(frozen=True)
class SettingChange:
    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Differences:
    """`prompt` is empty where the prompts say the same; white space does not count."""

    prompt: tuple[DiffLine, ...] = ()
    references: tuple[ReferenceChange, ...] = ()
    is_reordered: bool = False
    settings: tuple[SettingChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.prompt or self.references or self.is_reordered or self.settings)


def differences(new: VideoRender, old: VideoRender) -> Differences:
    """What differs between the two requests. A video that nobody asked an API for (a link, an
    upload) has no request, so it never differs."""
    if not (new.prompt_text and old.prompt_text):
        return Differences()
    return Differences(
        prompt=tuple(_prompt_lines(old.prompt_text, new.prompt_text)),
        references=tuple(_reference_changes(old.references, new.references)),
        is_reordered=_is_reordered(old.references, new.references),
        settings=tuple(_setting_changes(old, new)),
    )


def _prompt_lines(old_text: str, new_text: str) -> Iterator[DiffLine]:
    old = indented_text(old_text).splitlines()
    new = indented_text(new_text).splitlines()
    if old == new:
        return
    # Without autojunk: the many lines with a brace only are what says where a change is.
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    codes = matcher.get_opcodes()
    for number, (tag, old_from, old_to, new_from, new_to) in enumerate(codes):
        if tag == "equal":
            is_first, is_last = number == 0, number == len(codes) - 1
            yield from _folded(new[new_from:new_to], is_first=is_first, is_last=is_last)
        else:
            yield from (DiffLine(REMOVED, text) for text in old[old_from:old_to])
            yield from (DiffLine(ADDED, text) for text in new[new_from:new_to])


def _folded(lines: Sequence[str], *, is_first: bool, is_last: bool) -> Iterator[DiffLine]:
    """Unchanged lines, without those that are far from any change."""
    before = 0 if is_first else CONTEXT
    after = 0 if is_last else CONTEXT
    hidden = len(lines) - before - after
    if hidden < SHORTEST_FOLD:
        yield from (DiffLine(SAME, text) for text in lines)
        return
    yield from (DiffLine(SAME, text) for text in lines[:before])
    yield DiffLine(SAME, f"… {hidden} unchanged lines")
    yield from (DiffLine(SAME, text) for text in lines[before + hidden :])


Picks = Sequence[Mapping[str, Any]]


def _reference_changes(old: Picks, new: Picks) -> Iterator[ReferenceChange]:
    """Pictures are compared by their bytes, whatever their names are."""
    old_shas = {pick["sha256"] for pick in old}
    new_shas = {pick["sha256"] for pick in new}
    gone = {(pick["kind"], pick["id"]): pick for pick in old if pick["sha256"] not in new_shas}
    for pick in new:
        if pick["sha256"] in old_shas:
            continue
        kind, name = pick["kind"], pick["id"]
        before = gone.pop((kind, name), None)
        if before:
            yield ReferenceChange(CHANGED, kind, name, pick["path"], before["path"])
        else:
            yield ReferenceChange(ADDED, kind, name, pick["path"])
    for pick in gone.values():
        yield ReferenceChange(REMOVED, pick["kind"], pick["id"], old_path=pick["path"])


def _is_reordered(old: Picks, new: Picks) -> bool:
    """Whether the pictures that both requests have come in another order."""
    old_shas = [pick["sha256"] for pick in old]
    new_shas = [pick["sha256"] for pick in new]
    return [each for each in old_shas if each in new_shas] != [
        each for each in new_shas if each in old_shas
    ]


def _setting_changes(old: VideoRender, new: VideoRender) -> Iterator[SettingChange]:
    for name, words in _SETTINGS.items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield SettingChange(words, _in_words(before), _in_words(after))


def _in_words(value: Any) -> str:
    return "" if value is None else str(value)
