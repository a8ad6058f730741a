from __future__ import annotations

import copy
import json

import pytest

from videogen.prompts.prompt import CRITICAL_INSTRUCTION, build_prompt, estimate_tokens

# Everything that a document in the wild may hold, with the removed keys deeper down as well.
VISUAL = {
    "document_title": "never sent",
    "global_aesthetic": {
        "visual_style": "水墨 ink and wash",
        "master_color_palette": ["#0b3d4a", "#f2c14e"],
        "environment_reference_image_path": "stays: not a design",
    },
    "character_designs": [
        {
            "character_id": "bo",
            "character_name": "Bo 🐙",
            "character_model_sheet_image_path": "a/bo.png",
            "zodiac": None,
        },
        {
            "character_model_sheet_image_path": "a/ada.png",
            "character_id": "ada",
            "costume": {
                "character_model_sheet_image_path": "deeper: stays",
                "associated_scenelet_ids": ["deeper: stays"],
            },
            "associated_scenelet_ids": ["a character's: stays"],
        },
        {"character_id": "cleo", "character_name": "not in the shot"},
        {"character_id": "ada", "character_name": "listed twice"},
    ],
    "environment_designs": [
        {
            "environment_id": "attic",
            "associated_scenelet_ids": ["opening"],
            "environment_reference_image_path": "e/attic.jpg",
            "cues": [{"associated_scenelet_ids": ["deeper: stays"]}],
            "character_model_sheet_image_path": "an environment's: stays",
        },
        {"environment_id": "quay"},
    ],
}
AUDIO = {
    "sonic_identity": {"musical_direction": "never sent", "sound_effect_philosophy": "close"},
    "music_and_ambience_cues": [{"cue": "never sent"}],
    "narrator_voice_profile": {"character_id": "narrator", "voice_name": "Orla", "pace": 0.9},
    "character_voice_profiles": [
        {"character_id": "narrator", "voice_name": "never here"},
        {"character_id": "bo", "voice_name": "Wren", "mood": {"x": [1, 2.5, True]}},
        {"character_id": "ada", "voice_name": "says nothing in the shot"},
        {"character_id": "bo", "voice_name": "listed twice"},
    ],
}
PAYLOAD = {
    "framingAndAngle": "wide,\u2028low",
    "referencedDesigns": {"characters": ["ada", "bo", "ada", "dora"], "environments": ["attic"]},
    "audioAndNarrative": [
        {"type": "dialogue", "source": "bo", "line": "谁点亮了灯？", "delivery": "whispered"},
        {"type": "monologue", "source": "narrator", "line": "Nobody — and “everybody”."},
    ],
    "notes": {"associated_scenelet_ids": [], "character_model_sheet_image_path": "stays"},
}

# As it has to be sent, every key in its place.
RICH = """\
{
  "global_aesthetic": {
    "visual_style": "水墨 ink and wash",
    "master_color_palette": [
      "#0b3d4a",
      "#f2c14e"
    ],
    "environment_reference_image_path": "stays: not a design"
  },
  "character_designs": [
    {
      "character_id": "bo",
      "character_name": "Bo 🐙",
      "zodiac": null
    },
    {
      "character_id": "ada",
      "costume": {
        "character_model_sheet_image_path": "deeper: stays",
        "associated_scenelet_ids": [
          "deeper: stays"
        ]
      },
      "associated_scenelet_ids": [
        "a character's: stays"
      ]
    }
  ],
  "environment_designs": [
    {
      "environment_id": "attic",
      "cues": [
        {
          "associated_scenelet_ids": [
            "deeper: stays"
          ]
        }
      ],
      "character_model_sheet_image_path": "an environment's: stays"
    }
  ],
  "audio_design": {
    "sonic_identity": {
      "sound_effect_philosophy": "close"
    },
    "narrator_voice_profile": {
      "character_id": "narrator",
      "voice_name": "Orla",
      "pace": 0.9
    },
    "character_voice_profiles": [
      {
        "character_id": "bo",
        "voice_name": "Wren",
        "mood": {
          "x": [
            1,
            2.5,
            true
          ]
        }
      }
    ]
  },
  "storyboard_payload": {
    "framingAndAngle": "wide,\u2028low",
    "referencedDesigns": {
      "characters": [
        "ada",
        "bo",
        "ada",
        "dora"
      ],
      "environments": [
        "attic"
      ]
    },
    "audioAndNarrative": [
      {
        "type": "dialogue",
        "source": "bo",
        "line": "谁点亮了灯？",
        "delivery": "whispered"
      },
      {
        "type": "monologue",
        "source": "narrator",
        "line": "Nobody — and “everybody”."
      }
    ],
    "notes": {
      "associated_scenelet_ids": [],
      "character_model_sheet_image_path": "stays"
    }
  },
  "critical_instruction": [
    "Show no captions, no subtitles, no on-screen text and no watermark.",
    "Use no background music: only dialogue, narration, ambience and sound effects.",
    "The reference images of characters are binding model sheets: keep every character's face, \
proportions, clothing and colours exactly as drawn, and never show the sheet's layout.",
    "The reference images of environments guide style, materials and light, not composition: \
never show them as a grid or as split panels.",
    "A line whose source is the narrator is a voice-over: nobody on screen speaks or lip-syncs it.",
    "Only the character named as the source of a line moves its lips to that line.",
    "Play the shot as one continuous take, without cuts."
  ]
}"""

