from __future__ import annotations

import json
import os
from pathlib import Path

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
            {"scenelets": [scenelet(1), scenelet(2, parent_scenelet_id="Scenelet_1")]},
            'scenelets[1].parent_scenelet_id: no scenelet has the id "Scenelet_1": did you mean '
            "scenelet-1?",
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


# -- forms of JSON that tools write ----------------------------------------------------------------

TEXT = json.dumps(story(), indent=1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"```json\n{TEXT}\n```", "it begins with a code fence: remove it"),
        (f"\ufeff\n~~~\n{TEXT}\n~~~", "it begins with a code fence: remove it"),
        (f"Here is your story:\n\n{TEXT}", "it begins with “Here is your story:”: remove what"),
        (f"{TEXT}\n\nI hope this helps!", "“I hope this helps!” follows the JSON: remove it"),
        (f"{TEXT}\n```\n", "a code fence follows the JSON: remove it"),
        (f"{TEXT}\n{TEXT}", "follows the JSON: remove it"),
        ('{"title": "x",\n}', "a comma before }: remove it (line 2 column 1)"),
        ('{"scenelets": [1, ]}', "a comma before ]: remove it"),
        ('{"a": 1, // why\n"b": 2}', "a comment: JSON has none, remove it"),
        ("{'title': 'x'}", "a text in other quotation marks"),
        ("{“title”: 1}", "a text in other quotation marks"),
        ('{"is_terminal": True}', "True is not a JSON value"),
        (" \n", "it is empty"),
    ],
)
def test_what_is_nearly_json_is_told_how_to_mend(tmp_path, content, problem):
    (found,) = problems_of(write_bundle(tmp_path / "b", content))

    assert found.startswith("story.json: not JSON: ") and problem in found


def test_a_code_fence_in_a_design_document(tmp_path):
    document = story(visual_design_document="```json\n{}\n```", audio_design_document="```\n{}```")

    assert [problem.split("(")[0] for problem in problems_of(write_bundle(tmp_path, document))] == [
        f"{key}: not JSON: it begins with a code fence: remove it, and the one at the end "
        for key in ("visual_design_document", "audio_design_document")
    ]


