"""The published schema of a bundle accepts what the importer accepts, and nothing else."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import storybook
from storybook.errors import BundleError
from storybook.importer.bundles import read_bundle
from storybook.importer.skeleton import write_skeleton

SCHEMA = json.loads((Path(storybook.__file__).parent / "bundle.schema.json").read_text())
SAMPLES = Path(storybook.__file__).parent / "sample"
VALUES = (None, "", " ", "text", "nul\0", "x" * 600, 0, 1, -1, 1.5, 2**40, True, [], [1], {}, ["a"])
WRAPPED = {"visual_design_document", "audio_design_document"}


def is_valid(story):
    return Draft202012Validator(SCHEMA).is_valid(story)


def is_taken(story, folder):
    (folder / "story.json").write_text(json.dumps(story))
    try:
        read_bundle(folder / "story.json")
    except BundleError:
        return False
    return True


@pytest.fixture
def story(tmp_path):
    write_skeleton(tmp_path / "bundle", "the-boat", "The Boat")
    return json.loads((tmp_path / "bundle" / "story.json").read_text())


def places(story):
    """Where the importer reads something: the object and its key."""
    visual, audio = story["visual_design_document"], story["audio_design_document"]
    scenelet = story["scenelets"][1]
    objects = [
        (story, set(story) - WRAPPED),
        (scenelet, set(scenelet) - {"parent_scenelet_id"}),
        (scenelet["shots"][0], {"shot_index", "storyboard_payload", "key_frame_image_path"}),
        (story["scenelets"][0]["shots"][0], {"key_frame_image_paths"}),
        (visual, {"character_designs", "environment_designs"}),
        (visual["character_designs"][0], {"character_id", "character_model_sheet_image_path"}),
        (visual["environment_designs"][0], {"environment_id"}),
        (audio, {"character_voice_profiles"}),
        (audio["character_voice_profiles"][0], {"character_id"}),
    ]
    return [(number, key) for number, (_, keys) in enumerate(objects) for key in sorted(keys)], [
        each for each, _ in objects
    ]


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "path", sorted(SAMPLES.rglob("story.json")), ids=lambda path: path.parent.name
)
def test_the_sample_is_valid(path):
    assert is_valid(json.loads(path.read_text()))


def test_both_judge_every_value_at_every_place_alike(story, tmp_path):
    known, _ = places(story)
    differing, judged = [], 0
    for number, key in known:
        for value in (*VALUES, "(missing)"):
            changed = copy.deepcopy(story)
            target = places(changed)[1][number]
            if value == "(missing)":
                target.pop(key, None)
            else:
                target[key] = value
            judged += 1
            if is_valid(changed) != is_taken(changed, tmp_path):
                differing.append((key, value, is_valid(changed)))

    assert judged > 350
    assert differing == []


@pytest.mark.parametrize("value", [None, "", "{}", {}, 1, [], True])
@pytest.mark.parametrize("key", sorted(WRAPPED))
def test_design_documents(story, tmp_path, key, value):
    story[key] = value
    assert is_valid(story) == is_taken(story, tmp_path)
