"""What people are notified of, and that they are notified once."""

from __future__ import annotations

import importlib
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.factories import (
    State,
    make_batch,
    make_lane,
    make_notice,
    make_render,
    make_shot,
    make_story,
    make_submission,
    shots_of,
)
from videogen import tasks
from videogen.billing.budgets import limits_for
from videogen.billing.usage import BudgetUse
from videogen.common.errors import VeoError
from videogen.common.formats import moment
from videogen.lanes.pauses import pause_by_person, pause_lane, resume_lane
from videogen.models import Budget, Notice, RenderBatch, VideoRender
from videogen.models.people import Person
from videogen.notifications.detect import Kind, look_for_news, reached_budgets
from videogen.recovery.redownload import next_try

pytestmark = pytest.mark.django_db


def told(kind=None):
    notices = Notice.objects.order_by("pk")
    return list(notices.filter(kind=kind) if kind else notices)


def hours_ago(hours):
    return timezone.now() - timedelta(hours=hours)


# -- batch finished --------------------------------------------------------------------------------


def test_a_batch_is_told_of_when_its_last_render_has_ended():
    story = make_story(shots=6)
    batch = make_batch(story)
    *shots, last = shots_of(story)
    ends = (State.DONE, State.FAILED, State.BLOCKED, State.UNKNOWN, State.NOT_DOWNLOADED)
    for shot, state in zip(shots, ends, strict=True):
        make_render(shot, state, batch=batch, backend="gemini")
    running = make_render(last, State.RUNNING, batch=batch, backend="gemini")
    assert look_for_news() == 0

    running.move(State.RUNNING, State.FAILED)
    assert look_for_news() == 1

    [notice] = told()
    summary = (
        f"Batch {batch.pk} of The lamp has ended: "
        "1 of 6 done, 2 failed, 1 blocked, 2 need a decision"
    )
    assert (notice.kind, notice.subject, notice.story) == (Kind.BATCH_FINISHED, summary, story)
    # The renders that are done and not downloaded cost something; that of the unknown one is open.
    assert notice.text == (
        f"{summary}.\nIt cost $6.40. Another $3.20 may have been charged: nobody knows yet."
    )
    assert notice.path == reverse("admin:videogen_renderbatch_progress", args=[batch.pk])


def test_what_a_render_really_cost_is_told_where_it_is_known():
    shot = make_shot()
    make_render(shot, State.DONE, backend="gemini", submission={"price_usd": Decimal("1.25")})

    look_for_news()

    assert told()[0].text.endswith("It cost $1.25.")


def test_a_batch_is_told_of_once():
    make_render(make_shot(), State.DONE)

    assert [look_for_news(), look_for_news()] == [1, 0]
    assert len(told()) == 1


@pytest.mark.parametrize(
    ("state", "values"),
    [
        (State.REHEARSED, {}),
        (State.DONE, {"kind": VideoRender.Kind.UPLOAD}),
        (State.DONE, {"touched_ago": 3 * 24 * 3600}),
    ],
    ids=["a rehearsal", "an upload", "older than two days"],
)
def test_no_news(state, values):
    make_render(make_shot(), state, **values)

    assert look_for_news() == 0


def test_a_batch_that_only_resumed_is_told_of_with_what_it_went_on_with():
    shot = make_shot()
    render = make_render(shot, State.RUNNING)
    resume = make_batch(
        shot.scenelet.story,
        mode=RenderBatch.Mode.RESUME,
        plan=[
            {"shot": shot.pk, "decision": "resume", "render": render.pk},
            {"shot": 0, "decision": "skip", "render": None},
        ],
    )
    assert look_for_news() == 0

    render.move(State.RUNNING, State.UNKNOWN)
    look_for_news()

    [first, second] = told(Kind.BATCH_FINISHED)
    assert first.subject.startswith(f"Batch {render.batch_id} of")
    assert (
        second.subject
        == f"Batch {resume.pk} of The lamp has ended: 0 of 1 done, 1 needs a decision"
    )
    assert second.text.endswith("It cost $0.00.")


def test_a_title_cannot_add_lines_or_push_the_news_out():
    shot = make_shot()
    story = shot.scenelet.story
    story.title = "Night\r\nBcc: everybody@example.com " + "and a day " * 40
    story.save()
    make_render(shot, State.DONE)

    look_for_news()

    [notice] = told()
    assert "\n" not in notice.subject and notice.subject.endswith("1 of 1 done")
    assert notice.text.count("\n") == 1


# -- budget ----------------------------------------------------------------------------------------


def use(spent, *, key="settings", limit="100", name="VIDEO_BUDGET_USD"):
    return BudgetUse(key, name, Decimal(limit), Decimal(spent))


def reach(*uses):
    """Return the notices that these limits lead to now."""
    return [news.subject for news in list(reached_budgets(uses)) if news.write()]


