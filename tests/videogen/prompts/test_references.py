from __future__ import annotations

import hashlib

import pytest

from videogen.prompts.references import (
    BrokenPin,
    ChosenReference,
    DropCode,
    Dropped,
    StoredPicture,
    list_candidates,
    pick_references,
)

SHEET_KEY = "character_model_sheet_image_path"
ROOM_KEY = "environment_reference_image_path"


def stored(path, content=None, problem=""):
    """A picture; the same content is the same picture under whatever path."""
    content = path if content is None else content
    return StoredPicture(
        path=path,
        file="" if problem else f"story/pictures/{path}",
        mime_type="" if problem else "image/png",
        byte_size=0 if problem else len(content),
        sha256="" if problem else hashlib.sha256(content.encode()).hexdigest(),
        problem=problem,
    )


def select(
    characters=(),
    environments=(),
    key_frames=(),
    *,
    problems=None,
    same=None,
    choices=(),
    **options,
):
    """What goes along with a shot that names these designs. `problems` and `same`: by path, what is
    wrong with a picture and which content it has."""
    problems, same = problems or {}, same or {}
    visual = {
        "character_designs": [
            {"character_id": each, SHEET_KEY: f"/generated/{each}.png"} for each in characters
        ],
        "environment_designs": [
            {"environment_id": each, ROOM_KEY: f"{each}.png"} for each in environments
        ],
    }
    payload = {
        "referencedDesigns": {"characters": list(characters), "environments": list(environments)}
    }
    pictures = {
        path: stored(path, same.get(path), problems.get(path, ""))
        for path in [f"{each}.png" for each in (*characters, *environments, *key_frames)]
    }
    candidates, warnings = list_candidates(
        visual, payload, [pictures[f"{each}.png"] for each in key_frames], pictures
    )
    assert warnings == []
    return pick_references(candidates, choices, **options)


def names(references):
    return [f"{each.kind} {each.id}" for each in references]


QUOTA = {
    "0 characters": ("", "", "", "", ""),
    "1 character": ("a", "", "", "a", ""),
    "2 characters, 1 environment": ("ab", "x", "", "abx", ""),
    "2 characters, 1 environment, key frames": ("ab", "x", "12", "abx", "12"),
    "3 characters, 2 environments": ("abc", "xy", "1", "abc", "xy1"),
    "4 characters": ("abcd", "x", "1", "abc", "dx1"),
    "5 characters": ("abcde", "xy", "12", "abc", "dexy12"),
    "1 character, 1 environment, key frames": ("a", "x", "123", "ax1", "23"),
    "only environments": ("", "wxyz", "", "wxy", "z"),
    "only key frames": ("", "", "1234", "123", "4"),
    "the shot's order, not the alphabet's": ("ba", "yx", "", "bay", "x"),
}


@pytest.mark.parametrize(
    ("characters", "environments", "frames", "picked", "dropped"),
    QUOTA.values(),
    ids=QUOTA.keys(),
)
def test_priority_and_quota(characters, environments, frames, picked, dropped):
    selection = select(characters, environments, frames)

    assert "".join(each.path[-5] for each in selection.picks) == picked
    assert "".join(each.path[-5] for each in selection.dropped) == dropped
    assert selection.warnings == selection.broken == ()


def test_a_pick_is_told_with_all_that_is_sent():
    (pick,) = select("a").picks

    assert pick.as_dict() == {
        "kind": "character",
        "id": "a",
        "path": "story/pictures/a.png",
        "mime_type": "image/png",
        "bytes": 5,
        "sha256": hashlib.sha256(b"a.png").hexdigest(),
    }


def test_what_the_quota_dropped_is_told_with_the_reason():
    (dropped,) = select("abc", "x").dropped

    assert dropped.as_dict() == {
        "kind": "environment",
        "id": "x",
        "path": "story/pictures/x.png",
        "code": "over_limit",
        "params": {"limit": 3},
    }
    assert Dropped.read(dropped.as_dict()) == dropped
    assert dropped.reason == "only 3 reference images can be sent"


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ({"reason": "only {n} can be sent"}, "only {n} can be sent"),
        ({"code": "of a newer version", "params": {}}, "of a newer version"),
        ({"code": "over_limit", "params": {}}, "over_limit"),
        ({"code": "over_limit"}, "over_limit"),
        ({}, ""),
    ],
)
def test_a_dropped_picture_of_an_older_or_newer_row_is_read_all_the_same(stored, reason):
    dropped = Dropped.read({"kind": "key_frame", "id": "1", "path": "x.png", **stored})

    assert (dropped.kind, dropped.id, dropped.path) == ("key_frame", "1", "x.png")
    assert (dropped.code, dropped.reason) == (DropCode.TEXT, reason)


