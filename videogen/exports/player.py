"""The interactive story as a folder that plays in a browser from a disk, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders

from storybook.captions import cues, spoken_lines, webvtt
from storybook.media_store import is_offered
from storybook.models import KeyFrame, Scenelet, Shot, Story
from storybook.story_paths import current_scenelets
from videogen.common.errors import RequestError
from videogen.models import VideoRender
from videogen.takes.chosen_takes import TakeRule, find_chosen_takes, find_frozen_takes

from .files import OutFile
from .names import portable_name

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' file:; \
style-src 'self' file:; media-src 'self' file:; img-src 'self' file: data:">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="player.css">
</head>
<body class="sp-page">
<main id="player" aria-label="{title}"></main>
<noscript>This story needs JavaScript to be played.</noscript>
<script src="story.js"></script>
<script src="player.js"></script>
</body>
</html>
"""
_START = """
document.addEventListener("DOMContentLoaded", () => {
  window.player = storyPlayer(document.getElementById("player"), window.STORY);
});
"""
_PAGE_STYLE = """
body.sp-page { margin: 0; background: #0c0d10; }
body.sp-page .sp { min-height: 100vh; border-radius: 0; justify-content: center; }
"""


@dataclass(frozen=True)
class PlayedShot:
    """A shot as the player shows it: its take, else its key frame, else its words."""

    shot: Shot
    take: VideoRender | None
    key_frame: KeyFrame | None

    def with_files(self) -> PlayedShot:
        """Return the same without the take and the key frame whose files are gone."""
        take, frame = self.take, self.key_frame
        if take and not is_offered(take.video_file):
            take = None
        if frame and not is_offered(frame.picture.file):
            frame = None
        return PlayedShot(self.shot, take, frame)


@dataclass(frozen=True)
class PlayedStory:
    """A story as a reader goes through it. Read from the database in four queries."""

    story: Story
    scenelets: list[Scenelet]
    shots: dict[int, list[PlayedShot]]

    def data(self, address: Addresses) -> dict[str, Any]:
        """Return what static/videogen/player/player.js plays."""
        choices: dict[int, list[Scenelet]] = {}
        for scenelet in self.scenelets:
            if scenelet.parent_id is not None:
                choices.setdefault(scenelet.parent_id, []).append(scenelet)
        starts = [each for each in self.scenelets if each.parent_id is None]
        if not starts:
            raise RequestError("The story has no beginning: no scenelet is without a parent.")
        return {
            "title": str(self.story),
            "start": _key(starts[0]),
            "starts": [_key(each) for each in starts],
            "scenelets": {
                _key(each): {
                    "id": each.scenelet_id,
                    "title": str(each),
                    "prompt": each.choice_prompt,
                    "shots": [_shot(shot, address) for shot in self.shots.get(each.pk, [])],
                    "choices": [
                        {"label": _label(branch, choices[each.pk]), "to": _key(branch)}
                        for branch in choices.get(each.pk, [])
                    ],
                }
                for each in self.scenelets
            },
        }

    def played(self) -> Iterator[PlayedShot]:
        for each in self.scenelets:
            yield from self.shots.get(each.pk, [])

    def with_files(self) -> PlayedStory:
        """Return the same without the takes and the key frames whose files are gone."""
        shots = {pk: [each.with_files() for each in found] for pk, found in self.shots.items()}
        return replace(self, shots=shots)


class Addresses:
    """Where the player finds a shot's files; "" where it has none. The app has its own."""

    def video(self, played: PlayedShot) -> str:
        return f"clips/{played.shot.code}.mp4" if played.take else ""

    def still(self, played: PlayedShot) -> str:
        if played.take or played.key_frame is None:
            return ""
        suffix = Path(played.key_frame.picture.file).suffix.lower()
        return f"stills/{played.shot.code}{suffix}"


def read_played_story(
    story: Story, rule: TakeRule = TakeRule.BEST, frozen: Mapping[str, int] | None = None
) -> PlayedStory:
    """Read the story and the takes that stand for its shots: by the rule, or those that were chosen
    once (see `find_frozen_takes`)."""
    scenelets = list(current_scenelets(story))
    shots = list(
        Shot.objects.filter(scenelet__story=story, gone_since=None)
        .select_related("scenelet")
        .order_by("scenelet__place", "shot_index")
    )
    takes = find_chosen_takes(shots, rule) if frozen is None else find_frozen_takes(frozen)
    frames = KeyFrame.objects.filter(shot__scenelet__story=story).select_related("picture")
    first = {frame.shot_id: frame for frame in frames.order_by("-position") if frame.picture.file}
    by_scenelet: dict[int, list[PlayedShot]] = {}
    for shot in shots:
        played = PlayedShot(shot, takes.get(shot.pk), first.get(shot.pk))
        by_scenelet.setdefault(shot.scenelet_id, []).append(played)
    return PlayedStory(story, scenelets, by_scenelet)


def player_files(story: PlayedStory) -> Iterator[OutFile]:
    """Yield the files of the player."""
    folder = portable_name(story.story.story_id)
    static = {name: _static(f"videogen/player/{name}") for name in ("player.js", "player.css")}
    # As ASCII: what a title holds must not end the script or a line of it.
    data = json.dumps(story.data(Addresses()), ensure_ascii=True).replace("</", "<\\/")
    texts = {
        "index.html": _PAGE.format(title=escape(str(story.story))),
        "story.js": f"window.STORY = {data};\n",
        "player.js": static["player.js"] + _START,
        "player.css": static["player.css"] + _PAGE_STYLE,
    }
    for name, text in texts.items():
        yield OutFile(f"{folder}/{name}", text.encode())
    addresses = Addresses()
    for each in story.played():
        if each.take:
            yield OutFile(f"{folder}/{addresses.video(each)}", source=each.take.video_file)
        elif each.key_frame:
            still = addresses.still(each)
            yield OutFile(f"{folder}/{still}", source=each.key_frame.picture.file)
        if text := captions_of(each):
            yield OutFile(f"{folder}/captions/{each.shot.code}.vtt", text.encode())


def _shot(played: PlayedShot, address: Addresses) -> dict[str, Any]:
    lines = spoken_lines(played.shot.storyboard_payload)
    seconds = _seconds(played)
    return {
        "code": played.shot.code,
        "video": address.video(played),
        "still": address.still(played),
        "title": f"{played.shot.code} · {played.shot.scenelet}",
        "words": " ".join(line.text for line in lines),
        "seconds": seconds,
        "cues": [[cue.start / 1000, cue.end / 1000, cue.text] for cue in cues(lines, seconds)],
    }


def captions_of(played: PlayedShot) -> str:
    """Return the shot's spoken lines as WebVTT; "" if it has none."""
    lines = spoken_lines(played.shot.storyboard_payload)
    return webvtt(cues(lines, _seconds(played))) if lines else ""


def _seconds(played: PlayedShot) -> float:
    if played.take:
        return played.take.video_seconds or float(played.take.duration_seconds)
    return float(settings.VIDEO_STILL_SECONDS)


def _key(scenelet: Scenelet) -> str:
    # Not the scenelet_id: a key such as __proto__ is none in JavaScript.
    return f"s{scenelet.place}"


def _label(branch: Scenelet, branches: list[Scenelet]) -> str:
    """Return the words of a choice. The only way on without words is taken without asking."""
    return branch.choice_label or (str(branch) if len(branches) > 1 else "")


def _static(name: str) -> str:
    found = finders.find(name)
    if not isinstance(found, str):
        raise RequestError(f"The file {name} is not installed.")
    return Path(found).read_text(encoding="utf-8")
