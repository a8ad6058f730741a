from __future__ import annotations

import json
import os

import pytest

from storybook.errors import BundleError
from storybook.importer.bundles import open_bundle
from tests.support.bundles import (
    ATTIC,
    KEY_FRAME,
    SHEET,
    scenelet,
    shot,
    story,
    visual_design,
    write_bundle,
)


def opened(folder):
    with open_bundle(folder) as bundle:
        return bundle


def problems_of(folder):
    with pytest.raises(BundleError) as refusal:
        opened(folder)
    return list(refusal.value.problems)


def test_a_bundle_is_read(tmp_path):
    bundle = opened(write_bundle(tmp_path / "b"))

    assert (bundle.story_id, bundle.title) == ("my-story", "My story")
    assert bundle.picture_paths == [SHEET, ATTIC, KEY_FRAME]
    first, second = bundle.scenelets
    assert [shot.shot_index for shot in first.shots] == [1, 2]
    assert first.shots[0].key_frame_paths == (KEY_FRAME,)
    assert (first.parent_scenelet_id, second.parent_scenelet_id) == (None, "scenelet-1")
    assert (first.title, first.is_branch_point, first.is_terminal) == ("", False, False)


def test_the_path_of_story_json_will_do(tmp_path):
    folder = write_bundle(tmp_path / "b")

    assert opened(folder / "story.json") == opened(folder)


DOCUMENT = {"z": 1, "a": {"visual_design_document": "deeper down is content"}, "é": "\u2028\0"}


@pytest.mark.parametrize(
    "given",
    [
        DOCUMENT,
        json.dumps(DOCUMENT),
        json.dumps(DOCUMENT, ensure_ascii=False, indent=2),
        "\ufeff" + json.dumps(DOCUMENT),
        {"visual_design_document": DOCUMENT},
        {"visual_design_document": json.dumps(DOCUMENT)},
        json.dumps({"visual_design_document": DOCUMENT}),
        json.dumps({"visual_design_document": json.dumps(DOCUMENT)}),
        json.dumps(json.dumps(DOCUMENT)),
    ],
)
def test_a_design_document_is_unwrapped(tmp_path, given):
    bundle = opened(write_bundle(tmp_path / "b", story(visual_design_document=given)))

    assert json.dumps(bundle.visual_design_document) == json.dumps(DOCUMENT)


@pytest.mark.parametrize(
    "given",
    [None, "", " ", "null", {"audio_design_document": None}, '{"audio_design_document":""}'],
)
def test_a_design_document_may_be_missing(tmp_path, given):
    bundle = opened(write_bundle(tmp_path / "b", story(audio_design_document=given)))

    assert bundle.audio_design_document is None


def test_everything_optional_may_be_absent_or_null(tmp_path):
    bare = {"story_id": "s", "title": "t", "scenelets": [scenelet(1, shots=[{"shot_index": 1}])]}
    nulls = bare | {
        "visual_design_document": {"character_designs": None, "environment_designs": [{}]},
        "audio_design_document": None,
        "scenelets": [
            scenelet(
                1,
                title=None,
                description=None,
                parent_scenelet_id=None,
                choice_label=None,
                choice_prompt=None,
                is_branch_point=None,
                is_terminal=None,
                shots=[
                    shot(
                        1,
                        storyboard_payload=None,
                        key_frame_image_path=None,
                        key_frame_image_paths=[None, ""],
                    )
                ],
            )
        ],
    }

    first = opened(write_bundle(tmp_path / "a", bare))
    second = opened(write_bundle(tmp_path / "b", nulls))

    assert first.scenelets == second.scenelets
    assert first.scenelets[0].shots[0].storyboard_payload is None
    assert second.picture_paths == []


def test_ids_of_any_script(tmp_path):
    strange = "第一章 é🦊\u2028"
    document = story(story_id=strange, scenelets=[scenelet(1, scenelet_id=strange)])

    bundle = opened(write_bundle(tmp_path / "b", document))

    assert bundle.story_id == bundle.scenelets[0].scenelet_id == strange


def test_a_byte_order_mark_is_no_problem(tmp_path):
    data = b"\xef\xbb\xbf" + json.dumps(story()).encode()

    assert opened(write_bundle(tmp_path / "b", data)).story_id == "my-story"


