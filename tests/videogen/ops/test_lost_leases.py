"""A host is lost, and the clocks are set back by an hour: nobody waits for its leases so long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from tests.support.factories import make_lane, make_notice, make_render, make_shot
from videogen.common import task_queue
from videogen.lanes.leases import take_lease
from videogen.models import Film, Lane, Notice, Submission
from videogen.models.states import State
from videogen.notifications.deliver import BROKE_OFF
from videogen.ops import watchdog
from videogen.ops.lost_leases import LostLeases
from videogen.pipeline import journal

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

LOST = "another-host|boot|1|1.0"
ME = "this-host|boot|2|2.0"


class Clock:
    """Seconds that no operator can set."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def leases(clock):
    return LostLeases(clock)


def ahead(**span):
    return timezone.now() + timedelta(**span)


def woken():
    return [each.func() for each in OrmQ.objects.all()]


def pump(until):
    lane = make_lane(lease_owner=LOST, lease_expires_at=until, beat_at=until)
    return lane, "lease_owner", 10, task_queue.PUMP


def download(until):
    render = make_render(make_shot(), "downloading", downloader=LOST, download_lease_until=until)
    return render, "downloader", 30, task_queue.DOWNLOAD


def film(until):
    scenelet = make_shot().scenelet
    row = Film.objects.create(
        story=scenelet.story, ending=scenelet, status="rendering", worker=LOST, lease_until=until
    )
    return row, "worker", 60, task_queue.MAKE_FILMS


HELD = [pump, download, film]


@pytest.mark.parametrize("make", HELD)
def test_a_lease_that_nobody_renews_is_given_back_after_its_length(make, leases, clock):
    row, owner, length, task = make(ahead(hours=1))

    leases.give_back()
    clock.seconds = length - 0.1
    leases.give_back()
    row.refresh_from_db()
    held, early = getattr(row, owner), woken()
    clock.seconds = length
    leases.give_back()

    row.refresh_from_db()
    assert (held, early) == (LOST, [])
    assert getattr(row, owner) == ""
    assert woken() == [task]


@pytest.mark.parametrize("make", HELD)
def test_a_lease_that_is_renewed_stays(make, leases, clock):
    """Its holder lives. The clock of its host is an hour ahead."""
    row, owner, length, _ = make(ahead(hours=1))
    column = "lease_expires_at" if make is pump else "lease_until"
    column = "download_lease_until" if make is download else column

    for _ in range(10):
        leases.give_back()
        clock.seconds += length - 1
        type(row)._base_manager.filter(pk=row.pk).update(**{column: ahead(hours=1)})

    row.refresh_from_db()
    assert getattr(row, owner) == LOST
    assert woken() == []


@pytest.mark.parametrize("make", HELD)
def test_a_lease_that_ends_in_time_is_left_to_who_waits_for_it(make, leases, clock):
    row, owner, length, _ = make(ahead(seconds=5))

    leases.give_back()
    clock.seconds = 10 * length
    leases.give_back()

    row.refresh_from_db()
    assert getattr(row, owner) == LOST


def test_the_other_host_pumps_then(leases, clock):
    lane, *_ = pump(ahead(hours=1))
    before = take_lease(lane, ME)

    leases.give_back()
    clock.seconds = 10
    leases.give_back()

    assert (before, take_lease(lane, ME)) == (False, True)
    assert Lane.objects.get().lease_expires_at < ahead(seconds=11)


def test_a_notice_whose_sender_is_lost_is_sent(leases, clock):
    sent = make_notice(last_error=BROKE_OFF, next_attempt_at=ahead(hours=1))
    waits = make_notice(last_error="Webhook: 503", next_attempt_at=ahead(hours=1))

    leases.give_back()
    clock.seconds = 300
    leases.give_back()

    due = Notice.objects.filter(next_attempt_at__lte=timezone.now())
    assert list(due) == [sent]
    assert waits.next_attempt_at > ahead(minutes=59)


def claimed(settings, **values):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 30
    render = make_render(
        make_shot(), "submitting", submission={"owner": LOST, "claimed_at": ahead(hours=1)}
    )
    return render, render.submissions.get()


def test_a_claim_from_the_future_becomes_unknown_when_its_call_must_have_been_answered(
    leases, clock, settings
):
    render, submission = claimed(settings)

    leases.give_back()
    clock.seconds = 59
    leases.give_back()
    render.refresh_from_db()
    early = render.state
    clock.seconds = 60
    leases.give_back()

    render.refresh_from_db()
    submission.refresh_from_db()
    assert (early, render.state) == (State.SUBMITTING, State.UNKNOWN)
    assert submission.outcome == Submission.Outcome.UNKNOWN


def test_its_answer_is_taken_from_the_journal(leases, clock, settings):
    render, submission = claimed(settings)
    journal.write_answer(submission.token, "models/veo/operations/1")

    leases.give_back()
    clock.seconds = 60
    leases.give_back()

    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, "models/veo/operations/1")


def test_nothing_is_remembered_of_what_is_over(leases, clock):
    lane, *_ = pump(ahead(hours=1))
    leases.give_back()
    Lane.objects.update(lease_owner="")

    leases.give_back()
    Lane.objects.update(lease_owner=LOST)
    clock.seconds = 11
    leases.give_back()

    assert Lane.objects.get().lease_owner == LOST


def test_the_watchdog_does_it(leases, clock):
    pump(ahead(hours=1))
    cluster = watchdog.WatchedCluster()
    cluster._lost_leases = leases

    for clock.seconds in (0.0, 6.0, 12.0):
        cluster._looked_for_lost = None
        cluster._look_for_lost()

    assert Lane.objects.get().lease_owner == ""


@pytest.mark.parametrize(("minutes", "runs"), [(1, False), (60, True)], ids=["soon", "set back"])
def test_the_sweep_does_not_wait_longer_than_it_ever_has_to(minutes, runs):
    Schedule.objects.update(next_run=ahead(minutes=minutes))

    watchdog.WatchedCluster()._look_for_lost()

    (sweep,) = Schedule.objects.all()
    assert (sweep.next_run <= timezone.now()) is runs
