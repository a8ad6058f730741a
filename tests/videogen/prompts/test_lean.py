from __future__ import annotations

import copy
import json
import statistics

import pytest

from tests.bench.prompts import LIMIT, MEDIAN, SHARE, documents, payloads, token_counts
from videogen.prompts.lean import CUTS, SHORTEST_CUT, LeftOut
from videogen.prompts.prompt import CRITICAL_INSTRUCTION, Prompt, build_prompt, estimate_tokens
from videogen.prompts.room import prompt_room, room_of_text

LANTERN = "The brass lantern with the green glass swings from her hand."
VISUAL = {
    "global_aesthetic": {
        "style": f"Ink and wash on rough paper. {LANTERN}",
        "mood": "Winter evenings among volcanoes and glaciers.",
        "palette": ["indigo #1D244C"],
    },
    "character_designs": [
        {
            "character_id": "ada",
            "character_name": "Ada the extraordinarily well-travelled lamplighter",
            "look": "Yellow raincoat, lantern in hand. Her boots are red, the lantern is brass.",
        }
    ],
    "environment_designs": [
        {"environment_id": "attic", "light": "Dusty rafters above the lantern and one window."}
    ],
}
SOUND = "Everything is close, dry and wooden."
AUDIO = {
    "sonic_identity": {"sound_effect_philosophy": " ".join([SOUND] * 3)},
    "character_voice_profiles": [{"character_id": "ada", "voice_name": "Wren"}],
}
PAYLOAD = {
    "compositionAndContent": f"Night. {LANTERN} She climbs to the attic.",
    "referencedDesigns": {"characters": ["ada"], "environments": ["attic"]},
    "audioAndNarrative": [{"source": "ada", "line": "Who lit the lamp?"}],
}


def lean(limit: int, **options: object) -> Prompt:
    return build_prompt(VISUAL, AUDIO, PAYLOAD, limit=limit, profile="lean", **options)  # type: ignore[arg-type]


def test_what_is_to_be_done_comes_first() -> None:
    prompt = lean(5000, directions=["Slower."])

    assert list(json.loads(prompt.text)) == [
        "director_notes",
        "critical_instruction",
        "storyboard_payload",
        "global_aesthetic",
        "character_designs",
        "environment_designs",
        "audio_design",
    ]
    assert prompt.left_out == ()
    full = build_prompt(VISUAL, AUDIO, PAYLOAD, limit=5000, directions=["Slower."])
    assert prompt.document == full.document


@pytest.mark.parametrize("limit", [0, 330, 380, 420])
def test_what_must_not_be_cut_stays(limit: int) -> None:
    before = copy.deepcopy((VISUAL, AUDIO, PAYLOAD))

    document = lean(limit, directions=["Slower."], instructions=["<IMAGE_REF_0>"]).document

    assert document["storyboard_payload"] == PAYLOAD
    assert document["director_notes"] == ["Slower."]
    assert document["critical_instruction"] == [*CRITICAL_INSTRUCTION, "<IMAGE_REF_0>"]
    voices = document["audio_design"]["character_voice_profiles"]
    assert voices == [{"character_id": "ada", "voice_name": "Wren"}]
    [ada] = document["character_designs"]
    assert ada["character_id"] == "ada"
    assert ada["character_name"].startswith("Ada the extraordinarily")
    assert document["global_aesthetic"]["palette"] == ["indigo #1D244C"]
    assert before == (VISUAL, AUDIO, PAYLOAD)


def test_what_is_left_out_is_told_in_the_fixed_order() -> None:
    told = lean(0).left_out

    assert [(each.reason, each.place, each.text) for each in told] == [
        ("repeated", "global_aesthetic.style", LANTERN),
        (
            "not_of_the_shot",
            "global_aesthetic.mood",
            "Winter evenings among volcanoes and glaciers.",
        ),
        ("not_of_the_shot", "global_aesthetic.style", "Ink and wash on rough paper."),
        (
            "long",
            "character_designs.ada.look",
            "Her boots are red, the lantern is brass.",
        ),
        (
            "last",
            "environment_designs.attic.light",
            "Dusty rafters above the lantern and one window.",
        ),
        ("last", "character_designs.ada.look", "Yellow raincoat, lantern in hand."),
        *[("last", "audio_design.sonic_identity.sound_effect_philosophy", SOUND)] * 3,
    ]
    order = [(each.reason, each.part) for each in told]
    assert order == sorted(order, key=CUTS.index)


