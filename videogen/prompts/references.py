"""Which pictures are sent with the prompt: at most three, by priority and by people's choices.

These are functions over plain values, without queries: they take a shot's candidates and return
which of them are picked and which are dropped. The files are opened when they are sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from storybook.designs import character_id, environment_id
from storybook.picture_paths import normalise_path
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.video_models import MAX_REFERENCES

from .prompt import designs_of, referenced_ids

if TYPE_CHECKING:
    from storybook.models import Picture

CHARACTER = "character"
ENVIRONMENT = "environment"
KEY_FRAME = "key_frame"

KIND_WORDS = {
    CHARACTER: "model sheet of character",
    ENVIRONMENT: "reference image of environment",
    KEY_FRAME: "key frame",
}

PINNED = "pinned"
LEFT_OUT = "left_out"


@dataclass(frozen=True)
class StoredPicture:
    """A picture of the story as the importer found it. `problem` is empty where it can be used."""

    path: str
    file: str
    mime_type: str
    byte_size: int
    sha256: str
    problem: str = ""
    # What is odd about a picture that can be used, as storybook stores it.
    flaws: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, picture: Picture) -> StoredPicture:
        return cls(
            path=picture.path,
            file=picture.file,
            mime_type=picture.mime_type,
            byte_size=picture.byte_size,
            sha256=picture.sha256,
            problem=picture.problem,
            flaws=tuple(picture.flaws),
        )


@dataclass(frozen=True)
class ReferencePicture:
    kind: str
    id: str
    path: str
    picture: StoredPicture | None
    problem: str = ""

    @property
    def words(self) -> str:
        return f"{KIND_WORDS[self.kind]} {self.id}"


@dataclass(frozen=True)
class ChosenReference:
    """What a person chose for the reference (kind, id): "pinned" with a position, or "left_out"."""

    kind: str
    id: str
    choice: str
    position: int = 1


@dataclass(frozen=True)
class Pick:
    """`path` is relative to MEDIA_ROOT; `bytes` is the file's size when it was picked."""

    kind: str
    id: str
    path: str
    mime_type: str
    bytes: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        # Of every picture of some hundred shots, and asdict() would copy each value.
        return dict(vars(self))


class DropCode(StrEnum):
    """Why a picture that could be sent is not sent."""

    OVER_LIMIT = "over_limit"
    # Stored as a sentence, before there were codes.
    TEXT = "text"


_DROP_SENTENCES = {
    DropCode.OVER_LIMIT: "only {limit} reference images can be sent",
    DropCode.TEXT: "{text}",
}


@dataclass(frozen=True)
class Dropped:
    """A picture that is not sent, and why: a code with its parameters, which are JSON values."""

    kind: str
    id: str
    path: str
    code: DropCode
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        return _DROP_SENTENCES[self.code].format(**self.params)

    def as_dict(self) -> dict[str, Any]:
        """For the column of a render; `read` reads it."""
        return asdict(self)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """From the column of a render. An older row has its reason as a sentence."""
        kind, name, path = (str(stored.get(key) or "") for key in ("kind", "id", "path"))
        try:
            found = cls(kind, name, path, DropCode(stored["code"]), stored["params"])
            str(found.reason)
        except (KeyError, ValueError, TypeError, IndexError):
            reason = stored.get("reason", stored.get("code", ""))
            return cls(kind, name, path, DropCode.TEXT, {"text": str(reason)})
        return found


@dataclass(frozen=True)
class BrokenPin:
    """A pinned reference that cannot be used. `problem` says why; it is empty where the shot has no
    such picture."""

    kind: str
    id: str
    problem: str = ""

    @property
    def words(self) -> str:
        return f"{KIND_WORDS.get(self.kind, self.kind)} {self.id}"