@pytest.mark.parametrize(
    ("characters", "environments", "frames", "same", "picked", "twice"),
    [
        ("ab", "x", "1", {"b.png": "a.png"}, "ax1", "character b"),
        ("a", "x", "12", {"x.png": "a.png"}, "a12", "environment x"),
        ("a", "x", "12", {"1.png": "x.png"}, "ax2", "key frame 1"),
        ("abc", "x", "", {"x.png": "c.png"}, "abc", "environment x"),
        ("abcde", "", "", {"e.png": "d.png"}, "abc", "character e"),
    ],
)
def test_the_same_content_is_sent_once(characters, environments, frames, same, picked, twice):
    selection = select(characters, environments, frames, same=same)

    assert "".join(each.path[-5] for each in selection.picks) == picked
    (warning,) = selection.warnings
    assert f"{twice} is the same picture as" in warning
    assert twice[-1] not in "".join(each.path[-5] for each in selection.dropped)


def test_an_unusable_picture_is_left_out_with_a_warning_and_the_next_moves_up():
    problem = "This is a WebP file whatever its name says. Save it as PNG or JPEG."

    selection = select("ab", "x", "12", problems={"a.png": problem})

    assert names(selection.picks) == ["character b", "environment x", "key_frame 1"]
    assert names(selection.dropped) == ["key_frame 2"]
    assert selection.warnings == (f"The model sheet of character a is left out: {problem}",)


def test_unusable_pictures_are_not_dropped_ones():
    selection = select("abcd", problems={"d.png": "The file is empty."})

    assert selection.dropped == ()
    assert len(selection.warnings) == 1


# -- a person's word -------------------------------------------------------------------------------


def pin(kind, reference_id, position=1):
    return ChosenReference(kind, reference_id, "pinned", position)


def leave_out(kind, reference_id):
    return ChosenReference(kind, reference_id, "left_out")


CHOICES = {
    "a pinned key frame goes first": (
        [pin("key_frame", "2")],
        ["key_frame 2", "character a", "character b"],
    ),
    "pins in their order": (
        [pin("environment", "x", 2), pin("key_frame", "1", 1)],
        ["key_frame 1", "environment x", "character a"],
    ),
    "pins fill the quota": (
        [pin("key_frame", "1", 1), pin("key_frame", "2", 2), pin("environment", "x", 3)],
        ["key_frame 1", "key_frame 2", "environment x"],
    ),
    "left out": ([leave_out("character", "a")], ["character b", "environment x", "key_frame 1"]),
    "all but one left out": (
        [
            leave_out("character", "a"),
            leave_out("character", "b"),
            leave_out("key_frame", "1"),
            leave_out("key_frame", "2"),
        ],
        ["environment x"],
    ),
    "left out what is not there": (
        [leave_out("character", "zoe")],
        ["character a", "character b", "environment x"],
    ),
    "the same id of another kind is another reference": (
        [leave_out("environment", "a")],
        ["character a", "character b", "environment x"],
    ),
}


@pytest.mark.parametrize(("choices", "expected"), CHOICES.values(), ids=CHOICES.keys())
def test_a_person_can_pin_reorder_and_leave_out(choices, expected):
    selection = select("ab", "x", "12", choices=choices)

    assert names(selection.picks) == expected
    assert selection.broken == ()
    told = names(selection.picks) + names(selection.dropped)
    left_out = [f"{each.kind} {each.id}" for each in choices if each.choice == "left_out"]
    assert not set(told) & set(left_out)
    assert len(told) == len(set(told))


