from __future__ import annotations

import json

from videogen.models import VideoRender
from videogen.planning.request_diff import ReferenceChange, SettingChange, differences


def render(prompt=None, references=(), **values):
    return VideoRender(
        **{
            "prompt_text": json.dumps({"a": 1} if prompt is None else prompt),
            "references": list(references),
            "backend": "gemini",
            "model": "veo-3.1-generate-preview",
            "aspect_ratio": "16:9",
            "resolution": "1080p",
            "duration_seconds": 8,
        }
        | values
    )


def pick(name, sha, kind="character"):
    return {"kind": kind, "id": name, "path": f"pictures/{sha}/{name}.png", "sha256": sha}


ADA, BEN, ATTIC = pick("ada", "1a"), pick("ben", "2b"), pick("attic", "3c", "environment")


def lines(new, old):
    marks = {"same": " ", "added": "+", "removed": "-"}
    return [f"{marks[kind]}{text}" for kind, text in differences(new, old).prompt]


# -- the prompt ------------------------------------------------------------------------------------


def test_the_same_request_differs_in_nothing():
    found = differences(render(references=[ADA]), render(references=[ADA]))

    assert not found
    assert (found.prompt, found.references, found.settings) == ((), (), ())


def test_changed_lines_are_told_with_what_is_around_them():
    old = render({"look": "ink", "payload": {"framing": "wide", "line": "Who?"}})
    new = render({"look": "ink", "payload": {"framing": "close", "line": "Who?"}})

    assert lines(new, old) == [
        " {",
        '   "look": "ink",',
        '   "payload": {',
        '-    "framing": "wide",',
        '+    "framing": "close",',
        '     "line": "Who?"',
        "   }",
        " }",
    ]


def test_long_unchanged_stretches_are_folded():
    before = {f"a{number}": number for number in range(20)}
    after = {f"z{number}": number for number in range(20)}

    found = lines(render({**before, "b": 2, **after}), render({**before, "b": 1, **after}))

    assert found == [
        " … 18 unchanged lines",
        '   "a17": 17,',
        '   "a18": 18,',
        '   "a19": 19,',
        '-  "b": 1,',
        '+  "b": 2,',
        '   "z0": 0,',
        '   "z1": 1,',
        '   "z2": 2,',
        " … 18 unchanged lines",
    ]


def test_between_two_changes_only_the_middle_is_folded():
    middle = {f"m{number}": number for number in range(10)}

    found = lines(
        render({"a": 2, **middle, "z": 2}),
        render({"a": 1, **middle, "z": 1}),
    )

    assert [line for line in found if "unchanged" in line] == [" … 4 unchanged lines"]
    assert found.index(" … 4 unchanged lines") == 6


def test_a_fold_that_saves_nothing_is_not_made():
    middle = {f"m{number}": number for number in range(8)}

    found = lines(render({"a": 2, **middle, "z": 2}), render({"a": 1, **middle, "z": 1}))

    assert not [line for line in found if "unchanged" in line]


def test_white_space_of_the_prompt_is_no_difference():
    document = {"a": [1, 2], "b": "ä"}

    compact = render(prompt_text=json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    wide = render(prompt_text=json.dumps(document, ensure_ascii=False, indent=4))

    assert not differences(compact, wide)


def test_the_order_of_keys_is_a_difference():
    assert lines(render({"a": 1, "b": 2}), render({"b": 2, "a": 1}))


def test_a_prompt_that_is_no_json_is_compared_as_text():
    found = lines(render(prompt_text="A fox.\nAt night."), render(prompt_text="A fox.\nAt noon."))

    assert found == [" A fox.", "-At noon.", "+At night."]


# -- references ------------------------------------------------------------------------------------


def changes(new, old):
    return list(differences(render(references=new), render(references=old)).references)


def test_references_come_and_go():
    assert changes([ADA, ATTIC], [ADA, BEN]) == [
        ReferenceChange("added", "environment", "attic", path=ATTIC["path"]),
        ReferenceChange("removed", "character", "ben", old_path=BEN["path"]),
    ]


def test_another_picture_of_the_same_character_is_a_change():
    redrawn = pick("ada", "9f")

    assert changes([redrawn, ATTIC], [ADA, ATTIC]) == [
        ReferenceChange("changed", "character", "ada", redrawn["path"], ADA["path"])
    ]


def test_the_same_bytes_are_the_same_picture_wherever_they_lie():
    assert changes([{**ADA, "path": "elsewhere.png"}], [ADA]) == []


def test_another_order_is_a_difference_of_its_own():
    found = differences(render(references=[ATTIC, ADA]), render(references=[ADA, ATTIC]))

    assert found and found.is_reordered
    assert found.references == ()


def test_one_more_in_front_is_no_other_order():
    assert not differences(
        render(references=[BEN, ADA, ATTIC]), render(references=[ADA, ATTIC])
    ).is_reordered


# -- settings --------------------------------------------------------------------------------------


def test_settings_that_changed_are_named():
    new = render(model="veo-3.1-fast-generate-preview", resolution="720p", duration_seconds=6)

    assert differences(new, render()).settings == (
        SettingChange("model", "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"),
        SettingChange("resolution", "1080p", "720p"),
        SettingChange("seconds", "8", "6"),
    )


def test_another_way_and_other_wishes_are_named():
    new = render(model="veo-3.1-generate-001", route="vertex", backend="vertex", seed=0)
    old = render(negative_prompt="rain", person_generation="allow_adult")

    assert differences(new, old).settings == (
        SettingChange("backend", "gemini", "vertex"),
        SettingChange("route", "gemini", "vertex"),
        SettingChange("model", "veo-3.1-generate-preview", "veo-3.1-generate-001"),
        SettingChange("seed", "", "0"),
        SettingChange("negative prompt", "rain", ""),
        SettingChange("person generation", "allow_adult", ""),
    )


def test_a_video_without_a_request_differs_in_nothing():
    upload = VideoRender(kind="upload", duration_seconds=3)

    assert not differences(upload, render(references=[ADA]))
    assert not differences(render(references=[ADA]), upload)
