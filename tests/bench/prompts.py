"""A story of 300 shots whose prompts have a median of 1,789 tokens: how many come below the limit
of 1,024 with each profile of the prompt. Nothing is sent, and no database is used."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.installations import ROOT, Installation

from .measure import Figure

SHOTS = 300
MEDIAN = 1789
LIMIT = 1024
SHARE = 0.95


def _words(text: str) -> list[str]:
    return text.split()


_THINGS = _words(
    "lantern ladder harbour kettle window curtain bridge market garden shutter basket rope "
    "tunnel stairs mirror puddle chimney rooftop railing letter umbrella drawer candle "
    "bicycle meadow fountain cellar orchard feather compass"
)
_KINDS = _words(
    "weathered copper painted wooden silver crooked narrow mossy folded woven chipped velvet "
    "hollow frosted striped tilted polished faded patched dusty"
)
_DOINGS = _words(
    "glimmers rests leans drifts settles trembles swings gathers opens closes turns fades "
    "rises spreads hums waits"
)
_CHARACTERS = ("ada", "bo", "cleo", "dora", "emil", "fritz")
_PLACES = ("attic", "quay", "marsh", "tower", "bakery", "observatory", "greenhouse", "station")


def measure(folder: Path) -> list[Figure]:
    """In a process of its own, because the prompt's modules need Django."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.prompts"],
        cwd=ROOT,
        env={
            **Installation(folder).environment,
            "DJANGO_SETTINGS_MODULE": "storybook.settings",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures = []
    for profile, counts in json.loads(done.stdout).items():
        share = sum(each < LIMIT for each in counts) / len(counts)
        how = (
            f"{SHOTS} shots, median {statistics.median(counts):,.0f} tokens, "
            f"{share:.1%} below {LIMIT:,}"
        )
        bound = 1 - SHARE if profile == "lean" else 1
        figures.append(Figure(f"prompts, {profile}: share too long", 1 - share, bound, "", how))
    return figures


def token_counts(profile: str) -> list[int]:
    from videogen.prompts.prompt import build_prompt

    visual, audio = documents()
    return [
        build_prompt(visual, audio, payload, limit=LIMIT, profile=profile).tokens
        for payload in payloads()
    ]


def documents() -> tuple[dict[str, Any], dict[str, Any]]:
    """The visual and the audio design document."""
    chance = random.Random(7)
    visual = {
        "global_aesthetic": {
            "visual_style": _prose(chance, 6),
            "mood": _prose(chance, 3),
            "motion_language": _prose(chance, 3),
            "texture_and_line": _prose(chance, 5),
            "master_color_palette": ["indigo #1D244C", "teal #2C707C", "amber #FFC96C"],
        },
        "character_designs": [
            {
                "character_id": each,
                "character_name": each.title(),
                "appearance": _prose(chance, 5),
                "costume_and_props": _prose(chance, 4),
                "movement": _prose(chance, 3),
                "backstory": _prose(chance, 4),
            }
            for each in _CHARACTERS
        ],
        "environment_designs": [
            {
                "environment_id": each,
                "environment_name": each.title(),
                "description": _prose(chance, 6),
                "materials_and_light": _prose(chance, 4),
            }
            for each in _PLACES
        ],
    }
    audio = {
        "sonic_identity": {"sound_effect_philosophy": _prose(chance, 2)},
        "narrator_voice_profile": {"character_id": "narrator", "voice_profile": _prose(chance, 1)},
        "character_voice_profiles": [
            {"character_id": each, "voice_name": each.title(), "voice_profile": _prose(chance, 1)}
            for each in _CHARACTERS
        ],
    }
    return visual, audio


def payloads() -> Iterator[dict[str, Any]]:
    """The storyboard of each shot: one to three characters, one place, one or two lines."""
    chance = random.Random(54)
    for number in range(SHOTS):
        characters = chance.sample(_CHARACTERS, chance.choice((1, 2, 2, 2, 3)))
        sources = ["narrator", *characters] if number % 3 else characters
        yield {
            "framingAndAngle": _sentence(chance),
            "compositionAndContent": _prose(chance, 3),
            "characterActionAndEmotion": _prose(chance, 2),
            "cameraDynamics": _sentence(chance),
            "lightingAndAtmosphere": _prose(chance, 2),
            "continuityNotes": _prose(chance, chance.randint(1, 3)),
            "referencedDesigns": {
                "characters": characters,
                "environments": [chance.choice(_PLACES)],
            },
            "audioAndNarrative": [
                {"type": "dialogue", "source": each, "line": _sentence(chance)}
                for each in sources[: chance.randint(1, 2)]
            ],
        }


def _prose(chance: random.Random, sentences: int) -> str:
    return " ".join(_sentence(chance) for _ in range(sentences))


def _sentence(chance: random.Random) -> str:
    def thing() -> str:
        return f"{chance.choice(_KINDS)} {chance.choice(_THINGS)}"

    return f"The {thing()} {chance.choice(_DOINGS)} by the {thing()}, near a {thing()}."


if __name__ == "__main__":
    import django

    django.setup()
    json.dump({profile: token_counts(profile) for profile in ("full", "lean")}, sys.stdout)
