"""Which pictures go along with the prompt: at most three, by priority and by a person's word.

Pure functions over plain values: a shot's candidates come in, picks and dropped ones go out; the
bytes are opened when they are sent (pictures of storybook). Next comes planning/plan.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from storybook.designs import character_id, environment_id
from storybook.pictures import normalise_path
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.video_models import MAX_REFERENCES

from .prompt import designs_of, referenced_ids

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
    """A picture of the story as the importer found it. `problem` is empty where it is usable."""

    path: str
    file: str
    mime_type: str
    byte_size: int
    sha256: str
    problem: str = ""


@dataclass(frozen=True)
class Candidate:
    kind: str
    id: str
    path: str
    picture: StoredPicture | None
    problem: str = ""

    @property
    def words(self) -> str:
        return f"{KIND_WORDS[self.kind]} {self.id}"


@dataclass(frozen=True)
class Choice:
    """A person's word on the reference (kind, id): "pinned" with a position, or "left_out"."""

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
        return asdict(self)


@dataclass(frozen=True)
class Dropped:
    kind: str
    id: str
    path: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Selection:
    """`broken` names pinned references that cannot be used: a person asked for them, so the shot
    must not be rendered without."""

    picks: tuple[Pick, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[RenderWarning, ...] = ()
    broken: tuple[str, ...] = field(default=())


def list_candidates(
    visual: Mapping[str, Any],
    payload: Mapping[str, Any],
    key_frames: Sequence[StoredPicture],
    pictures: Mapping[str, StoredPicture],
) -> tuple[list[Candidate], list[RenderWarning]]:
    """Everything that could go along with the shot, by priority, and warnings about ids in
    `referencedDesigns` that lead to no picture.

    key_frames: the shot's own, in order. pictures: the story's, by path below the image folder.
    """
    candidates: list[Candidate] = []
    warnings: list[RenderWarning] = []
    for kind, plural, key, image_key, id_of in (
        (CHARACTER, "characters", "character_designs", _MODEL_SHEET, character_id),
        (ENVIRONMENT, "environments", "environment_designs", _ENVIRONMENT_IMAGE, environment_id),
    ):
        wanted = referenced_ids(payload, plural)
        designs = {id_of(design): design for design in designs_of(visual, key, wanted)}
        for each in wanted:
            if each not in designs:
                warnings.append(RenderWarning(WarningCode.NO_DESIGN, {"kind": kind, "id": each}))
            elif not (path := designs[each].get(image_key)) or not isinstance(path, str):
                warnings.append(
                    RenderWarning(WarningCode.NO_PICTURE, {"kind": KIND_WORDS[kind], "id": each})
                )
            else:
                candidates.append(_candidate(kind, each, path, pictures))
    candidates += [
        Candidate(KEY_FRAME, str(number), picture.path, picture, picture.problem)
        for number, picture in enumerate(key_frames, start=1)
    ]
    return candidates, warnings


def pick_references(
    candidates: Sequence[Candidate],
    choices: Sequence[Choice] = (),
    *,
    limit: int = MAX_REFERENCES,
    use_key_frames: bool = True,
) -> Selection:
    """The first `limit` usable candidates of different content: the pinned ones in their order,
    then character sheets, environments and key frames."""
    by_key = {(each.kind, each.id): each for each in candidates}
    left_out = {(each.kind, each.id) for each in choices if each.choice == LEFT_OUT}
    pinned = [
        (each.kind, each.id)
        for each in sorted(choices, key=lambda choice: choice.position)
        if each.choice == PINNED
    ]
    broken = [
        f"The pinned {KIND_WORDS.get(kind, kind)} {each} cannot be used: "
        + (by_key[kind, each].problem if (kind, each) in by_key else "the shot has none.")
        for kind, each in pinned
        if (kind, each) not in by_key or by_key[kind, each].problem
    ]
    order = [by_key[key] for key in pinned if key in by_key]
    order += [
        each
        for each in candidates
        if (each.kind, each.id) not in {*pinned, *left_out}
        and (use_key_frames or each.kind != KEY_FRAME)
    ]

    picks: list[Pick] = []
    dropped: list[Dropped] = []
    warnings: list[RenderWarning] = []
    seen: dict[str, Candidate] = {}
    for candidate in order:
        picture = candidate.picture
        if candidate.problem or picture is None:
            params = {"reference": candidate.words, "problem": candidate.problem}
            warnings.append(RenderWarning(WarningCode.REFERENCE_LEFT_OUT, params))
        elif picture.sha256 in seen:
            first = seen[picture.sha256]
            params = {"reference": candidate.words, "first": first.words}
            warnings.append(RenderWarning(WarningCode.SAME_PICTURE, params))
        elif len(picks) < limit:
            seen[picture.sha256] = candidate
            picks.append(
                Pick(
                    candidate.kind,
                    candidate.id,
                    picture.file,
                    picture.mime_type,
                    picture.byte_size,
                    picture.sha256,
                )
            )
        else:
            seen[picture.sha256] = candidate
            dropped.append(
                Dropped(
                    candidate.kind,
                    candidate.id,
                    picture.file,
                    f"only {limit} reference images can be sent",
                )
            )
    return Selection(tuple(picks), tuple(dropped), tuple(warnings), tuple(broken))


_MODEL_SHEET = "character_model_sheet_image_path"
_ENVIRONMENT_IMAGE = "environment_reference_image_path"


def _candidate(
    kind: str, reference_id: str, path: str, pictures: Mapping[str, StoredPicture]
) -> Candidate:
    picture = pictures.get(normalise_path(path))
    if picture is None:
        problem = f"“{path}” was not imported; import the story again with this picture."
        return Candidate(kind, reference_id, path, None, problem)
    return Candidate(kind, reference_id, picture.path, picture, picture.problem)
