"""Sums of what was spent, why, and what is left to do."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.support.factories import State, force, make_render, make_story, shots_of
from videogen.billing.forecasts import forecasts
from videogen.billing.statistics import (
    By,
    Figures,
    SpendingReason,
    SpendingScope,
    figures_by,
    total_of,
)
from videogen.models import StorySettings, Submission
from videogen.models.outcomes import entries

pytestmark = pytest.mark.django_db

PRICE = Decimal("3.20")


@pytest.fixture(autouse=True)
def paid(settings):
    settings.VIDEO_BACKEND = "gemini"


def all_shots(story):
    return list(shots_of(story).select_related("scenelet__story"))


def attempt(shot, state=State.DONE, **values):
    """One that was sent, for PRICE."""
    price = values.pop("price", PRICE)
    defaults = {"backend": "gemini", "price_estimate_usd": price}
    return make_render(shot, state, submission={"price_usd": price}, **defaults | values)


def by_key(by, scope=None):
    return {each.key: each for each in figures_by(by, scope or SpendingScope())}


def test_every_grouping_has_the_same_total():
    lamp = all_shots(make_story("lamp", scenelets=("opening", "storm"), shots=2))
    gull = all_shots(make_story("gull"))
    attempt(lamp[0], review="rejected", requested_by_name="Ada")
    attempt(lamp[0], review="approved", requested_by_name="Ada")
    attempt(lamp[2], State.BLOCKED, requested_by_name="Ben")
    attempt(lamp[2], State.UNKNOWN, requested_by_name="Ben")
    attempt(lamp[3], State.RUNNING, requested_by_name="Ben")
    attempt(gull[0], price=Decimal("0.96"))
    make_render(gull[0], State.REHEARSED, backend="gemini")
    make_render(lamp[1], State.CANCELLED, backend="gemini", submission=False)

    total = Figures(
        attempts=6,
        videos=3,
        approved=1,
        rejected=1,
        not_charged=1,
        spent_usd=Decimal("7.36"),
        open_usd=Decimal("6.40"),
        approved_seconds=Decimal(8),
    )
    for by in By:
        assert total_of(figures_by(by, SpendingScope())) == total, by
    stories = by_key(By.STORY)
    assert list(stories) == ["lamp", "gull"]
    assert stories["lamp"].spent_usd == Decimal("6.40")
    assert stories["lamp"].per_approved_usd == Decimal("6.40")  # with the rejected take in it
    assert stories["gull"].per_approved_usd is None
    scenelets = by_key(By.SCENELET)
    assert {key: each.attempts for key, each in scenelets.items()} == {
        "gull/opening": 1,
        "lamp/opening": 2,
        "lamp/storm": 3,
    }
    people = by_key(By.PERSON)
    assert (people["Ada"].spent_usd, people["Ben"].open_usd) == (Decimal("6.40"), Decimal("6.40"))
    assert people[""].label == "nobody named"


def test_a_scope_is_one_story_and_some_days():
    lamp = all_shots(make_story("lamp", shots=3))
    gull = all_shots(make_story("gull"))
    now = timezone.make_aware(datetime(2026, 5, 3, 12))
    for shot, ago in ((lamp[0], 0), (lamp[1], 1), (lamp[2], 2), (gull[0], 1)):
        attempt(shot, claimed_at=now - timedelta(days=ago))

    def days(**scope):
        return [each.key for each in figures_by(By.DAY, SpendingScope(**scope))]

    assert days() == ["2026-05-03", "2026-05-02", "2026-05-01"]
    assert days(since=date(2026, 5, 2)) == ["2026-05-03", "2026-05-02"]
    assert days(until=date(2026, 5, 2)) == ["2026-05-02", "2026-05-01"]
    assert days(since=date(2026, 5, 2), until=date(2026, 5, 2)) == ["2026-05-02"]
    assert days(since=date(2026, 5, 4)) == []
    assert days(story=gull[0].scenelet.story) == ["2026-05-02"]


def test_days_are_local(settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    shot = all_shots(make_story())[0]
    attempt(shot, claimed_at=datetime.fromisoformat("2026-05-02T20:00:00+00:00"))

    with timezone.override("Asia/Tokyo"):
        assert [each.key for each in figures_by(By.DAY, SpendingScope())] == ["2026-05-03"]
        assert figures_by(By.DAY, SpendingScope(until=date(2026, 5, 2))) == []


def test_simulated_attempts_count_for_the_simulator_with_nothing_spent(settings):
    shots = all_shots(make_story(shots=2))
    attempt(shots[0], backend="simulator")
    attempt(shots[1])
    assert total_of(figures_by(By.STORY, SpendingScope())).attempts == 1

    settings.VIDEO_BACKEND = "simulator"
    total = total_of(figures_by(By.STORY, SpendingScope()))

    assert (total.attempts, total.simulated, total.spent_usd) == (2, 1, PRICE)


# -- why -------------------------------------------------------------------------------------------


def reason_of(render):
    """Of the last attempt: the other ones' are taken away."""
    with_it = {each.key: each.attempts for each in figures_by(By.REASON, SpendingScope())}
    force(render, kind="rehearsal")
    without = {each.key: each.attempts for each in figures_by(By.REASON, SpendingScope())}
    [reason] = [key for key in with_it if with_it[key] != without.get(key, 0)]
    return reason