INSTRUCTION = json.dumps(list(CRITICAL_INSTRUCTION), separators=(",", ":"), ensure_ascii=False)


def text_of(visual, audio, payload, limit=10_000):
    return build_prompt(visual, audio, payload, limit=limit).text


def compact(visual, audio, payload):
    """The prompt's text without white space and without the instruction that every one has."""
    text = text_of(visual, audio, payload, limit=0)
    tail = f',"critical_instruction":{INSTRUCTION}}}'
    assert text.endswith(tail)
    return text.removesuffix(tail) + "}"


def test_the_whole_prompt_of_a_rich_shot():
    prompt = build_prompt(VISUAL, AUDIO, PAYLOAD, limit=1024)

    assert prompt.text == RICH
    assert json.loads(prompt.text) == prompt.document
    assert not prompt.is_over_limit


def test_over_the_limit_the_same_object_goes_without_white_space():
    prompt = build_prompt(VISUAL, AUDIO, PAYLOAD, limit=200)

    assert prompt.text == json.dumps(json.loads(RICH), ensure_ascii=False, separators=(",", ":"))
    assert prompt.is_over_limit
    assert prompt.limit == 200
    assert prompt.tokens == estimate_tokens(prompt.text)


def test_a_prompt_that_fits_without_white_space_is_within_the_limit():
    compact_tokens = build_prompt(VISUAL, AUDIO, PAYLOAD, limit=0).tokens
    indented_tokens = estimate_tokens(RICH)

    prompts = {
        limit: build_prompt(VISUAL, AUDIO, PAYLOAD, limit=limit)
        for limit in (compact_tokens - 1, compact_tokens, indented_tokens - 1, indented_tokens)
    }

    assert [prompt.is_over_limit for prompt in prompts.values()] == [True, False, False, False]
    assert [prompt.text == RICH for prompt in prompts.values()] == [False, False, False, True]


def test_the_documents_stay_as_they_are():
    before = copy.deepcopy((VISUAL, AUDIO, PAYLOAD))

    prompt = build_prompt(VISUAL, AUDIO, PAYLOAD, limit=200)
    prompt.document["critical_instruction"].clear()

    assert before == (VISUAL, AUDIO, PAYLOAD)
    assert text_of(VISUAL, AUDIO, PAYLOAD) == RICH


NO_DESIGNS = '"character_designs":[],"environment_designs":[]'
NO_VOICES = '"character_voice_profiles":[]'


# documents and payload → the text before the instruction
BARE = {
    "empty documents": (
        {},
        {},
        {"a": 1},
        f'{{"global_aesthetic":null,{NO_DESIGNS},'
        f'"audio_design":{{"sonic_identity":{{}},{NO_VOICES}}},"storyboard_payload":{{"a":1}}}}',
    ),
    "sections of another kind": (
        {"global_aesthetic": "ink", "character_designs": None, "environment_designs": {}},
        {"sonic_identity": "quiet", "character_voice_profiles": "none"},
        {"referencedDesigns": None, "audioAndNarrative": "hush"},
        f'{{"global_aesthetic":"ink",{NO_DESIGNS},'
        f'"audio_design":{{"sonic_identity":{{}},{NO_VOICES}}},'
        '"storyboard_payload":{"referencedDesigns":null,"audioAndNarrative":"hush"}}',
    ),
    "designs and lines that are no objects": (
        {"character_designs": ["ada", None, {"character_id": "ada", "x": 1}]},
        {"character_voice_profiles": [1, {"character_id": "ada", "v": 2}]},
        {
            "referencedDesigns": {"characters": ["ada", 7, None], "environments": "attic"},
            "audioAndNarrative": ["bang", {"source": ["ada"]}, {"source": "ada"}, {}],
        },
        '{"global_aesthetic":null,"character_designs":[{"character_id":"ada","x":1}],'
        '"environment_designs":[],"audio_design":{"sonic_identity":{},'
        '"character_voice_profiles":[{"character_id":"ada","v":2}]},"storyboard_payload":'
        '{"referencedDesigns":{"characters":["ada",7,null],"environments":"attic"},'
        '"audioAndNarrative":["bang",{"source":["ada"]},{"source":"ada"},{}]}}',
    ),
    "ids made from names": (
        {
            "character_designs": [{"character_name": "Mentor Guide"}],
            "environment_designs": [{"environment_name": "Tide–Wheel (night)"}],
        },
        {"character_voice_profiles": [{"character_name": "Mentor Guide", "v": 1}]},
        {
            "referencedDesigns": {
                "characters": ["mentor-guide"],
                "environments": ["tide-wheel-night"],
            },
            "audioAndNarrative": [{"source": "mentor-guide"}],
        },
        '{"global_aesthetic":null,"character_designs":[{"character_name":"Mentor Guide"}],'
        '"environment_designs":[{"environment_name":"Tide–Wheel (night)"}],'
        '"audio_design":{"sonic_identity":{},'
        '"character_voice_profiles":[{"character_name":"Mentor Guide","v":1}]},'
        '"storyboard_payload":{"referencedDesigns":{"characters":["mentor-guide"],'
        '"environments":["tide-wheel-night"]},"audioAndNarrative":[{"source":"mentor-guide"}]}}',
    ),
}


