from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from storybook.models import Shot, Story
from tests.support.admin_clients import BAR_QUERIES, browser_of, producer, viewer
from tests.support.drafts import offer
from tests.support.factories import (
    State,
    force,
    make_batch,
    make_lane,
    make_render,
    make_story,
    shots_of,
)
from tests.support.pages import content, levels, page_of, slices, told, url
from videogen.models import ReferenceChoice, RenderBatch, VideoRender
from videogen.views.review.queue import Filters, Queue

pytestmark = pytest.mark.django_db


def make_page(*states, **values):
    """Make a batch with one render in each of these states."""
    story = make_story(f"story-{Story.objects.count() + 1}", shots=len(states))
    batch = make_batch(story, requested_by_name="ines", **values)
    shots = shots_of(story).select_related("scenelet__story")
    renders = [
        make_render(shot, state, batch=batch) for shot, state in zip(shots, states, strict=True)
    ]
    RenderBatch.objects.filter(pk=batch.pk).update(plan=[record_of(each) for each in renders])
    return batch, renders


def record_of(render, decision="generate", reason="no render, or only rehearsals"):
    return {
        "shot": render.shot.pk,
        "scenelet_id": render.shot.scenelet.scenelet_id,
        "shot_index": render.shot.shot_index,
        "decision": decision,
        "reason": reason,
        "render": render.pk,
    }


def render_rows(page):
    """The primary keys of the renders on the wall."""
    keys = [each["live-key"] for each in page.tags("li") if "live-key" in each]
    return [int(key.removeprefix("render-")) for key in keys]


def offered(response):
    """What the buttons do, and with how many renders."""
    page = page_of(response)
    return {each["act"]: int(each["number"]) for each in page.hooks("act")}


def state(browser, batch, **query):
    return browser.get(url(batch, "progress_state"), query).json()


# -- the page --------------------------------------------------------------------------------------


def test_page_counts_and_tells_of_every_render():
    batch, renders = make_page(State.DONE, State.RUNNING, State.QUEUED, State.FAILED)
    VideoRender.objects.filter(pk=renders[3].pk).update(error_message="The API said no.")

    page = page_of(viewer().get(url(batch)))

    assert slices(page) == [("done", 1), ("failed", 1), ("running", 1), ("queued", 1)]
    assert render_rows(page) == [each.pk for each in renders]
    failure = page.hook("failure")
    assert failure.texts("words") == ["The API said no."] and failure["number"] == "1"
    assert [each["look"] for each in page.hooks("look")] == ["made", "working", "waiting", "lost"]
    [video] = page.hooks("hover-play")
    assert video.attributes["src"] == f"/media/{renders[0].video_file}"
    assert video.attributes["preload"] == "none"
    assert page.tags("title")[0].text.startswith("(2/4) ")
    assert page.hook("live-url")["live-url"] == url(batch, "progress_state")


def test_an_ended_batch_is_not_asked_about_any_more():
    batch, _ = make_page(State.DONE, State.FAILED)

    page = page_of(viewer().get(url(batch)))

    assert "live-url" not in page
    assert "/2)" not in page.tags("title")[0].text


def test_rows_can_be_had_by_state():
    batch, renders = make_page(State.DONE, State.FAILED)

    page = page_of(viewer().get(url(batch), {"state": "failed"}))

    assert render_rows(page) == [renders[1].pk]
    nothing = page_of(viewer().get(url(batch), {"state": "<b>"}))
    assert render_rows(nothing) == [] and "nothing-shown" in nothing


def test_what_the_plan_left_alone_is_told_with_its_reason():
    batch, (render,) = make_page(State.DONE)
    RenderBatch.objects.filter(pk=batch.pk).update(
        plan=[record_of(render, decision="skip", reason="exists")]
    )
    VideoRender.objects.update(batch=make_batch(batch.story))

    page = page_of(viewer().get(url(batch)))

    assert page.values("left") == [str(render.shot_id)]
    assert left_ways(page) == [takes_url(render)]
    assert "nothing-shown" in page and render_rows(page) == []


