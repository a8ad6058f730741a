from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.factories import (
    force,
    make_lane,
    make_price,
    make_render,
    make_shot,
    make_story,
    only_shot,
    shots_of,
)
from videogen.common.errors import RequestError
from videogen.models import Lane, Price, RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.planning.enqueue import queue_link, queue_renders
from videogen.planning.plan import plan_shots

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State

COMMAND = Requester("command", name="ada")


def plan(story, mode="default"):
    return plan_shots(story, shots_of(story), mode)


def queue(a_plan, requester=COMMAND, **options):
    return queue_renders(a_plan, requester, task="CREATE_SHOT_VIDEO", **options)


def decisions(queued):
    return [(str(row.decision.action), row.decision.reason) for row, _ in queued.rows]


def woken():
    return sorted(each.task["func"].rpartition(".")[2] for each in OrmQ.objects.all())


# -- the price -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["default", "dry-run"])
def test_a_price_that_was_deleted_since_the_plan_queues_nothing(settings, mode):
    settings.VIDEO_BACKEND = "gemini"
    make_price("0.41")
    a_plan = plan(make_story(), mode)
    assert a_plan.request.price_usd == Decimal("3.28")
    Price.objects.filter(usd_per_second="0.41").delete()

    with pytest.raises(RequestError) as caught:
        queue(a_plan)

    assert caught.value.code == "plan_changed"
    assert "Plan again" in caught.value.sentence
    assert not VideoRender.objects.exists()
    assert not RenderBatch.objects.exists()
    assert woken() == []


@pytest.mark.parametrize("mode", ["default", "dry-run"])
@pytest.mark.parametrize("change", ["raised", "replaced", "lowered"])
def test_a_price_that_is_another_one_than_planned_queues_nothing(settings, mode, change):
    settings.VIDEO_BACKEND = "gemini"
    price = make_price("0.41", days_ago=1)
    a_plan = plan(make_story(), mode)
    if change == "replaced":
        make_price("0.50")
    else:
        Price.objects.filter(pk=price.pk).update(
            usd_per_second="0.50" if change == "raised" else "0.30"
        )

    with pytest.raises(RequestError) as caught:
        queue(a_plan)

    assert caught.value.code == "plan_changed"
    now = "$2.40" if change == "lowered" else "$4.00"
    assert f"costs {now} now, and was planned for $3.28. Plan again" in caught.value.sentence
    assert not VideoRender.objects.exists()
    assert not RenderBatch.objects.exists()
    assert woken() == []


@pytest.mark.django_db(transaction=True)
def test_nobody_deletes_the_price_while_something_is_queued_under_it(settings):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite gives whoever queues the whole database")
    settings.VIDEO_BACKEND = "gemini"
    price = make_price("0.41")
    told = []

    def delete():
        try:
            with transaction.atomic():
                told.append(Price.objects.select_for_update(nowait=True).get(pk=price.pk).delete())
        except OperationalError as error:
            told.append(error)
        finally:
            connections.close_all()

    with transaction.atomic():
        queue(plan(make_story()))
        thread = threading.Thread(target=delete)
        thread.start()
        thread.join(10)

    assert [type(each) for each in told] == [OperationalError]
    assert VideoRender.objects.get().price == price


