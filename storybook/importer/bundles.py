"""A story bundle on disk, checked and read into plain values, without the database.

Every problem is collected with its place before the bundle is refused, so that whoever exported the
bundle can fix all of them at once.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from storybook.documents import parse_json
from storybook.errors import BundleError
from storybook.pictures import normalise_path

from .archives import STORY_FILE, unpack

LONGEST_ID = 200
LONGEST_TITLE = 500
LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True)
class BundledShot:
    shot_index: int
    storyboard_payload: dict[str, Any] | None
    key_frame_paths: tuple[str, ...]


@dataclass(frozen=True)
class BundledScenelet:
    scenelet_id: str
    sequence: int
    title: str
    description: str
    parent_scenelet_id: str | None
    choice_label: str
    choice_prompt: str
    is_branch_point: bool
    is_terminal: bool
    shots: tuple[BundledShot, ...]


@dataclass(frozen=True)
class Bundle:
    """A story that can be imported.

    Picture paths are normalised, but nobody has looked for the files yet. `design_picture_paths`
    are the paths of the design documents.
    """

    folder: Path
    story_id: str
    title: str
    visual_design_document: dict[str, Any] | None
    audio_design_document: dict[str, Any] | None
    design_picture_paths: tuple[str, ...]
    scenelets: tuple[BundledScenelet, ...]

    @property
    def picture_paths(self) -> list[str]:
        """Every path that the documents name, once, in the order of the documents."""
        paths = dict.fromkeys(self.design_picture_paths)
        for scenelet in self.scenelets:
            for shot in scenelet.shots:
                paths.update(dict.fromkeys(shot.key_frame_paths))
        return list(paths)


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open the bundle in a folder, in a zip, or around a story.json.

    The unpacked pictures of a zip exist until the context ends. Raises BundleError, and
    FileNotFoundError if there is nothing at `path`.
    """
    if path.is_dir():
        yield read_bundle(path / STORY_FILE)
    elif path.suffix.lower() == ".json":
        yield read_bundle(path)
    elif stat.S_ISREG(path.stat().st_mode):
        with tempfile.TemporaryDirectory(prefix="story-") as folder:
            yield read_bundle(unpack(path, Path(folder)))
    else:
        raise BundleError([f"{path.name}: neither a folder, nor a zip, nor a story.json"])


def read_bundle(story_file: Path) -> Bundle:
    problems: list[str] = []
    try:
        story = parse_json(_read_text(story_file))
    except ValueError as error:
        raise BundleError([f"{STORY_FILE}: {_json_problem(error)}"]) from error
    if not isinstance(story, dict):
        raise BundleError([f"{STORY_FILE}: has to be an object, is {_named(story)}"])
    bundle = _read_story(_Record(story, "", problems), story_file.parent)
    if problems:
        raise BundleError(problems)
    return bundle


