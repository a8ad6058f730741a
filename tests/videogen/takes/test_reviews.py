from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from tests.support.beside import beside
from tests.support.factories import make_render, make_shot
from videogen.common.errors import ReviewError
from videogen.models import ShotStanding, VideoRender
from videogen.takes.reviews import (
    approve_take,
    clear_review,
    lock_shot,
    reject_take,
    select_take,
    unlock_take,
)

pytestmark = pytest.mark.django_db

State = VideoRender.State


@pytest.fixture
def user():
    return User.objects.create_user("mira")


@pytest.fixture
def shot():
    return make_shot()


@pytest.fixture
def takes(shot):
    return [make_render(shot, State.DONE) for _ in range(3)]


def reviews(takes):
    return [VideoRender.objects.get(pk=take.pk).review for take in takes]


def take_in_use(shot):
    """As the story's pages have it."""
    return ShotStanding.objects.get(shot=shot, counts_simulated=True).used_take


def refusal(act, *arguments):
    with pytest.raises(ReviewError) as caught:
        act(*arguments)
    return caught.value


def test_selecting_makes_it_the_shots_take_and_says_who(takes, user, shot):
    select_take(takes[0], user)

    take = take_in_use(shot)
    assert take == takes[0]
    assert (take.review, take.reviewed_by, take.reviewed_by_name) == ("selected", user, "mira")
    assert take.reviewed_at
    assert takes[0].review == "selected", "what the caller has in hand is up to date"


def test_selecting_another_puts_the_former_one_back(takes, user, shot):
    select_take(takes[0], user)

    select_take(takes[2], user)

    assert reviews(takes) == ["unreviewed", "unreviewed", "selected"]
    former = VideoRender.objects.get(pk=takes[0].pk)
    assert (former.reviewed_at, former.reviewed_by, former.reviewed_by_name) == (None, None, "")


def test_selecting_twice_changes_nothing(takes, user):
    select_take(takes[0], user)
    at = takes[0].reviewed_at

    select_take(takes[0], User.objects.create_user("jo"))

    take = VideoRender.objects.get(pk=takes[0].pk)
    assert (take.reviewed_at, take.reviewed_by_name) == (at, "mira")


def test_approving_selects_and_locks(takes, user, shot):
    select_take(takes[0], user)

    approve_take(takes[1], user)

    assert reviews(takes) == ["unreviewed", "approved", "unreviewed"]
    assert take_in_use(shot) == takes[1]


def test_approving_twice_is_no_error(takes, user):
    approve_take(takes[1], user)

    approve_take(takes[1], user)

    assert reviews(takes)[1] == "approved"


@pytest.mark.parametrize("act", [select_take, approve_take])
def test_no_other_take_while_one_is_approved(takes, user, act):
    approve_take(takes[1], user)

    error = refusal(act, takes[0], user)

    assert error.sentence == "Take 2 is approved: unlock it first."
    assert error.code == "approved"
    assert reviews(takes) == ["unreviewed", "approved", "unreviewed"]


@pytest.mark.parametrize(
    ("act", "arguments"), [(reject_take, ["too dark"]), (clear_review, []), (select_take, [])]
)
def test_an_approved_take_stays_until_it_is_unlocked(takes, user, act, arguments):
    approve_take(takes[1], user)

    error = refusal(act, takes[1], user, *arguments)

    assert error.sentence == "Take 2 is approved: unlock it first."
    assert reviews(takes)[1] == "approved"


def test_an_unlocked_take_stays_selected(takes, user, shot):
    approve_take(takes[1], user)

    unlock_take(takes[1], user)

    assert reviews(takes) == ["unreviewed", "selected", "unreviewed"]
    assert take_in_use(shot) == takes[1]


def test_only_an_approved_take_is_unlocked(takes, user):
    select_take(takes[0], user)

    assert refusal(unlock_take, takes[0], user).sentence == "Take 1 is not approved."


def test_rejecting_keeps_the_reason_and_leaves_no_selected_take(takes, user, shot):
    select_take(takes[0], user)

    reject_take(takes[0], user, "  the lamp flickers\n")

    take = VideoRender.objects.get(pk=takes[0].pk)
    assert (take.review, take.review_reason) == ("rejected", "the lamp flickers")
    assert take.reviewed_by == user
    assert take_in_use(shot) is None


def test_other_takes_may_be_rejected_beside_an_approved_one(takes, user):
    approve_take(takes[1], user)

    reject_take(takes[0], user, "too dark")

    assert reviews(takes) == ["rejected", "approved", "unreviewed"]


def test_a_rejected_take_may_be_selected_after_all(takes, user):
    reject_take(takes[0], user, "too dark")

    select_take(takes[0], user)

    take = VideoRender.objects.get(pk=takes[0].pk)
    assert (take.review, take.review_reason) == ("selected", "")


@pytest.mark.parametrize("act", [select_take, lambda take, user: reject_take(take, user, "dark")])
def test_undoing_leaves_no_trace(takes, user, act):
    act(takes[0], user)

    clear_review(takes[0], user)

    take = VideoRender.objects.get(pk=takes[0].pk)
    assert (take.review, take.review_reason) == ("unreviewed", "")
    assert (take.reviewed_at, take.reviewed_by, take.reviewed_by_name) == (None, None, "")


@pytest.mark.parametrize("state", [State.FAILED, State.RUNNING, State.NOT_DOWNLOADED])
@pytest.mark.parametrize(
    ("act", "arguments"),
    [
        (select_take, []),
        (approve_take, []),
        (unlock_take, []),
        (reject_take, ["too dark"]),
        (clear_review, []),
    ],
)
def test_without_a_video_there_is_nothing_to_review(shot, user, state, act, arguments):
    render = make_render(shot, state)

    error = refusal(act, render, user, *arguments)

    assert error.code == "no_video"
    assert reviews([render]) == ["unreviewed"]


def test_what_is_true_now_counts_and_not_what_the_caller_had_read(takes, user):
    old = VideoRender.objects.get(pk=takes[0].pk)
    approve_take(takes[0], user)

    error = refusal(reject_take, old, user, "too dark")

    assert error.code == "approved"
    assert reviews(takes)[0] == "approved"


def test_each_shot_has_a_selected_take_of_its_own(takes, user, shot):
    other = make_render(make_shot(story_id="other"), State.DONE)
    approve_take(takes[0], user)

    select_take(other, user)

    assert reviews([takes[0], other]) == ["approved", "selected"]
    assert take_in_use(other.shot) == other


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_take_that_is_finished_does_not_wait_for_a_review_of_its_shot():
    """The review waits for the shot's status, which the new take changes: that is a deadlock if the
    new take has to wait for the shot."""
    shot = make_shot()
    render = make_render(shot, State.DOWNLOADING)

    with transaction.atomic():
        lock_shot(shot.pk)
        worker = beside(lambda: render.move(State.DOWNLOADING, State.NOT_DOWNLOADED))
        waits = worker.waits_for_a_lock()

    assert worker.result()
    assert not waits
