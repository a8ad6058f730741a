"""What nothing reads is told, with its place. (Prompts are made elsewhere and do not change.)"""

from __future__ import annotations

import base64
import unicodedata

import pytest

from storybook.findings import (
    MOST_PER_SHOT,
    FindingCode,
    StoryIds,
    check_designs,
    check_payload,
    find_embedded_files,
)
from tests.support.bundles import picture

VISUAL = {
    "character_designs": [
        {"character_id": "pim", "character_name": "Pim"},
        {"character_id": "ola"},
        {"character_id": "zoé"},
    ],
    "environment_designs": [{"environment_id": "brook", "environment_name": "The Brook"}],
}
AUDIO = {
    "narrator_voice_profile": {"voice": "Low."},
    "character_voice_profiles": [{"character_id": "pim"}, {"character_id": "ola"}],
}
IDS = StoryIds.of(VISUAL, AUDIO)


def told(payload, ids=IDS):
    return [
        (f.place.removeprefix("storyboard_payload."), f.code) for f in check_payload(payload, ids)
    ]


def hints(payload):
    return [
        finding.params.get("near") or finding.params.get("hint")
        for finding in check_payload(payload, IDS)
    ]


def naming(characters=("pim",), environments=("brook",), **others):
    referenced = {"characters": characters, "environments": environments}
    return {
        "referencedDesigns": {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in referenced.items()
        },
        **others,
    }


def saying(*lines, **others):
    return naming(audioAndNarrative=list(lines), **others)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        None,
        [],
        {"framingAndAngle": "wide", "lightingAndAtmosphere": "dusk", "characters": "two moles"},
        {"referencedDesigns": None, "audioAndNarrative": None},
        {"referencedDesigns": {}, "audioAndNarrative": []},
        {"referencedDesigns": {"characters": None, "environments": []}},
        {
            "referencedDesigns": {
                "characters": ["pim", "pim"],
                "environments": ["brook"],
                "props": [],
            }
        },
        {"referenced_designs": None},
        saying({"source": "narrator", "line": "x"}, {"source": "pim", "line": "y"}),
        saying({"type": "sound_effect", "description": "rain"}, {"type": "ambience", "source": ""}),
    ],
)
def test_what_is_as_it_should_be_is_silent(payload):
    assert told(payload) == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("Pim", "pim"),
        ("PIM", "pim"),
        ("pim ", "pim"),
        ("pi\u200dm", "pim"),
        (unicodedata.normalize("NFD", "zoé"), "zoé"),
        ("brook", "it is an environment"),
        ("nobody", None),
    ],
)
def test_an_id_without_a_design(given, meant):
    payload = naming((given,))

    assert told(payload) == [("referencedDesigns.characters[0]", FindingCode.NO_DESIGN)]
    assert hints(payload) == [meant]


@pytest.mark.parametrize(
    ("characters", "code", "place", "meant"),
    [
        ("pim", "not_a_list_of_ids", "", '["pim"]'),
        ("pim, ola", "not_a_list_of_ids", "", '["pim", "ola"]'),
        ({"pim": {"pose": "sits"}}, "not_a_list_of_ids", "", '["pim"]'),
        ({"characterId": "pim"}, "not_a_list_of_ids", "", '["pim"]'),
        (7, "not_a_list_of_ids", "", None),
        (0, "not_a_list_of_ids", "", None),
        ("", "not_a_list_of_ids", "", None),
        ([1], "not_an_id", "[0]", None),
        ([""], "not_an_id", "[0]", None),
        ([None], "not_an_id", "[0]", None),
        ([["pim"]], "not_an_id", "[0]", None),
        ([{"character_id": "pim"}], "not_an_id", "[0]", '"pim"'),
        ([{"characterId": "Pim"}], "not_an_id", "[0]", '"pim"'),
        ([{"name": "Pim"}], "not_an_id", "[0]", '"pim"'),
        (["pim", {"id": "ola"}], "not_an_id", "[1]", '"ola"'),
    ],
)
def test_whatever_is_no_list_of_ids(characters, code, place, meant):
    payload = naming(characters)

    assert told(payload) == [(f"referencedDesigns.characters{place}", code)]
    assert hints(payload) == [meant]