@dataclass(frozen=True)
class Selection:
    """What is sent, in order, and what is not."""

    picks: tuple[Pick, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[RenderWarning, ...] = ()
    # A person asked for these, so the shot must not be rendered without them.
    broken: tuple[BrokenPin, ...] = ()


def list_candidates(
    visual: Mapping[str, Any],
    payload: Mapping[str, Any],
    key_frames: Sequence[StoredPicture],
    pictures: Mapping[str, StoredPicture],
) -> tuple[list[ReferencePicture], list[RenderWarning]]:
    """Every picture that could be sent with the shot, by priority, and warnings about designs that
    have none.

    key_frames: those of the shot, in order. pictures: those of the story, by their path below the
    image folder.
    """
    candidates: list[ReferencePicture] = []
    warnings: list[RenderWarning] = []
    for kind, plural, key, image_key, id_of in (
        (CHARACTER, "characters", "character_designs", _MODEL_SHEET, character_id),
        (ENVIRONMENT, "environments", "environment_designs", _ENVIRONMENT_IMAGE, environment_id),
    ):
        wanted = referenced_ids(payload, plural)
        designs = {id_of(design): design for design in designs_of(visual, key, wanted)}
        for each in wanted:
            if each not in designs:
                continue  # storybook/findings.py tells it, with the place
            if not (path := designs[each].get(image_key)) or not isinstance(path, str):
                warnings.append(
                    RenderWarning(WarningCode.NO_PICTURE, {"kind": KIND_WORDS[kind], "id": each})
                )
            else:
                candidates.append(_candidate(kind, each, path, pictures))
    candidates += [
        ReferencePicture(KEY_FRAME, str(number), picture.path, picture, picture.problem)
        for number, picture in enumerate(key_frames, start=1)
    ]
    return candidates, warnings


def pick_references(
    candidates: Sequence[ReferencePicture],
    choices: Sequence[ChosenReference] = (),
    *,
    limit: int = MAX_REFERENCES,
    use_key_frames: bool = True,
) -> Selection:
    """The first `limit` usable candidates of different content: the pinned ones in their order,
    then character sheets, environments and key frames."""
    picks: list[Pick] = []
    dropped: list[Dropped] = []
    warnings: list[RenderWarning] = []
    seen: dict[str, ReferencePicture] = {}
    for candidate in _in_order(candidates, choices, use_key_frames=use_key_frames):
        picture = candidate.picture
        if candidate.problem or picture is None:
            params = {"reference": candidate.words, "problem": candidate.problem}
            warnings.append(RenderWarning(WarningCode.REFERENCE_LEFT_OUT, params))
            continue
        if first := seen.get(picture.sha256):
            params = {"reference": candidate.words, "first": first.words}
            warnings.append(RenderWarning(WarningCode.SAME_PICTURE, params))
            continue
        seen[picture.sha256] = candidate
        if len(picks) < limit:
            picks.append(_pick(candidate, picture))
            warnings += [_flaw_warning(candidate, flaw) for flaw in picture.flaws]
        else:
            facts = (candidate.kind, candidate.id, picture.file)
            dropped.append(Dropped(*facts, DropCode.OVER_LIMIT, {"limit": limit}))
    broken = tuple(_broken_pins(candidates, choices))
    return Selection(tuple(picks), tuple(dropped), tuple(warnings), broken)


def _flaw_warning(candidate: ReferencePicture, flaw: Mapping[str, Any]) -> RenderWarning:
    params = {"reference": candidate.words, "flaw": flaw["code"], "params": flaw["params"]}
    return RenderWarning(WarningCode.ODD_PICTURE, params)


def _in_order(
    candidates: Sequence[ReferencePicture],
    choices: Sequence[ChosenReference],
    *,
    use_key_frames: bool,
) -> list[ReferencePicture]:
    """What may be sent, the pinned ones first, without what a person left out."""
    by_key = {(each.kind, each.id): each for each in candidates}
    pinned = _pinned_keys(choices)
    left_out = {(each.kind, each.id) for each in choices if each.choice == LEFT_OUT}
    others = [
        each
        for each in candidates
        if (each.kind, each.id) not in {*pinned, *left_out}
        and (use_key_frames or each.kind != KEY_FRAME)
    ]
    return [by_key[key] for key in pinned if key in by_key] + others


def _pinned_keys(choices: Sequence[ChosenReference]) -> list[tuple[str, str]]:
    in_order = sorted(choices, key=lambda choice: choice.position)
    return [(each.kind, each.id) for each in in_order if each.choice == PINNED]


def _broken_pins(
    candidates: Sequence[ReferencePicture], choices: Sequence[ChosenReference]
) -> Iterator[BrokenPin]:
    by_key = {(each.kind, each.id): each for each in candidates}
    for kind, reference_id in _pinned_keys(choices):
        candidate = by_key.get((kind, reference_id))
        if candidate is None or candidate.problem:
            yield BrokenPin(kind, reference_id, candidate.problem if candidate else "")


def _pick(candidate: ReferencePicture, picture: StoredPicture) -> Pick:
    return Pick(
        candidate.kind,
        candidate.id,
        picture.file,
        picture.mime_type,
        picture.byte_size,
        picture.sha256,
    )


_MODEL_SHEET = "character_model_sheet_image_path"
_ENVIRONMENT_IMAGE = "environment_reference_image_path"


def _candidate(
    kind: str, reference_id: str, path: str, pictures: Mapping[str, StoredPicture]
) -> ReferencePicture:
    picture = pictures.get(normalise_path(path))
    if picture is None:
        short = normalise_path(path)
        problem = f"“{short}” was not imported; import the story again with this picture."
        return ReferencePicture(kind, reference_id, path, None, problem)
    return ReferencePicture(kind, reference_id, picture.path, picture, picture.problem)