@pytest.mark.parametrize(
    ("encoding", "mark", "named"),
    [
        ("utf-16-le", b"\xff\xfe", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("utf-16-le", b"", "UTF-16"),
        ("utf-16-be", b"", "UTF-16"),
        ("utf-32-le", b"\xff\xfe\0\0", "UTF-32"),
        ("utf-32-be", b"", "UTF-32"),
    ],
)
def test_another_encoding_is_named(tmp_path, encoding, mark, named):
    (found,) = problems_of(write_bundle(tmp_path / "b", mark + TEXT.encode(encoding)))

    assert found == f"story.json: not UTF-8 text (byte 0), but {named}: save it as UTF-8"


def test_an_old_code_page_is_no_utf_8(tmp_path):
    data = json.dumps(story(title="Zoë"), ensure_ascii=False).encode("latin-1")

    (found,) = problems_of(write_bundle(tmp_path / "b", data))

    assert found.endswith(": save it as UTF-8")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('{"scenelets": [], "scenelets": []}', ["scenelets"]),
        (
            '{"scenelets": [{"shots": []}, {"shots": [], "title": "", "title": "", "shots": []}]}',
            ["scenelets[1].shots", "scenelets[1].title"],
        ),
        ('{"a": {"x": 1, "x": 2}, "a": 3}', ["x", "a"]),
        (r'{"b": [[{"\u0061": 1, "a": 1}]]}', ["b[0][0].a"]),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_its_place(tmp_path, text, places):
    found = problems_of(write_bundle(tmp_path / "b", text))

    assert found == [f"{place}: twice in the same object" for place in places]


def test_a_key_that_is_twice_in_a_document_within_the_document(tmp_path):
    document = story(visual_design_document='{"global_aesthetic": {"a": 1, "a": 2}}')

    assert problems_of(write_bundle(tmp_path / "b", document)) == [
        "visual_design_document.global_aesthetic.a: twice in the same object"
    ]


def test_a_story_without_scenelets_is_refused(tmp_path):
    assert problems_of(write_bundle(tmp_path / "b", story(scenelets=[]))) == ["scenelets: empty"]


def test_a_scenelet_that_is_there_twice_is_no_circle(tmp_path):
    document = story(
        scenelets=[
            scenelet(1),
            scenelet(2, parent_scenelet_id="scenelet-1"),
            scenelet(1, parent_scenelet_id="scenelet-2"),
        ]
    )

    assert problems_of(write_bundle(tmp_path / "b", document)) == [
        'scenelets[2].scenelet_id: "scenelet-1" is also that of scenelets[0]'
    ]


def test_a_key_that_is_missing_and_spelt_in_another_way(tmp_path):
    given = {"scenelet_id": "s", "sequence": 1, "shots": [{"shotIndex": 1}]}

    assert problems_of(write_bundle(tmp_path / "b", story(scenelets=[given]))) == [
        "scenelets[0].shots[0].shot_index: missing; there is shotIndex"
    ]


# -- what nothing reads ----------------------------------------------------------------------------


def warnings_of(folder, document):
    return {
        warning.place: (warning.sentence, warning.more)
        for warning in opened(write_bundle(folder, document)).warnings
    }


def test_the_usual_bundle_has_no_warnings(tmp_path):
    assert warnings_of(tmp_path / "b", story()) == {}


def test_the_sample_has_no_warnings():
    assert list(opened(Path("storybook/sample/the-night-the-tide-forgot")).warnings) == []


def test_keys_that_nothing_reads_are_named_once(tmp_path):
    shots = [{"shot_index": index, "storyboard": {"a": 1}} for index in (1, 2, 3)]
    document = story(
        author="Ines",
        empty=None,
        visualDesignDocument={"x": 1},
        visual_design_document={"visual_design_document": visual_design(props=[1]), "extra": 1},
        audio_design_document={"sonic_identity": {"ambience": "rain"}, "narratorVoice": {"a": 1}},
        scenelets=[scenelet(1, shots=shots, parent="scenelet-0")],
    )

    folder = write_bundle(tmp_path / "b", document)
    found = warnings_of(tmp_path / "b", document)

    read = "nothing reads this key"
    assert opened(folder).warnings.unread_keys == (
        "visual_design_document.props",
        "audio_design_document.sonic_identity.ambience",
    )
    assert found == {
        "visual_design_document.extra": (f"{read}.", 0),
        "author": (f"{read}.", 0),
        "visualDesignDocument": (f"{read}: did you mean visual_design_document?", 0),
        "audio_design_document.narratorVoice": (f"{read}: did you mean narrator_voice_profile?", 0),
        "scenelets[0].parent": (f"{read}: did you mean parent_scenelet_id?", 0),
        "scenelets[0].shots[0].storyboard": (f"{read}: did you mean storyboard_payload?", 2),
    }


def test_what_a_shot_names_and_nobody_has_is_told_with_its_place(tmp_path):
    payload = {
        "referencedDesigns": {"characters": ["Ada"], "environments": "attic"},
        "audioAndNarrative": [{"speaker": "ada"}],
        "thumbnail": "data:image/png;base64,iVBORw0KGgo=",
    }
    document = story(scenelets=[scenelet(1, shots=[shot(1), shot(2, storyboard_payload=payload)])])

    found = warnings_of(tmp_path / "b", document)

    place = "scenelets[0].shots[1].storyboard_payload"
    assert list(found) == [
        f"{place}.referencedDesigns.characters[0]",
        f"{place}.referencedDesigns.environments",
        f"{place}.audioAndNarrative[0]",
        f"{place}.thumbnail",
    ]


# -- small inputs, huge cost -----------------------------------------------------------------------


def test_only_some_hundred_problems_are_kept_and_the_rest_is_counted(tmp_path):
    folder = write_bundle(tmp_path / "b", story(scenelets=[{}] * 1000))

    with pytest.raises(BundleError) as refusal:
        opened(folder)

    assert len(refusal.value.problems) == 200
    assert refusal.value.more == 2800


def test_too_many_records_are_refused(tmp_path):
    folder = write_bundle(tmp_path / "b", story(scenelets=[{}] * 30_000))

    assert problems_of(folder)[0] == "scenelets: has 30000 entries, more than 20000"


@pytest.mark.parametrize("filling", ["{},", "[],", "0,"])
def test_a_file_full_of_nothing_is_refused_before_it_is_read(tmp_path, filling):
    text = f'{{"scenelets": [{filling * 2_100_000}{{}}]}}'

    (found,) = problems_of(write_bundle(tmp_path / "b", text))

    assert found.startswith("story.json: it holds more than ")


def test_warnings_are_bounded(tmp_path):
    payload = {"referencedDesigns": {"characters": [f"c{number}" for number in range(3)]}}
    shots = [
        shot(index, storyboard_payload={**payload, "audioAndNarrative": [{"source": f"s{index}"}]})
        for index in range(1, 400)
    ]

    warnings = opened(write_bundle(tmp_path / "b", story(scenelets=[scenelet(1, shots=shots)])))

    assert len(list(warnings.warnings)) == 200
    assert warnings.warnings.left_out == 399 + 3 - 200


# -- where the story.json should be ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Story.JSON", "there is Story.JSON: rename it to story.json"),
        ("my-story/story.json", "there is my-story/story.json: import that folder"),
        ("export.json", "Found: export.json"),
    ],
)
def test_what_is_there_instead_of_a_story_is_told(tmp_path, name, words):
    file = tmp_path / "b" / name
    file.parent.mkdir(parents=True)
    file.write_text(TEXT)

    (found,) = problems_of(tmp_path / "b")

    assert found.startswith("story.json: missing; ") and words in found
