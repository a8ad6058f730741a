"""A shot's prompt: one JSON object as text, made of the design documents and the storyboard
payload.

These are functions over plain values, without queries. They never change the documents.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from storybook.designs import character_id, environment_id
from storybook.documents import objects_in
from videogen.models.prompt_profiles import PromptProfile
from videogen.models.render_warnings import RenderWarning, WarningCode

if TYPE_CHECKING:
    from .lean import LeftOut

NARRATOR = "narrator"

CRITICAL_INSTRUCTION = (
    "Show no captions, no subtitles, no on-screen text and no watermark.",
    "Use no background music: only dialogue, narration, ambience and sound effects.",
    "The reference images of characters are binding model sheets: keep every character's face, "
    "proportions, clothing and colours exactly as drawn, and never show the sheet's layout.",
    "The reference images of environments guide style, materials and light, not composition: "
    "never show them as a grid or as split panels.",
    "A line whose source is the narrator is a voice-over: nobody on screen speaks or lip-syncs it.",
    "Only the character named as the source of a line moves its lips to that line.",
    "Play the shot as one continuous take, without cuts.",
)


@dataclass(frozen=True)
class Prompt:
    """`text` is what is sent. `tokens` is an estimate: no tokenizer of the model is public.
    `whole` is the document before a profile left anything out."""

    document: dict[str, Any]
    whole: dict[str, Any]
    text: str
    tokens: int
    limit: int
    profile: str = PromptProfile.FULL.value
    # What the lean profile left out, in order.
    left_out: tuple[LeftOut, ...] = ()

    @property
    def is_over_limit(self) -> bool:
        return self.tokens > self.limit


def limit_warning(tokens: int, limit: int) -> RenderWarning:
    """What is said of a prompt that is over the limit."""
    return RenderWarning(WarningCode.OVER_TOKEN_LIMIT, {"tokens": tokens, "limit": limit})


def build_prompt(
    visual: dict[str, Any],
    audio: dict[str, Any],
    payload: dict[str, Any],
    *,
    limit: int,
    directions: Sequence[str] = (),
    instructions: Iterable[str] = (),
    profile: str = PromptProfile.FULL.value,
) -> Prompt:
    """The prompt of the shot with this payload. It is indented as long as its estimate stays within
    `limit` tokens, and without white space beyond that.

    directions: the team's sentences, in order. instructions: what a model has to be told beside
    CRITICAL_INSTRUCTION. profile: the lean one orders and cuts the parts as lean.py says.
    """
    document = build_document(visual, audio, payload, directions)
    document["critical_instruction"] += instructions
    return arrange_prompt(document, limit=limit, profile=profile)


def arrange_prompt(whole: dict[str, Any], *, limit: int, profile: str) -> Prompt:
    """The prompt of a whole document in that profile."""
    if profile != PromptProfile.LEAN:
        return write_prompt(whole, limit=limit)
    from .lean import lean_document

    document, left_out = lean_document(whole, lambda each: estimate_tokens(_compact(each)) < limit)
    prompt = write_prompt(document, limit=limit)
    return replace(prompt, whole=whole, profile=PromptProfile.LEAN.value, left_out=left_out)


def write_prompt(document: dict[str, Any], *, limit: int) -> Prompt:
    text = json.dumps(document, ensure_ascii=False, indent=2)
    tokens = estimate_tokens(text)
    if tokens > limit:
        text = _compact(document)
        tokens = estimate_tokens(text)
    return Prompt(document, document, text, tokens=tokens, limit=limit)


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def build_document(
    visual: dict[str, Any],
    audio: dict[str, Any],
    payload: dict[str, Any],
    directions: Sequence[str] = (),
) -> dict[str, Any]:
    """The parts of the prompt, in the order in which they are sent. Without directions there is no
    `director_notes`, so that prompts are what they were before anybody could direct."""
    characters = referenced_ids(payload, "characters")
    environments = referenced_ids(payload, "environments")
    return {
        "global_aesthetic": visual.get("global_aesthetic"),
        "character_designs": [
            _without(design, "character_model_sheet_image_path")
            for design in designs_of(visual, "character_designs", characters)
        ],
        "environment_designs": [
            _without(design, "associated_scenelet_ids", "environment_reference_image_path")
            for design in designs_of(visual, "environment_designs", environments)
        ],
        "audio_design": _audio_design(audio, characters, spoken_sources(payload)),
        "storyboard_payload": payload,
        **({"director_notes": list(directions)} if directions else {}),
        "critical_instruction": list(CRITICAL_INSTRUCTION),
    }


def referenced_ids(payload: Mapping[str, Any], kind: str) -> list[str]:
    """The ids in `referencedDesigns[kind]` ("characters" or "environments"), each once."""
    referenced = payload.get("referencedDesigns")
    ids = referenced.get(kind) if isinstance(referenced, dict) else None
    if not isinstance(ids, list):
        return []
    return list(dict.fromkeys(each for each in ids if isinstance(each, str) and each))


def spoken_sources(payload: dict[str, Any]) -> set[str]:
    """Who speaks in the shot: the `source` of every line in `audioAndNarrative`."""
    lines = payload.get("audioAndNarrative")
    if not isinstance(lines, list):
        return set()
    sources = (line.get("source") for line in lines if isinstance(line, dict))
    return {source for source in sources if isinstance(source, str)}


def designs_of(visual: Mapping[str, Any], key: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    """The designs under `key` that `ids` name, in document order, each id once."""
    id_of = character_id if key == "character_designs" else environment_id
    wanted = set(ids)
    found: dict[str, dict[str, Any]] = {}
    for design in objects_in(visual.get(key)):
        found.setdefault(id_of(design), design)
    return [design for each, design in found.items() if each in wanted]


def estimate_tokens(text: str) -> int:
    """About how many tokens the model sees: four ASCII characters a token, any other character
    one, a run of white space as one character. No tokenizer of the model is public."""
    squeezed = " ".join(text.split())
    in_ascii = len(squeezed.encode("ascii", "ignore"))
    return math.ceil(in_ascii / 4) + len(squeezed) - in_ascii


def _audio_design(
    audio: dict[str, Any], characters: list[str], sources: set[str]
) -> dict[str, Any]:
    identity = audio.get("sonic_identity")
    identity = identity if isinstance(identity, dict) else {}
    design: dict[str, Any] = {
        "sonic_identity": {
            key: value for key, value in identity.items() if key == "sound_effect_philosophy"
        }
    }
    if NARRATOR in sources and "narrator_voice_profile" in audio:
        design["narrator_voice_profile"] = audio["narrator_voice_profile"]
    speaking = (set(characters) & sources) - {NARRATOR}
    profiles: dict[str, dict[str, Any]] = {}
    for profile in objects_in(audio.get("character_voice_profiles")):
        profiles.setdefault(character_id(profile), profile)
    design["character_voice_profiles"] = [
        profile for each, profile in profiles.items() if each in speaking
    ]
    return design


def _without(design: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A copy without these keys at its top level; the same keys deeper down are the artist's."""
    return {key: value for key, value in design.items() if key not in keys}