def test_the_page_says_what_happens_and_why_shots_were_left_alone():
    batch, renders = make_page(State.DONE, State.RUNNING, State.QUEUED, State.FAILED)
    left = leave(renders[0], "exists")
    browser = producer()

    page = told(browser.get(url(batch)))
    skipped = told(browser.get(url(left)))
    retried, _ = make_page(State.INTERRUPTED, State.INTERRUPTED)
    interrupted = told(browser.get(url(retried)))

    for words in (
        "1 of 4 done, 2 to go, 1 failed.",
        "No cluster is running",
        "Cancel the rest (1 queued)",
        "Retry failed (1)",
    ):
        assert words in page
    assert "1 shot left alone" in skipped and "It has a video. Take 1" in skipped
    assert "Nothing was queued for this batch." in skipped
    assert "Resume interrupted (2)" in interrupted
    words = "It was interrupted. To resume it asks for the same video, without a new charge."
    assert interrupted.count(words) == 1


def leave(render, reason, **values):
    """Make a batch that left the shot of the render alone."""
    record = record_of(render, decision=values.pop("decision", "skip"), reason=reason)
    return make_batch(render.shot.scenelet.story, plan=[record], **values)


def left_ways(page):
    """Where one can go on with the one shot that was left alone."""
    return page.hook("left").hook("why").links


def left_reason(page):
    return page.hook("left").hook("reason").text


def takes_url(render):
    return reverse("admin:storybook_shot_takes", args=[render.shot_id])


@pytest.mark.parametrize(
    ("in_state", "mode", "reason", "words", "way"),
    [
        (State.RUNNING, "default", "already running", "A render of it is queued", "batch"),
        (State.UNKNOWN, "default", "a person must decide", "must decide first.", "takes"),
        (State.INTERRUPTED, "default", "resume it", "Its render was interrupted", "resume"),
        (State.NOT_DOWNLOADED, "override", "resume it first", "file is missing", "resume"),
        # It has been made since then.
        (State.DONE, "default", "resume it", "Its render was interrupted", "takes"),
        (State.DONE, "override", "approved, unlock it first", "the shot is locked.", "takes"),
        (State.DONE, "default", "changed, plan again", "Changed, plan again.", "takes"),
    ],
)
def test_why_a_shot_was_left_alone_and_the_way_on(in_state, mode, reason, words, way):
    earlier, (render,) = make_page(in_state)
    batch = leave(render, reason, mode=mode)

    page = page_of(producer().get(url(batch)))

    # The one test of these words.
    assert words in left_reason(page)
    addresses = {"batch": url(earlier), "resume": "#resume", "takes": takes_url(render)}
    assert left_ways(page) == [addresses[way]]
    forms = [each.attributes.get("id") for each in page.tags("form")]
    assert ("resume" in forms) == (way == "resume")


def test_who_may_not_resume_is_led_to_the_takes():
    _, (render,) = make_page(State.INTERRUPTED)

    batch = leave(render, "resume it")

    page = page_of(viewer().get(url(batch)))

    assert url(batch, "retry") not in page.actions
    assert left_ways(page) == [takes_url(render)]


def test_what_was_left_alone_because_it_broke_off_is_resumed_from_here():
    _, (render,) = make_page(State.INTERRUPTED)
    batch = leave(render, "resume it")
    browser = producer()
    assert offered(browser.get(url(batch))) == {"resume": 1}

    response = browser.post(url(batch, "retry"), {"what": "resume"}, follow=True)

    assert offer(response) == ({"resume": 1}, 0, True)


def test_what_blocked_a_shot_is_mended_from_here():
    _, (render,) = make_page(State.CANCELLED)
    shot, story = render.shot, render.shot.scenelet.story
    shot_url = reverse("admin:storybook_shot_change", args=[shot.pk])
    browser = producer()

    def ways(reason):
        batch = leave(render, reason, decision="blocked")
        page = page_of(browser.get(url(batch)))
        assert left_reason(page) == reason
        return left_ways(page)

    assert ways("The prompt has about 2000 tokens.") == [shot_url]
    budget = "Over the budget: it costs $3.20, $1.00 is left."
    assert ways(budget) == [f"{reverse('admin:index')}#st-spending-name"]
    ReferenceChoice.objects.create(
        shot=shot, kind="character", reference_id="nobody", choice="pinned"
    )
    choices = f"{shot_url}#reference_choices-group"
    assert ways("The pinned character nobody cannot be used: the shot has none.") == [choices]
    Shot.objects.update(storyboard_payload=None)
    assert ways("The shot has no storyboard payload.") == [shot_url, choices]
    story.design_documents.filter(kind="visual").update(document={})
    visual = story.design_documents.get(kind="visual")
    document = reverse("admin:storybook_designdocument_change", args=[visual.pk])
    found = ways("The story has no visual design document: import it or write it in the admin.")
    assert found == [document, shot_url, choices]


