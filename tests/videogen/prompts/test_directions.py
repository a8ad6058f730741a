"""Directions of the team: where they stand in a prompt, what they change, and who wrote which."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from storybook.models import Shot
from tests.support.factories import make_shot, make_story, shots_of
from tests.support.takes import make_take
from videogen.common.errors import RequestError
from videogen.models import Direction, RenderBatch
from videogen.planning.outdated import find_changes
from videogen.planning.plan import plan_shots
from videogen.prompts.directions import (
    DirectionPlace,
    add_direction,
    reword_direction,
    switch_off_direction,
    switch_on_direction,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def author():
    return User.objects.create_user("maker")


def planned(shot, mode=RenderBatch.Mode.OVERRIDE):
    return plan_shots(shot.scenelet.story, Shot.objects.filter(pk=shot.pk), mode)


def prompt_of(shot):
    [row] = planned(shot).rows
    return row.prompt


def test_directions_stand_before_the_critical_instruction_from_the_story_to_the_shot(author):
    shot = make_shot()
    story = shot.scenelet.story
    add_direction(DirectionPlace.of_shot(shot), "Her hat stays on.", author)
    add_direction(DirectionPlace(story, scenelet=shot.scenelet), "Dusk.", author)
    add_direction(DirectionPlace(story), "Hand-held camera.", author)
    add_direction(DirectionPlace(story), "No lens flares.", author)

    document = json.loads(prompt_of(shot).text)

    assert list(document)[-3:] == ["storyboard_payload", "director_notes", "critical_instruction"]
    assert document["director_notes"] == [
        "Hand-held camera.",
        "No lens flares.",
        "Dusk.",
        "Her hat stays on.",
    ]


def test_without_directions_the_prompt_is_byte_for_byte_what_it_was(author):
    shot = make_shot()
    before = prompt_of(shot).text

    written = add_direction(DirectionPlace.of_shot(shot), "Her hat stays on.", author)
    with_it = prompt_of(shot).text
    switch_off_direction(written, author)

    assert "director_notes" not in before
    assert with_it != before
    assert prompt_of(shot).text == before


def test_a_direction_concerns_no_other_scenelet_shot_or_story(author):
    story = make_story("many", scenelets=("here", "elsewhere"), shots=2)
    shot, sibling, elsewhere, _ = shots_of(story).select_related("scenelet__story")
    other = make_shot(story_id="another")
    add_direction(DirectionPlace.of_shot(shot), "Only here.", author)
    add_direction(DirectionPlace(story, scenelet=shot.scenelet), "In the scenelet.", author)

    notes = [
        prompt_of(each).document.get("director_notes") for each in (shot, sibling, elsewhere, other)
    ]

    assert notes == [["In the scenelet.", "Only here."], ["In the scenelet."], None, None]


def test_a_plan_asks_the_database_once_for_all_directions(author):
    story = make_story("many", shots=3)
    shots = list(shots_of(story).select_related("scenelet__story"))
    counts = []
    for number in (1, 3):
        for shot in shots[:number]:
            add_direction(DirectionPlace.of_shot(shot), f"Note {number}.", author)
        with CaptureQueriesContext(connection) as seen:
            plan_shots(story, shots_of(story), RenderBatch.Mode.DEFAULT)
        counts.append(len(seen))

    assert counts[0] == counts[1]


def test_a_direction_makes_a_chosen_take_out_of_date_and_another_plan(author):
    shot = make_shot()
    take = make_take(shot, review="selected")
    seen = planned(shot).fingerprint
    assert not find_changes(shot.scenelet.story, [take.pk])

    written = add_direction(DirectionPlace.of_shot(shot), "Her hat stays on.", author)

    [change] = find_changes(shot.scenelet.story, [take.pk])
    added = [line.text for line in change.differences.prompt if line.kind == "added"]
    assert any("Her hat stays on." in text for text in added)
    assert planned(shot).fingerprint != seen
    switch_off_direction(written, author)
    assert planned(shot).fingerprint == seen
    assert not find_changes(shot.scenelet.story, [take.pk])


def test_a_take_of_the_same_request_is_no_repeat_once_there_is_a_direction(author):
    shot = make_shot()
    make_take(shot)
    assert planned(shot).rows[0].same

    add_direction(DirectionPlace.of_shot(shot), "Her hat stays on.", author)

    assert planned(shot).rows[0].same is None


def test_a_direction_counts_for_the_token_gate(author, settings):
    shot = make_shot()
    settings.VIDEO_PROMPT_LIMIT_BLOCKS = True
    request = planned(shot).request
    add_direction(DirectionPlace.of_shot(shot), "Hat. " * 90, author)
    for number in range(12):
        add_direction(DirectionPlace.of_shot(shot), f"{number} " + "Hat. " * 90, author)

    [row] = planned(shot).rows

    assert row.prompt is None or row.prompt.tokens > request.prompt_limit
    assert row.decision.action == "blocked"


def test_rewording_keeps_the_place_in_the_order_and_the_old_words(author):
    other = User.objects.create_user("other")
    shot = make_shot()
    place = DirectionPlace.of_shot(shot)
    first = add_direction(place, "One.", author)
    add_direction(place, "Two.", author)

    reword_direction(first, "  One,\nin other words. ", other)

    assert prompt_of(shot).document["director_notes"] == ["One, in other words.", "Two."]
    old, _, new = Direction.objects.order_by("pk")
    assert (old.text, old.author_name, old.switched_off_by_name) == ("One.", "maker", "other")
    assert (new.replaces, new.author_name) == (old, "other")


def test_switching_on_again_is_a_row_of_its_own(author):
    shot = make_shot()
    written = add_direction(DirectionPlace.of_shot(shot), "One.", author)
    switch_off_direction(written, author)

    again = switch_on_direction(written, author)

    assert again.replaces == written
    assert prompt_of(shot).document["director_notes"] == ["One."]
    with pytest.raises(RequestError) as refused:
        switch_on_direction(written, author)
    assert refused.value.code == "direction_exists"


def test_of_two_who_change_a_direction_the_second_one_is_told(author):
    shot = make_shot()
    written = add_direction(DirectionPlace.of_shot(shot), "One.", author)
    stale = Direction.objects.get(pk=written.pk)
    switch_off_direction(written, author)

    for change in (
        lambda: switch_off_direction(stale, author),
        lambda: reword_direction(stale, "Two.", author),
    ):
        with pytest.raises(RequestError) as refused:
            change()
        assert refused.value.code == "changed"

    assert Direction.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "direction_empty"),
        (" \n ", "direction_empty"),
        ("x" * 501, "direction_long"),
        ("a\0b", "direction_unprintable"),
        ("a\u202eb", "direction_unprintable"),
        ("a\ud800b", "direction_unprintable"),
    ],
)
def test_words_that_no_prompt_can_have_are_refused(author, text, code):
    place = DirectionPlace.of_shot(make_shot())

    with pytest.raises(RequestError) as refused:
        add_direction(place, text, author)

    assert refused.value.code == code
    assert not Direction.objects.exists()


def test_the_same_words_twice_in_one_place_are_refused(author):
    place = DirectionPlace.of_shot(make_shot())
    add_direction(place, "One.", author)

    with pytest.raises(RequestError) as refused:
        add_direction(place, " One. ", author)

    assert refused.value.code == "direction_exists"
