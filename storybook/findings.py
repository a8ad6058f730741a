"""What a story's documents hold and nothing reads, or what they name and nobody has.

Ids are matched exactly, so `Pim` is not `pim`: the design, the picture and the voice are then
missing in the prompt. Each such place is a finding, at the import and in the plan of a shot. These
are functions over plain values; they change nothing and never raise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any

from django.db import models

from .designs import character_id, environment_id
from .documents import objects_in
from .near_names import NearIds, near_id, near_key, squeezed

NARRATOR = "narrator"
PAYLOAD = "storyboard_payload"
# More findings than this in one shot tell nothing new.
MOST_PER_SHOT = 40

_most_ids = 12
_payload_keys = ("referencedDesigns", "audioAndNarrative")
_kinds = {"characters": "character", "environments": "environment"}
_design_keys = {"character": ("id", "character_id", "name"), "environment": ("id", "name")}
_places_words = ("locations", "location", "places", "place", "settings", "setting", "backgrounds")
_speaker_keys = (
    "speaker",
    "character",
    "character_id",
    "voice",
    "voice_id",
    "who",
    "name",
    "narrator",
    "actor",
    "role",
    "by",
    "from",
    "sources",
)
# Types of entries that nobody speaks. They need no source.
_unspoken = re.compile(r"sfx|sound|effect|ambien|music|noise|foley|silence|score", re.IGNORECASE)


class FindingCode(models.TextChoices):
    """Each code with its words. The names in braces are the parameters; {end} is the hint, or the
    full stop."""

    NO_DESIGN = "no_design", "The shot names {kind} {id}, which has no design{end}"
    NOT_REFERENCES = (
        "not_references",
        "has to be an object with the lists characters and environments, is {given}: no design, "
        "no picture and no voice is sent for it{end}",
    )
    NOT_A_LIST_OF_IDS = (
        "not_a_list_of_ids",
        "has to be a list of ids, is {given}: no design, no picture and no voice is sent for "
        "it{end}",
    )
    NOT_AN_ID = (
        "not_an_id",
        "has to be an id (a string), is {given}: no design, no picture and no voice is sent for "
        "it{end}",
    )
    UNREAD_KEY = "unread_key", "nothing reads this key{end}"
    NOT_LINES = (
        "not_lines",
        "has to be a list of lines, each an object with source and line, is {given}: no voice is "
        "sent for it{end}",
    )
    NOT_A_LINE = (
        "not_a_line",
        "has to be an object with source and line, is {given}: no voice is sent for it{end}",
    )
    NO_SOURCE = "no_source", "has no source, so no voice is sent for it{end}"
    NO_VOICE = "no_voice", "“{source}” gets no voice: the ids are {ids}{end}"
    VOICE_NOT_NAMED = (
        "voice_not_named",
        "“{source}” gets no voice, because the shot does not name it in "
        "referencedDesigns.characters{end}",
    )
    NO_NARRATOR = (
        "no_narrator",
        "the narrator gets no voice: the audio design document has no narrator_voice_profile{end}",
    )
    EMBEDDED_FILE = (
        "embedded_file",
        "holds {what} as text ({size}), and the prompt is sent with it: save it as a file and "
        "write its path instead{end}",
    )
    MORE = "more", "there is more of this kind, which is not listed{end}"
    # -- at the import only
    SAME_ID = "same_id", "{id} is also that of {first}: only that one is used{end}"
    NAMELESS = "nameless", "has neither {kind}_id nor {kind}_name, so no shot can name it{end}"
    VOICE_WITHOUT_DESIGN = (
        "voice_without_design",
        "no character design has the id {id}, so this voice is never sent{end}",
    )
    NARRATOR_AMONG_CHARACTERS = (
        "narrator_among_characters",
        "the narrator's voice is read from narrator_voice_profile only, so this one is never "
        "sent{end}",
    )


@dataclass(frozen=True)
class Finding:
    """`place` is a path in a document, such as `storyboard_payload.referencedDesigns`."""

    place: str
    code: FindingCode
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        return words_of(self.code, self.params)


def words_of(code: FindingCode, params: Mapping[str, Any]) -> str:
    """Return the sentence of a finding, without its place."""
    words = {name: value for name, value in params.items() if name not in ("near", "hint")}
    if "id" in words and code != FindingCode.SAME_ID:
        words["id"] = _quoted(words["id"])
    near, hint = params.get("near"), params.get("hint")
    end = f": did you mean {_quoted(near)}?" if near else f": {hint}." if hint else "."
    if code == FindingCode.NO_SOURCE and near:
        end = f"; there is {near}: did you mean source?"
    return str(code.label).format(**words, end=end)


@dataclass(frozen=True)
class StoryIds:
    """The ids that a shot can name. Characters and environments have their names with them."""

    characters: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, str] = field(default_factory=dict)
    voices: tuple[str, ...] = ()
    has_narrator: bool = False

    @classmethod
    def of(cls, visual: Mapping[str, Any] | None, audio: Mapping[str, Any] | None) -> StoryIds:
        visual, audio = visual or {}, audio or {}
        voices = map(character_id, objects_in(audio.get("character_voice_profiles")))
        return cls(
            characters={
                character_id(each): _text(each.get("character_name"))
                for each in objects_in(visual.get("character_designs"))
                if character_id(each)
            },
            environments={
                environment_id(each): _text(each.get("environment_name"))
                for each in objects_in(visual.get("environment_designs"))
                if environment_id(each)
            },
            voices=tuple(dict.fromkeys(each for each in voices if each and each != NARRATOR)),
            has_narrator=bool(audio.get("narrator_voice_profile")),
        )

    def of_kind(self, kind: str) -> Mapping[str, str]:
        return self.characters if kind == "character" else self.environments

    def near(self, text: str, kind: str) -> str:
        """Return the id of that kind that the text may stand for, or ""."""
        return (self._characters if kind == "character" else self._environments).near(text)

    @cached_property
    def speakers(self) -> NearIds:
        voices = {each: self.characters.get(each, "") for each in self.voices}
        return NearIds({NARRATOR: "", **voices})

    @cached_property
    def _characters(self) -> NearIds:
        return NearIds(self.characters)

    @cached_property
    def _environments(self) -> NearIds:
        return NearIds(self.environments)


# -- A shot ----------------------------------------------------------------------------------------


def check_payload(payload: object, ids: StoryIds) -> list[Finding]:
    """Return what is ignored of a storyboard payload: the first MOST_PER_SHOT findings."""
    if not isinstance(payload, dict):
        return []
    everything = chain(
        _misspelt_keys(payload, ids),
        _check_references(payload.get("referencedDesigns"), ids),
        _check_lines(payload, ids),
    )
    found = list(islice(everything, MOST_PER_SHOT))
    if next(everything, None):
        found.append(Finding(PAYLOAD, FindingCode.MORE))
    return found


def _misspelt_keys(payload: Mapping[str, Any], ids: StoryIds) -> Iterator[Finding]:
    """Yield a finding for each key that looks like one that we read. A payload may have any other
    keys, so nothing is said of those."""
    for key, value in payload.items():
        if key in _payload_keys or not value:
            continue
        near = near_key(key, _payload_keys)
        if not near and (inner := near_key(key, _kinds)):
            named = value if isinstance(value, list) else [value]
            if any(isinstance(each, str) and each in ids.of_kind(_kinds[inner]) for each in named):
                near = f"referencedDesigns.{inner}"
        if near:
            yield Finding(_below(PAYLOAD, key), FindingCode.UNREAD_KEY, {"near": near})
        elif isinstance(value, dict):
            yield from _keys_too_deep(_below(PAYLOAD, key), value)


def _keys_too_deep(place: str, value: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each key that we read, but only in the payload itself: somebody may have
    wrapped it."""
    wanted = {squeezed(key): key for key in _payload_keys}
    for key, child in value.items():
        if child and (known := wanted.get(squeezed(key))):
            params = {"near": f"{PAYLOAD}.{known}"}
            yield Finding(_below(place, key), FindingCode.UNREAD_KEY, params)


