"""A small bundle to begin with, which has every key once, and its documents without content."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storybook.findings import NARRATOR

if TYPE_CHECKING:
    from PIL import Image

SHEET = "visuals/characters/mira/character-model-sheet-1.png"
PLACE = "visuals/environments/harbour/environment-reference-1.png"
KEY_FRAME = "shots/the-harbour/shot-1-key-frame-1.png"

_README = """# {title}

`story.json` is the story, and every image path in it is relative to `images/`. Import it with

    manage.py import_story {folder} --dry-run
    manage.py import_story {folder}

Importing again brings the story up to date. Videos are never touched.

| key | what it is |
| --- | --- |
| `story_id`, `title` | The id stays for ever. The title may change |
| `visual_design_document` | What it looks like |
| `global_aesthetic` | The style of all pictures |
| `character_designs`, `environment_designs` | Who and what is seen |
| `character_id`, `environment_id` | What shots refer to, letter by letter |
| `character_model_sheet_image_path` | A character's picture, sent with its shots |
| `environment_reference_image_path` | A place's picture, sent with its shots |
| `audio_design_document` | What it sounds like |
| `sonic_identity`, `music_and_ambience_cues` | The music and the noises |
| `narrator_voice_profile`, `character_voice_profiles` | The voices |
| `scenelets` | The scenes of the story |
| `scenelet_id`, `parent_scenelet_id` | Its own id, and the scenelet that leads to it |
| `sequence` | The order of the scenelets |
| `choice_prompt` | What the reader is asked at the end of a scenelet |
| `choice_label` | The choice that leads to a scenelet |
| `is_branch_point`, `is_terminal` | Whether readers choose there, whether the story ends there |
| `shots` | `shot_index` counts from 1. Each becomes one video of eight seconds |
| `storyboard_payload` | What happens in the shot. It is sent whole; further keys are welcome |
| `referencedDesigns` | The ids of the characters and environments in the shot |
| `audioAndNarrative` | What is said: `source` is a character's id or `narrator` |
| `key_frame_image_path` | A picture of the moment, sent with the shot |
"""


def write_skeleton(folder: Path, story_id: str, title: str) -> None:
    """Write the bundle into a new or empty folder. Raises OSError."""
    images = folder / "images"
    for path, ground, figure in (
        (SHEET, "#f4efe6", "#b3543e"),
        (PLACE, "#27445c", "#e7b65b"),
        (KEY_FRAME, "#1d3346", "#b3543e"),
    ):
        target = images / path
        target.parent.mkdir(parents=True, exist_ok=True)
        _draw(ground, figure).save(target)
    text = json.dumps(_story(story_id, title), ensure_ascii=False, indent=2)
    (folder / "story.json").write_text(text + "\n", encoding="utf-8")
    readme = _README.format(title=title, folder=shlex.quote(folder.name))
    (folder / "README.md").write_text(readme, encoding="utf-8")


def blank_documents() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the visual and the audio design document of a story that has nothing yet."""
    story = _story("", "")
    audio = _blank(story["audio_design_document"])
    audio["narrator_voice_profile"]["character_id"] = NARRATOR
    return _blank(story["visual_design_document"]), audio


def blank_entries() -> dict[str, dict[str, Any]]:
    """Return an entry without content for each list of a document: designs, voices, cues, lines."""
    story = _story("", "")
    documents = (
        story["visual_design_document"],
        story["audio_design_document"],
        story["scenelets"][0]["shots"][0]["storyboard_payload"],
    )
    return {
        key: _blank(value[0])
        for document in documents
        for key, value in document.items()
        if isinstance(value, list)
    }


def _blank(value: Any) -> Any:
    """Return the value with its keys and without its texts and entries."""
    if isinstance(value, dict):
        return {key: _blank(each) for key, each in value.items()}
    return [] if isinstance(value, list) else ""


def _draw(ground: str, figure: str) -> Image.Image:
    # The forms of the admin use the blank documents alone, so it is not imported with them.
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (1280, 720), ground)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((540, 160, 740, 360), fill=figure)
    draw.rounded_rectangle((500, 380, 780, 680), 60, fill=figure)
    return picture


def _story(story_id: str, title: str) -> dict[str, Any]:
    return {
        "story_id": story_id,
        "title": title,
        "visual_design_document": {
            "global_aesthetic": {
                "visual_style": "paper cut-outs, soft light",
                "master_color_palette": ["#27445c", "#e7b65b", "#b3543e"],
            },
            "character_designs": [
                {
                    "character_id": "mira",
                    "character_name": "Mira",
                    "character_model_sheet_image_path": SHEET,
                    "detailed_description": "A girl of nine in a red coat.",
                }
            ],
            "environment_designs": [
                {
                    "environment_id": "harbour",
                    "environment_name": "The harbour",
                    "associated_scenelet_ids": ["the-harbour"],
                    "environment_reference_image_path": PLACE,
                    "overall_description": "Wooden piers at dusk.",
                }
            ],
        },
        "audio_design_document": {
            "sonic_identity": {
                "musical_direction": "a single accordion, far away",
                "sound_effect_philosophy": "water and wood, close by",
            },
            "narrator_voice_profile": {
                "character_id": "narrator",
                "voice_name": "Narrator",
                "voice_profile": "A calm, low voice.",
            },
            "character_voice_profiles": [
                {
                    "character_id": "mira",
                    "voice_name": "Mira",
                    "voice_profile": "A bright child's voice.",
                }
            ],
            "music_and_ambience_cues": [{"cue": "evening at the water"}],
        },
        "scenelets": [
            {
                "scenelet_id": "the-harbour",
                "sequence": 1,
                "title": "The Harbour",
                "description": "Mira finds the boat.",
                "choice_prompt": "What does Mira do?",
                "is_branch_point": True,
                "is_terminal": False,
                "shots": [_shot(1, "Whose boat is this?", key_frame=True)],
            },
            _ending("the-voyage", 2, "The Voyage", "Row out to sea", "Out we go!"),
            _ending("the-way-home", 3, "The Way Home", "Tie the boat up", "It will wait for us."),
        ],
    }


def _ending(scenelet_id: str, sequence: int, title: str, label: str, line: str) -> dict[str, Any]:
    return {
        "scenelet_id": scenelet_id,
        "sequence": sequence,
        "title": title,
        "description": "",
        "parent_scenelet_id": "the-harbour",
        "choice_label": label,
        "is_branch_point": False,
        "is_terminal": True,
        "shots": [_shot(1, line)],
    }


def _shot(index: int, line: str, *, key_frame: bool = False) -> dict[str, Any]:
    shot: dict[str, Any] = {
        "shot_index": index,
        "storyboard_payload": {
            "framingAndAngle": "Wide shot at eye level.",
            "compositionAndContent": "Mira stands on the pier beside a small boat.",
            "characterActionAndEmotion": "She looks at it, curious.",
            "cameraDynamics": "A slow push in.",
            "lightingAndAtmosphere": "Dusk, warm lanterns.",
            "continuityNotes": "The coat stays buttoned.",
            "referencedDesigns": {"characters": ["mira"], "environments": ["harbour"]},
            "audioAndNarrative": [
                {"type": "dialogue", "source": "mira", "line": line, "delivery": "quietly"}
            ],
        },
    }
    if key_frame:
        shot["key_frame_image_path"] = KEY_FRAME
    return shot