def test_no_more_is_left_out_than_needed() -> None:
    everything = lean(5000).text
    compact = json.dumps(json.loads(everything), ensure_ascii=False, separators=(",", ":"))
    tokens = estimate_tokens(compact)

    assert lean(tokens + 1).left_out == ()
    assert [each.reason for each in lean(tokens).left_out] == ["repeated"]
    for limit in range(tokens, tokens - 60, -7):
        prompt = lean(limit)
        assert prompt.tokens < limit
        # One sentence less would not have been enough.
        assert len(lean(limit + 1).left_out) <= len(prompt.left_out)


def test_any_shape_of_documents() -> None:
    long = "A very long and entirely unrelated description. " * 40
    for aesthetic in (long, [long, {"deep": [long]}], None, 3, {"a": {"b": long, "c": 1.5}}):
        prompt = build_prompt({"global_aesthetic": aesthetic}, {}, PAYLOAD, limit=0, profile="lean")
        assert json.loads(prompt.text)["storyboard_payload"] == PAYLOAD
        assert "unrelated" not in prompt.text


def test_scripts_without_spaces() -> None:
    visual = {"global_aesthetic": {"a": "灯塔在黑夜里发光。远方的火山正在喷发着岩浆。"}}
    payload = {"compositionAndContent": "灯塔在雨中"}

    prompt = build_prompt(visual, {}, payload, limit=1, profile="lean")

    assert [each.text for each in prompt.left_out] == [
        "远方的火山正在喷发着岩浆。",
        "灯塔在黑夜里发光。",
    ]


def test_left_out_is_stored_and_read() -> None:
    for each in lean(0).left_out:
        assert LeftOut.read(json.loads(json.dumps(each.as_dict()))) == each
        assert each.reason_words
        assert len(each.text.encode()) >= SHORTEST_CUT


def test_three_hundred_shots_with_a_median_of_1789_tokens() -> None:
    full, lean_ones = token_counts("full"), token_counts("lean")

    share = sum(each < LIMIT for each in lean_ones) / len(lean_ones)
    print(  # noqa: T201
        f"full: median {statistics.median(full)}, {sum(each < LIMIT for each in full)} of 300 "
        f"below {LIMIT}; lean: median {statistics.median(lean_ones)}, {share:.1%} below"
    )
    assert statistics.median(full) == MEDIAN
    assert share >= SHARE


@pytest.mark.parametrize("profile", ["full", "lean"])
@pytest.mark.parametrize("limit", [200, 1024, 100_000])
def test_the_room_adds_up(profile: str, limit: int) -> None:
    visual, audio = documents()
    for payload in list(payloads())[:20]:
        prompt = build_prompt(visual, audio, payload, limit=limit, profile=profile)

        room = prompt_room(prompt)

        assert [part.name for part in room.parts] == list(prompt.document)
        assert sum(part.tokens for part in room.parts) == room.tokens == prompt.tokens
        assert sum(part.unread for part in room.parts) == max(0, prompt.tokens - limit)
        assert room.parts[0].starts_at == 0
        assert [part.starts_at + part.tokens for part in room.parts[:-1]] == [
            part.starts_at for part in room.parts[1:]
        ]
        assert room.left_out == prompt.left_out
        assert room.is_over_limit == prompt.is_over_limit
        assert room.scale >= room.tokens


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", "{}", '{"a": 1'])
def test_the_room_of_a_text_that_is_no_prompt(text: str) -> None:
    room = room_of_text(text, None)

    assert room.parts == ()
    assert room.tokens == estimate_tokens(text)
    assert not room.is_over_limit
    assert not room.shows_limit


def test_the_room_of_a_text_with_odd_characters() -> None:
    text = json.dumps({"a": '},{"b":"\\', "ü:": ["x", {"c": None}]}, indent=2, ensure_ascii=False)

    assert [part.name for part in room_of_text(text, 3).parts] == ["a", "ü:"]