EARLIER = {
    "nothing": [],
    "failed": [(State.FAILED, {})],
    "blocked": [(State.BLOCKED, {})],
    "a take": [(State.DONE, {})],
    "a rejected take": [(State.DONE, {"review": "rejected", "reviewed_at": True})],
    "rejected later": [(State.DONE, {"review": "rejected", "reviewed_at": False})],
    "a take, then failed": [(State.DONE, {}), (State.FAILED, {})],
    "simulated failure": [(State.FAILED, {"backend": "simulator"})],
}


@pytest.mark.parametrize(
    ("earlier", "mode", "reason"),
    [
        ("nothing", "default", SpendingReason.MISSING),
        ("nothing", "override", SpendingReason.NEW_TAKE),
        ("failed", "default", SpendingReason.RETRY),
        ("blocked", "override", SpendingReason.RETRY),
        ("a take", "override", SpendingReason.NEW_TAKE),
        ("a rejected take", "override", SpendingReason.REJECTED),
        ("rejected later", "override", SpendingReason.NEW_TAKE),
        ("a take, then failed", "override", SpendingReason.RETRY),
        ("simulated failure", "default", SpendingReason.MISSING),
    ],
)
def test_reason_is_derived_from_what_was_before(earlier, mode, reason):
    shot = all_shots(make_story())[0]
    now = timezone.now()
    for state, values in EARLIER[earlier]:
        if "reviewed_at" in values:
            before = timedelta(hours=-1 if values["reviewed_at"] else 1)
            values = values | {"reviewed_at": now + before}
        attempt(shot, state, **values)

    assert reason_of(attempt(shot, mode=mode, queued_at=now)) == reason


def test_copies_and_own_videos_have_reasons_of_their_own():
    shot = all_shots(make_story())[0]
    draft = attempt(shot, model="veo-3.1-fast-generate-preview")
    copies = {"copy_of": draft, "mode": "override"}

    again = attempt(shot, model="veo-3.1-fast-generate-preview", **copies)
    assert reason_of(again) == SpendingReason.EXACTLY
    assert reason_of(attempt(shot, **copies)) == SpendingReason.PROMOTED
    for kind, reason in (("upload", SpendingReason.UPLOAD), ("link", SpendingReason.LINK)):
        own = make_render(shot, State.DONE, kind=kind, backend="gemini", submission=False)
        assert reason_of(own) == reason


# -- to the end ------------------------------------------------------------------------------------


def test_forecast_goes_by_the_storys_own_verdicts():
    story = make_story(shots=12)
    shots = all_shots(story)
    for shot in shots[:3]:
        attempt(shot, review="rejected")
        attempt(shot, review="approved")
    for shot in shots[3:6]:
        attempt(shot)
    attempt(shots[6], review="rejected")
    attempt(shots[7], State.FAILED)
    own = {"kind": "upload", "backend": "gemini", "submission": False}
    make_render(shots[8], State.DONE, review="approved", **own)

    [forecast] = forecasts([story])

    assert (forecast.shots, forecast.approved, forecast.left) == (12, 4, 8)
    assert (forecast.takes, forecast.yielded, forecast.rejected, forecast.waiting) == (10, 3, 4, 3)
    # Three takes wait for a verdict. Their shots need nothing yet.
    assert forecast.needed == 5
    assert forecast.share == pytest.approx(4 / 9)
    assert forecast.takes_left == 11
    assert (forecast.least_takes_left, forecast.most_takes_left) == (8, 18)
    assert forecast.usd == Decimal("35.20")
    assert (forecast.from_usd, forecast.to_usd) == (Decimal("25.60"), Decimal("57.60"))
    assert forecast.least_usd == Decimal("16.00")
    assert forecast.per_approved_usd == Decimal("8.00")


def test_takes_that_nobody_has_looked_at_are_no_failures():
    story = make_story(shots=16)
    shots = all_shots(story)
    attempt(shots[0], review="approved")
    for shot in shots[1:10]:
        attempt(shot)

    # Nobody can judge a video that is not here.
    attempt(shots[10], State.NOT_DOWNLOADED)

    [forecast] = forecasts([story])

    assert (forecast.needed, forecast.waiting, forecast.takes_left) == (6, 9, None)
    assert forecast.least_usd == Decimal("19.20")

    # Four verdicts later there are enough of them, and the takes that wait change nothing.
    for shot in shots[1:5]:
        force(shot.renders.get(), review="approved")

    [forecast] = forecasts([story])

    assert (forecast.waiting, forecast.takes_left) == (5, 7)
    assert (forecast.from_usd, forecast.to_usd) == (Decimal("19.20"), Decimal("28.80"))