def _check_references(referenced: object, ids: StoryIds) -> Iterator[Finding]:
    place = f"{PAYLOAD}.referencedDesigns"
    if not isinstance(referenced, dict):
        if referenced or isinstance(referenced, bool | int | float):
            yield Finding(place, FindingCode.NOT_REFERENCES, {"given": named(referenced)})
        return
    for key, value in referenced.items():
        if key in _kinds:
            yield from _check_ids(f"{place}.{key}", value, _kinds[key], ids)
        elif value:
            near = near_key(key, _kinds, cutoff=0.6)
            if key.lower() in _places_words:
                near = "environments"
            params = {"near": near} if near else {}
            yield Finding(_below(place, key), FindingCode.UNREAD_KEY, params)


def _check_ids(place: str, value: object, kind: str, ids: StoryIds) -> Iterator[Finding]:
    if value is None:
        return
    if not isinstance(value, list):
        params = {"given": named(value)} | _as_list(value, kind, ids)
        yield Finding(place, FindingCode.NOT_A_LIST_OF_IDS, params)
        return
    known = ids.of_kind(kind)
    for index, each in enumerate(value):
        here = f"{place}[{index}]"
        if not isinstance(each, str) or not each:
            meant = _meant_by(each, kind, ids)
            params = {"given": named(each)} | ({"near": json_text(meant)} if meant else {})
            yield Finding(here, FindingCode.NOT_AN_ID, params)
        elif each not in known:
            yield Finding(
                here, FindingCode.NO_DESIGN, {"kind": kind, "id": each} | _hint(each, kind, ids)
            )


