"""A story bundle on disk, checked and read into plain values, without the database.

Every problem is collected with its place before the bundle is refused, so that whoever exported the
bundle can fix all of them at once.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings

from storybook.documents import DuplicateKeys, NotJSON, parse_json
from storybook.errors import BundleError, BundleWarning, Problems
from storybook.findings import (
    PAYLOAD,
    Finding,
    FindingCode,
    StoryIds,
    check_designs,
    check_payload,
    find_embedded_files,
    named,
    words_of,
)
from storybook.near_names import NearIds, folded, near_key, squeezed
from storybook.picture_paths import normalise_path

from .zipped_bundles import STORY_FILE, doubtful_names, unpack

LONGEST_ID = 200
LONGEST_TITLE = 500
LARGEST_NUMBER = 2**31 - 1
# Of one list. The largest real stories have some hundred scenelets.
MOST_RECORDS = 20_000
MOST_SHOTS = 100_000
MOST_PICTURES = 50_000

_most_entries = 1000
_story_keys = frozenset(
    {"story_id", "title", "visual_design_document", "audio_design_document", "scenelets"}
)
_visual_keys = frozenset({"global_aesthetic", "character_designs", "environment_designs"})
_audio_keys = frozenset(
    {
        "sonic_identity",
        "narrator_voice_profile",
        "character_voice_profiles",
        "music_and_ambience_cues",
    }
)
_sonic_keys = frozenset({"musical_direction", "sound_effect_philosophy"})
_scenelet_keys = frozenset(
    {
        "scenelet_id",
        "sequence",
        "title",
        "description",
        "parent_scenelet_id",
        "choice_label",
        "choice_prompt",
        "is_branch_point",
        "is_terminal",
        "shots",
    }
)
_shot_keys = frozenset(
    {"shot_index", "storyboard_payload", "key_frame_image_path", "key_frame_image_paths"}
)


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


class Warnings:
    """Collects a bundle's warnings. What is the same in many places is kept once and counted."""

    most = 200

    def __init__(self) -> None:
        self._first: dict[tuple[str, str, str], str] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._unread: dict[str, str] = {}
        self.left_out = 0

    def add_unread_key(self, place: str) -> None:
        """Note a key that nobody asked for. The key is kept, and nobody has to change it."""
        if len(self._unread) < self.most:
            self._unread.setdefault(_any_index.sub("[]", place), place)

    @property
    def unread_keys(self) -> tuple[str, ...]:
        """Where such keys are, each kind of place once."""
        return tuple(self._unread.values())

    def add(self, place: str, code: str, sentence: str) -> None:
        key = (_any_index.sub("[]", place), code, sentence)
        if key not in self._first:
            if len(self._first) >= self.most:
                self.left_out += 1
                return
            self._first[key] = place
        self._counts[key] += 1

    @property
    def is_enough(self) -> bool:
        """Whether so much is wrong that nobody needs to know the rest."""
        return self.left_out >= 5 * self.most

    def find(self, findings: Iterable[Finding], prefix: str = "") -> None:
        for finding in findings:
            self.add(f"{prefix}{finding.place}", finding.code.value, finding.words)

    def __iter__(self) -> Iterator[BundleWarning]:
        for key, place in self._first.items():
            _, code, sentence = key
            yield BundleWarning(place, code, sentence, self._counts[key] - 1)


_any_index = re.compile(r"\[\d+\]")


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
    # What is imported, but not read, or names what is not there.
    warnings: Warnings = field(default_factory=Warnings, compare=False)
    # Names in the zip that may be wrong, because nobody knows their code page.
    doubtful_names: tuple[str, ...] = ()

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
            bundle = read_bundle(unpack(path, Path(folder)))
            yield replace(bundle, doubtful_names=doubtful_names(path))
    else:
        raise BundleError([f"{path.name}: neither a folder, nor a zip, nor a story.json"])


def read_bundle(story_file: Path) -> Bundle:
    problems = Problems()
    try:
        story = parse_json(_read_text(story_file))
    except DuplicateKeys as error:
        raise BundleError([f"{place}: {error.words}" for place in error.places]) from error
    except ValueError as error:
        raise BundleError([f"{STORY_FILE}: {_json_problem(error)}"]) from error
    if not isinstance(story, dict):
        raise BundleError([f"{STORY_FILE}: has to be an object, is {named(story)}"])
    bundle = _read_story(_Record(story, "", problems, Warnings()), story_file.parent)
    if (pictures := len(bundle.picture_paths)) > MOST_PICTURES:
        problems.add(f"{STORY_FILE}: names {pictures} pictures, more than {MOST_PICTURES}")
    _warn_of_contents(bundle)
    problems.refuse_if_any(bundle.warnings, warnings_left_out=bundle.warnings.left_out)
    return bundle


