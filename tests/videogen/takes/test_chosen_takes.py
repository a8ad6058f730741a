"""Which take stands for a shot."""

from __future__ import annotations

import pytest

from tests.support.factories import make_render, make_shot, make_story, shots_of
from videogen.models import VideoRender
from videogen.takes.chosen_takes import TakeRule, find_chosen_takes

pytestmark = pytest.mark.django_db

State, Review, Kind = VideoRender.State, VideoRender.Review, VideoRender.Kind


def make_take(shot, number, review=Review.UNREVIEWED, **values):
    return make_render(shot, State.DONE, take=number, review=review, **values)


@pytest.mark.parametrize(
    ("reviews", "best", "selected", "approved"),
    [
        ([Review.UNREVIEWED, Review.UNREVIEWED], 2, None, None),
        ([Review.UNREVIEWED, Review.REJECTED], 1, None, None),
        ([Review.SELECTED, Review.UNREVIEWED], 1, 1, None),
        ([Review.APPROVED, Review.UNREVIEWED], 1, 1, 1),
        ([Review.REJECTED], None, None, None),
        ([], None, None, None),
    ],
)
def test_the_rules(reviews, best, selected, approved):
    shot = make_shot()
    for number, review in enumerate(reviews, start=1):
        make_take(shot, number, review)

    found = {
        rule: getattr(find_chosen_takes([shot], rule).get(shot.pk), "take", None)
        for rule in TakeRule
    }

    assert found == {
        TakeRule.BEST: best, TakeRule.SELECTED: selected, TakeRule.APPROVED: approved
    }  # fmt: skip


def test_what_has_no_video_stands_for_nothing():
    shot = make_shot()
    make_render(shot, State.FAILED)
    make_render(shot, State.REHEARSED, kind=Kind.REHEARSAL)

    assert find_chosen_takes([shot]) == {}


def test_simulated_takes_count_only_with_the_simulator(settings):
    shot = make_shot()
    real = make_take(shot, 1, is_simulated=False)
    simulated = make_take(shot, 2, is_simulated=True)

    settings.VIDEO_BACKEND = "simulator"
    assert find_chosen_takes([shot]) == {shot.pk: simulated}
    settings.VIDEO_BACKEND = "gemini"
    assert find_chosen_takes([shot]) == {shot.pk: real}


def test_all_shots_of_a_story_take_one_query(django_assert_num_queries):
    shots = shots_of(make_story(shots=5))
    for shot in shots:
        make_take(shot, 1)

    with django_assert_num_queries(1):
        assert len(find_chosen_takes(shots)) == 5