def test_the_record_says_it_in_the_same_words():
    _, (render,) = make_page(State.DONE)
    batch = leave(render, "exists")
    browser = viewer()

    record = page_of(browser.get(url(batch, "change")))

    assert record.hook("reason").text == left_reason(page_of(browser.get(url(batch))))


def test_number_of_queries_does_not_grow_with_what_was_left_alone(django_assert_max_num_queries):
    browser = producer()
    counts = []
    for number in (2, 30):
        _, renders = make_page(*[State.INTERRUPTED] * (number - 1), State.CANCELLED)
        reasons = [("skip", "resume it")] * (number - 1) + [("blocked", "No storyboard.")]
        plan = [
            record_of(render, decision, reason)
            for render, (decision, reason) in zip(renders, reasons, strict=True)
        ]
        batch = make_batch(renders[0].shot.scenelet.story, plan=plan)
        with django_assert_max_num_queries(18 + BAR_QUERIES) as captured:
            assert browser.get(url(batch)).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_a_resumed_render_of_an_earlier_batch_belongs_to_the_page():
    earlier, (render,) = make_page(State.RUNNING)
    batch = make_batch(earlier.story, plan=[record_of(render, decision="resume")])

    assert render_rows(page_of(viewer().get(url(batch)))) == [render.pk]


def test_a_render_of_a_given_link_is_in_no_plan_but_on_the_page():
    batch, (render,) = make_page(State.DOWNLOADING)
    RenderBatch.objects.filter(pk=batch.pk).update(plan=[])

    assert render_rows(page_of(viewer().get(url(batch)))) == [render.pk]


def test_what_stories_and_errors_say_is_escaped():
    evil = "<img src=x onerror=alert(1)>"
    batch, _ = make_page(State.FAILED, State.QUEUED)
    VideoRender.objects.update(error_message=evil)
    Story.objects.update(title=evil)
    make_lane(paused_at=timezone.now(), pause_reason=evil)
    browser = viewer()

    assert evil not in browser.get(url(batch)).content.decode()
    parts = state(browser, batch)["parts"]
    assert evil not in "".join(parts.values())
    assert page_of(parts["notices"]).hook("pause-reason").text == evil


def test_page_has_neither_styles_nor_scripts_of_its_own():
    batch, _ = make_page(State.DONE, State.QUEUED)

    page = content(producer().get(url(batch)))

    assert " style=" not in page and "<script" not in page
    assert not re.search(r"\son[a-z]+=", page)


def test_only_the_summary_is_read_out():
    batch, _ = make_page(State.DONE, State.QUEUED)

    page = page_of(producer().get(url(batch)))

    live = [each for each in page if "aria-live" in each.attributes]
    assert [each["live-key"] for each in live] == ["summary"]


def test_a_draft_leads_to_its_plan():
    batch = make_batch(make_story(), status=RenderBatch.Status.DRAFT)

    assert viewer().get(url(batch)).url == url(batch, "plan")


def test_list_and_record_lead_to_the_page():
    batch, _ = make_page(State.DONE)
    browser = viewer()

    assert url(batch) in page_of(browser.get("/admin/videogen/renderbatch/")).links
    assert url(batch) in page_of(browser.get(url(batch, "change"))).links


# -- what it waits for -----------------------------------------------------------------------------


def test_without_a_cluster_the_page_says_so():
    open_batch, _ = make_page(State.QUEUED)
    ended, _ = make_page(State.DONE)
    own, _ = make_page(State.QUEUED, worked_by="a command")

    pages = [page_of(viewer().get(url(batch))) for batch in (open_batch, ended, own)]

    assert ["no-worker" in page for page in pages] == [True, False, False]