def _read_text(file: Path) -> str:
    limit = settings.STORY_DOCUMENT_MAX_BYTES
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            raise BundleError([f"{STORY_FILE}: not a file"])
        with open(file, "rb") as opened:
            data = opened.read(limit + 1)
    except FileNotFoundError as error:
        raise BundleError([f"{STORY_FILE}: missing; a bundle is a folder with it"]) from error
    except OSError as error:
        raise BundleError([f"{STORY_FILE}: cannot be read ({error.strerror})"]) from error
    if len(data) > limit:
        raise BundleError(
            [
                f"{STORY_FILE}: larger than {limit / 1024**2:.4g} MB; "
                "STORY_DOCUMENT_MAX_MEGABYTES is the limit"
            ]
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BundleError([f"{STORY_FILE}: not UTF-8 text (byte {error.start})"]) from error


class _Record:
    """A JSON object that is being checked.

    Each method returns a usable value in any case. If the object does not hold one, it notes a
    problem, and reading continues to find the next.
    """

    def __init__(self, values: dict[str, Any], place: str, problems: list[str]) -> None:
        self.values = values
        self.place = place
        self.problems = problems

    def note(self, key: str, sentence: str) -> None:
        self.problems.append(f"{self.place}.{key}: {sentence}".removeprefix("."))

    def text(self, key: str, *, longest: int | None = None, is_required: bool = False) -> str:
        value = self.values.get(key)
        if value is None:
            if is_required:
                self.note(key, "missing")
            return ""
        if not isinstance(value, str):
            self.note(key, f"has to be a string, is {_named(value)}")
            return ""
        if is_required and not value.strip():
            self.note(key, "empty")
        if "\0" in value:
            self.note(key, "holds a NUL character")
        if longest and len(value) > longest:
            self.note(key, f"has {len(value)} characters, more than {longest}")
        return value

    def whole_number(self, key: str, *, lowest: int) -> int | None:
        value = self.values.get(key)
        if value is None:
            self.note(key, "missing")
        elif isinstance(value, bool) or not isinstance(value, int):
            self.note(key, f"has to be a whole number, is {_named(value)}")
        elif not lowest <= value <= LARGEST_NUMBER:
            self.note(key, f"has to lie between {lowest} and {LARGEST_NUMBER}, is {_named(value)}")
        else:
            return value
        return None

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            self.note(key, f"has to be true or false, is {_named(value)}")
        return value is True

    def records(self, key: str, *, is_required: bool = False) -> list[_Record]:
        value = self.values.get(key)
        if value is None:
            if is_required:
                self.note(key, "missing")
            return []
        if not isinstance(value, list):
            self.note(key, f"has to be a list, is {_named(value)}")
            return []
        records = []
        for index, item in enumerate(value):
            if isinstance(item, dict):
                place = f"{self.place}.{key}[{index}]".removeprefix(".")
                records.append(_Record(item, place, self.problems))
            else:
                self.note(f"{key}[{index}]", f"has to be an object, is {_named(item)}")
        return records

    def image_path(self, key: str) -> list[str]:
        value = self.values.get(key)
        if value is None or value == "":
            return []
        if isinstance(value, str):
            return [normalise_path(value)]
        self.note(key, f"has to be an image path (a string), is {_named(value)}")
        return []


def _read_story(story: _Record, folder: Path) -> Bundle:
    story_id = story.text("story_id", longest=LONGEST_ID, is_required=True)
    title = story.text("title", longest=LONGEST_TITLE, is_required=True)
    visual = _design_document(story, "visual_design_document")
    audio = _design_document(story, "audio_design_document")
    design_picture_paths = [
        *_designs(visual, "character_designs", "character_id", "character_model_sheet_image_path"),
        *_designs(
            visual, "environment_designs", "environment_id", "environment_reference_image_path"
        ),
    ]
    _designs(audio, "character_voice_profiles", "character_id")
    return Bundle(
        folder=folder,
        story_id=story_id,
        title=title,
        visual_design_document=visual.values if visual else None,
        audio_design_document=audio.values if audio else None,
        design_picture_paths=tuple(dict.fromkeys(design_picture_paths)),
        scenelets=_scenelets(story),
    )


def _design_document(story: _Record, key: str) -> _Record | None:
    """Return the document without its wrappers, which are JSON strings and `{key: …}`, nested."""
    value = story.values.get(key)
    while True:
        if isinstance(value, str):
            if not value.strip():
                return None
            try:
                value = parse_json(value)
            except ValueError as error:
                story.note(key, _json_problem(error))
                return None
        elif isinstance(value, dict) and key in value and _is_wrapped(value[key]):
            value = value[key]
        elif isinstance(value, dict):
            return _Record(value, f"{story.place}.{key}".removeprefix("."), story.problems)
        else:
            if value is not None:
                story.note(key, f"has to be an object or its JSON, is {_named(value)}")
            return None


def _is_wrapped(value: Any) -> bool:
    return value is None or isinstance(value, (dict, str))


def _designs(
    document: _Record | None, key: str, id_key: str, path_key: str | None = None
) -> list[str]:
    """Check the designs in a list of the document and return the image paths that they name."""
    paths = []
    for design in document.records(key) if document else []:
        design.text(id_key)
        if path_key:
            paths += design.image_path(path_key)
    return paths


def _scenelets(story: _Record) -> tuple[BundledScenelet, ...]:
    records = story.records("scenelets", is_required=True)
    scenelets = [_scenelet(record) for record in records]
    first: dict[str, _Record] = {}
    for scenelet, record in zip(scenelets, records, strict=True):
        if scenelet.scenelet_id in first:
            place = first[scenelet.scenelet_id].place
            record.note("scenelet_id", f"{_named(scenelet.scenelet_id)} is also that of {place}")
        elif scenelet.scenelet_id:
            first[scenelet.scenelet_id] = record
    parents = {scenelet.scenelet_id: scenelet.parent_scenelet_id for scenelet in scenelets}
    for scenelet, record in zip(scenelets, records, strict=True):
        parent = scenelet.parent_scenelet_id
        if parent and parent not in first:
            record.note("parent_scenelet_id", f"no scenelet has the id {_named(parent)}")
    for circle in _circles(parents):
        first[circle[0]].note(
            "parent_scenelet_id", f"a circle of parents: {' → '.join([*circle, circle[0]])}"
        )
    return tuple(scenelets)


def _circles(parents: dict[str, str | None]) -> Iterator[list[str]]:
    """Yield each circle once. It starts with the scenelet that comes first in the story."""
    done: set[str] = set()
    for start in parents:
        trail: dict[str, None] = {}
        node: str | None = start
        while node and node in parents and node not in done and node not in trail:
            trail[node] = None
            node = parents[node]
        if node in trail:
            steps = list(trail)
            yield steps[steps.index(node) :]
        done.update(trail)


def _scenelet(record: _Record) -> BundledScenelet:
    return BundledScenelet(
        scenelet_id=record.text("scenelet_id", longest=LONGEST_ID, is_required=True),
        sequence=record.whole_number("sequence", lowest=-LARGEST_NUMBER) or 0,
        title=record.text("title", longest=LONGEST_TITLE),
        description=record.text("description"),
        parent_scenelet_id=record.text("parent_scenelet_id") or None,
        choice_label=record.text("choice_label"),
        choice_prompt=record.text("choice_prompt"),
        is_branch_point=record.flag("is_branch_point"),
        is_terminal=record.flag("is_terminal"),
        shots=_shots(record),
    )


def _shots(scenelet: _Record) -> tuple[BundledShot, ...]:
    shots = []
    first: dict[int, str] = {}
    for record in scenelet.records("shots", is_required=True):
        index = record.whole_number("shot_index", lowest=1)
        if index in first:
            record.note("shot_index", f"{index} is also that of {first[index]}")
        elif index is not None:
            first[index] = record.place
        payload = record.values.get("storyboard_payload")
        if payload is not None and not isinstance(payload, dict):
            record.note("storyboard_payload", f"has to be an object, is {_named(payload)}")
        shots.append(BundledShot(index or 0, payload, _key_frame_paths(record)))
    return tuple(shots)


def _key_frame_paths(shot: _Record) -> tuple[str, ...]:
    paths = shot.image_path("key_frame_image_path")
    several = shot.values.get("key_frame_image_paths")
    if isinstance(several, list):
        for index, path in enumerate(several):
            if isinstance(path, str):
                paths += [normalise_path(path)] if path else []
            elif path is not None:
                shot.note(
                    f"key_frame_image_paths[{index}]",
                    f"has to be an image path (a string), is {_named(path)}",
                )
    elif several is not None:
        shot.note("key_frame_image_paths", f"has to be a list, is {_named(several)}")
    return tuple(dict.fromkeys(paths))


def _named(value: Any) -> str:
    """Return the value as a problem quotes it."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _json_problem(error: ValueError) -> str:
    return f"not JSON: {error}" if isinstance(error, json.JSONDecodeError) else str(error)
