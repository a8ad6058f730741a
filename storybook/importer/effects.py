"""What an import would mean for what other apps have made of the story.

This app knows nothing of them. An app that has something to tell has a method `effects_of_import`
in its AppConfig. It is called in a dry run, when the story is as the bundle has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps

from storybook.models import Shot, Story


@dataclass(frozen=True)
class NamedShot:
    scenelet_id: str
    shot_index: int
    code: str
    title: str

    @classmethod
    def of(cls, shot: Shot) -> NamedShot:
        """The scenelet of the shot is loaded."""
        scenelet = shot.scenelet
        return cls(scenelet.scenelet_id, shot.shot_index, shot.code, str(scenelet))

    def __str__(self) -> str:
        return f"{self.code} · {self.title}"


@dataclass(frozen=True)
class Effect:
    """`code` says what happens to the shots, `words` the same as a headline."""

    code: str
    words: str
    shots: tuple[NamedShot, ...]


def find_effects(story: Story) -> Iterator[Effect]:
    for app in apps.get_app_configs():
        if find := getattr(app, "effects_of_import", None):
            yield from find(story)