@pytest.mark.parametrize(
    "referenced", ["pim", ["pim", "brook"], '{"characters": ["pim"]}', 3, True]
)
def test_references_that_are_no_object(referenced):
    payload = {"referencedDesigns": referenced}

    assert told(payload) == [("referencedDesigns", FindingCode.NOT_REFERENCES)]


@pytest.mark.parametrize(
    ("payload", "place", "meant"),
    [
        (
            {"referenced_designs": {"characters": ["pim"]}},
            "referenced_designs",
            "referencedDesigns",
        ),
        ({"ReferencedDesigns": {"x": 1}}, "ReferencedDesigns", "referencedDesigns"),
        ({"referencedDesigns ": {"x": 1}}, "referencedDesigns ", "referencedDesigns"),
        ({"audio_and_narrative": [{}]}, "audio_and_narrative", "audioAndNarrative"),
        (
            {"storyboard_payload": {"referencedDesigns": {"characters": ["pim"]}}},
            "storyboard_payload.referencedDesigns",
            "storyboard_payload.referencedDesigns",
        ),
        (
            {"design": {"audio_and_narrative": [{"source": "pim"}]}},
            "design.audio_and_narrative",
            "storyboard_payload.audioAndNarrative",
        ),
        ({"characters": ["pim"]}, "characters", "referencedDesigns.characters"),
        (
            {"referencedDesigns": {"character_ids": ["pim"]}},
            "referencedDesigns.character_ids",
            "characters",
        ),
        (
            {"referencedDesigns": {"Characters": ["pim"]}},
            "referencedDesigns.Characters",
            "characters",
        ),
        (
            {"referencedDesigns": {"locations": ["brook"]}},
            "referencedDesigns.locations",
            "environments",
        ),
        ({"referencedDesigns": {"props": ["lamp"]}}, "referencedDesigns.props", None),
    ],
)
def test_keys_that_nothing_reads(payload, place, meant):
    assert told(payload) == [(place, FindingCode.UNREAD_KEY)]
    assert hints(payload) == [meant]


@pytest.mark.parametrize(
    ("line", "place", "code", "meant"),
    [
        ({"source": "Narrator"}, ".source", "no_voice", "narrator"),
        ({"source": "NARRATOR (V.O.)"}, ".source", "no_voice", "narrator"),
        ({"source": "Pim"}, ".source", "no_voice", "pim"),
        ({"source": "pim "}, ".source", "no_voice", "pim"),
        ({"source": "the crowd"}, ".source", "no_voice", None),
        ({"source": "zoé"}, ".source", "no_voice", None),
        ({"source": "ola"}, ".source", "voice_not_named", None),
        ({"source": ["pim"]}, ".source", "not_an_id", None),
        ({"speaker": "pim", "line": "x"}, "", "no_source", "speaker"),
        ({"character": "pim", "line": "x"}, "", "no_source", "character"),
        ({"Source": "pim", "line": "x"}, "", "no_source", "Source"),
        ({"type": "dialogue", "text": "x"}, "", "no_source", None),
        ({"source": " "}, "", "no_source", None),
        ({}, "", "no_source", None),
        ("pim: x", "", "not_a_line", None),
        (None, "", "not_a_line", None),
    ],
)
def test_a_line_without_a_voice(line, place, code, meant):
    payload = saying({"source": "pim", "line": "It floats."}, line)

    assert told(payload) == [(f"audioAndNarrative[1]{place}", code)]
    assert hints(payload) == [meant]


@pytest.mark.parametrize("lines", [{"source": "pim"}, "pim: x", 4])
def test_lines_that_are_no_list(lines):
    assert told(naming(audioAndNarrative=lines)) == [("audioAndNarrative", FindingCode.NOT_LINES)]


def test_the_ids_that_have_a_voice_are_named():
    (finding,) = check_payload(saying({"source": "the crowd"}), IDS)

    assert finding.words == "“the crowd” gets no voice: the ids are narrator, pim, ola."


def test_a_narrator_without_a_profile():
    ids = StoryIds.of(VISUAL, {"narrator_voice_profile": None})

    payload = naming(audioAndNarrative=[{"source": "narrator"}])
    assert told(payload, ids) == [("audioAndNarrative[0].source", FindingCode.NO_NARRATOR)]