@pytest.mark.parametrize(
    ("choice", "problems", "words", "problem"),
    [
        (pin("character", "zoe"), {}, "model sheet of character zoe", ""),
        (pin("key_frame", "3"), {}, "key frame 3", ""),
        (
            pin("environment", "x"),
            {"x.png": "The file is empty."},
            "reference image of environment x",
            "The file is empty.",
        ),
    ],
)
def test_a_broken_pin_is_named(choice, problems, words, problem):
    selection = select("ab", "x", "12", problems=problems, choices=[choice])

    assert selection.broken == (BrokenPin(choice.kind, choice.id, problem),)
    assert selection.broken[0].words == words


def test_a_fourth_pin_is_dropped_like_any_other():
    choices = [pin("key_frame", str(number), number) for number in (1, 2, 3, 4)]

    selection = select("a", "", "1234", choices=choices)

    assert names(selection.picks) == ["key_frame 1", "key_frame 2", "key_frame 3"]
    assert names(selection.dropped) == ["key_frame 4", "character a"]


def test_key_frames_can_be_turned_off():
    selection = select("a", "", "12", use_key_frames=False)

    assert names(selection.picks) == ["character a"]
    assert selection.dropped == ()


def test_a_pinned_key_frame_is_used_although_key_frames_are_off():
    selection = select("a", "", "12", use_key_frames=False, choices=[pin("key_frame", "2")])

    assert names(selection.picks) == ["key_frame 2", "character a"]


# -- candidates ----------------------------------------------------------------------------------


def test_designs_without_a_picture_are_warned_of():
    visual = {
        "character_designs": [{"character_id": "a", SHEET_KEY: None}, {"character_id": "b"}],
        "environment_designs": [{"environment_id": "x", ROOM_KEY: ["x.png"]}],
    }
    payload = {"referencedDesigns": {"characters": ["a", "b", "zoe"], "environments": ["x", "y"]}}

    candidates, warnings = list_candidates(visual, payload, [], {})

    assert candidates == []
    assert warnings == [
        "There is no model sheet of character a.",
        "There is no model sheet of character b.",
        "There is no reference image of environment x.",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "lamp/ada.png",
        "/lamp/ada.png",
        "generated/lamp/ada.png",
        "/generated/lamp/ada.png",
        "apps/story-tree-ui/public/generated/lamp/ada.png",
        "lamp\\ada.png",
    ],
)
def test_a_path_finds_its_picture_however_the_exporter_wrote_it(path):
    visual = {"character_designs": [{"character_id": "a", SHEET_KEY: path}]}
    payload = {"referencedDesigns": {"characters": ["a"]}}
    picture = stored("lamp/ada.png")

    (candidate,), _ = list_candidates(visual, payload, [], {"lamp/ada.png": picture})

    assert candidate.picture == picture
    assert candidate.problem == ""


def test_a_path_without_a_picture_has_a_problem_that_names_it():
    visual = {"character_designs": [{"character_id": "a", SHEET_KEY: "gone.png"}]}
    payload = {"referencedDesigns": {"characters": ["a"]}}

    (candidate,), _ = list_candidates(visual, payload, [], {})

    assert candidate.picture is None
    assert "“gone.png” was not imported" in candidate.problem


def test_a_design_is_a_candidate_once_and_the_first_of_an_id_counts():
    visual = {
        "character_designs": [
            {"character_id": "a", SHEET_KEY: "first.png"},
            {"character_id": "a", SHEET_KEY: "second.png"},
        ]
    }
    payload = {"referencedDesigns": {"characters": ["a", "a"]}}
    pictures = {name: stored(name) for name in ("first.png", "second.png")}

    candidates, _ = list_candidates(visual, payload, [], pictures)

    assert [each.path for each in candidates] == ["first.png"]


def test_the_order_is_the_shots_order_not_the_documents():
    visual = {
        "character_designs": [
            {"character_id": each, SHEET_KEY: f"{each}.png"} for each in ("a", "b", "c")
        ]
    }
    payload = {"referencedDesigns": {"characters": ["c", "a", "b"]}}
    pictures = {f"{each}.png": stored(f"{each}.png") for each in "abc"}

    candidates, _ = list_candidates(visual, payload, [], pictures)

    assert [each.id for each in candidates] == ["c", "a", "b"]