def test_waiting_for_quota_names_the_time():
    until = timezone.now() + timedelta(minutes=7)
    make_lane(not_before=until, wait_reason="Too many requests.", wait_code="quota_minute")
    batch, _ = make_page(State.QUEUED)

    notice = page_of(viewer().get(url(batch))).hook("queue", "waiting")

    assert notice.hook("next-send").text == f"{until:%H:%M}"
    assert notice.hook("wait-reason").text == "Too many requests."


def test_our_own_limit_a_minute_names_the_next_send_time(settings):
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = 1
    batch, _ = make_page(State.RUNNING, State.QUEUED)

    assert "next-send" in page_of(viewer().get(url(batch))).hook("queue", "waiting")


def test_a_stopped_queue_tells_why_and_can_be_resumed():
    lane = make_lane(paused_at=timezone.now(), pause_reason="The key is not valid.")
    batch, _ = make_page(State.QUEUED)
    browser = producer()

    page = page_of(browser.get(url(batch)))
    assert page.hook("queue", "stopped").hook("pause-reason").text == "The key is not valid."
    assert url(batch, "resume_queue") in page.actions
    assert url(batch, "resume_queue") not in page_of(viewer().get(url(batch))).actions

    response = browser.post(url(batch, "resume_queue"), follow=True)

    lane.refresh_from_db()
    assert lane.paused_at is None
    assert response.redirect_chain == [(url(batch), 302)]
    assert LogEntry.objects.get().get_edited_object() == lane
    assert OrmQ.objects.count() == 1


# -- the updates -----------------------------------------------------------------------------------


def test_state_has_the_parts_of_the_page():
    batch, renders = make_page(State.DONE, State.RUNNING)
    browser = producer()
    response = browser.get(url(batch))

    told = state(browser, batch)

    assert told["active"] is True
    assert told["title"].startswith("(1/2) ") and str(batch.pk) in told["title"]
    parts = ("summary", "chips", "notices", "actions", "failures", "time_left")
    keys = {*parts, *(f"render-{each.pk}" for each in renders)}
    assert told["parts"].keys() == keys
    assert keys == set(page_of(response).values("live-key"))
    assert told["parts"][f"render-{renders[0].pk}"].strip() in content(response)


def test_state_ends_with_the_last_render():
    batch, _ = make_page(State.DONE, State.BLOCKED)

    assert state(viewer(), batch)["active"] is False


def test_only_rows_that_may_have_changed_are_told_again():
    batch, renders = make_page(State.DONE, State.RUNNING, State.QUEUED)
    browser = viewer()
    first = state(browser, batch)
    long_ago = timezone.now() - timedelta(minutes=5)
    force(VideoRender.objects.all(), state_since=long_ago)

    told = state(browser, batch, since=first["since"])
    rows = {key for key in told["parts"] if key.startswith("render-")}
    assert rows == {f"render-{renders[1].pk}"}

    force(renders[2], state_since=timezone.now())
    told = state(browser, batch, since=first["since"])
    assert f"render-{renders[2].pk}" in told["parts"]


@pytest.mark.parametrize("since", ["yesterday", "2026-13-45T00:00:00Z", "2026-01-01T00:00:00"])
def test_a_strange_since_tells_everything(since):
    batch, _ = make_page(State.DONE)

    assert len(state(viewer(), batch, since=since)["parts"]) == 7


@pytest.mark.parametrize("name", ["progress", "progress_state"])
def test_number_of_queries_does_not_grow_with_the_batch(name, django_assert_max_num_queries):
    browser = producer()
    counts = []
    for number in (2, 30):
        batch, _ = make_page(*[State.DONE] * (number - 1), State.RUNNING)
        with django_assert_max_num_queries(15 + BAR_QUERIES) as captured:
            assert browser.get(url(batch, name)).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


# -- what a person may do --------------------------------------------------------------------------


