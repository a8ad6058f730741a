"""One verdict on many shots: on the board, and in the list of shots."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from tests.support.admin_clients import VIEWS, browser_of, viewer
from tests.support.factories import (
    State,
    force,
    make_price,
    make_render,
    make_story,
    shots_of,
)
from tests.support.pages import messages, page_of
from videogen.models import RenderBatch, VideoRender

pytestmark = pytest.mark.django_db


@pytest.fixture
def shots():
    """Four shots: two that wait, one whose take is approved, and one without a take."""
    shots = list(shots_of(make_story(shots=4)).select_related("scenelet__story"))
    takes = [make_render(shot, State.DONE) for shot in shots[:3]]
    force(takes[2], review="approved")
    return shots


@pytest.fixture
def browser():
    return browser_of(*VIEWS, "storybook.view_story", "videogen.review_video", username="ines")


def on_board(browser, shots, verb, **values):
    url = reverse("admin:storybook_story_board_judge", args=[shots[0].scenelet.story_id])
    keys = ",".join(str(shot.pk) for shot in shots)
    return browser.post(url, {"verb": verb, "shots": keys, **values})


def in_list(browser, shots, action, **values):
    chosen = {"action": action, "_selected_action": [shot.pk for shot in shots], **values}
    return browser.post(reverse("admin:storybook_shot_changelist"), chosen, follow=True)


def reviews():
    return list(VideoRender.objects.order_by("pk").values_list("review", flat=True))


def test_the_board_approves_and_tells_what_was_left_out(shots, browser):
    make_render(shots[0], State.DONE)

    response = on_board(browser, shots, "approve")

    assert reviews() == ["unreviewed", "approved", "approved", "approved"]
    told = messages(browser.get(response.url))
    assert told == [
        "2 takes are approved.",
        "2 shots were left out: 1 is approved already, 1 has no take.",
    ]
    assert LogEntry.objects.count() == 2


def final_of(draft, **values):
    """What was promoted from the draft, and came after it was approved."""
    values = {"resolution": "1080p", "copy_of": draft, **values}
    return make_render(draft.shot, State.DONE, **values)


@pytest.fixture
def draft(shots):
    """The approved take of the third shot is a draft: at 720p, which is cheaper."""
    make_price("0.10", resolution="720p")
    make_price("0.40", resolution="1080p")
    draft = shots[2].renders.get()
    force(draft, resolution="720p")
    return draft


@pytest.mark.parametrize("judge", ["on_board", "in_list"])
def test_a_final_takes_the_place_of_its_approved_draft(shots, browser, draft, judge):
    final_of(draft)

    if judge == "on_board":
        told = messages(browser.get(on_board(browser, shots[:3], "approve").url))
    else:
        told = messages(in_list(browser, shots[:3], "approve_takes"))

    assert told == ["3 takes are approved."]
    assert reviews() == ["approved", "approved", "unreviewed", "approved"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"copy_of": None}, id="not promoted from it"),
        pytest.param({"resolution": "720p"}, id="as cheap as it"),
        pytest.param({"touched_ago": 60}, id="settled by its approval"),
    ],
)
def test_another_take_does_not_take_the_place_of_an_approved_one(shots, browser, draft, other):
    force(draft, reviewed_at=timezone.now() - timedelta(seconds=30))
    final_of(draft, **other)

    response = on_board(browser, shots[2:3], "approve")

    assert reviews()[2:] == ["approved", "unreviewed"]
    told = messages(browser.get(response.url))
    assert told == ["1 shot was left out: 1 has an approved take."]


def test_the_board_asks_once_why(shots, browser):
    page = page_of(on_board(browser, shots[:2], "reject"))
    assert page.hooks("reject-many") and reviews()[0] == "unreviewed"

    on_board(browser, shots[:2], "reject", answered="yes", reason="Too dark.", reasons=["face"])

    assert reviews() == ["rejected", "rejected", "approved"]
    kept = VideoRender.objects.filter(review="rejected")
    assert set(kept.values_list("review_reason", "review_reasons")) == {("Too dark.", "face")}


def test_retakes_are_planned_after_the_reason(shots):
    rights = (*VIEWS, "videogen.review_video", "videogen.generate_video")
    may_generate = browser_of(*rights, username="max")
    assert "retake" in page_of(on_board(may_generate, shots[:2], "reject")).fields

    response = on_board(may_generate, shots[:2], "reject", answered="yes", retake="yes")

    assert reviews() == ["rejected", "rejected", "approved"]
    batch = RenderBatch.objects.get(status="draft")
    assert response.url == reverse("admin:videogen_renderbatch_plan", args=[batch.pk])
    assert set(batch.shots.values_list("pk", flat=True)) == {shot.pk for shot in shots[:2]}


def test_who_may_not_generate_plans_no_retakes(shots, browser):
    assert "retake" not in page_of(on_board(browser, shots[:2], "reject")).fields

    on_board(browser, shots[:2], "reject", answered="yes", retake="yes")

    assert reviews() == ["rejected", "rejected", "approved"]
    assert not RenderBatch.objects.filter(status="draft").exists()


def test_the_list_of_shots_approves_and_rejects(shots, browser):
    told = messages(in_list(browser, shots[:1], "approve_takes"))
    assert told == ["1 take is approved."]

    page = page_of(in_list(browser, shots[1:3], "reject_takes"))
    assert page.hooks("reject-many")
    told = messages(in_list(browser, shots[1:3], "reject_takes", answered="yes"))

    assert reviews() == ["approved", "rejected", "approved"]
    assert told == ["1 take is rejected.", "1 shot was left out: 1 has an approved take."]


def test_a_reason_that_does_not_exist_is_told_once(shots, browser):
    response = on_board(browser, shots[:2], "reject", answered="yes", reasons=["no such"])

    assert reviews() == ["unreviewed", "unreviewed", "approved"]
    told = messages(browser.get(response.url))
    assert told == ["Nothing was rejected: one of the reasons does not exist."]


def test_only_those_who_may_review(shots):
    assert on_board(viewer(), shots, "approve").status_code == 403
    assert in_list(viewer(), shots, "approve_takes").status_code == 403
