"""What the pages say about a queue that waits, and what people may do: pause, resume, order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.admin_clients import browser_of, fingerprint, producer, viewer
from tests.support.drafts import confirm, look, make_draft, make_shots
from tests.support.factories import (
    State,
    force,
    make_batch,
    make_lane,
    make_render,
    make_story,
    shots_of,
)
from tests.support.pages import levels, messages, page_of, told
from tests.support.pipeline import work
from videogen.common.errors import RequestError
from videogen.common.formats import moment
from videogen.lanes.pauses import pause_by_person, pause_lane
from videogen.models import Lane, RenderBatch, StorySettings, VideoRender
from videogen.pipeline.claims import claim_renders
from videogen.pipeline.pump import Pump
from videogen.providers.errors import stop

pytestmark = pytest.mark.django_db

HOME = "/admin/"


def renders_of_batch(*states, **values):
    """Make a batch with one render of $3.20 in each of these states."""
    story = make_story(shots=len(states))
    batch = make_batch(story, **values)
    shots = shots_of(story).select_related("scenelet__story")
    return batch, [
        make_render(
            shot, state, batch=batch, price_estimate_usd=Decimal("3.20"), is_simulated=False
        )
        for shot, state in zip(shots, states, strict=True)
    ]


def batch_url(batch, name="progress"):
    return reverse(f"admin:videogen_renderbatch_{name}", args=[batch.pk])


def lane_url(lane, name="change"):
    return reverse(f"admin:videogen_lane_{name}", args=[lane.pk])


def board_url(batch):
    return reverse("admin:storybook_story_board", args=[batch.story_id])


def queue(source, state):
    """The notices in a page that the queue is waiting, paused or stopped."""
    return page_of(source).hooks("queue", state)


def reason(source):
    return page_of(source).hook("pause-reason").text


def pages_of(batch, draft):
    lane = Lane.objects.get()
    plan = batch_url(draft, "plan")
    return [HOME, batch_url(batch), board_url(batch), plan, lane_url(lane)]


@pytest.fixture
def spent(settings):
    """Fill the spend window of tier 1 for another nine minutes, and queue a render."""
    settings.VIDEO_SPEND_WINDOW_USD = Decimal(10)
    settings.TIME_ZONE = "Asia/Kolkata"
    batch, renders = renders_of_batch(State.RUNNING, State.RUNNING, State.RUNNING, State.QUEUED)
    for render in renders[:3]:
        sent = timezone.now() - timedelta(minutes=1)
        render.submissions.update(claimed_at=sent, answered_at=sent)
    return batch


# -- waiting for quota -----------------------------------------------------------------------------


def test_every_page_says_when_the_next_render_is_sent_in_local_time(spent, settings):
    settings.VIDEO_PRICE_USD_PER_SECOND = Decimal("0.40")
    draft = make_draft(make_shots(1))
    moment = timezone.now() + timedelta(minutes=9)
    # The clock may go to the next minute during the test.
    about = {
        f"{timezone.localtime(moment + timedelta(seconds=lag)):%H:%M}" for lag in (-60, -1, 0, 60)
    }
    Lane.objects.update(not_before=moment, wait_reason="The API says so.", wait_code="quota_spend")

    for address in pages_of(spent, draft):
        [notice] = queue(producer().get(address), "waiting")
        assert notice.hook("next-send").text in about, address
    assert VideoRender.objects.filter(state="failed").count() == 0


def test_the_window_of_the_settings_alone_is_told_of(spent):
    for address in (HOME, batch_url(spent), board_url(spent)):
        [notice] = queue(viewer().get(address), "waiting")
        assert notice.hook("wait-reason").numbers == ["$10.00", "10"]


def test_updates_bring_the_notice_to_the_board_and_take_it_away(spent):
    state = reverse("admin:storybook_story_board_state", args=[spent.story_id])
    browser = viewer()

    waits = browser.get(state).json()
    force(VideoRender.objects.filter(state="queued"), state="cancelled")
    goes_on = browser.get(state, {"since": waits["since"]}).json()

    assert len(queue(waits["parts"]["queue"], "waiting")) == 1
    assert goes_on["parts"]["queue"].strip() == ""


def test_another_day_is_named(spent):
    midnight = timezone.now() + timedelta(hours=30)
    make_lane(not_before=midnight, wait_code="quota_day", wait_reason="Ten a day.")

    [notice] = queue(viewer().get(batch_url(spent)), "waiting")
    assert notice.hook("next-send").text == moment(midnight)
    assert notice.hook("wait-reason").text == "Ten a day."


def test_without_anything_queued_no_page_speaks_of_quota(spent):
    force(VideoRender.objects.filter(state="queued"), state="cancelled")

    for address in (HOME, batch_url(spent), board_url(spent)):
        assert "queue" not in page_of(viewer().get(address))


def test_a_plan_says_that_a_price_is_over_the_whole_window(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_SPEND_WINDOW_USD = Decimal(3)

    page = page_of(look(producer(), make_draft(make_shots(1))))

    assert page.hook("over-limit").numbers == ["$3.20", "$3.00", "10"]


def test_the_notices_say_what_the_queue_waits_for(spent, settings):
    address = batch_url(spent)
    browser = producer(username="ines")
    lane = Lane.objects.get()
    settings.VIDEO_SPEND_WINDOW_USD = Decimal(10)
    Lane.objects.update(
        not_before=timezone.now() + timedelta(minutes=9),
        wait_reason="The API says so.",
        wait_code="quota_spend",
    )
    waiting = told(browser.get(address))
    pause_lane(lane, stop("key_refused", "The key is wrong."))
    stopped = told(browser.get(address))
    response = browser.post(lane_url(lane, "pause"), {"reason": "Lunch."}, follow=True)
    paused = told(browser.get(address))

    assert (
        "Waiting for quota: the next render is sent about" in waiting
        and "The API says so." in waiting
    )
    assert "The queue is stopped. The key is wrong." in stopped
    assert messages(response) == [
        "The queue is paused. 1 render waits in it. What was sent before continues."
    ]
    assert "The queue is paused. ines paused it: Lunch." in paused


# -- a queue that is stopped -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("credits_depleted", "credits_depleted"),
        ("key_invalid", "key_refused"),
        ("model_retired", "model_not_found"),
    ],
)
def test_what_a_person_must_mend_is_one_notice_and_one_click(simulator, fail, fault, code):
    batch, _ = renders_of_batch(*[State.QUEUED] * 4)
    fail("submit", fault, times=1)
    lane = Lane.objects.get()
    work(lane, until=lambda found: Lane.objects.get().paused_at)
    assert Lane.objects.get().pause_code == code
    # None was accepted, so none is lost, not even the one that met the refusal.
    assert batch.renders.filter(state="queued").count() == 4

    browser = producer()
    for address in (HOME, batch_url(batch), board_url(batch), lane_url(lane)):
        assert len(queue(browser.get(address), "stopped")) == 1, address
    response = browser.post(lane_url(lane, "resume"), {"back": "dashboard"}, follow=True)

    assert response.redirect_chain == [(HOME, 302)]
    assert not queue(response, "stopped")
    work(lane)
    assert batch.renders.filter(state="done").count() == 4


def pause_reason_after_404(fail, story_model="", **batch):
    batch, _ = renders_of_batch(State.QUEUED, **batch)
    StorySettings.objects.create(story=batch.story, model=story_model)
    if batch.model:
        VideoRender.objects.update(model=batch.model)
    fail("submit", "model_retired")
    lane = Lane.objects.get()
    work(lane, until=lambda found: Lane.objects.get().paused_at)
    reason = Lane.objects.get().pause_reason
    assert VideoRender.objects.get().error_message == reason
    return batch, reason


def test_a_model_of_the_settings_that_is_gone_is_mended_there(fail):
    _, reason = pause_reason_after_404(fail)

    assert reason.startswith("The model is not available (")
    assert reason.endswith(
        "veo-3.1-generate-preview comes from the settings: set VIDEO_MODEL to one that the "
        "account has. Queued renders keep their model: move them to another one, or cancel them."
    )


def test_a_model_of_a_story_that_is_gone_is_mended_in_the_story(fail):
    _, reason = pause_reason_after_404(fail, story_model="veo-3.1-generate-preview")

    assert "comes from the story's video settings: choose another one there." in reason
    assert "VIDEO_MODEL" not in reason


def test_a_model_of_a_batch_that_is_gone_is_mended_in_the_batch(fail):
    batch, reason = pause_reason_after_404(fail, model="veo-3.1-fast-generate-preview")

    assert "VIDEO_MODEL" not in reason
    assert reason.endswith(
        f"veo-3.1-fast-generate-preview was chosen for batch {batch.pk}. Queued renders keep "
        "their model: move them to another one, or cancel them."
    )


def test_a_person_pauses_the_queue_and_says_why():
    batch, (_, queued) = renders_of_batch(State.RUNNING, State.QUEUED)
    lane = Lane.objects.get()
    browser = producer(username="ines")
    for address in (HOME, lane_url(lane)):
        assert lane_url(lane, "pause") in page_of(browser.get(address)).actions

    form = {"reason": "The style <b> is wrong.", "back": "dashboard"}
    response = browser.post(lane_url(lane, "pause"), form, follow=True)

    assert response.redirect_chain == [(HOME, 302)]
    assert levels(response) == ["success"]
    for address in (HOME, batch_url(batch), board_url(batch), lane_url(lane)):
        response = browser.get(address)
        assert len(queue(response, "paused")) == 1, address
        assert reason(response) == "ines paused it: The style <b> is wrong.", address
        assert "<b>" not in response.text, address
        assert lane_url(lane, "pause") not in page_of(response).actions
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == lane
    assert entry.get_change_message() == "Paused the queue. The style <b> is wrong."

    browser.post(lane_url(lane, "pause"), {"reason": "again"})
    assert LogEntry.objects.count() == 1
    browser.post(lane_url(lane, "resume"))
    lane.refresh_from_db()
    assert (lane.paused_at, lane.pause_code, lane.pause_reason) == (None, "", "")
    assert OrmQ.objects.count() == 1
    queued.refresh_from_db()
    assert queued.state == State.QUEUED


def test_the_dashboards_pause_stops_every_account(settings):
    settings.VIDEO_BACKEND = "vertex"
    renders_of_batch(State.QUEUED)
    force(VideoRender.objects.all(), lane=make_lane("vertex"), backend="vertex", is_simulated=False)
    idle = make_lane("gemini")
    browser = producer(username="ines")
    [button] = [each for each in page_of(browser.get(HOME)).actions if each.endswith("/pause/")]

    response = browser.post(button, {"reason": "Stop.", "back": "dashboard"}, follow=True)

    assert levels(response) == ["success"]
    stopped = Lane.objects.filter(name__in=["vertex", "gemini"]).exclude(paused_at=None)
    assert stopped.count() == 2
    Lane.objects.update(paused_at=None, pause_code="", pause_reason="")
    response = browser.post(lane_url(idle, "pause"), {"reason": "Stop."}, follow=True)
    assert levels(response) == ["success"]
    idle.refresh_from_db()
    assert idle.paused_at


def test_a_paused_queue_sends_nothing_and_finishes_what_was_sent(simulator, log):
    batch, _ = renders_of_batch(State.QUEUED, State.QUEUED)
    lane = Lane.objects.get()
    pump = Pump(lane)
    VideoRender.objects.filter(pk=batch.renders.last().pk).update(
        not_before=timezone.now() + timedelta(hours=1)
    )
    while not VideoRender.objects.filter(state="running").exists():
        pump.tick(0.02)
    pump.close()
    producer().post(lane_url(lane, "pause"), {"reason": "Lunch."})
    VideoRender.objects.update(not_before=None)

    work(lane, until=lambda found: any(each.state == "done" for each in found))

    assert sorted(batch.renders.values_list("state", flat=True)) == ["done", "queued"]
    assert len(log()["submissions"]) == 1
    assert claim_renders(lane, owner="host|boot|1|1.0", limit=9) == []


def test_asking_again_does_not_end_a_persons_pause():
    lane = make_lane()
    browser = producer(username="ines")
    browser.post(lane_url(lane, "pause"), {"reason": "Lunch."})
    draft = make_draft(make_shots(1))
    assert reason(look(browser, draft)) == "ines paused it: Lunch."

    response = confirm(browser, draft, follow=True)

    assert Lane.objects.get().paused_at
    assert VideoRender.objects.get().state == State.QUEUED
    assert len(queue(response, "paused")) == 1


def test_a_persons_pause_is_stronger_than_a_refusal():
    lane = make_lane()
    pause_lane(lane, stop("key_refused", "The key is wrong."))
    producer(username="ines").post(lane_url(lane, "pause"), {"reason": "Wait for the key."})
    pause_lane(lane, stop("key_refused", "The key is wrong."))

    lane.refresh_from_db()
    assert (lane.pause_code, lane.pause_reason) == ("person", "ines paused it: Wait for the key.")


@pytest.mark.parametrize("reason", ["", "  \t\n", None])
def test_nobody_pauses_the_queue_without_saying_why(reason):
    lane = make_lane()
    form = {"back": "dashboard"} if reason is None else {"reason": reason, "back": "dashboard"}

    response = producer().post(lane_url(lane, "pause"), form, follow=True)

    assert levels(response) == ["error"]
    lane.refresh_from_db()
    assert (lane.paused_at, lane.pause_code) == (None, "")
    assert not LogEntry.objects.exists()


def test_the_function_refuses_an_empty_reason_too():
    lane = make_lane()

    with pytest.raises(RequestError) as caught:
        pause_by_person(lane, "ines", " \n")

    assert caught.value.code == "no_reason"
    lane.refresh_from_db()
    assert lane.paused_at is None


def test_pausing_needs_the_permission_to_generate():
    make_story()
    lane = make_lane()

    for address in (HOME, lane_url(lane)):
        assert lane_url(lane, "pause") not in page_of(viewer().get(address)).actions
    assert viewer().post(lane_url(lane, "pause")).status_code == 403
    assert browser_of("videogen.generate_video").post(lane_url(lane, "pause")).status_code == 403
    assert producer().get(lane_url(lane, "pause")).status_code == 405
    lane.refresh_from_db()
    assert lane.paused_at is None


# -- order and end ---------------------------------------------------------------------------------


def test_a_batch_is_moved_before_the_others():
    batch, _ = renders_of_batch(State.QUEUED)
    browser = producer()
    page = page_of(browser.get(batch_url(batch)))
    assert batch_url(batch, "priority") in page.actions
    places = [each for each in page.tags("button") if each.attributes.get("name") == "priority"]
    chosen = [each.attributes["value"] for each in places if "disabled" in each.attributes]
    assert chosen == ["0"]

    response = browser.post(batch_url(batch, "priority"), {"priority": "10"}, follow=True)

    batch.refresh_from_db()
    assert batch.priority == RenderBatch.Priority.FIRST
    assert levels(response) == ["success"]
    assert LogEntry.objects.get().get_edited_object() == batch
    browser.post(batch_url(batch, "priority"), {"priority": "10"})
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("priority", ["", "5", "first", "10 ", "1e1", "٣"])
def test_no_other_place_in_the_queue(priority):
    batch, _ = renders_of_batch(State.QUEUED)

    producer().post(batch_url(batch, "priority"), {"priority": priority})

    batch.refresh_from_db()
    assert batch.priority == (10 if priority == "10 " else 0)


def test_moving_needs_the_permission_to_generate():
    batch, _ = renders_of_batch(State.QUEUED)

    assert batch_url(batch, "priority") not in page_of(viewer().get(batch_url(batch))).actions
    assert viewer().post(batch_url(batch, "priority"), {"priority": 10}).status_code == 403
    assert producer().get(batch_url(batch, "priority")).status_code == 405


def test_with_nothing_queued_there_is_nothing_to_move():
    batch, _ = renders_of_batch(State.RUNNING)

    assert batch_url(batch, "priority") not in page_of(producer().get(batch_url(batch))).actions


def test_a_plan_is_confirmed_with_its_place_in_the_queue():
    draft = make_draft(make_shots(1))
    browser = producer()
    response = look(browser, draft)
    options = page_of(response).tags("option")
    chosen = [each.attributes["value"] for each in options if "selected" in each.attributes]
    assert chosen == ["0"]
    planned = fingerprint(response)

    browser.post(
        batch_url(draft, "plan"),
        {"mode": "default", "planned": planned, "confirm": 1, "priority": "-10"},
    )

    draft.refresh_from_db()
    assert (draft.status, draft.priority) == ("confirmed", RenderBatch.Priority.LATER)


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([State.QUEUED] * 2, "Cancelled 2 queued renders, which were neither sent nor paid for."),
        (
            [State.QUEUED, State.RUNNING, State.DOWNLOADING, State.DONE],
            "Cancelled 1 queued render, which was neither sent nor paid for. "
            "1 is done and paid for ($3.20); 2 are already paid for ($6.40) and go on.",
        ),
        (
            [State.QUEUED, State.DONE, State.DONE, State.FAILED, State.BLOCKED, State.CANCELLED],
            "Cancelled 1 queued render, which was neither sent nor paid for. "
            "2 are done and paid for ($6.40).",
        ),
        (
            [State.QUEUED, State.INTERRUPTED, State.NOT_DOWNLOADED],
            "Cancelled 1 queued render, which was neither sent nor paid for. "
            "2 are already paid for ($6.40) and were interrupted: resume them.",
        ),
        (
            [State.QUEUED, State.SUBMITTING, State.UNKNOWN],
            "Cancelled 1 queued render, which was neither sent nor paid for. 1 is already paid for "
            "($3.20) and goes on; 1 may be paid for ($3.20): a person must decide.",
        ),
        (
            [State.RUNNING],
            "Nothing was left to cancel. 1 is already paid for ($3.20) and goes on.",
        ),
    ],
)
def test_cancelling_says_what_is_already_paid_for(states, words):
    batch, _ = renders_of_batch(*states)
    browser = producer()
    page = page_of(browser.get(batch_url(batch)))

    response = browser.post(batch_url(batch, "cancel"), follow=True)

    # The one test of these words.
    assert messages(response)[0] == words
    paid = words.partition(". ")[2]
    if State.QUEUED in states:
        assert page.texts("sent") == ([paid] if paid else []), "it is said before, too"


def test_a_clip_of_ones_own_is_not_called_paid():
    batch, (_, upload) = renders_of_batch(State.QUEUED, State.QUEUED)
    make_render(
        upload.shot,
        State.DONE,
        batch=batch,
        kind="upload",
        price_estimate_usd=0,
        is_simulated=False,
        submission=False,
    )

    response = producer().get(batch_url(batch))

    sent = response.context["page"].sent
    assert (sent.done.number, sent.done.usd) == (1, 0)
    assert page_of(response).hook("sent").sums == []


def test_what_is_free_is_not_called_paid():
    story = make_story(shots=2)
    batch = make_batch(story)
    for shot, state in zip(shots_of(story), [State.RUNNING, State.DONE], strict=True):
        make_render(shot, state, batch=batch)

    response = producer().post(batch_url(batch, "cancel"), follow=True)

    assert messages(response) == [
        "Nothing was left to cancel. 1 is done; 1 is sent already and goes on."
    ]