def _hint(given: str, kind: str, ids: StoryIds) -> dict[str, str]:
    if near := ids.near(given, kind):
        return {"near": near}
    other = "environment" if kind == "character" else "character"
    if given in ids.of_kind(other):
        return {"hint": f"it is an {other}" if other == "environment" else f"it is a {other}"}
    return {}


def _as_list(value: object, kind: str, ids: StoryIds) -> dict[str, str]:
    """Return the list that somebody may have meant, as a parameter."""
    if isinstance(value, str):
        short = value[:1000]
        parts = [short] if ids.near(short, kind) else re.split(r"[,;/|\n]| and |&", short)
    elif isinstance(value, dict):
        meant = _meant_by(value, kind, ids)
        parts = [meant] if meant else list(value)
    else:
        parts = []
    near = [each for part in parts[:_most_ids] if (each := ids.near(part, kind))]
    return {"near": json_text(near)} if near else {}


def _meant_by(value: object, kind: str, ids: StoryIds) -> str:
    """Return the id in an object that stands where an id should."""
    if not isinstance(value, dict):
        return ""
    for key, each in islice(value.items(), _most_ids):
        keys = (*_design_keys[kind], f"{kind}_id", f"{kind}_name", kind)
        if isinstance(each, str) and near_key(key, keys) and (near := ids.near(each, kind)):
            return near
    return ""


def _check_lines(payload: Mapping[str, Any], ids: StoryIds) -> Iterator[Finding]:
    lines = payload.get("audioAndNarrative")
    place = f"{PAYLOAD}.audioAndNarrative"
    if not isinstance(lines, list):
        if lines or isinstance(lines, bool | int | float):
            yield Finding(place, FindingCode.NOT_LINES, {"given": named(lines)})
        return
    referenced = payload.get("referencedDesigns")
    named_ids = referenced.get("characters") if isinstance(referenced, dict) else None
    characters = named_ids if isinstance(named_ids, list) else []
    cast = {each for each in characters if isinstance(each, str)}
    for index, line in enumerate(lines):
        here = f"{place}[{index}]"
        if not isinstance(line, dict):
            yield Finding(here, FindingCode.NOT_A_LINE, {"given": named(line)})
            continue
        source = line.get("source")
        if isinstance(source, str) and source.strip():
            yield from _check_voice(f"{here}.source", source, cast, ids)
        elif source and not isinstance(source, str):
            yield Finding(f"{here}.source", FindingCode.NOT_AN_ID, {"given": named(source)})
        elif not is_unspoken(line):
            near = _speaker_key(line)
            yield Finding(here, FindingCode.NO_SOURCE, {"near": near} if near else {})


