"""What the account lets through: windows counted from rows, and when there is room again."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections
from django.utils import timezone

from tests.bench import quota
from tests.support.factories import (
    force,
    make_batch,
    make_lane,
    make_render,
    make_shot,
    make_story,
    make_submission,
    shots_of,
)
from tests.support.installations import Installation, write_story
from videogen.common import pacific_time
from videogen.lanes.quota import find_next_send_time, find_send_time, window_problem
from videogen.models import Submission, VideoRender
from videogen.models.problems import ProblemCode
from videogen.ops.watchdog import overdue_work
from videogen.pipeline import claims as pipeline_claims
from videogen.pipeline import pump as pipeline_pump
from videogen.pipeline.claims import claim_renders
from videogen.pipeline.pump import Pump

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State
Outcome = Submission.Outcome

PRICE = Decimal("3.20")
OWNER = "host|boot|1|1.0"


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


@pytest.fixture
def stopped_clock(time_machine):
    """However long the test takes, no time passes in it."""
    time_machine.move_to(timezone.now(), tick=False)


def queued(count, price=PRICE, story_id="the-lamp", **values):
    """That many queued renders, oldest first."""
    story = make_story(story_id, shots=count)
    values.setdefault("batch", make_batch(story))
    return [
        make_render(
            shot, State.QUEUED, queued_at=ago(100 - number), price_estimate_usd=price, **values
        )
        for number, shot in enumerate(shots_of(story).select_related("scenelet__story"))
    ]


def claim(limit=99, **options):
    return [each.render for each in claim_renders(make_lane(), owner=OWNER, limit=limit, **options)]


def sent(*seconds_ago, outcome=Outcome.ACCEPTED, price=PRICE, lane=None):
    """Submissions of the past: claimed and answered so many seconds ago (None: not yet)."""
    for claimed, answered in seconds_ago:
        number = Submission.objects.count()
        shot = make_shot(story_id=f"old-{number}")
        render = make_render(shot, State.FAILED, submission=False, lane=lane or make_lane())
        make_submission(
            render,
            outcome,
            price_usd=price,
            claimed_at=ago(claimed),
            answered_at=None if answered is None else ago(answered),
        )


def seconds_until(moment):
    return (moment - timezone.now()).total_seconds()


@pytest.fixture
def tier_1(settings):
    settings.VIDEO_SPEND_WINDOW_USD = Decimal(10)
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 10


# -- the spend window ------------------------------------------------------------------------------

# Seconds since claim and answer of what was sent → how many of 5 may follow at once.
WINDOW = {
    "nothing": ([], 3),
    "one": ([(5, 4)], 2),
    "three": ([(5, 4)] * 3, 0),
    "answered almost ten minutes ago": ([(605, 590)], 2),
    "answered ten minutes ago": ([(602, 601)], 3),
    "claimed before the window, answered in it": ([(900, 10)] * 3, 0),
    "not answered yet": ([(3, None)] * 2, 1),
    "its time-out ends in the window": ([(601, None)], 2),
    "its time-out ended before the window": ([(611, None)], 3),
    "its clock is seconds ahead": ([(-30, -30)] * 3, 0),
    "claimed before the clock was set back": ([(-3600, -3599)] * 3, 3),
}


@pytest.mark.parametrize(("past", "left"), WINDOW.values(), ids=WINDOW.keys())
def test_no_more_dollars_than_the_account_lets_through(tier_1, past, left):
    sent(*past)
    queued(5)

    assert len(claim()) == left
    assert claim() == []


@pytest.mark.parametrize("outcome", Outcome.values)
def test_only_what_was_surely_not_accepted_spends_nothing(tier_1, outcome):
    sent((5, 4), (5, 4), outcome=outcome)
    queued(5)

    assert len(claim()) == (3 if outcome == Outcome.REJECTED else 1)


def test_other_lanes_spend_elsewhere(tier_1):
    sent((5, 4), (5, 4), (5, 4), lane=make_lane("gemini"))
    queued(5)

    assert len(claim()) == 3


def test_what_costs_nothing_fills_no_window(tier_1):
    sent((5, 4), (5, 4), (5, 4))
    queued(5, price=Decimal(0))

    assert len(claim()) == 5


def test_a_cheaper_render_does_not_overtake_one_whose_turn_it_is(tier_1):
    sent((5, 4), (5, 4))
    queued(1, price=Decimal("6.00"))
    cheap = queued(1, price=Decimal("0.80"), story_id="cheap")

    assert claim() == []
    force(VideoRender.objects.exclude(pk=cheap[0].pk), state=State.CANCELLED)
    assert claim() == cheap


def test_what_is_dearer_than_the_whole_window_does_not_wait_for_ever(tier_1):
    (dear,) = queued(1, price=Decimal("12.80"))
    fits = queued(1, story_id="other")

    assert claim() == fits
    dear.refresh_from_db()
    assert (dear.state, dear.error_code) == (State.FAILED, "over_spend_window")
    assert "it costs $12.80" in dear.error_message
    assert "$10.00 through in 10 minutes" in dear.error_message
    assert not dear.submissions.exists()


def test_the_window_has_the_length_of_the_settings(stopped_clock, tier_1, settings):
    settings.VIDEO_SPEND_WINDOW_SECONDS = 2
    sent((4, 3), (2, 1))
    queued(5)

    assert len(claim()) == 2


# -- a day -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "began", "ends"),
    [
        ("2026-11-22T20:00", "2026-11-22T08:00", "2026-11-23T08:00"),
        ("2026-11-22T07:59", "2026-11-21T08:00", "2026-11-22T08:00"),
        ("2026-11-22T08:00", "2026-11-22T08:00", "2026-11-23T08:00"),
        ("2026-07-01T06:59", "2026-06-30T07:00", "2026-07-01T07:00"),
        ("2026-03-08T12:00", "2026-03-08T08:00", "2026-03-09T07:00"),  # the clock goes forward
        ("2026-11-01T12:00", "2026-11-01T07:00", "2026-11-02T08:00"),  # and back
    ],
)
def test_a_day_of_the_api_begins_at_midnight_pacific(moment, began, ends):
    def at(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert pacific_time.day_began(at(moment)) == at(began)
    assert pacific_time.day_ends(at(moment)) == at(ends)


@pytest.fixture
def noon_there(monkeypatch):
    """The day began twelve hours ago."""
    monkeypatch.setattr(pacific_time, "day_began", lambda now: now - timedelta(hours=12))
    monkeypatch.setattr(pacific_time, "day_ends", lambda now: now + timedelta(hours=12))


HOUR = 3600


@pytest.mark.parametrize(
    ("past", "left"),
    [
        ([], 3),
        ([(11 * HOUR, 11 * HOUR - 5), (60, 55)], 1),
        ([(13 * HOUR, 13 * HOUR - 5)] * 3, 3),
        ([(12 * HOUR + 5, 12 * HOUR - 5)], 2),
        ([(5, None)] * 3, 0),
    ],
    ids=["nothing", "today", "yesterday", "over midnight", "in flight"],
)
def test_at_most_so_many_a_day(settings, noon_there, past, left):
    settings.VIDEO_SUBMISSIONS_PER_DAY = 3
    sent(*past)
    queued(5)

    assert len(claim()) == left
    assert claim() == []


def test_a_refusal_does_not_use_up_the_day(settings, noon_there):
    settings.VIDEO_SUBMISSIONS_PER_DAY = 3
    sent((60, 55), (60, 55), outcome=Outcome.REJECTED)
    queued(5)

    assert len(claim()) == 3


# -- when there is room again ----------------------------------------------------------------------


def test_with_room_the_next_send_time_is_now(tier_1, settings):
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = settings.VIDEO_SUBMISSIONS_PER_DAY = 3
    sent((5, 4), (5, 4))

    send_time = find_send_time(make_lane(), PRICE)

    assert send_time.at <= timezone.now()
    assert (send_time.code, send_time.reason) == ("", "")


def test_the_next_send_time_of_the_spend_window_depends_on_the_price(stopped_clock, tier_1):
    sent((405, 400), (305, 300), (205, 200))

    for price, seconds in (("3.20", 200), ("6.00", 300), ("10.00", 400)):
        send_time = find_send_time(make_lane(), Decimal(price))
        assert send_time.code == "quota_spend"
        assert seconds_until(send_time.at) == pytest.approx(seconds, abs=1)
    assert "$10.00 through in 10 minutes" in send_time.reason
    assert find_send_time(make_lane(), Decimal("0.40")).code == ""
    assert find_send_time(make_lane(), Decimal(0)).code == ""


def test_the_next_send_time_of_a_minute(stopped_clock, settings):
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = 2
    sent((55, 50), (35, 30), (15, 10))

    send_time = find_send_time(make_lane(), PRICE)

    assert send_time.code == "quota_minute"
    assert seconds_until(send_time.at) == pytest.approx(30, abs=1)


def test_the_next_send_time_after_a_full_day(settings, noon_there):
    settings.VIDEO_SUBMISSIONS_PER_DAY = 1
    sent((5, 4))

    send_time = find_send_time(make_lane(), PRICE)

    assert (send_time.code, send_time.is_tomorrow) == ("quota_day", True)
    assert seconds_until(send_time.at) == pytest.approx(12 * HOUR, abs=1)


def test_of_several_limits_the_last_one_counts(stopped_clock, tier_1, settings):
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = 1
    sent((5, 4), (5, 4), (5, 4))
    lane = make_lane(not_before=ago(-300), wait_code="quota_spend", wait_reason="The API says.")

    assert seconds_until(find_send_time(lane, PRICE).at) == pytest.approx(596, abs=1)
    assert find_send_time(lane, Decimal(0)).reason == "The API says."


def test_nobody_knows_when_a_render_under_way_ends(settings):
    settings.VIDEO_MAX_IN_FLIGHT = 1
    make_render(make_shot(), State.RUNNING)

    send_time = find_send_time(make_lane(), PRICE)

    assert (send_time.at, send_time.code) == (None, "in_flight")


def test_the_send_time_is_true(tier_1, settings, time_machine):
    """What the page promises is what the claim does."""
    settings.VIDEO_SPEND_WINDOW_SECONDS = 10.0
    sent((10, 6), (10, 6), (10, 6))
    queued(1)
    send_time = find_next_send_time(make_lane())

    assert claim() == []
    time_machine.move_to(send_time.at)
    assert len(claim()) == 1


def test_an_empty_queue_waits_for_nothing(tier_1):
    sent((5, 4), (5, 4), (5, 4))

    assert find_next_send_time(make_lane()) is None


def test_queries_do_not_grow_with_the_submissions(
    tier_1, settings, noon_there, django_assert_max_num_queries
):
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = settings.VIDEO_SUBMISSIONS_PER_DAY = 3
    lane = make_lane()
    queued(5)
    for _ in range(2):
        sent(*[(5, 4)] * 10)
        with django_assert_max_num_queries(6):
            find_next_send_time(lane)


# -- who waits, sleeps -----------------------------------------------------------------------------


def test_a_pump_without_room_does_not_try_at_every_tick(tier_1, monkeypatch):
    sent((5, 4), (5, 4), (5, 4))
    queued(2)
    tried = []
    claims = pipeline_claims.claim_renders

    def claim(*args, **options):
        tried.append(1)
        return claims(*args, **options)

    monkeypatch.setattr(pipeline_pump, "claim_renders", claim)
    pump = Pump(make_lane())

    for _ in range(20):
        pump.tick(0.01)
    pump.close()

    assert len(tried) == 1
    assert pump.has_work()
    assert not pump.has_work(within_seconds=60)
    assert pump.has_work(within_seconds=600)


def test_waiting_for_quota_is_no_stalled_cluster(tier_1):
    sent((5, 4), (5, 4), (5, 4))
    (render,) = queued(1, touched_ago=100)

    assert overdue_work() == ""
    Submission.objects.all().delete()
    assert overdue_work() == "renders are due and no pump beats"


# -- several at once -------------------------------------------------------------------------------


LIMITS = {
    "spend": {"VIDEO_SPEND_WINDOW_USD": Decimal(10)},
    "minute": {"VIDEO_SUBMISSIONS_PER_MINUTE": 3},
    "day": {"VIDEO_SUBMISSIONS_PER_DAY": 3},
    "flight": {"VIDEO_MAX_IN_FLIGHT": 3},
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS.keys())
def test_connections_that_claim_at_once_share_one_quota(settings, limit):
    if connection.vendor == "sqlite":
        pytest.skip("the tests' SQLite is in memory, where threads refuse each other: see below")
    for name, value in limit.items():
        setattr(settings, name, value)
    queued(12)
    lane = make_lane()
    start = threading.Barrier(4)
    claimed, errors = [], []

    def work(number):
        try:
            start.wait(10)
            for _ in range(5):
                found = claim_renders(lane, owner=f"host|boot|{number}|1.0", limit=2)
                claimed.extend(each.render.pk for each in found)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert errors == []
    assert len(claimed) == len(set(claimed)) == 3
    assert Submission.objects.count() == 3


CLAIM = """
import time
from videogen.pipeline.claims import claim_renders
from videogen.models import Lane
lane = Lane.objects.get()
time.sleep(max(0, {start} - time.time()))
for _ in range(5):
    for each in claim_renders(lane, owner="host|boot|{number}|1.0", limit=2):
        print("claimed", each.render.pk)
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS.keys())
def test_processes_that_claim_at_once_share_one_quota(tmp_path, migrated_database, limit):
    installation = Installation(
        tmp_path,
        VIDEO_BACKEND="gemini",
        **{name: str(value) for name, value in limit.items()},
    )
    installation.begin_with(migrated_database)
    installation.manage("import_story", str(write_story(tmp_path, "story", 12)))
    installation.run_task("story", "--no-wait")
    start = time.time() + 6
    with ThreadPoolExecutor() as threads:
        scripts = [CLAIM.format(start=start, number=number) for number in range(3)]
        done = list(threads.map(lambda script: installation.manage("shell", "-c", script), scripts))

    claimed = [line for each in done for line in each.stdout.splitlines() if "claimed" in line]
    assert len(claimed) == len(set(claimed)) == 3
    assert installation.query("SELECT count(*) FROM videogen_submission") == [(3,)]


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize("knows_the_window", [True, False], ids=["told", "429s alone"])
def test_a_batch_under_a_spend_limit_ends_by_itself(tmp_path, knows_the_window):
    outcome = quota.run(tmp_path, 8, knows_the_window=knows_the_window)

    assert outcome.states == {"done": 8}
    assert outcome.twice == 0
    assert (outcome.refused == 0) is knows_the_window


# -- priority --------------------------------------------------------------------------------------


def test_batches_go_by_priority_then_by_age(settings):
    later = queued(1, story_id="later")[0]
    story = make_story("first")
    first = make_render(
        shots_of(story).select_related("scenelet__story").get(),
        batch=make_batch(story, priority=10),
        queued_at=ago(1),
    )
    normal = queued(1, story_id="normal")[0]
    later.batch.priority = -10
    later.batch.save()

    assert [claim(limit=1)[0] for _ in range(3)] == [first, normal, later]


def test_the_window_of_the_gemini_api_is_none_of_vertex(settings):
    settings.VIDEO_SPEND_WINDOW_USD = Decimal(1)

    assert find_send_time(make_lane("vertex"), Decimal("3.20")).code == ""
    assert window_problem("vertex", Decimal("3.20")) is None
    assert window_problem("gemini", Decimal("3.20")).code == ProblemCode.OVER_SPEND_WINDOW