@pytest.mark.parametrize(("visual", "audio", "payload", "expected"), BARE.values(), ids=BARE.keys())
def test_the_whole_prompt_of_poor_documents(visual, audio, payload, expected):
    assert compact(visual, audio, payload) == expected


NARRATOR = {"narrator_voice_profile": {"voice_name": "Orla"}}
VOICES = {
    "character_voice_profiles": [
        {"character_id": "narrator", "v": 0},
        {"character_id": "ada", "v": 1},
        {"character_id": "bo", "v": 2},
    ]
}


def line(source):
    return {"source": source, "line": "…"}


ORLA = '"narrator_voice_profile":{"voice_name":"Orla"},'
ADA, BO = '{"character_id":"ada","v":1}', '{"character_id":"bo","v":2}'

# characters of the shot, its lines, does the narrator's voice go along, which other voices
VOICE_RULES = {
    "nobody speaks": (["ada"], [], "", ""),
    "only the narrator speaks": (["ada"], [line("narrator")], ORLA, ""),
    "the narrator is among the characters": (
        ["narrator", "ada"],
        [line("narrator"), line("ada")],
        ORLA,
        ADA,
    ),
    "a character speaks": (["ada", "bo"], [line("bo")], "", BO),
    "somebody who is not in the shot speaks": (["ada"], [line("bo")], "", ""),
    "all speak, in the document's order": (
        ["bo", "ada"],
        [line("bo"), line("ada"), line("bo")],
        "",
        f"{ADA},{BO}",
    ),
    "another spelling is another source": (["ada"], [line("Narrator"), line("Ada")], "", ""),
}


@pytest.mark.parametrize(
    ("characters", "lines", "narrator", "voices"), VOICE_RULES.values(), ids=VOICE_RULES.keys()
)
def test_voices(characters, lines, narrator, voices):
    payload = {"referencedDesigns": {"characters": characters}, "audioAndNarrative": lines}

    text = compact({}, NARRATOR | VOICES, payload)

    assert text == (
        f'{{"global_aesthetic":null,{NO_DESIGNS},"audio_design":{{"sonic_identity":{{}},'
        f'{narrator}"character_voice_profiles":[{voices}]}},'
        f'"storyboard_payload":{json.dumps(payload, separators=(",", ":"), ensure_ascii=False)}}}'
    )


def test_a_line_of_the_narrator_without_a_profile_adds_nothing():
    payload = {"audioAndNarrative": [line("narrator")]}

    assert "narrator_voice_profile" not in text_of({}, VOICES, payload)


@pytest.mark.parametrize(
    "words",
    ["谁点亮了灯？", "🏮🦊👩‍👩‍👧", "a\u2028b\u2029c", "naïve “quoted”", "नमस्ते", "\u0000\x1f\t\n\\"],
)
def test_any_script_reaches_the_api_as_it_was_written(words):
    text = text_of({}, {}, {words: words})

    assert json.loads(text)["storyboard_payload"] == {words: words}
    assert "\\u" not in text.replace("\\u0000", "").replace("\\u001f", "")
    assert text.encode()


def test_key_order_inside_the_documents_stays():
    keys = [f"key {number * 7919 % 101}" for number in range(30)]
    document = dict.fromkeys(keys, 1)

    prompt = build_prompt({"global_aesthetic": document}, {}, document, limit=10_000)

    assert list(json.loads(prompt.text)["global_aesthetic"]) == keys
    assert list(json.loads(prompt.text)["storyboard_payload"]) == keys


# -- the estimate ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("灯", 1), ("灯灯abcd", 3), ("a  \n\t b", 1)],
)
def test_token_estimate(text, tokens):
    assert estimate_tokens(text) == tokens


TEXTS = [RICH, "x" * 500, "灯" * 300, "\u2028" * 10, "Who lit the lamp? " * 40, "🏮 " * 50]


@pytest.mark.parametrize("text", TEXTS)
def test_more_text_is_never_estimated_as_fewer_tokens(text):
    estimates = [estimate_tokens(text[:end]) for end in range(len(text) + 1)]

    assert estimates == sorted(estimates)


@pytest.mark.parametrize("text", TEXTS)
def test_white_space_beyond_one_costs_nothing(text):
    assert estimate_tokens(text.replace(" ", "    ")) == estimate_tokens(text)
    assert estimate_tokens(f"\n\n{text}\n") == estimate_tokens(text)


def test_text_without_white_space_never_takes_more_tokens():
    assert build_prompt(VISUAL, AUDIO, PAYLOAD, limit=0).tokens <= estimate_tokens(RICH)