def test_each_level_of_a_limit_is_told_once():
    assert reach(use("79.99")) == []
    assert reach(use("80")) == ["Budget at 80 %: VIDEO_BUDGET_USD, $80.00 of $100.00"]
    # After a refund and another render the same level is reached again, which is not news.
    assert reach(use("70")) == reach(use("85")) == []
    assert reach(use("100")) == ["Budget used up: VIDEO_BUDGET_USD, $100.00 of $100.00"]
    assert reach(use("104")) == []


def test_what_was_passed_at_once_is_told_by_its_highest_level_only():
    assert reach(use("120")) == ["Budget used up: VIDEO_BUDGET_USD, $120.00 of $100.00"]
    assert reach(use("85")) == []


def test_another_limit_another_budget_and_another_day_are_told_anew():
    reach(use("85"))

    assert len(reach(use("165", limit="200"))) == 1
    assert len(reach(use("85", key="4"), use("85", key="5"))) == 2
    assert len(reach(use("9", key="6:1:2026-11-22", limit="10"))) == 1
    assert len(reach(use("9", key="6:1:2026-11-23", limit="10"))) == 1


def test_a_limit_of_nothing_is_no_news():
    assert reach(use("0", limit="0")) == []


def test_every_budget_counts_what_is_its_own_and_what_waits(settings):
    settings.VIDEO_BUDGET_USD = Decimal("8.00")
    settings.VIDEO_BACKEND = "gemini"
    ines = get_user_model().objects.create_user("ines")
    tom = get_user_model().objects.create_user("tom")
    one, other = make_story("one", shots=3), make_story("other", shots=1)
    lane = make_lane("gemini")
    real = {"backend": "gemini", "lane": lane, "requested_by_name": "ines"}
    first, second, third = shots_of(one)
    make_render(first, State.RUNNING, requested_by=ines, **real)
    price = Decimal("3.20")
    make_render(second, State.QUEUED, requested_by=ines, price_estimate_usd=price, **real)
    # What was spent yesterday does not count for today, and what was refused does not count at all.
    make_render(third, State.RUNNING, requested_by=ines, queued_at=hours_ago(25), **real)
    make_render(
        shots_of(other).get(), State.FAILED, requested_by=tom, **real | {"requested_by_name": "tom"}
    )
    Budget.objects.create(scope="overall", limit_usd=12)
    Budget.objects.create(scope="story", story=one, limit_usd=10)
    Budget.objects.create(scope="story", story=other, limit_usd=10)
    Budget.objects.create(scope="person_day", limit_usd=8)

    look_for_news()

    assert sorted(each.subject for each in told() if each.kind != Kind.BATCH_FINISHED) == [
        "Budget at 80 %: everything, $9.60 of $12.00",
        "Budget at 80 %: ines today, $6.40 of $8.00",
        "Budget at 80 %: the story The lamp, $9.60 of $10.00",
        "Budget used up: VIDEO_BUDGET_USD, $9.60 of $8.00",
    ]


@pytest.mark.parametrize("whose", ["her own", "everybody's"])
def test_a_persons_day_has_what_the_command_line_asked_for_under_the_name(whose):
    """The notice counts as the budget does: $3.20 of the account, $3.20 of the command line, and
    the same of both once more in the queue, but nothing of another person."""
    mira = get_user_model().objects.create_user("mira")
    former = get_user_model().objects.create_user("noor")
    shots = list(shots_of(make_story(shots=5)))
    price, lane = Decimal("3.20"), make_lane("gemini")
    asked = [
        ({"requested_by": mira, "requested_by_name": "mira"}, State.RUNNING),
        ({"requested_by_name": "mira"}, State.RUNNING),
        # This batch is older than the name of the account.
        ({"requested_by": mira, "requested_by_name": "mina"}, State.QUEUED),
        ({"requested_by_name": "mira"}, State.QUEUED),
        # This batch is of the person who had the name before.
        (
            {
                "requested_by": former,
                "requested_by_name": "mira",
                "submission": {"price_usd": Decimal("0.80")},
            },
            State.RUNNING,
        ),
    ]
    for shot, (who, state) in zip(shots, asked, strict=True):
        values = {"backend": "gemini", "lane": lane, "price_estimate_usd": price}
        make_render(shot, state, **values, **who)
    user = mira if whose == "her own" else None
    Budget.objects.create(scope="person_day", user=user, limit_usd=16)
    [counted] = limits_for(shots[0].scenelet.story_id, Person(mira.pk, "mira"))

    look_for_news()

    [notice] = told(Kind.BUDGET_80)
    assert notice.subject == "Budget at 80 %: mira today, $12.80 of $16.00"
    assert counted.spent_usd + counted.reserved_usd == Decimal("12.80")


# -- queue paused ----------------------------------------------------------------------------------