def test_single_and_several_key_frames_are_merged(tmp_path):
    both = shot(
        1,
        key_frame_image_path="generated/a.png",
        key_frame_image_paths=["b.png", None, "/a.png", "", "b.png", "c\\d.png"],
    )
    document = story(scenelets=[scenelet(1, shots=[both])])

    bundle = opened(write_bundle(tmp_path / "b", document))

    assert bundle.scenelets[0].shots[0].key_frame_paths == ("a.png", "b.png", "c/d.png")


def shots(*given):
    return {"scenelets": [scenelet(1), scenelet(2, shots=list(given))]}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"story_id": None}, "story_id: missing"),
        ({"story_id": " "}, "story_id: empty"),
        ({"story_id": 7}, "story_id: has to be a string, is 7"),
        ({"story_id": "a\0"}, "story_id: holds a NUL character"),
        ({"story_id": "x" * 201}, "story_id: has 201 characters, more than 200"),
        ({"title": None}, "title: missing"),
        ({"title": ["x"]}, "title: has to be a string, is a list"),
        ({"title": "x" * 501}, "title: has 501 characters, more than 500"),
        ({"scenelets": None}, "scenelets: missing"),
        ({"scenelets": {}}, "scenelets: has to be a list, is an object"),
        ({"scenelets": ["x"]}, 'scenelets[0]: has to be an object, is "x"'),
        ({"scenelets": [scenelet(1, scenelet_id=None)]}, "scenelets[0].scenelet_id: missing"),
        (
            {"scenelets": [scenelet(1), scenelet(2, scenelet_id="scenelet-1")]},
            'scenelets[1].scenelet_id: "scenelet-1" is also that of scenelets[0]',
        ),
        ({"scenelets": [scenelet(1, sequence=None)]}, "scenelets[0].sequence: missing"),
        (
            {"scenelets": [scenelet(1, sequence=True)]},
            "scenelets[0].sequence: has to be a whole number, is true",
        ),
        (
            {"scenelets": [scenelet(1, sequence=1.0)]},
            "scenelets[0].sequence: has to be a whole number, is 1.0",
        ),
        (
            {"scenelets": [scenelet(1, sequence=2**31)]},
            "scenelets[0].sequence: has to lie between -2147483647 and 2147483647, is 2147483648",
        ),
        (
            {"scenelets": [scenelet(1, choice_label="\0")]},
            "scenelets[0].choice_label: holds a NUL character",
        ),
        (
            {"scenelets": [scenelet(1, is_terminal="yes")]},
            'scenelets[0].is_terminal: has to be true or false, is "yes"',
        ),
        (
            {"scenelets": [scenelet(1, parent_scenelet_id="gone")]},
            'scenelets[0].parent_scenelet_id: no scenelet has the id "gone"',
        ),
        (
            {"scenelets": [scenelet(1, parent_scenelet_id="scenelet-1")]},
            "scenelets[0].parent_scenelet_id: a circle of parents: scenelet-1 → scenelet-1",
        ),
        (
            {
                "scenelets": [
                    scenelet(1, parent_scenelet_id="scenelet-2"),
                    scenelet(2, parent_scenelet_id="scenelet-3"),
                    scenelet(3, parent_scenelet_id="scenelet-2"),
                ]
            },
            "scenelets[1].parent_scenelet_id: a circle of parents: "
            "scenelet-2 → scenelet-3 → scenelet-2",
        ),
        ({"scenelets": [scenelet(1, shots=None)]}, "scenelets[0].shots: missing"),
        (shots("x"), 'scenelets[1].shots[0]: has to be an object, is "x"'),
        (shots({}), "scenelets[1].shots[0].shot_index: missing"),
        (
            shots(shot(0)),
            "scenelets[1].shots[0].shot_index: has to lie between 1 and 2147483647, is 0",
        ),
        (shots(shot("1")), 'scenelets[1].shots[0].shot_index: has to be a whole number, is "1"'),
        (
            shots(shot(1), shot(1)),
            "scenelets[1].shots[1].shot_index: 1 is also that of scenelets[1].shots[0]",
        ),
        (
            shots(shot(storyboard_payload="{}")),
            'scenelets[1].shots[0].storyboard_payload: has to be an object, is "{}"',
        ),
        (
            shots(shot(key_frame_image_path=["a.png"])),
            "scenelets[1].shots[0].key_frame_image_path: "
            "has to be an image path (a string), is a list",
        ),
        (
            shots(shot(key_frame_image_paths="a.png")),
            'scenelets[1].shots[0].key_frame_image_paths: has to be a list, is "a.png"',
        ),
        (
            shots(shot(key_frame_image_paths=["a.png", 7])),
            "scenelets[1].shots[0].key_frame_image_paths[1]: "
            "has to be an image path (a string), is 7",
        ),
        (
            {"visual_design_document": "words"},
            "visual_design_document: not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        (
            {"visual_design_document": "[]"},
            "visual_design_document: has to be an object or its JSON, is a list",
        ),
        (
            {"audio_design_document": {"audio_design_document": "{"}},
            "audio_design_document: not JSON: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)",
        ),
        (
            {"audio_design_document": r'{"a": "\ud800"}'},
            "audio_design_document: a holds half a character (a lone surrogate escape, \\ud…)",
        ),
        (
            {"visual_design_document": visual_design(character_designs={})},
            "visual_design_document.character_designs: has to be a list, is an object",
        ),
        (
            {"visual_design_document": visual_design(environment_designs=[None])},
            "visual_design_document.environment_designs[0]: has to be an object, is null",
        ),
        (
            {"visual_design_document": visual_design(character_designs=[{"character_id": 1}])},
            "visual_design_document.character_designs[0].character_id: has to be a string, is 1",
        ),
        (
            {
                "visual_design_document": visual_design(
                    environment_designs=[{"environment_reference_image_path": ["a.png"]}]
                )
            },
            "visual_design_document.environment_designs[0].environment_reference_image_path: "
            "has to be an image path (a string), is a list",
        ),
        (
            {"audio_design_document": {"character_voice_profiles": "none"}},
            'audio_design_document.character_voice_profiles: has to be a list, is "none"',
        ),
    ],
)
def test_a_broken_bundle_is_refused_with_the_place(tmp_path, changes, problem):
    assert problems_of(write_bundle(tmp_path / "b", story(**changes))) == [problem]


