from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.utils.datastructures import MultiValueDict

import storybook
from storybook.document_editor import Edit, apply, count_fields, show
from storybook.document_layouts import StoryParts, audio_layout, shot_layout, visual_layout
from tests.support.named_fields import fields_of, named

SAMPLE = json.loads(
    next((Path(storybook.__file__).parent / "sample").glob("*/story.json")).read_text()
)
PARTS = StoryParts({}, {})
LAYOUTS = {"shot": shot_layout(PARTS), "visual": visual_layout(PARTS), "audio": audio_layout(PARTS)}
PAYLOADS = [
    shot["storyboard_payload"] for scenelet in SAMPLE["scenelets"] for shot in scenelet["shots"]
]
# Whatever may stand where something else is expected.
ODD = (None, "", "text", "nul\0", "a\r\nb\rc\n", "\nfirst", 0, 1.50, True, [], ["a", "b"], ["a\nb"])
ODD += ([""], [1], [{}], ["x", {"source": "x", "q": 1}], {}, {"characters": "ada"}, {"z": {"y": 1}})
KEYS = {
    "shot": ("cameraDynamics", "referencedDesigns", "audioAndNarrative", "extra", "", "é\n"),
    "visual": ("global_aesthetic", "character_designs", "environment_designs", "extra"),
    "audio": (
        *("sonic_identity", "narrator_voice_profile"),
        *("character_voice_profiles", "music_and_ambience_cues"),
    ),
}


def saved(kind, document, typed=None, edit=""):
    """The document after its form was sent, as a browser sends it, with other values typed."""
    values = fields_of(show(LAYOUTS[kind], document))
    for name, value in (typed or {}).items():
        assert name in values or name.endswith("characters"), name
        values[name] = [value] if isinstance(value, str) else value
    return apply(LAYOUTS[kind], document, MultiValueDict(values), Edit.of(edit))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_every_shot_of_the_sample_comes_back_as_it_was(payload):
    assert json.dumps(saved("shot", payload)) == json.dumps(payload)


@pytest.mark.parametrize("kind", ["visual", "audio"])
def test_the_designs_of_the_sample_come_back_as_they_were(kind):
    document = SAMPLE[f"{kind}_design_document"]

    assert count_fields(show(LAYOUTS[kind], document)) > 20
    assert json.dumps(saved(kind, document)) == json.dumps(document)


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_whatever_stands_anywhere_comes_back_as_it_was(kind, value):
    for key in KEYS[kind]:
        for document in ({key: value, "z": 1}, {key: [value]}, {key: {"visual_style": value}}):
            assert json.dumps(saved(kind, document)) == json.dumps(document)


def test_only_what_was_typed_changes():
    payload = {
        "z": {"unknown": [1.0, None]},
        "cameraDynamics": "slow",
        "audioAndNarrative": [
            {"pace": 2, "line": "Hello.", "source": "ada", "deep": {"a": "\r"}},
            "not a line",
        ],
        "lightingAndAtmosphere": "dusk",
        "continuityNotes": "one\r\ntwo\0",
    }

    after = saved(
        "shot",
        payload,
        {
            named("audioAndNarrative", 0, "line"): "Good night.\r\nSleep.",
            named("lightingAndAtmosphere"): "dusk, and lamps",
        },
    )

    expected = json.loads(json.dumps(payload))
    expected["audioAndNarrative"][0]["line"] = "Good night.\nSleep."
    expected["lightingAndAtmosphere"] = "dusk, and lamps"
    assert json.dumps(after) == json.dumps(expected)


def test_a_cleared_field_keeps_its_key():
    assert saved("shot", {"cameraDynamics": "slow", "a": "b"}, {named("cameraDynamics"): ""}) == {
        "cameraDynamics": "",
        "a": "b",
    }


def test_a_new_key_stands_where_people_expect_it():
    payload = {"zoom": 2, "cameraDynamics": "slow", "framingAndAngle": "wide", "z": "y"}

    after = saved(
        "shot", payload, {named("continuityNotes"): "c", named("compositionAndContent"): "b"}
    )

    assert list(after) == [
        *("zoom", "compositionAndContent", "cameraDynamics", "framingAndAngle", "z"),
        "continuityNotes",
    ]


def test_a_list_has_one_entry_a_line():
    document = {"global_aesthetic": {"master_color_palette": ["red", "blue"], "n": 1}}

    after = saved(
        "visual",
        document,
        {named("global_aesthetic", "master_color_palette"): "red\r\n\r\n green \r\n"},
    )

    assert after == {"global_aesthetic": {"master_color_palette": ["red", "green"], "n": 1}}


def test_an_id_without_a_design_stays_ticked_and_can_be_unticked():
    payload = {"referencedDesigns": {"characters": ["gone", "ada"], "props": ["hat"]}}
    boxes = named("referencedDesigns", "characters")

    view = show(LAYOUTS["shot"], payload)
    after = saved("shot", payload, {boxes: ["ada"]})

    assert '"is_known": false' in json.dumps(view, default=vars)
    assert after == {"referencedDesigns": {"characters": ["ada"], "props": ["hat"]}}


def test_lines_are_added_moved_and_removed():
    payload = {"audioAndNarrative": [{"line": "one"}, {"line": "two", "x": 1}]}
    rows = named("audioAndNarrative")

    added = saved("shot", payload, edit=f"add:{rows}")["audioAndNarrative"]
    moved = saved("shot", payload, edit=f"up:{rows}/1")["audioAndNarrative"]
    removed = saved("shot", payload, edit=f"remove:{rows}/0")["audioAndNarrative"]

    assert [each["line"] for each in added] == ["one", "two", ""]
    assert moved == [{"line": "two", "x": 1}, {"line": "one"}]
    assert removed == [{"line": "two", "x": 1}]


@pytest.mark.parametrize(
    "edit", ["", "add:", "remove:d/audioAndNarrative/7", "up:d/audioAndNarrative/0", "drop:d", ":"]
)
def test_a_button_that_is_none_does_nothing(edit):
    payload = {"audioAndNarrative": [{"line": "one"}]}

    assert saved("shot", payload, edit=edit) == payload


def test_a_new_character_gets_the_id_of_its_name_and_no_other():
    rows = named("character_designs")
    document = {"character_designs": [{"character_id": "ada", "character_name": "Ada"}]}

    document = saved("visual", document, edit=f"add:{rows}")
    document = saved("visual", document, {f"{rows}/1/character_name": "Ada"})
    renamed = saved("visual", document, {f"{rows}/1/character_name": "Grace"})

    assert document["character_designs"][1]["character_id"] == "ada-2"
    assert renamed["character_designs"][1]["character_id"] == "ada-2"


def test_what_has_no_field_is_told():
    view = show(LAYOUTS["shot"], {"numbers": [1], "cameraDynamics": {"a": 1}})

    assert view["kept"] == ["numbers"]
    assert [each["given"] for each in view["parts"] if each["kind"] == "odd"] == ["an object"]