def refusal(sentence="Google refuses the key AIzaSy-not-a-real-key."):
    return VeoError(sentence, code="bad_key", permanent=True, stops_queue=True)


def test_a_paused_queue_is_told_of_once_a_pause_with_the_reason_and_without_the_key():
    shot = make_shot()
    lane = make_lane("simulator")
    make_render(shot, State.QUEUED, lane=lane)

    pause_lane(lane, refusal())
    assert [look_for_news(), look_for_news()] == [1, 0]
    resume_lane(lane)
    assert look_for_news() == 0
    pause_lane(lane, refusal("No credit is left."))
    assert look_for_news() == 1

    first, second = told(Kind.QUEUE_PAUSED)
    assert first.subject == "Queue paused: simulator"
    assert "Google refuses the key [key]." in first.text and "Waiting renders: 1." in first.text
    assert "No credit is left." in second.text
    assert first.path == reverse("admin:videogen_lane_change", args=[lane.pk])


def test_a_pause_by_a_person_is_no_news():
    """That person knows it, and the pages say it to the others."""
    pause_by_person(make_lane("simulator"), "mira", "wait for the new design")

    assert look_for_news() == 0


# -- clip about to expire --------------------------------------------------------------------------


def make_clip(shot, made_hours_ago, state=State.NOT_DOWNLOADED, **values):
    return make_render(shot, state, rendered_at=hours_ago(made_hours_ago), **values)


def clips_told():
    return told(Kind.CLIP_EXPIRES)


@pytest.mark.parametrize("state", [State.DOWNLOADING, State.NOT_DOWNLOADED])
def test_a_clip_is_told_of_twelve_and_two_hours_before_its_end(time_machine, state):
    made = timezone.now()
    render = make_render(make_shot(), state, rendered_at=made)

    numbers = []
    for hours in (35.9, 36.1, 40, 45.9, 46.1, 47.9, 48.1):
        time_machine.move_to(made + timedelta(hours=hours))
        look_for_news()
        numbers.append(len(clips_told()))

    assert numbers == [0, 1, 1, 1, 2, 2, 2]
    notice = clips_told()[0]
    assert "A clip of The lamp will be lost after" in notice.subject
    assert "S01-01 · opening" in notice.text
    assert notice.path == reverse("admin:videogen_renderbatch_progress", args=[render.batch_id])


def test_a_clip_of_which_we_heard_late_is_told_of_by_when_it_was_sent(settings):
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 30
    make_clip(make_shot(), 0, claimed_at=hours_ago(47), submitted_at=hours_ago(47))

    look_for_news()

    end = timezone.now() + timedelta(hours=1.5)
    assert f"{moment(end)} {timezone.localtime(end):%Z}" in clips_told()[0].subject


def test_a_clip_that_the_server_has_deleted_is_no_news(settings):
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 30
    make_clip(make_shot(), 0, claimed_at=hours_ago(49), submitted_at=hours_ago(49))

    look_for_news()

    assert clips_told() == []


def test_a_clip_found_late_is_told_of_once():
    make_clip(make_shot(), 47)

    look_for_news()
    look_for_news()

    assert len(clips_told()) == 1


def test_the_mail_and_the_page_promise_the_same_time(settings, client, admin_user):
    """After an outage we hear late that a clip was made: it is no younger for that."""
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 30
    render = make_clip(make_shot(), 1, submission={}, claimed_at=hours_ago(38))
    expires = render.clip_expires_at
    client.force_login(admin_user)

    look_for_news()

    [notice] = clips_told()
    end = f"{moment(expires)} {timezone.localtime(expires):%Z}"
    assert hours_ago(-10) < expires < hours_ago(-11)
    assert end in notice.subject and end in notice.text
    [row] = client.get(reverse("admin:videogen_unresolved")).context["page"].rows
    assert row.expires_at == expires
    assert next_try(render) < expires


def test_a_clip_that_is_lost_by_now_is_no_news(settings):
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 30
    make_clip(make_shot(), 1, claimed_at=hours_ago(49))

    look_for_news()

    assert clips_told() == []


def test_clips_of_a_batch_made_together_are_told_of_together():
    story = make_story(shots=8)
    batch, other = make_batch(story), make_batch(story)
    *shots, last = shots_of(story)
    # The clips are made within the same hour of the clock, whatever time it is now.
    made = (timezone.now() - timedelta(hours=37)).replace(minute=0)
    for minutes, shot in enumerate(shots):
        render = make_render(shot, State.NOT_DOWNLOADED, batch=batch)
        moment = made + timedelta(minutes=minutes)
        VideoRender.objects.filter(pk=render.pk).update(rendered_at=moment)
    render = make_render(last, State.NOT_DOWNLOADED, batch=other)
    VideoRender.objects.filter(pk=render.pk).update(rendered_at=made)

    look_for_news()

    many, one = sorted(clips_told(), key=lambda notice: notice.subject, reverse=False)
    assert many.subject.startswith("7 clips of The lamp") and "and 2 more" in many.text
    assert one.subject.startswith("A clip of The lamp")