def test_what_is_resumed_needs_no_price(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story()
    make_render(only_shot(story), State.INTERRUPTED, backend="gemini", lane=make_lane("gemini"))
    a_plan = plan(story, "resume")
    assert a_plan.request.price_usd
    Price.objects.all().delete()

    assert decisions(queue(a_plan)) == [("resume", "go on polling that operation")]


# -- rows ----------------------------------------------------------------------------------------


def test_every_new_attempt_is_a_row_with_all_that_will_be_sent(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story()
    user = get_user_model().objects.create_user("ada")
    a_plan = plan(story)

    queued = queue(a_plan, Requester("admin", user=user, name="Ada L."))

    render = VideoRender.objects.get()
    (row,) = a_plan.rows
    assert queued.render_ids == {render.pk}
    assert queued.rows[0][1] == render.pk
    assert (render.state, render.kind, render.mode) == (State.QUEUED, "generation", "default")
    assert (render.shot, render.batch, render.lane) == (
        only_shot(story),
        queued.batch,
        Lane.objects.get(name="gemini"),
    )
    assert (render.prompt_text, render.prompt_tokens) == (row.prompt.text, row.prompt.tokens)
    assert render.references == [pick.as_dict() for pick in row.selection.picks]
    assert (render.backend, render.model) == ("gemini", "veo-3.1-generate-preview")
    assert (render.aspect_ratio, render.resolution, render.duration_seconds) == ("16:9", "1080p", 8)
    assert (render.reference_type, render.is_simulated) == ("asset", False)
    assert render.price_estimate_usd == Decimal("3.20")
    assert (render.requested_by, render.requested_by_name) == (user, "Ada L.")
    assert render.take is None


def test_a_batch_keeps_the_plan_and_who_asked_for_what(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story(shots=3)
    first, second, third = shots_of(story).select_related("scenelet__story")
    done = make_render(first, State.DONE, backend="gemini")
    type(second).objects.filter(pk=second.pk).update(storyboard_payload=None)

    queued = queue(plan(story), filters={"scenelet_id": "opening"}, worked_by="a process")

    batch = RenderBatch.objects.get(pk=queued.batch.pk)
    render = third.renders.get()
    assert (batch.story, batch.task, batch.mode) == (story, "CREATE_SHOT_VIDEO", "default")
    assert (batch.door, batch.requested_by_name, batch.worked_by) == ("command", "ada", "a process")
    assert batch.filters == {"scenelet_id": "opening"}
    assert batch.counts == {"generate": 1, "skip": 1, "blocked": 1}
    assert batch.estimated_cost_usd == Decimal("3.20")
    assert [(each["shot_index"], each["decision"], each["render"]) for each in batch.plan] == [
        (1, "skip", done.pk),
        (2, "blocked", None),
        (3, "generate", render.pk),
    ]


def test_a_rehearsal_is_a_render_of_its_own_kind():
    story = make_story()
    make_render(only_shot(story), State.RUNNING)

    queue(plan(story, "dry-run"))

    rehearsal = VideoRender.objects.get(kind="rehearsal")
    assert (rehearsal.state, rehearsal.mode) == (State.QUEUED, "dry-run")
    assert rehearsal.prompt_text


def test_a_new_take_leaves_the_old_one_as_it_is():
    story = make_story()
    old = make_render(only_shot(story), State.DONE)
    before = VideoRender.objects.values().get(pk=old.pk)

    queue(plan(story, "override"))

    assert VideoRender.objects.values().get(pk=old.pk) == before
    assert VideoRender.objects.count() == 2


def test_queueing_many_shots_takes_no_more_queries(django_assert_num_queries):
    small, large = make_story("small", shots=3), make_story("large", shots=12)
    plans = plan(small), plan(large)
    make_lane()
    with CaptureQueriesContext(connection) as queries:
        queue(plans[0])

    with django_assert_num_queries(len(queries)):
        queue(plans[1])

    assert VideoRender.objects.count() == 15


# -- asked twice -----------------------------------------------------------------------------------


def test_a_second_click_queues_nothing():
    story = make_story(shots=2)
    one, two = plan(story), plan(story)
    first = queue(one)

    second = queue(two)

    assert decisions(second) == [("skip", "already running")] * 2
    assert second.render_ids == frozenset()
    assert [pk for _, pk in second.rows] == [pk for _, pk in first.rows]
    assert VideoRender.objects.count() == 2
    assert second.batch.counts == {"skip": 2}
    assert second.batch.estimated_cost_usd == 0


@pytest.mark.parametrize("mode", ["default", "resume", "override"])
@pytest.mark.parametrize(
    ("state", "values", "expected"),
    [
        (State.RUNNING, {}, "skip"),
        (State.UNKNOWN, {}, "skip"),
        (State.DONE, {"review": "approved"}, "skip"),
        (State.FAILED, {}, "generate"),
    ],
)
def test_what_has_happened_since_the_plan_counts(mode, state, values, expected):
    story = make_story()
    old = plan(story, mode)
    make_render(only_shot(story), state, **values)

    queued = queue(old)

    assert decisions(queued)[0][0] == expected
    assert VideoRender.objects.count() == (2 if expected == "generate" else 1)


def test_a_shot_that_was_to_be_skipped_is_not_rendered_unseen():
    story = make_story()
    running = make_render(only_shot(story), State.RUNNING)
    old = plan(story)
    running.move(State.RUNNING, State.FAILED)

    queued = queue(old)

    assert decisions(queued) == [("skip", "changed, plan again")]
    assert VideoRender.objects.count() == 1


def test_a_blocked_shot_stays_blocked():
    story = make_story(payload=None)

    queued = queue(plan(story))

    assert decisions(queued) == [("blocked", "The shot has no storyboard payload.")]
    assert queued.rows[0][1] is None
    assert not VideoRender.objects.exists()


# -- resuming --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "touched_ago", "becomes"),
    [
        (State.INTERRUPTED, 100, State.RUNNING),
        (State.RUNNING, 100, State.RUNNING),
        (State.NOT_DOWNLOADED, 100, State.DOWNLOADING),
        (State.DOWNLOADING, 100, State.DOWNLOADING),
    ],
)
def test_resume_brings_the_same_render_back(state, touched_ago, becomes):
    story = make_story()
    old = make_render(
        only_shot(story),
        state,
        touched_ago=touched_ago,
        error_code="deadline",
        error_message="Too late.",
        deadline_at=timezone.now(),
        download_attempts=3,
        poll_failures=2,
    )

    queued = queue(plan(story, "resume"))

    render = VideoRender.objects.get()
    assert queued.render_ids == {old.pk}
    assert (render.pk, render.state, render.status) == (old.pk, becomes, becomes)
    assert (render.operation_name, render.download_uri) == (old.operation_name, old.download_uri)
    assert (render.error_code, render.error_message, render.ended_at) == ("", "", None)
    assert render.submissions.count() == 1
    if becomes == State.RUNNING:
        assert render.poll_failures == 0
        assert render.deadline_at > timezone.now()
        assert render.next_poll_at <= timezone.now()
    else:
        assert (render.download_attempts, render.not_before) == (0, None)


# -- wake-ups -------------------------------------------------------------------------------------


def test_what_is_queued_wakes_the_pump():
    queue(plan(make_story(shots=3)))

    assert woken() == ["pump"]


def test_what_is_to_be_downloaded_wakes_the_downloads_too():
    story = make_story()
    make_render(only_shot(story), State.NOT_DOWNLOADED)

    queue(plan(story, "resume"))

    assert woken() == ["download", "pump"]


def test_one_worker_stays_free_for_the_pump(settings):
    settings.VIDEO_WORKERS = 3
    story = make_story(shots=10)
    for shot in shots_of(story).select_related("scenelet__story"):
        make_render(shot, State.NOT_DOWNLOADED)

    queue(plan(story, "resume"))

    assert woken() == ["download", "download", "pump"]


def test_nobody_is_woken_for_nothing_or_for_ones_own_work():
    story = make_story()
    make_render(only_shot(story), State.DONE)

    queue(plan(story))
    queue(plan(make_story("another")), wake=False)

    assert woken() == []


def test_wake_ups_carry_no_rows():
    queue(plan(make_story()))

    task = OrmQ.objects.get().task
    assert (task["args"], task.get("kwargs") or {}) == ((), {})


# -- a given link ----------------------------------------------------------------------------------


def test_a_given_link_is_a_render_that_only_downloads(settings):
    settings.VIDEO_BACKEND = "gemini"
    shot = make_shot()

    queued = queue_link(plan(shot.scenelet.story), "https://x/y", COMMAND, task="CREATE_SHOT_VIDEO")

    render = VideoRender.objects.get()
    assert (render.kind, render.state, render.shot) == ("link", State.DOWNLOADING, shot)
    assert render.download_uri == "https://x/y"
    assert render.price_estimate_usd == 0
    assert not render.submissions.exists()
    assert decisions(queued) == [("download", "download link given")]
    assert woken() == ["download"]


def test_what_the_plan_did_not_price_is_not_sent_when_the_situation_changes(settings):
    settings.VIDEO_PROMPT_LIMIT_BLOCKS = True  # so that skipped shots have a prompt, too
    shot = make_shot()
    render = make_render(shot, State.DONE)
    settings.VIDEO_BACKEND, settings.VIDEO_MODEL = "gemini", "veo-without-a-price"
    force(render, is_simulated=False, backend="gemini")
    before = plan(shot.scenelet.story)
    force(render, state=State.FAILED, take=None, video_file="", is_simulated=False)

    queued = queue_renders(before, COMMAND, task="CREATE_SHOT_VIDEO")

    assert [row.decision.action for row, _ in queued.rows] == ["skip"]
    assert VideoRender.objects.count() == 1