def test_cancelling_the_rest_leaves_what_was_sent():
    batch, renders = make_page(State.RUNNING, State.QUEUED, State.QUEUED)
    browser = producer()
    assert offered(browser.get(url(batch))) == {"cancel": 2}

    response = browser.post(url(batch, "cancel"), follow=True)

    states = list(VideoRender.objects.order_by("pk").values_list("state", flat=True))
    assert states == ["running", "cancelled", "cancelled"]
    assert levels(response) == ["success"]
    assert LogEntry.objects.get().get_edited_object() == batch

    response = browser.post(url(batch, "cancel"), follow=True)
    assert levels(response)[-1] == "info"
    assert LogEntry.objects.count() == 1


def test_one_queued_render_is_cancelled_alone():
    batch, (running, first, second) = make_page(State.RUNNING, State.QUEUED, State.QUEUED)
    browser = producer()
    page = page_of(browser.get(url(batch)))
    assert page.values("cancel") == [str(first.pk), str(second.pk)]
    address = reverse("admin:videogen_takes_act", args=[first.shot_id, first.pk, "cancel"])
    assert address in page.actions

    response = browser.post(address, {"next": url(batch)}, follow=True)

    assert response.redirect_chain == [(url(batch), 302)]
    assert levels(response) == ["success"]
    states = list(batch.renders.order_by("pk").values_list("state", flat=True))
    assert states == ["running", "cancelled", "queued"]
    assert LogEntry.objects.get().get_edited_object() == first


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.SUBMITTING, "It was not cancelled: it has just been sent, and goes on."),
        (State.RUNNING, "It was not cancelled: it has just been sent, and goes on."),
        (State.CANCELLED, "It was cancelled already. Nothing was sent."),
        (State.DONE, "It was not cancelled: it is not in the queue any more, but done."),
    ],
)
def test_what_is_not_in_the_queue_any_more_is_not_cancelled(state, words):
    batch, (render,) = make_page(state)
    browser = producer()
    assert page_of(browser.get(url(batch))).values("cancel") == []
    address = reverse("admin:videogen_takes_act", args=[render.shot_id, render.pk, "cancel"])

    response = browser.post(address, {"next": url(batch)}, follow=True)

    # The one test of these words.
    assert [str(each) for each in response.context["messages"]] == [words]
    render.refresh_from_db()
    assert render.state == state
    assert not LogEntry.objects.exists()


def test_who_may_not_generate_is_offered_no_cancelling():
    batch, _ = make_page(State.QUEUED)

    assert page_of(viewer().get(url(batch))).values("cancel") == []


def test_retrying_what_failed_opens_a_plan():
    batch, renders = make_page(State.DONE, State.FAILED, State.BLOCKED)
    browser = producer()
    assert offered(browser.get(url(batch)))["retry"] == 2

    response = browser.post(url(batch, "retry"))

    draft = RenderBatch.objects.get(status="draft")
    assert response.url == url(draft, "plan")
    assert set(draft.shots.all()) == {renders[1].shot, renders[2].shot}
    assert VideoRender.objects.count() == 3


def later_video(render):
    make_render(render.shot, State.DONE)


def later_queued(render):
    make_render(render.shot, State.QUEUED)


def approved_before(render):
    # It is older than the failure, as its smaller key says.
    make_render(render.shot, State.DONE, review="approved", pk=-render.pk)


@pytest.mark.parametrize("happened", [later_video, later_queued, approved_before])
def test_the_button_counts_what_its_plan_holds(happened):
    batch, renders = make_page(State.FAILED, State.BLOCKED, State.CANCELLED, mode="override")
    happened(renders[0])
    browser = producer()
    assert offered(browser.get(url(batch)))["retry"] == 2

    response = browser.post(url(batch, "retry"), follow=True)

    assert offer(response) == ({"generate": 2}, 0, True)


def test_no_button_where_all_that_failed_was_rendered_since():
    batch, renders = make_page(State.FAILED, State.INTERRUPTED)
    for render in renders:
        make_render(render.shot, State.RUNNING)

    assert offered(producer().get(url(batch))) == {}


def test_a_failure_of_what_this_batch_resumed_is_retried_from_here():
    earlier, (render,) = make_page(State.FAILED)
    batch = make_batch(earlier.story, plan=[record_of(render, "resume")], mode="resume")
    browser = producer()
    assert offered(browser.get(url(batch))) == {"retry": 1}

    browser.post(url(batch, "retry"))

    assert list(RenderBatch.objects.get(status="draft").shots.all()) == [render.shot]