def test_a_clip_that_is_here_or_given_up_is_no_news():
    story = make_story(shots=2)
    for shot, state in zip(shots_of(story), (State.DONE, State.CANCELLED), strict=True):
        make_clip(shot, 40, state)

    look_for_news()

    assert clips_told() == []


# -- batch of a notice -----------------------------------------------------------------------------


def test_a_notice_names_the_batch_that_it_is_about():
    batch, clip = make_batch(make_story()), make_clip(make_shot(story_id="other"), 47)
    make_render(shots_of(batch.story)[0], State.DONE, batch=batch)
    pause_lane(make_lane("simulator"), refusal())

    look_for_news()

    batches = dict(Notice.objects.values_list("kind", "batch"))
    assert batches[Kind.CLIP_EXPIRES] == clip.batch_id
    assert batches[Kind.QUEUE_PAUSED] is None
    assert {each.batch for each in told(Kind.BATCH_FINISHED)} == {batch, clip.batch}


def test_the_migration_finds_the_batches_of_older_notices():
    batch = make_batch(make_story())
    finished = make_notice(kind="batch_finished", key=f"batch_finished:{batch.pk}")
    expires = make_notice(kind="clip_expires", key=f"clip_expires:{batch.pk}:2026-11-22T10:12")
    for number, (kind, key) in enumerate(
        [
            ("batch_finished", f"batch_finished:{batch.pk + 1}"),
            ("batch_finished", "odd"),
            ("queue_paused", f"queue_paused:{batch.pk}:2026-11-22T10:12"),
        ]
    ):
        make_notice(kind=kind, key=key, subject=f"without {number}")

    migration = importlib.import_module("videogen.migrations.0025_notice_batch")
    migration.fill(apps, SimpleNamespace(connection=connection))

    assert list(Notice.objects.filter(batch=batch).order_by("pk")) == [finished, expires]


# -- looking ---------------------------------------------------------------------------------------


def test_looking_costs_the_same_however_much_has_happened(settings):
    settings.VIDEO_BUDGET_USD = Decimal("1000")

    def look():
        with CaptureQueriesContext(connection) as queries:
            look_for_news()
        return len(queries)

    def happen(story_id):
        shots = list(shots_of(make_story(story_id, shots=5)))
        for shot, state in zip(shots, [State.DONE, State.FAILED, State.RUNNING] * 2, strict=False):
            make_render(shot, state)
        make_clip(shots[2], 40, kind=VideoRender.Kind.GENERATION)

    happen("first")
    look()
    Notice.objects.update(next_attempt_at=None)
    before = look()
    for number in range(8):
        happen(f"story-{number}")
    look()
    Notice.objects.update(next_attempt_at=None)

    assert look() == before <= 17


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plans")
def test_looking_reads_renders_by_their_index():
    with CaptureQueriesContext(connection) as queries, connection.cursor() as cursor:
        look_for_news()
        asked = [each["sql"] for each in queries if 'FROM "videogen_videorender"' in each["sql"]]
        plans = [cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in asked]

    assert len(plans) == 4
    for plan in plans:
        steps = " ".join(row[3] for row in plan)
        assert "USING INDEX open_renders" in steps or "USING INDEX reviewed_renders" in steps
        assert "SCAN videogen_videorender" not in steps


def test_the_sweep_looks_and_wakes_the_sender():
    make_render(make_shot(), State.DONE)

    tasks.sweep()

    assert len(told()) == 1
    assert "videogen.tasks.send_notices" in [each.task["func"] for each in OrmQ.objects.all()]


def test_what_was_sent_wakes_nobody():
    make_render(make_shot(), State.DONE)
    look_for_news()
    Notice.objects.update(next_attempt_at=None)
    OrmQ.objects.all().delete()

    look_for_news()

    assert not OrmQ.objects.exists()


def test_of_two_who_look_at_once_one_tells():
    make_render(make_shot(), State.DONE)
    written = []

    def someone_is_faster(execute, sql, params, many, context):
        # The first process saw no such notice and is about to write one.
        if not written and sql.startswith("SAVEPOINT"):
            written.append(0)
            written[0] = look_for_news()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(someone_is_faster):
        mine = look_for_news()

    assert (written, mine) == ([1], 0)
    assert len(told()) == 1


def test_a_charge_that_is_still_open_is_not_called_cost():
    shot = make_shot()
    render = make_render(shot, State.CANCELLED, backend="gemini")
    make_submission(render, "unknown")

    look_for_news()

    assert told()[0].text.endswith(
        "It cost $0.00. Another $3.20 may have been charged: nobody knows yet."
    )