def _warn_of_contents(bundle: Bundle) -> None:
    visual, audio = bundle.visual_design_document, bundle.audio_design_document
    bundle.warnings.find(check_designs(visual, audio))
    ids = StoryIds.of(visual, audio)
    for number, scenelet in enumerate(bundle.scenelets):
        for index, shot in enumerate(scenelet.shots):
            if bundle.warnings.is_enough:
                return
            prefix = f"scenelets[{number}].shots[{index}]."
            bundle.warnings.find(check_payload(shot.storyboard_payload, ids), prefix)
            embedded = find_embedded_files(shot.storyboard_payload, PAYLOAD)
            bundle.warnings.find(embedded, prefix)


def _read_text(file: Path) -> str:
    limit = settings.STORY_DOCUMENT_MAX_BYTES
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            raise BundleError([f"{STORY_FILE}: not a file"])
        with open(file, "rb") as opened:
            data = opened.read(limit + 1)
    except FileNotFoundError as error:
        found = _found_instead(file.parent)
        raise BundleError([f"{STORY_FILE}: missing; {found}"]) from error
    except OSError as error:
        raise BundleError([f"{STORY_FILE}: cannot be read ({error.strerror})"]) from error
    if len(data) > limit:
        raise BundleError(
            [
                f"{STORY_FILE}: larger than {limit / 1024**2:.4g} MB; "
                "STORY_DOCUMENT_MAX_MEGABYTES is the limit"
            ]
        )
    encoding = json.detect_encoding(data)
    try:
        if encoding.startswith("utf-8"):
            return data.decode()
        start = 0
    except UnicodeDecodeError as error:
        start = error.start
    problem = f"{STORY_FILE}: not UTF-8 text (byte {start})"
    raise BundleError([f"{problem}{_kind_of_text(data, encoding)}"])


