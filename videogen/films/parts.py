"""What a film consists of: the takes on a path, stills where a shot has none, cards where the
reader chooses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from django.conf import settings

from storybook.captions import spoken_lines
from storybook.models import KeyFrame, Shot
from storybook.story_paths import StoryPath, current_scenelets
from videogen.models import VideoRender
from videogen.takes.chosen_takes import TakeRule, find_chosen_takes

# Part of every manifest: a change in how parts are encoded makes films and segments anew.
ENCODING = "1"


@dataclass(frozen=True)
class FilmOptions:
    """How the films of a story are made."""

    takes: str = TakeRule.BEST.value
    cards: bool = True
    levelling: bool = True
    captions: bool = False


@dataclass(frozen=True)
class Part:
    """One piece of a film. Its fields are all that it is made from.

    kind: a take, a still of a shot without a take, or a card of a choice.
    scenelet: the scenelet_id whose chapter it belongs to.
    file: the take's video, or the still's key frame, among the media; "" is a slate.
    content: the sha256 of that file.
    seconds: how long a still or a card is shown. A take is as long as it is.
    title, text: what is lettered. lines: what is spoken, for captions.
    """

    kind: Literal["take", "still", "card"]
    scenelet: str
    shot: str = ""
    file: str = ""
    content: str = ""
    seconds: float = 0.0
    title: str = ""
    text: str = ""
    lines: tuple[str, ...] = ()
    is_levelled: bool = False

    @property
    def key(self) -> str:
        """The sha256 of all that decides how the part looks and sounds: the name of its segment."""
        facts = asdict(self)
        for name in ("scenelet", "shot", "lines", "file"):
            del facts[name]
        if self.kind == "take":
            for name in ("seconds", "title", "text"):
                del facts[name]
        return _sha256({"encoding": ENCODING, **facts})


@dataclass(frozen=True)
class Manifest:
    """All that decides about a film's bytes. Two equal manifests are the same film."""

    title: str
    chapters: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    captions: bool = False
    levelling: bool = True

    @property
    def sha256(self) -> str:
        return _sha256({"encoding": ENCODING, **asdict(self)})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        parts = tuple(Part(**{**each, "lines": tuple(each["lines"])}) for each in data["parts"])
        chapters = tuple((each[0], each[1]) for each in data["chapters"])
        return cls(data["title"], chapters, parts, data["captions"], data["levelling"])

    def count(self, kind: str) -> int:
        return sum(part.kind == kind for part in self.parts)


@dataclass
class StoryParts:
    """What the films of one story have in common, read once: three queries for all its paths."""

    shots: dict[int, list[Shot]] = field(default_factory=dict)
    takes: dict[int, VideoRender] = field(default_factory=dict)
    key_frames: dict[int, KeyFrame] = field(default_factory=dict)
    branches: dict[int, int] = field(default_factory=dict)


def read_parts(paths: Iterable[StoryPath], rule: TakeRule) -> StoryParts:
    """Read what the paths' films are made of."""
    scenelets = {each.pk: each for path in paths for each in path.scenelets}
    found = StoryParts()
    if not scenelets:
        return found
    story = next(iter(scenelets.values())).story_id
    for parent in current_scenelets(story).values_list("parent_id", flat=True):
        if parent is not None:
            found.branches[parent] = found.branches.get(parent, 0) + 1
    shots = Shot.objects.filter(scenelet__story=story, gone_since=None)
    for shot in shots.select_related("scenelet").order_by("scenelet__place", "shot_index"):
        if shot.scenelet_id in scenelets:
            found.shots.setdefault(shot.scenelet_id, []).append(shot)
    every = [shot for each in found.shots.values() for shot in each]
    found.takes = find_chosen_takes(every, rule)
    frames = KeyFrame.objects.filter(shot__scenelet__story=story).select_related("picture")
    for frame in frames.order_by("-position"):
        if frame.picture.file:
            found.key_frames[frame.shot_id] = frame
    return found


def make_manifest(path: StoryPath, story: StoryParts, options: FilmOptions) -> Manifest:
    """Return what the film of the path consists of, as the story is now. Makes no query."""
    parts: list[Part] = []
    for place, scenelet in enumerate(path.scenelets):
        for shot in story.shots.get(scenelet.pk, []):
            parts.append(_part_of_shot(shot, story, options))
        following = path.scenelets[place + 1] if place + 1 < len(path.scenelets) else None
        if options.cards and following and story.branches.get(scenelet.pk, 0) > 1:
            parts.append(
                Part(
                    "card",
                    scenelet.scenelet_id,
                    seconds=settings.VIDEO_CARD_SECONDS,
                    title=scenelet.choice_prompt,
                    text=following.choice_label or following.title or following.scenelet_id,
                )
            )
    chapters = tuple((each.scenelet_id, each.title or each.scenelet_id) for each in path.scenelets)
    return Manifest(path.title, chapters, tuple(parts), options.captions, options.levelling)


def _part_of_shot(shot: Shot, story: StoryParts, options: FilmOptions) -> Part:
    lines = tuple(each.text for each in spoken_lines(shot.storyboard_payload))
    scenelet = shot.scenelet.scenelet_id
    if take := story.takes.get(shot.pk):
        return Part(
            "take",
            scenelet,
            shot=shot.code,
            file=take.video_file,
            content=take.sha256,
            lines=lines,
            is_levelled=options.levelling,
        )
    frame = story.key_frames.get(shot.pk)
    return Part(
        "still",
        scenelet,
        shot=shot.code,
        file=frame.picture.file if frame else "",
        content=frame.picture.sha256 if frame else "",
        seconds=settings.VIDEO_STILL_SECONDS,
        title="" if frame else f"{shot.code} · {shot.scenelet.title or scenelet}",
        text=_first_line(shot.storyboard_payload),
        lines=lines,
    )


def _first_line(payload: Any) -> str:
    """Return what is said first in the shot, or else what is first told of it."""
    if lines := spoken_lines(payload):
        return lines[0].text
    values = payload.values() if isinstance(payload, Mapping) else ()
    return next((" ".join(each.split()) for each in values if isinstance(each, str)), "")


def _sha256(facts: Any) -> str:
    text = json.dumps(facts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
