"""What an address asks for of shots. The board of a story and the review room read the same, so a
link from one to the other keeps it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import QueryDict

from storybook.models import Shot
from videogen.prompts.prompt import referenced_ids

LONGEST = 200


@dataclass(frozen=True)
class ShotFilters:
    """Empty values ask for nothing, and so does what makes no sense."""

    # Words that must all stand in the shot's code, its scenelet or its storyboard.
    text: str = ""
    # A primary key.
    scenelet: int = 0
    # Ids that the shot names.
    character: str = ""
    environment: str = ""
    # The name of whoever asked for the take.
    person: str = ""

    @classmethod
    def of(cls, asked: QueryDict) -> ShotFilters:
        return cls(
            " ".join(_cleaned(asked.get("q", "")).split()),
            number(asked.get("scenelet", "")),
            _cleaned(asked.get("character", "")),
            _cleaned(asked.get("environment", "")),
            _cleaned(asked.get("person", "")),
        )

    @property
    def query(self) -> dict[str, str]:
        """The filters as the query of an address."""
        asked = {
            "q": self.text,
            "scenelet": str(self.scenelet or ""),
            "character": self.character,
            "environment": self.environment,
            "person": self.person,
        }
        return {name: value for name, value in asked.items() if value}

    def fits(self, shot: Shot, people: Collection[str]) -> bool:
        """Whether the shot is asked for. Its scenelet is loaded; `people` have asked for its
        takes."""
        payload = shot.storyboard_payload if isinstance(shot.storyboard_payload, dict) else {}
        return (
            self.scenelet in (0, shot.scenelet_id)
            and self.person in ("", *people)
            and (not self.character or self.character in referenced_ids(payload, "characters"))
            and (
                not self.environment or self.environment in referenced_ids(payload, "environments")
            )
            and (not self.text or self._is_said_of(shot, payload))
        )

    def _is_said_of(self, shot: Shot, payload: Mapping[str, Any]) -> bool:
        scenelet = shot.scenelet
        told = (shot.code, scenelet.title, scenelet.scenelet_id, *_texts_in(payload))
        text = " ".join(told).casefold()
        return all(word in text for word in self._words)

    @cached_property
    def _words(self) -> list[str]:
        return self.text.casefold().split()


def number(text: str) -> int:
    """Return a primary key from an address, or 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _cleaned(text: str) -> str:
    return text.strip()[:LONGEST]


def _texts_in(value: object) -> Iterator[str]:
    """All texts in a JSON value."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