def test_a_line_of_somebody_whom_the_shot_names_in_another_way():
    payload = naming(("Pim",), audioAndNarrative=[{"source": "pim"}])

    assert [code for _, code in told(payload)] == ["no_design", "voice_not_named"]
    assert hints(payload) == ["pim", "it names Pim"]


def test_findings_are_bounded():
    found = check_payload(naming([f"id-{number}" for number in range(5000)]), IDS)

    assert len(found) == MOST_PER_SHOT + 1
    assert found[-1].code == FindingCode.MORE


PNG = base64.b64encode(picture(size=(400, 300), color="teal")).decode()
NOISE = base64.b64encode(bytes(range(256)) * 8).decode()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"data:image/png;base64,{PNG}", "a picture"),
        (f"  DATA:IMAGE/PNG;base64,{PNG}", "a picture"),
        ("data:image/svg+xml,%3Csvg/%3E", "a picture"),
        (f"data:audio/mpeg;base64,{NOISE}", "a sound"),
        (PNG, "a picture"),
        ("\n".join(PNG[start : start + 76] for start in range(0, len(PNG), 76)), "a picture"),
        (base64.b64encode(picture(kind="JPEG")).decode(), "a picture"),
        (base64.urlsafe_b64encode(picture(kind="JPEG")).decode(), "a picture"),
        (NOISE, "a file"),
    ],
)
def test_a_file_as_text(text, what):
    payload = {"keyFrameImage": text, "deep": [{"er": "words"}, {"er": text}]}

    found = find_embedded_files(payload, "storyboard_payload")

    assert [finding.place for finding in found] == [
        "storyboard_payload.keyFrameImage",
        "storyboard_payload.deep[1].er",
    ]
    assert {finding.params["what"] for finding in found} == {what}


def test_the_size_of_a_file_as_text():
    (finding,) = find_embedded_files({"keyFrameImage": "iVBORw0KGgo" + "A" * 12 * 1024}, "payload")

    assert finding.words.startswith("holds a picture as text (12 kB)")


@pytest.mark.parametrize(
    "text",
    [
        "Pim folds a boat. " * 500,
        "word " * 2000,
        "data",
        "image/png",
        "sheets/pim.png",
        "AAAAAAAAAA",
        "啊" * 3000,
        "x" * 200,
    ],
)
def test_prose_is_no_file(text):
    assert find_embedded_files({"key": text}, "") == []


def test_designs_that_nothing_reads():
    visual = {
        "character_designs": [
            {"character_id": "pim", "preview": PNG},
            {"character_name": "Mentor Guide"},
            {"character_id": "pim", "character_name": "Pim again"},
            {"description": "nameless", "characterModelSheetImagePath": "a.png"},
            {"character_name": "mentor guide"},
        ]
    }
    audio = {
        "character_voice_profiles": [
            {"character_id": "Pim"},
            {"character_id": "narrator"},
            {"character_id": "mentor-guide"},
        ]
    }

    found = {finding.place: finding.code for finding in check_designs(visual, audio)}

    designs = "visual_design_document.character_designs"
    profiles = "audio_design_document.character_voice_profiles"
    assert found == {
        f"{designs}[2].character_id": FindingCode.SAME_ID,
        f"{designs}[3].characterModelSheetImagePath": FindingCode.UNREAD_KEY,
        f"{designs}[3]": FindingCode.NAMELESS,
        f"{designs}[4].character_name": FindingCode.SAME_ID,
        f"{profiles}[0].character_id": FindingCode.VOICE_WITHOUT_DESIGN,
        f"{profiles}[1].character_id": FindingCode.NARRATOR_AMONG_CHARACTERS,
        f"{designs}[0].preview": FindingCode.EMBEDDED_FILE,
    }


@pytest.mark.parametrize("key", ["id", "characterId", "Name", "slug"])
def test_a_design_without_an_id_that_we_read(key):
    visual = {"character_designs": [{key: "pim", "image": "a.png", "age": 7}]}

    (finding,) = check_designs(visual, None)

    assert finding.words == (
        f"has neither character_id nor character_name, so no shot can name it: there is {key}."
    )