def test_a_shot_that_the_story_no_longer_has_needs_no_video():
    story = make_story(shots=4)
    shots = all_shots(story)
    attempt(shots[0], review="approved")
    attempt(shots[1])
    shots_of(story).filter(pk__in=[shots[0].pk, shots[1].pk, shots[2].pk]).update(
        gone_since=timezone.now()
    )

    [forecast] = forecasts([story])

    assert (forecast.shots, forecast.approved, forecast.kept, forecast.needed) == (1, 0, 0, 1)


def test_where_nothing_was_approved_yet_the_range_ends():
    story = make_story(shots=2)
    for _ in range(20):
        attempt(all_shots(story)[0], review="rejected")

    [forecast] = forecasts([story])

    assert (forecast.takes_left, forecast.most_takes_left) == (44, 88)


def test_a_story_that_waits_for_verdicts_only_needs_no_take():
    story = make_story(shots=3)
    for shot in all_shots(story):
        attempt(shot)

    [forecast] = forecasts([story])

    assert (forecast.left, forecast.needed, forecast.usd) == (3, 0, Decimal(0))


def test_a_story_with_a_model_of_its_own_is_finished_at_that_price(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story()
    StorySettings.objects.create(story=story, model="veo-3.1-fast-generate-001")

    [forecast] = forecasts([story])

    assert forecast.price_usd == Decimal("0.96")


@pytest.mark.parametrize(
    ("approved", "rejected", "is_known"),
    [(0, 0, False), (3, 1, False), (0, 9, True), (3, 2, True), (5, 0, True)],
)
def test_too_few_verdicts_tell_nothing_but_the_least(approved, rejected, is_known):
    story = make_story(shots=10)
    shots = all_shots(story)
    for shot in shots[:approved]:
        attempt(shot, review="approved")
    for _ in range(rejected):
        attempt(shots[9], review="rejected")

    [forecast] = forecasts([story])

    assert forecast.is_known == is_known
    assert (forecast.usd is not None) == is_known
    assert forecast.least_usd == PRICE * (10 - approved)


def test_a_finished_story_needs_nothing():
    story = make_story(shots=2)
    for shot in all_shots(story):
        attempt(shot, review="approved")

    [forecast] = forecasts([story])

    assert (forecast.left, forecast.takes_left, forecast.usd) == (0, 0, Decimal(0))


def test_without_a_price_there_is_no_forecast(settings):
    settings.VIDEO_MODEL = "nobody-knows"
    story = make_story(shots=6)
    for shot in all_shots(story)[:5]:
        attempt(shot, review="approved")

    [forecast] = forecasts([story])

    assert forecast.takes_left == 1
    assert forecast.usd is None and forecast.least_usd is None


def test_queries_do_not_grow(django_assert_num_queries):
    for number in range(4):
        story = make_story(f"story-{number}", shots=3)
        for shot in all_shots(story):
            attempt(shot)

    for by in By:
        with django_assert_num_queries(2 if by == By.CHARACTER else 1):
            figures_by(by, SpendingScope())
    stories = list(type(story).objects.all())
    # Those of the shots with the stories' own models, of their renders, and the prices.
    with django_assert_num_queries(3):
        assert len(forecasts(stories)) == 4


def test_characters_that_are_seen_together_stand_in_one_row():
    alone, together, nobody = all_shots(make_story(shots=3))
    for shot, seen in ((alone, ["ada"]), (together, ["tock", "ada"]), (nobody, [])):
        shot.storyboard_payload = {"referencedDesigns": {"characters": seen}}
        shot.save()
        attempt(shot, review="approved")
    attempt(together, review="rejected")

    rows = by_key(By.CHARACTER)

    assert list(rows) == ["ada, tock", "", "ada"]
    assert (rows["ada, tock"].spent_usd, rows[""].label) == (Decimal("6.40"), "nobody")
    assert (rows["ada, tock"].approved_share, rows["ada"].approved_share) == (0.5, 1.0)


def test_a_second_of_approved_video_costs_what_was_rejected_too():
    first, second = all_shots(make_story(shots=2))
    attempt(first, review="approved", video_seconds=7.5, model="veo-a")
    attempt(first, review="rejected", video_seconds=8, model="veo-a")
    attempt(second, model="veo-b")

    models = by_key(By.MODEL)

    assert models["veo-a"].approved_seconds == Decimal("7.5")
    assert models["veo-a"].per_second_usd == Decimal("0.85")
    assert (models["veo-b"].per_second_usd, models["veo-b"].approved_share) == (None, None)


def test_every_grouping_adds_up_to_the_ledger():
    lamp = all_shots(make_story("lamp", shots=3))
    for shot, state in zip(lamp, (State.DONE, State.BLOCKED, State.RUNNING), strict=True):
        attempt(shot, state)
    attempt(lamp[0], review="approved")

    actual = [each.actual_usd for each in entries(Submission.objects.all())]

    assert len(actual) == 4
    for by in By:
        total = total_of(figures_by(by, SpendingScope()))
        assert total.spent_usd == sum(each or 0 for each in actual), by