def test_retrying_where_nothing_failed_says_so():
    batch, _ = make_page(State.DONE)

    response = producer().post(url(batch, "retry"), follow=True)

    assert response.redirect_chain == [(url(batch), 302)]
    assert levels(response) == ["info"]
    assert not RenderBatch.objects.filter(status="draft").exists()


def test_what_broke_off_is_resumed_by_a_plan():
    batch, renders = make_page(State.DONE, State.INTERRUPTED, State.NOT_DOWNLOADED, State.FAILED)
    browser = producer()
    assert offered(browser.get(url(batch))) == {"resume": 2, "retry": 1}

    response = browser.post(url(batch, "retry"), {"what": "resume"}, follow=True)

    draft = RenderBatch.objects.get(status="draft")
    assert response.redirect_chain == [(url(draft, "plan"), 302)]
    assert draft.mode == "resume"
    assert set(draft.shots.all()) == {renders[1].shot, renders[2].shot}
    assert offer(response) == ({"resume": 1, "download": 1}, 0, True)


@pytest.mark.parametrize("name", ["cancel", "stop", "retry", "resume_queue"])
def test_acting_needs_the_permission_to_generate(name):
    make_lane(paused_at=timezone.now())
    batch, _ = make_page(State.QUEUED, State.FAILED)
    page = page_of(viewer().get(url(batch)))

    assert url(batch, name) not in page.actions
    assert viewer().post(url(batch, name)).status_code == 403
    assert browser_of("videogen.generate_video").post(url(batch, name)).status_code == 403
    assert producer().get(url(batch, name)).status_code == 405
    assert VideoRender.objects.filter(state=State.QUEUED).count() == 1


@pytest.mark.parametrize("name", ["progress", "progress_state"])
def test_looking_needs_the_permission_to_see_batches(name):
    batch, _ = make_page(State.QUEUED)

    assert browser_of("storybook.view_shot").get(url(batch, name)).status_code == 403
    assert viewer().get(url(RenderBatch(pk=10**30), name)).status_code == 404


