from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django_q.models import OrmQ

from tests.support.admin_clients import browser_of, fingerprint, producer, viewer
from tests.support.drafts import (
    confirm,
    look,
    make_draft,
    make_shots,
    offer,
    plan_url,
    progress_url,
)
from tests.support.factories import State, force, make_lane, make_render
from tests.support.pages import levels, messages, page_of
from videogen.models import RenderBatch, VideoRender

pytestmark = pytest.mark.django_db

DRAFT = RenderBatch.Status.DRAFT


@pytest.fixture
def paid(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_BUDGET_USD = None


# -- confirming ------------------------------------------------------------------------------------


def test_confirming_queues_the_plan_that_was_seen(django_capture_on_commit_callbacks):
    shots = make_shots(3)
    make_render(shots[2], State.DONE)
    draft = make_draft(shots)
    browser = producer(username="ines")
    seen = fingerprint(look(browser, draft))

    with django_capture_on_commit_callbacks(execute=True):
        response = confirm(browser, draft, seen=seen, follow=True)

    batch = RenderBatch.objects.get(pk=draft.pk)
    assert response.redirect_chain == [(progress_url(batch), 302)]
    assert (batch.status, batch.door, batch.mode) == ("confirmed", "admin", "default")
    assert (batch.requested_by.username, batch.requested_by_name) == ("ines", "ines")
    assert batch.counts == {"generate": 2, "skip": 1}
    assert set(batch.renders.values_list("shot", "state")) == {
        (shots[0].pk, "queued"),
        (shots[1].pk, "queued"),
    }
    (message,) = messages(response)
    # The one test of these words.
    assert "3 shots: 2 queued, 1 skipped." in message
    assert "<bdi>S01-03 · opening</bdi>: It has a video." in message
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == batch and entry.is_addition()
    assert OrmQ.objects.count() == 1  # the pump was woken


def test_the_mode_goes_with_the_confirmation():
    shots = make_shots(1)
    make_render(shots[0], State.DONE)
    draft = make_draft(shots)

    confirm(producer(), draft, "override")

    draft.refresh_from_db()
    assert (draft.mode, draft.counts) == ("override", {"generate": 1})


def test_second_click_queues_nothing():
    draft = make_draft(make_shots(1))
    browser = producer()
    seen = fingerprint(look(browser, draft))

    confirm(browser, draft, seen=seen)
    response = confirm(browser, draft, seen=seen, follow=True)

    assert VideoRender.objects.count() == 1
    assert response.redirect_chain == [(progress_url(draft), 302)]
    assert levels(response)[-1] == "info"
    assert LogEntry.objects.count() == 1


def test_second_click_makes_no_second_take_either():
    shots = make_shots(1)
    make_render(shots[0], State.DONE)
    draft = make_draft(shots)
    browser = producer()
    seen = fingerprint(look(browser, draft, "override"))

    confirm(browser, draft, "override", seen=seen)
    force(VideoRender.objects.filter(state=State.QUEUED), state=State.CANCELLED)
    confirm(browser, draft, "override", seen=seen)

    assert VideoRender.objects.count() == 2


def test_a_changed_plan_is_shown_again():
    shots = make_shots(1)
    draft = make_draft(shots)
    browser = producer()
    seen = fingerprint(look(browser, draft))
    make_render(shots[0], State.DONE)

    response = confirm(browser, draft, seen=seen, follow=True)

    assert response.redirect_chain == [(f"{plan_url(draft)}?mode=default", 302)]
    assert levels(response) == ["warning"]
    assert offer(response) == ({"skip": 1}, 0, False)
    draft.refresh_from_db()
    assert draft.status == DRAFT and VideoRender.objects.count() == 1


def test_a_mode_whose_plan_was_not_seen_is_shown_first():
    shots = make_shots(1)
    make_render(shots[0], State.DONE)
    draft = make_draft(shots)
    browser = producer()
    seen = fingerprint(look(browser, draft, "dry-run"))

    response = confirm(browser, draft, "override", seen=seen, follow=True)

    assert levels(response) == ["warning"]
    assert offer(response) == ({"generate": 1}, 0, True)
    draft.refresh_from_db()
    assert draft.mode == "default" and VideoRender.objects.count() == 1


def test_nothing_is_queued_where_there_is_nothing_to_do():
    shots = make_shots(1)
    make_render(shots[0], State.DONE)
    draft = make_draft(shots)

    response = confirm(producer(), draft, follow=True)

    assert levels(response) == ["warning"]
    draft.refresh_from_db()
    assert draft.status == DRAFT


@pytest.mark.parametrize("form", [{}, {"mode": "free beer"}, {"mode": "default"}])
def test_a_confirmation_of_an_unseen_plan_queues_nothing(form):
    draft = make_draft(make_shots(1))

    response = producer().post(plan_url(draft), form | {"confirm": 1})

    assert response.status_code == 302
    assert not VideoRender.objects.exists()


def test_rehearsal_is_queued_as_one_and_resumes_no_queue():
    make_lane(paused_at="2026-01-01T00:00Z", pause_reason="no key")
    draft = make_draft(make_shots(1))

    confirm(producer(), draft, "dry-run")

    render = VideoRender.objects.select_related("lane").get()
    assert render.kind == VideoRender.Kind.REHEARSAL
    assert render.lane.paused_at


def test_generating_resumes_a_stopped_queue():
    make_lane(paused_at="2026-01-01T00:00Z", pause_reason="no key")
    draft = make_draft(make_shots(1))

    confirm(producer(), draft)

    assert not VideoRender.objects.get().lane.paused_at


def test_what_the_budget_has_no_room_for_is_blocked(paid, settings):
    settings.VIDEO_BUDGET_USD = Decimal("4.00")
    first, second = make_draft(make_shots(2)), make_draft(make_shots(1))
    browser = producer()

    response = look(browser, first)
    assert offer(response) == ({"generate": 1, "blocked": 1}, Decimal("3.20"), True)
    page = page_of(response)
    assert page.hook("limit").sums == ["$4.00", "$0.80"]
    blocked = page.hook("shot", page.values("shot")[0])
    assert blocked.values("badge") == ["blocked"]
    assert blocked.hook("reason").numbers == ["$3.20", "$0.80"]

    confirm(browser, first)
    assert offer(look(browser, second)) == ({"blocked": 1}, 0, False)


def test_cancel_throws_the_draft_away():
    draft = make_draft(make_shots(1))

    response = producer().post(reverse("admin:videogen_renderbatch_plan_cancel", args=[draft.pk]))

    assert response.status_code == 302
    assert not RenderBatch.objects.exists()


def test_cancel_does_not_touch_what_was_confirmed():
    draft = make_draft(make_shots(1))
    browser = producer()
    confirm(browser, draft)

    response = browser.post(reverse("admin:videogen_renderbatch_plan_cancel", args=[draft.pk]))

    assert response.url == progress_url(draft)
    assert VideoRender.objects.get().state == State.QUEUED


def test_a_confirmed_plan_leads_to_its_batch():
    draft = make_draft(make_shots(1))
    browser = producer()
    confirm(browser, draft)

    assert browser.get(plan_url(draft)).url == progress_url(draft)


# -- permissions -----------------------------------------------------------------------------------


def test_who_may_only_look_confirms_and_cancels_nothing():
    draft = make_draft(make_shots(1))
    browser = viewer()

    response = look(browser, draft)
    assert response.status_code == 200 and "confirm" not in page_of(response).fields
    assert browser.post(plan_url(draft), {"mode": "default"}).status_code == 403
    cancel = reverse("admin:videogen_renderbatch_plan_cancel", args=[draft.pk])
    assert browser.post(cancel).status_code == 403
    assert RenderBatch.objects.count() == 1


def test_the_plan_is_for_people_who_may_see_batches():
    draft = make_draft(make_shots(1))
    row = reverse("admin:videogen_renderbatch_plan_row", args=[draft.pk, draft.shots.get().pk])
    browser = browser_of("videogen.generate_video")

    for url in (plan_url(draft), row, progress_url(draft)):
        assert browser.get(url).status_code == 403
    assert browser.post(plan_url(draft), {"mode": "default"}).status_code == 403


def test_cancel_is_a_button_not_a_link():
    draft = make_draft(make_shots(1))

    response = producer().get(reverse("admin:videogen_renderbatch_plan_cancel", args=[draft.pk]))

    assert response.status_code == 405
    assert RenderBatch.objects.exists()