def _check_voice(place: str, source: str, cast: set[str], ids: StoryIds) -> Iterator[Finding]:
    if source == NARRATOR:
        if not ids.has_narrator:
            yield Finding(place, FindingCode.NO_NARRATOR)
        return
    if source not in ids.voices:
        near = ids.speakers.near(source)
        params = {"source": source, "ids": _listed([NARRATOR, *ids.voices])} | (
            {"near": near} if near else {}
        )
        yield Finding(place, FindingCode.NO_VOICE, params)
    elif source not in cast:
        near = near_id(source, dict.fromkeys(cast, ""))
        hint = {"hint": f"it names {near}"} if near else {}
        yield Finding(place, FindingCode.VOICE_NOT_NAMED, {"source": source} | hint)


def is_unspoken(line: Mapping[str, Any]) -> bool:
    """Whether the entry is no speech, such as a sound effect."""
    kind = line.get("type")
    return isinstance(kind, str) and bool(_unspoken.search(kind))


def _speaker_key(line: Mapping[str, Any]) -> str:
    """Return the key of the line that may stand for `source`, or ""."""
    for key, value in line.items():
        if key != "source" and value and near_key(key, ("source", *_speaker_keys), cutoff=0.9):
            return key
    return ""


# -- Files as text ---------------------------------------------------------------------------------

_data_address = re.compile(r"\s*data:([\w.+-]+)/", re.IGNORECASE)
_base64 = re.compile(r"[A-Za-z0-9+/_=\s-]*")
# How the base64 of a picture begins: PNG, JPEG, GIF, WebP, BMP, TIFF; and of a video or a sound.
_beginnings = {
    "iVBORw0KGgo": "a picture",
    "/9j/": "a picture",
    "_9j_": "a picture",
    "R0lGOD": "a picture",
    "UklGR": "a picture or a sound",
    "Qk0": "a picture",
    "SUkqA": "a picture",
    "TU0AK": "a picture",
    "AAAA": "a file",
    "SUQz": "a sound",
    "T2dnUw": "a sound",
    "JVBER": "a PDF",
    "UEsDB": "a zip",
}
_known_beginnings = tuple(_beginnings)
_shortest_known = 100
_shortest_unknown = 1000


def find_embedded_files(value: object, place: str) -> list[Finding]:
    """Return the texts in a JSON value that are files, as data addresses or in base64."""
    found: list[Finding] = []
    waiting: list[tuple[str, object]] = [(place, value)]
    while waiting and len(found) < MOST_PER_SHOT:
        here, each = waiting.pop()
        if isinstance(each, dict):
            waiting += [(_below(here, key), child) for key, child in reversed(list(each.items()))]
        elif isinstance(each, list):
            waiting += [(f"{here}[{index}]", child) for index, child in enumerate(each)][::-1]
        elif isinstance(each, str) and (what := _file_in(each)):
            params = {"what": what, "size": _size(len(each))}
            found.append(Finding(here, FindingCode.EMBEDDED_FILE, params))
    return found


def _file_in(text: str) -> str:
    """Return what kind of file the text is, or ""."""
    if match := _data_address.match(text):
        kind = match[1].lower()
        return {"image": "a picture", "audio": "a sound", "video": "a video"}.get(kind, "a file")
    if len(text) < _shortest_known:
        return ""
    begun = text.lstrip()
    if len(text) < _shortest_unknown and not begun.startswith(_known_beginnings):
        return ""
    if not _base64.fullmatch(text):
        return ""
    # Prose without any punctuation would pass, too: base64 has no words.
    if max(map(len, text.split()), default=0) < 60:
        return ""
    return next((what for start, what in _beginnings.items() if begun.startswith(start)), "a file")


def _size(characters: int) -> str:
    if characters < 1024:
        return f"{characters} characters"
    return f"{characters / 1024:.0f} kB"


# -- The design documents --------------------------------------------------------------------------


