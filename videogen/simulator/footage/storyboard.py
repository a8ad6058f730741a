"""What a clip can show of its prompt: a text becomes a `PromptContent`.

Our prompts are JSON objects with a `storyboard_payload`. Any other text is shown as it is. Nothing
here may fail: an unusual prompt makes a plainer clip.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

FIRST_WORD, LAST_WORD = 0.7, 7.3
PAUSE = 0.35
# No more characters of one text could ever be seen.
LONGEST = 600
COLOUR = re.compile(r"#([0-9a-fA-F]{6})\b")
VOWELS = re.compile(r"[aeiouyáàâäåãéèêëíìîïóòôöõúùûüæœøаеёиоуыэюя]+", re.IGNORECASE)

# Words of `cameraDynamics`. The word that comes first in the text decides.
MOVES = {
    "push": r"push|dolly[- ]?in|dollies in|dolly forward|zoom[- ]?in|creep|closer|toward",
    "pull": r"pull|dolly[- ]?(?:out|back)|dollies (?:out|back)|zoom[- ]?out|widen|reveal|retreat",
    "pan": r"\bpan|track|truck|lateral|glid|follow|sweep|slide|orbit|arc\b",
    "tilt": r"tilt|crane|pedestal|boom|rise[sn]?\b|rising|descend|lower|lift",
    "hold": r"static|locked|still|hold|fixed|tripod|handheld",
}
BACKWARD = re.compile(r"\bleft|\bdown|descend|lower|sink", re.IGNORECASE)
FORWARD = re.compile(r"\bright|\bup\b|upward|rise|rising|lift", re.IGNORECASE)


@dataclass(frozen=True)
class SpokenLine:
    """A line, and when it is spoken, in seconds of the clip."""

    source: str
    text: str
    start: float
    end: float

    @property
    def syllables(self) -> int:
        return count_syllables(self.text)


@dataclass(frozen=True)
class PromptContent:
    """What a clip shows of its prompt."""

    label: str
    action: str
    # One of `MOVES`.
    move: str
    # Whether the camera moves to the right or upwards.
    is_forward: bool
    lines: tuple[SpokenLine, ...]
    palette: tuple[tuple[int, int, int], ...]
    characters: int
    environments: int
    # The same for all shots of a story.
    mood: str


def read_prompt(prompt: str, seed: str) -> PromptContent:
    """Read the prompt. `seed` decides what the prompt leaves open."""
    document = _parse(prompt)
    payload = _object(document.get("storyboard_payload"))
    aesthetic = json.dumps(document.get("global_aesthetic") or prompt[:400], ensure_ascii=False)
    camera = _text(payload.get("cameraDynamics"))
    chance = hashlib.sha256(f"{seed}/{prompt}".encode()).digest()
    backward, forward = BACKWARD.search(camera), FORWARD.search(camera)
    return PromptContent(
        label=_text(payload.get("framingAndAngle")),
        action=_text(
            payload.get("characterActionAndEmotion")
            or payload.get("compositionAndContent")
            or ("" if document else prompt)
        ),
        move=_find_move(camera, chance[0]),
        is_forward=bool(forward) if (backward or forward) else chance[1] % 2 == 0,
        lines=_time_lines(payload.get("audioAndNarrative")),
        palette=tuple(_colours(aesthetic))[:4],
        characters=len(_list(document.get("character_designs"))),
        environments=len(_list(document.get("environment_designs"))),
        mood=hashlib.sha256(aesthetic.encode()).hexdigest(),
    )


def count_syllables(text: str) -> int:
    """Count syllables roughly: groups of vowels, and one for each ideograph or kana."""
    wide = sum(1 for character in text if "\u3040" <= character <= "\u9fff")
    return max(1, wide + len(VOWELS.findall(text)))


def _find_move(camera: str, chance: int) -> str:
    found = [
        (match.start(), move)
        for move, pattern in MOVES.items()
        if (match := re.search(pattern, camera, re.IGNORECASE))
    ]
    return min(found)[1] if found else ("push", "pull", "pan", "tilt")[chance % 4]


def _time_lines(value: Any) -> tuple[SpokenLine, ...]:
    """Divide the clip's time among the lines by their length."""
    spoken = [
        (_text(line.get("source")), _text(line.get("line")))
        for line in map(_object, _list(value))
        if _text(line.get("line"))
    ]
    weights = [2 + count_syllables(text) for _, text in spoken]
    available = LAST_WORD - FIRST_WORD - PAUSE * max(0, len(spoken) - 1)
    # A short line is not drawn out: about four syllables a second is calm speech.
    step = min(0.25, available / sum(weights)) if weights else 0.0
    lines, at = [], FIRST_WORD
    for (source, text), weight in zip(spoken, weights, strict=True):
        lines.append(SpokenLine(source, text, at, at + weight * step))
        at += weight * step + PAUSE
    return tuple(lines)


def _colours(text: str) -> list[tuple[int, int, int]]:
    return [
        (int(value[:2], 16), int(value[2:4], 16), int(value[4:], 16))
        for value in COLOUR.findall(text)
    ]


def _parse(prompt: str) -> dict[str, Any]:
    try:
        return _object(json.loads(prompt))
    except (ValueError, RecursionError):
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return " ".join(value.split())[:LONGEST] if isinstance(value, str) else ""