def test_every_problem_is_named(tmp_path):
    document = story(
        title=None,
        visual_design_document="words",
        scenelets=[scenelet(1, sequence="1", shots=[shot(0), shot(2, storyboard_payload=[])])],
    )

    places = [problem.split(": ")[0] for problem in problems_of(write_bundle(tmp_path, document))]

    assert places == [
        "title",
        "visual_design_document",
        "scenelets[0].sequence",
        "scenelets[0].shots[0].shot_index",
        "scenelets[0].shots[1].storyboard_payload",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "story.json: not JSON"),
        (b"[]", "story.json: has to be an object, is a list"),
        (b'{"title": NaN}', "story.json: NaN is not a JSON value"),
        (b'{"title": "\xff"}', "story.json: not UTF-8 text (byte 11)"),
        (json.dumps(story()).encode("utf-16"), "story.json: not UTF-8 text (byte 0)"),
        (b'{"a":' * 100_000, "story.json: it is nested deeper than 100 levels"),
        (rb'{"scenelets": [{"title": "\ud800"}]}', "story.json: scenelets[0].title holds half a"),
    ],
)
def test_a_story_file_that_cannot_be_read(tmp_path, content, problem):
    (found,) = problems_of(write_bundle(tmp_path / "b", content))

    assert found.startswith(problem)


def test_a_story_file_that_is_too_large(tmp_path, settings):
    settings.STORY_DOCUMENT_MAX_BYTES = 100

    assert problems_of(write_bundle(tmp_path / "b"))[0].startswith("story.json: larger than")


def test_a_folder_without_a_story_file(tmp_path):
    assert problems_of(tmp_path)[0].startswith("story.json: missing")


def test_a_pipe_instead_of_a_story_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "story.json")
    os.mkfifo(tmp_path / "pipe")

    assert problems_of(tmp_path) == ["story.json: not a file"]
    assert problems_of(tmp_path / "pipe")[0].startswith("pipe: neither")