def test_estimate_before_actual_after(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story(shots=2)
    batch = make_batch(story, estimated_cost_usd=Decimal("6.40"))
    paid = {"batch": batch, "backend": "gemini", "price_estimate_usd": Decimal("3.20")}
    done, running = (
        make_render(shot, state, **paid)
        for shot, state in zip(shots_of(story), (State.DONE, State.RUNNING), strict=True)
    )
    address = reverse("admin:videogen_renderbatch_progress", args=[batch.pk])

    before = page_of(viewer().get(address))
    running.move(State.RUNNING, State.BLOCKED)
    after = page_of(viewer().get(address))

    assert before.hook("estimated").text == after.hook("estimated").text == "$6.40"
    assert before.hook("charged").numbers == ["$3.20", "$3.20"]
    assert after.hook("charged").numbers == ["$3.20"]


# -- the wall --------------------------------------------------------------------------------------


def test_posters_stand_in_story_order_whatever_the_plan_says():
    batch, renders = make_page(State.DONE, State.DONE, State.DONE)
    plan = [record_of(each) for each in reversed(renders)]
    RenderBatch.objects.filter(pk=batch.pk).update(plan=plan)

    assert render_rows(page_of(viewer().get(url(batch)))) == [each.pk for each in renders]


def test_the_time_left_follows_from_what_the_model_took_lately():
    batch, renders = make_page(State.DONE, State.RUNNING, State.QUEUED)
    now = timezone.now()
    force(renders[0], claimed_at=now - timedelta(minutes=9), rendered_at=now - timedelta(minutes=5))
    force(renders[1], claimed_at=now - timedelta(minutes=1))

    page = page_of(viewer().get(url(batch)))

    assert page.hook("time-left").numbers == ["7"]
    running = page.hook("live-key", f"render-{renders[1].pk}")
    assert running.hook("expected").text == "4:00"
    # Nobody knows how long a queue stands still.
    make_lane(paused_at=timezone.now(), pause_reason="The key is not valid.")
    assert "time-left" not in page_of(viewer().get(url(batch)))


def test_an_end_leads_to_the_review_of_its_takes(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story(shots=3)
    batch = make_batch(story, estimated_cost_usd=Decimal("9.60"))
    paid = {"batch": batch, "backend": "gemini", "price_estimate_usd": Decimal("3.20")}
    renders = [
        make_render(shot, state, **paid)
        for shot, state in zip(shots_of(story), (State.DONE, State.DONE, State.FAILED), strict=True)
    ]
    make_render(shots_of(make_story("another")).get(), State.DONE, backend="gemini")
    force(renders[1], review="approved")
    browser = viewer()

    harvest = page_of(browser.get(url(batch))).hook("new-takes")

    assert harvest["new-takes"] == "2" and harvest.hook("takes-cost").text == "$6.40"
    assert harvest.hook("to-review")["to-review"] == "1"
    [way] = harvest.links
    assert way == f"{reverse('admin:videogen_review')}?batch={batch.pk}"
    found = browser.get(way).context["entry"].render
    assert found.pk == renders[0].pk
    assert len(Queue(Filters(batch=batch.pk))) == 1
    # People know it by its number, which is not its place in the table.
    RenderBatch.objects.filter(pk=batch.pk).update(number=77)
    assert Filters(batch=batch.pk).words == ["batch 77"]
    assert Filters(batch=batch.pk + 999).words == ["no such batch"]


def test_nothing_is_to_be_reviewed_before_the_end_or_after_every_verdict():
    batch, renders = make_page(State.DONE, State.RUNNING)
    assert "new-takes" not in page_of(viewer().get(url(batch)))
    force(renders[1], state=State.FAILED)
    force(renders[0], review="rejected")

    harvest = page_of(viewer().get(url(batch))).hook("new-takes")

    assert "to-review" not in harvest and harvest["new-takes"] == "1"


def test_failures_stand_apart_by_their_cause_with_the_way_on():
    states = (State.FAILED, State.FAILED, State.BLOCKED, State.UNKNOWN, State.CANCELLED, State.DONE)
    batch, renders = make_page(*states)
    force(renders[0], error_code="overloaded", error_message="Too busy.")
    force(renders[1], error_code="overloaded", error_message="Too busy.")
    force(renders[2], error_code="child", error_message="The filter refused it.")
    browser = producer()

    groups = page_of(browser.get(url(batch))).hooks("failure")

    assert [(each["failure"], each["number"]) for each in groups] == [
        ("failed:overloaded", "2"),
        ("blocked:child", "1"),
        ("unknown:", "1"),
    ]
    assert groups[0].texts("words") == ["Too busy."]
    assert [each.values("retry") for each in groups] == [["2"], ["1"], []]
    assert reverse("admin:videogen_unresolved") in groups[2].links

    browser.post(url(batch, "retry"), {"cause": "failed:overloaded"})

    draft = RenderBatch.objects.get(status="draft")
    assert set(draft.shots.all()) == {renders[0].shot, renders[1].shot}


def test_who_may_not_generate_has_no_button_on_a_failure():
    batch, _ = make_page(State.FAILED, State.UNKNOWN)

    failures = page_of(viewer().get(url(batch))).hooks("failure")

    assert [each.hooks("retry") for each in failures] == [[], []]
    assert reverse("admin:videogen_unresolved") not in failures[1].links


def test_a_retry_for_no_such_cause_drafts_nothing():
    batch, _ = make_page(State.FAILED)

    response = producer().post(url(batch, "retry"), {"cause": "<b>"})

    assert response.url == url(batch) and levels(response) == ["info"]
    assert not RenderBatch.objects.filter(status="draft").exists()


def test_the_tab_is_told_of_work():
    running, _ = make_page(State.DONE, State.RUNNING, State.QUEUED)
    ended, _ = make_page(State.DONE)
    browser = viewer()

    assert page_of(browser.get(url(running))).values("work") == ["2"]
    assert page_of(browser.get(url(ended))).values("work") == []
    [icon] = [
        each
        for each in page_of(browser.get(url(ended))).tags("link")
        if each.attributes["rel"] == "icon"
    ]
    assert icon["work-icon"].endswith("favicon-work.svg")
