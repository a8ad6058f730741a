"""What changes a render's state, and what must not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Case, Value
from django.utils import timezone

from tests.support.factories import (
    force,
    make_render,
    make_shot,
    make_story,
    make_submission,
    shots_of,
)
from videogen.models import ShotStanding, Submission, VideoRender

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State
Outcome = Submission.Outcome

LINK = "https://example.org/clip.mp4"


def stored(render):
    return VideoRender.objects.get(pk=render.pk)


# -- a plain UPDATE --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.CANCELLED},
        {"review": "rejected"},
        {"take": 7},
        {"is_simulated": False},
        {"error_code": "x", "state": State.CANCELLED},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_update_refuses_what_other_tables_are_derived_from(changes):
    render = make_render(make_shot(), State.DONE)
    before = VideoRender.objects.values().get()

    with pytest.raises(ValueError, match=r"by transition\(\) or move\(\)"):
        VideoRender.objects.filter(pk=render.pk).update(**changes)

    assert VideoRender.objects.values().get() == before


@pytest.mark.parametrize(
    ("name", "value"), [("state", State.RUNNING), ("review", "rejected"), ("take", 7)]
)
def test_bulk_update_refuses_them_too(name, value):
    render = make_render(make_shot(), State.QUEUED, operation_name="op")
    setattr(render, name, value)

    with pytest.raises(ValueError, match=name), transaction.atomic():
        VideoRender.objects.bulk_update([render], [name])

    assert (stored(render).state, stored(render).ended_at) == (State.QUEUED, None)


def test_other_columns_are_updated_as_ever():
    render = make_render(make_shot(), State.RUNNING)
    render.poll_failures = 2

    assert VideoRender.objects.update(error_code="x") == 1
    VideoRender.objects.bulk_update([render], ["poll_failures"])

    assert (stored(render).error_code, stored(render).poll_failures) == ("x", 2)


def test_a_transition_keeps_in_step_what_is_derived():
    render = make_render(make_shot(), State.UNKNOWN, touched_ago=60)
    before = timezone.now()

    assert VideoRender.objects.filter(state=State.UNKNOWN).transition(state=State.FAILED) == 1

    row = stored(render)
    assert (row.state, row.actual_cost_usd) == (State.FAILED, 0)
    assert row.state_since >= before
    assert row.ended_at >= before
    assert ShotStanding.objects.get(counts_simulated=True).badge == "failed"


def stale_standings():
    ShotStanding.objects.update(badge="ready", takes=9)


def standings():
    return list(
        ShotStanding.objects.filter(counts_simulated=True).order_by("shot").values_list("badge")
    )


@pytest.mark.parametrize(
    "changes", [{"state": State.SUBMITTING}, {"take": 1}, {"state": State.QUEUED, "take": 2}]
)
def test_a_shots_status_is_not_derived_again_while_its_render_stays_open(changes):
    make_render(make_shot(), State.RUNNING)
    stale_standings()

    VideoRender.objects.transition(**changes)

    assert standings() == [("ready",)]


@pytest.mark.parametrize("changes", [{"state": State.RUNNING}, {"state": State.FAILED}])
def test_a_shots_status_is_derived_for_those_that_end_or_begin_again(changes):
    """The first shot's render runs, the second one's was interrupted. Where both run afterwards,
    the first one has neither ended nor begun again."""
    story = make_story(shots=2)
    for shot, state in zip(shots_of(story), (State.RUNNING, State.INTERRUPTED), strict=True):
        make_render(shot, state)
    stale_standings()

    VideoRender.objects.transition(**changes)

    ends = changes["state"] == State.FAILED
    assert standings() == [("failed" if ends else "ready",), ("failed" if ends else "generating",)]


@pytest.mark.parametrize("changes", [{"take": 2}, {"review": "approved"}, {"is_simulated": False}])
def test_a_shots_status_is_derived_where_a_take_changes(changes):
    render = make_render(make_shot(), State.DONE, take=1)
    expected = ShotStanding.objects.order_by("pk").values("badge", "takes", "newest_take")
    stale_standings()

    VideoRender.objects.transition(**changes)

    now = list(expected)
    stored(render).save()  # derives everything
    assert now == list(expected)


def test_a_transition_into_an_open_state_has_not_ended():
    render = make_render(make_shot(), State.INTERRUPTED)

    VideoRender.objects.transition(state=State.RUNNING)

    assert (stored(render).ended_at, stored(render).actual_cost_usd) == (None, None)


def test_a_transition_needs_the_state_itself():
    render = make_render(make_shot(), State.QUEUED)

    with pytest.raises(ValueError, match="is not a valid State"):
        VideoRender.objects.transition(state=Case(default=Value("running")))

    assert (stored(render).state, stored(render).ended_at) == (State.QUEUED, None)


# -- download again --------------------------------------------------------------------------------

HELD = {
    "downloader": "host|boot|1|1.00",
    "not_before": timezone.now() + timedelta(hours=1),
    "download_lease_until": timezone.now() + timedelta(hours=1),
    "download_attempts": 3,
    "error_code": "broken_off",
    "error_message": "It was interrupted.",
}


@pytest.mark.parametrize("state", [State.NOT_DOWNLOADED, State.UNKNOWN, State.INTERRUPTED])
def test_a_download_begins_anew(state):
    render = make_render(make_shot(), state, touched_ago=3600, **HELD)
    before = timezone.now()

    assert render.restart_download(state, link=LINK)

    for row in (render, stored(render)):
        assert (row.state, row.download_uri) == (State.DOWNLOADING, LINK)
        assert (row.downloader, row.download_lease_until, row.not_before) == ("", None, None)
        assert (row.error_code, row.error_message, row.ended_at) == ("", "", None)
        assert row.download_attempts == 0
        assert row.beat_at >= before
        assert row.rendered_at >= before, "the clip is made, or there would be no link"


def test_one_more_try_keeps_their_number_the_link_and_the_clips_age():
    made = timezone.now() - timedelta(hours=5)
    values = HELD | {"download_uri": LINK, "rendered_at": made}
    render = make_render(make_shot(), State.NOT_DOWNLOADED, **values)

    assert render.restart_download(State.NOT_DOWNLOADED, keeps_attempts=True)

    row = stored(render)
    assert (row.download_attempts, row.download_uri, row.rendered_at) == (3, LINK, made)


def test_a_known_age_stays_when_another_link_is_given():
    made = timezone.now() - timedelta(hours=5)
    render = make_render(make_shot(), State.NOT_DOWNLOADED, rendered_at=made)

    assert render.restart_download(State.NOT_DOWNLOADED, link=LINK)
    assert stored(render).rendered_at == made


def test_a_download_that_nobody_works_on_is_taken_as_it_was_seen():
    render = make_render(make_shot(), State.DOWNLOADING, touched_ago=31, **HELD)
    late = stored(render)

    assert render.restart_download(State.DOWNLOADING, link=LINK)
    assert stored(render).downloader == ""

    VideoRender.objects.update(downloader="somebody")
    assert not late.restart_download(State.DOWNLOADING, link=f"{LINK}?other")
    assert (stored(render).download_uri, stored(render).downloader) == (LINK, "somebody")
    assert late.download_uri != f"{LINK}?other", "the loser's object stays as it was"


@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.QUEUED])
def test_what_has_no_clip_to_fetch_is_not_downloaded(state):
    render = make_render(make_shot(), state)

    with pytest.raises(ValueError, match=f"from {state} to downloading"):
        render.restart_download(state, link=LINK)


# -- poll again ------------------------------------------------------------------------------------

POLLED_IN_VAIN = {
    "poll_failures": 4,
    "error_code": "deadline",
    "error_message": "Too late.",
    "deadline_at": timezone.now() - timedelta(hours=1),
    "operation_name": "op",
}


@pytest.mark.parametrize(
    ("state", "touched_ago"), [(State.INTERRUPTED, 0), (State.UNKNOWN, 0), (State.RUNNING, 31)]
)
def test_polling_begins_anew(settings, state, touched_ago):
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 30
    render = make_render(make_shot(), state, touched_ago=touched_ago, **POLLED_IN_VAIN)
    before = timezone.now()

    assert render.resume_polling(state)

    for row in (render, stored(render)):
        assert (row.state, row.status) == (State.RUNNING, State.RUNNING)
        assert (row.poll_failures, row.error_code, row.error_message) == (0, "", "")
        assert before <= row.next_poll_at <= timezone.now()
        assert row.deadline_at >= before + timedelta(minutes=30)
        assert row.ended_at is None


def test_the_first_poll_may_be_later():
    later = timezone.now() + timedelta(minutes=3)
    render = make_render(make_shot(), State.SUBMITTING)

    assert render.resume_polling(State.SUBMITTING, first_poll=later, operation_name="op")
    assert (stored(render).next_poll_at, stored(render).operation_name) == (later, "op")


def test_another_operation_of_the_same_render_is_not_taken_for_the_one_that_was_seen():
    render = make_render(make_shot(), State.RUNNING, touched_ago=31, **POLLED_IN_VAIN)
    VideoRender.objects.update(operation_name="the next one")

    assert not render.resume_polling(State.RUNNING)
    assert stored(render).poll_failures == 4


def test_of_a_render_that_somebody_else_moved_nothing_is_resumed():
    render = make_render(make_shot(), State.INTERRUPTED, **POLLED_IN_VAIN)
    force(render, state=State.CANCELLED)

    assert not render.resume_polling(State.INTERRUPTED)
    assert stored(render).state == State.CANCELLED


# -- the submission that got no answer -------------------------------------------------------------


def test_an_unknown_submission_is_booked_as_accepted():
    render = make_render(make_shot(), State.UNKNOWN, submission=False)
    refused = make_submission(render, Outcome.REJECTED)
    unknown = make_submission(render, Outcome.UNKNOWN)
    other = make_render(make_shot(story_id="other"), State.UNKNOWN)

    assert render.submissions.settle_unknown("operations/found") == 1

    for each in (refused, unknown):
        each.refresh_from_db()
    assert (unknown.outcome, unknown.operation_name) == (Outcome.ACCEPTED, "operations/found")
    assert refused.outcome == Outcome.REJECTED
    assert other.submissions.get().outcome == Outcome.UNKNOWN
    assert render.submissions.settle_unknown() == 0


@pytest.mark.parametrize(
    "verb", [VideoRender.restart_download, VideoRender.resume_polling, VideoRender.move]
)
def test_templates_cannot_call_it(verb):
    assert verb.alters_data is True