def check_designs(
    visual: Mapping[str, Any] | None, audio: Mapping[str, Any] | None
) -> Iterator[Finding]:
    """Yield what is ignored of the two design documents, apart from their unknown keys."""
    designs = visual or {}
    for key, kind, id_of in (
        ("character_designs", "character", character_id),
        ("environment_designs", "environment", environment_id),
    ):
        place = f"visual_design_document.{key}"
        yield from _check_design_ids(place, designs.get(key), kind, id_of)
    profiles = (audio or {}).get("character_voice_profiles")
    place = "audio_design_document.character_voice_profiles"
    yield from _check_design_ids(place, profiles, "character", character_id)
    ids = StoryIds.of(visual, audio)
    for index, profile in enumerate(profiles if isinstance(profiles, list) else ()):
        each = character_id(profile) if isinstance(profile, dict) else ""
        here = f"{place}[{index}].character_id"
        if each == NARRATOR:
            if not ids.has_narrator:
                yield Finding(here, FindingCode.NARRATOR_AMONG_CHARACTERS)
        elif each and ids.characters and each not in ids.characters:
            near = ids.near(each, "character")
            params = {"id": each} | ({"near": near} if near else {})
            yield Finding(here, FindingCode.VOICE_WITHOUT_DESIGN, params)
    yield from find_embedded_files(_without_paths(visual), "visual_design_document")
    yield from find_embedded_files(audio, "audio_design_document")


def _check_design_ids(place: str, designs: object, kind: str, id_of: Any) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, design in enumerate(designs if isinstance(designs, list) else ()):
        if not isinstance(design, dict):
            continue
        here = f"{place}[{index}]"
        each = id_of(design)
        yield from _misspelt_path(here, design, kind)
        if not each:
            if design:
                other = _other_id_key(design, kind)
                params = {"kind": kind} | ({"hint": f"there is {other}"} if other else {})
                yield Finding(here, FindingCode.NAMELESS, params)
        elif each in first:
            key = f"{kind}_id" if design.get(f"{kind}_id") else f"{kind}_name"
            params = {"id": each, "first": f"[{first[each]}]"}
            yield Finding(f"{here}.{key}", FindingCode.SAME_ID, params)
        else:
            first[each] = index


_path_keys = {
    "character": "character_model_sheet_image_path",
    "environment": "environment_reference_image_path",
}


def _misspelt_path(place: str, design: Mapping[str, Any], kind: str) -> Iterator[Finding]:
    """Yield a finding for each key that looks like the one with the path of the picture. A design
    may have any other keys."""
    known = _path_keys[kind]
    for key, value in design.items():
        if key == known or not isinstance(value, str) or not value:
            continue
        is_about_pictures = re.search("image|sheet", key, re.IGNORECASE)
        if is_about_pictures and near_key(key, [known]):
            yield Finding(_below(place, key), FindingCode.UNREAD_KEY, {"near": known})


def _other_id_key(design: Mapping[str, Any], kind: str) -> str:
    """Return the key that may stand for the design's id or name, or ""."""
    wanted = {"id", "name", f"{kind}id", f"{kind}name", kind, "slug"}
    return next((key for key in design if squeezed(key[:100]) in wanted), "")


def _without_paths(visual: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the document without its image paths: what is wrong with those, their pictures say."""
    paths = ("character_model_sheet_image_path", "environment_reference_image_path")
    return {
        key: [
            {name: each for name, each in design.items() if name not in paths}
            if isinstance(design, dict)
            else design
            for design in value
        ]
        if isinstance(value, list)
        else value
        for key, value in (visual or {}).items()
    }


# -- Words -----------------------------------------------------------------------------------------


def named(value: object) -> str:
    """Return the value as a sentence quotes it."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json_text(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _quoted(given: str) -> str:
    """Return the id, in quotation marks if otherwise nobody would see where it ends."""
    return given if given and given == given.strip() else f"“{given}”"


def _below(place: str, key: str) -> str:
    short = key if len(key) <= 60 else f"{key[:59]}…"
    return f"{place}.{short}" if place else short


def _listed(ids: Iterable[str]) -> str:
    found = list(ids)
    shown = ", ".join(found[:_most_ids])
    return f"{shown} and {len(found) - _most_ids} more" if len(found) > _most_ids else shown


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