def _kind_of_text(data: bytes, encoding: str) -> str:
    """Return what the bytes are instead of UTF-8, as the end of a sentence."""
    if data.startswith((b"PK", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")):
        return ", but an archive: unpack it first"
    if not encoding.startswith("utf-8"):
        return f", but {encoding[:6].upper()}: save it as UTF-8"
    return ": save it as UTF-8"


def _found_instead(folder: Path) -> str:
    """Return what there is where a story.json should be, as the end of a sentence."""
    usual = "a bundle is a folder with it"
    try:
        names = sorted(entry.name for entry in islice(os.scandir(folder), _most_entries))
    except OSError:
        return usual
    for name in names:
        if folded(name) == STORY_FILE:
            return f"there is {name}: rename it to {STORY_FILE}"
    below = [name for name in names if (folder / name / STORY_FILE).is_file()]
    if below:
        return f"there is {below[0]}/{STORY_FILE}: import that folder"
    if documents := [name for name in names if name.lower().endswith(".json")]:
        shown = ", ".join(documents[:5])
        return f"{usual}. Found: {shown}"
    return usual


class _Record:
    """A JSON object that is being checked.

    Each method returns a usable value in any case. If the object does not hold one, it notes a
    problem, and reading continues to find the next.
    """

    __slots__ = ("place", "problems", "values", "warnings")

    def __init__(
        self, values: dict[str, Any], place: str, problems: Problems, warnings: Warnings
    ) -> None:
        self.values = values
        self.place = place
        self.problems = problems
        self.warnings = warnings

    def note(self, key: str, sentence: str) -> None:
        self.problems.add(f"{self.place}.{key}: {sentence}".removeprefix("."))

    def note_missing(self, key: str) -> None:
        meant = [each for each in self.values if each != key and near_key(each, [key])]
        self.note(key, f"missing; there is {meant[0][:60]}" if meant else "missing")

    def warn(self, key: str, code: FindingCode, params: dict[str, Any]) -> None:
        place = f"{self.place}.{key}".removeprefix(".")
        self.warnings.add(place, code.value, words_of(code, params))

    def warn_of_unknown_keys(self, known: frozenset[str], *, is_free: bool = False) -> None:
        """Warn of every key that has a value and is none of the `known`.

        is_free: other keys may stand there, so only what looks like one of the known is warned of,
        and the rest is noted.
        """
        if self.values.keys() <= known:
            return
        for key, value in self.values.items():
            if self.warnings.is_enough:
                return
            if key not in known and value not in (None, "", [], {}):
                short = key if len(key) <= 60 else f"{key[:59]}…"
                near = _near_key(key, known)
                if near or not is_free:
                    self.warn(short, FindingCode.UNREAD_KEY, {"near": near} if near else {})
                else:
                    self.warnings.add_unread_key(f"{self.place}.{short}".removeprefix("."))

    def text(self, key: str, *, longest: int | None = None, is_required: bool = False) -> str:
        value = self.values.get(key)
        if value is None:
            if is_required:
                self.note_missing(key)
            return ""
        if not isinstance(value, str):
            self.note(key, f"has to be a string, is {named(value)}")
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
            self.note_missing(key)
        elif isinstance(value, bool) or not isinstance(value, int):
            self.note(key, f"has to be a whole number, is {named(value)}")
        elif not lowest <= value <= LARGEST_NUMBER:
            self.note(key, f"has to lie between {lowest} and {LARGEST_NUMBER}, is {named(value)}")
        else:
            return value
        return None

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            self.note(key, f"has to be true or false, is {named(value)}")
        return value is True

    def records(self, key: str, *, is_required: bool = False) -> list[_Record]:
        value = self.values.get(key)
        if value is None:
            if is_required:
                self.note_missing(key)
            return []
        if not isinstance(value, list):
            self.note(key, f"has to be a list, is {named(value)}")
            return []
        if len(value) > MOST_RECORDS:
            self.note(key, f"has {len(value)} entries, more than {MOST_RECORDS}")
        records = []
        for index, item in enumerate(value[:MOST_RECORDS]):
            if isinstance(item, dict):
                place = f"{self.place}.{key}[{index}]".removeprefix(".")
                records.append(_Record(item, place, self.problems, self.warnings))
            else:
                self.note(f"{key}[{index}]", f"has to be an object, is {named(item)}")
        return records

    def image_path(self, key: str) -> list[str]:
        value = self.values.get(key)
        if value is None or value == "":
            return []
        if isinstance(value, str):
            return [normalise_path(value)]
        self.note(key, f"has to be an image path (a string), is {named(value)}")
        return []


def _read_story(story: _Record, folder: Path) -> Bundle:
    story_id = story.text("story_id", longest=LONGEST_ID, is_required=True)
    title = story.text("title", longest=LONGEST_TITLE, is_required=True)
    visual = _design_document(story, "visual_design_document")
    audio = _design_document(story, "audio_design_document")
    design_picture_paths = _check_visual_design(visual)
    _check_audio_design(audio)
    story.warn_of_unknown_keys(_story_keys)
    scenelets = _scenelets(story)
    if (shots := sum(len(scenelet.shots) for scenelet in scenelets)) > MOST_SHOTS:
        story.note("scenelets", f"have {shots} shots, more than {MOST_SHOTS}")
    _warn_of_design_keys(visual, audio)
    return Bundle(
        folder=folder,
        story_id=story_id,
        title=title,
        visual_design_document=visual.values if visual else None,
        audio_design_document=audio.values if audio else None,
        design_picture_paths=tuple(dict.fromkeys(design_picture_paths)),
        scenelets=scenelets,
        warnings=story.warnings,
    )


def check_design_document(key: str, document: dict[str, Any]) -> tuple[dict[str, Any], Warnings]:
    """Judge one design document as an import would, and return it without wrappers.

    key: visual_design_document or audio_design_document. The warnings are those of its keys.
    Raises BundleError.
    """
    problems, warnings = Problems(), Warnings()
    record = _design_document(_Record({key: document}, "", problems, warnings), key)
    if key == "visual_design_document":
        _check_visual_design(record)
        _warn_of_design_keys(record, None)
    else:
        _check_audio_design(record)
        _warn_of_design_keys(None, record)
    problems.refuse_if_any()
    return record.values if record else document, warnings


def _check_visual_design(visual: _Record | None) -> list[str]:
    """Return the image paths that the document names."""
    return [
        *_designs(visual, "character_designs", "character_id", "character_model_sheet_image_path"),
        *_designs(
            visual, "environment_designs", "environment_id", "environment_reference_image_path"
        ),
    ]


def _check_audio_design(audio: _Record | None) -> None:
    _designs(audio, "character_voice_profiles", "character_id")


def _warn_of_design_keys(visual: _Record | None, audio: _Record | None) -> None:
    for document, keys in ((visual, _visual_keys), (audio, _audio_keys)):
        if document:
            document.warn_of_unknown_keys(keys, is_free=True)
    _warn_of_sonic_identity(audio)


def _warn_of_sonic_identity(audio: _Record | None) -> None:
    identity = audio.values.get("sonic_identity") if audio else None
    if audio and isinstance(identity, dict):
        place = f"{audio.place}.sonic_identity"
        record = _Record(identity, place, audio.problems, audio.warnings)
        record.warn_of_unknown_keys(_sonic_keys, is_free=True)
    elif audio and identity:
        given = {"hint": f"it has to be an object, is {named(identity)}"}
        audio.warn("sonic_identity", FindingCode.UNREAD_KEY, given)


def _design_document(story: _Record, key: str) -> _Record | None:
    """Return the document without its wrappers, which are JSON strings and `{key: …}`, nested."""
    value = story.values.get(key)
    while True:
        if isinstance(value, str):
            if not value.strip():
                return None
            try:
                value = parse_json(value)
            except DuplicateKeys as error:
                for place in error.places:
                    story.note(f"{key}.{place}", error.words)
                return None
            except ValueError as error:
                story.note(key, _json_problem(error))
                return None
        elif isinstance(value, dict) and key in value and _is_wrapped(value[key]):
            wrapper = _Record(value, key, story.problems, story.warnings)
            wrapper.warn_of_unknown_keys(frozenset({key}))
            value = value[key]
        elif isinstance(value, dict):
            return _Record(value, key, story.problems, story.warnings)
        else:
            if value is not None:
                story.note(key, f"has to be an object or its JSON, is {named(value)}")
            return None


def _near_key(key: str, known: Collection[str]) -> str:
    if near := near_key(key, known):
        return near
    # "storyboard" for "storyboard_payload", "parent" for "parent_scenelet_id".
    short = squeezed(key)
    longer = [each for each in sorted(known) if squeezed(each).startswith(short)]
    return longer[0] if longer and len(short) >= 4 else ""


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
    if story.values.get("scenelets") == []:
        story.note("scenelets", "empty")
    scenelets = [_scenelet(record) for record in records]
    first: dict[str, _Record] = {}
    for scenelet, record in zip(scenelets, records, strict=True):
        if scenelet.scenelet_id in first:
            place = first[scenelet.scenelet_id].place
            record.note("scenelet_id", f"{named(scenelet.scenelet_id)} is also that of {place}")
        elif scenelet.scenelet_id:
            first[scenelet.scenelet_id] = record
    # Of scenelets with the same id only the first counts: else they could look like a circle.
    parents: dict[str, str | None] = {}
    for scenelet in scenelets:
        parents.setdefault(scenelet.scenelet_id, scenelet.parent_scenelet_id)
    known = NearIds(dict.fromkeys(first, ""))
    for scenelet, record in zip(scenelets, records, strict=True):
        parent = scenelet.parent_scenelet_id
        if parent and parent not in first:
            near = known.near(parent)
            hint = f": did you mean {near}?" if near else ""
            record.note("parent_scenelet_id", f"no scenelet has the id {named(parent)}{hint}")
    for circle in find_circles(parents):
        first[circle[0]].note("parent_scenelet_id", circle_words(circle))
    return tuple(scenelets)


def circle_words(circle: list[str]) -> str:
    return f"a circle of parents: {' → '.join([*circle, circle[0]])}"


def find_circles(parents: dict[str, str | None]) -> Iterator[list[str]]:
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
    record.warn_of_unknown_keys(_scenelet_keys)
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
        record.warn_of_unknown_keys(_shot_keys)
        payload = record.values.get("storyboard_payload")
        if payload is not None and not isinstance(payload, dict):
            record.note("storyboard_payload", f"has to be an object, is {named(payload)}")
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
                    f"has to be an image path (a string), is {named(path)}",
                )
    elif several is not None:
        shot.note("key_frame_image_paths", f"has to be a list, is {named(several)}")
    return tuple(dict.fromkeys(paths))


def _json_problem(error: ValueError) -> str:
    return f"not JSON: {error}" if isinstance(error, NotJSON) else str(error)
