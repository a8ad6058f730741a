"""Promoting drafts: a selection, or all that are approved, in one plan with one confirmation."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.factories import make_budget, make_render, make_story, shots_of
from videogen.models import VideoRender
from videogen.models.people import Requester
from videogen.planning.batch_actions import retry_failed
from videogen.planning.drafts import confirm_batch, draft_batches, plan_draft, set_options
from videogen.planning.promotions import approved_drafts

pytestmark = pytest.mark.django_db

STANDARD, FAST = "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"
ASKS = Requester("admin", name="ines")
State = VideoRender.State


@pytest.fixture(autouse=True)
def paying(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.GEMINI_API_KEY = "key"


@pytest.fixture
def story():
    return make_story(shots=3)


@pytest.fixture
def shots(story):
    return list(shots_of(story).select_related("scenelet__story"))


def draft_take(shot, **values):
    usual = {"backend": "gemini", "model": FAST, "resolution": "720p", "submission": False}
    return make_render(shot, State.DONE, **usual | values)


def drafted(story):
    (draft,) = draft_batches(shots_of(story), "override", ASKS, promotes=True)
    return draft


def confirm(draft):
    return confirm_batch(draft, ASKS, seen=plan_draft(draft).fingerprint)


def test_one_confirmation_promotes_all_of_them_with_what_was_sent(story, shots):
    pictures = [{"kind": "key_frame", "id": "1", "path": "a.png", "sha256": "0" * 64}]
    takes = [
        draft_take(shot, prompt_text=f'{{"as": {shot.pk}}}', references=pictures) for shot in shots
    ]

    queued = confirm(drafted(story))

    copies = list(VideoRender.objects.filter(state="queued").order_by("shot"))
    assert [each.copy_of for each in copies] == takes
    for take, copy in zip(takes, copies, strict=True):
        assert (copy.model, copy.resolution) == (STANDARD, "1080p")
        assert (copy.prompt_text, copy.price_estimate_usd) == (take.prompt_text, Decimal("3.20"))
        assert [each["sha256"] for each in copy.references] == ["0" * 64]
        assert copy.kind == "generation" and copy.batch == queued.batch
    assert queued.batch.estimated_cost_usd == Decimal("9.60")
    assert queued.batch.plan[0]["reason"] == f"exactly as take 1 on {STANDARD}"


def test_of_a_shot_the_chosen_take_is_promoted(story, shots):
    chosen = draft_take(shots[0], review="selected")
    draft_take(shots[0])
    newest = draft_take(shots[1])
    draft_take(shots[1], review="rejected")

    plan = plan_draft(drafted(story))

    assert [row.copy_of for row in plan.rows] == [chosen, newest, None]
    assert plan.rows[2].decision.code == "no_draft"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"model": STANDARD, "resolution": "1080p"}, "no_draft"),
        ({"model": "veo-9"}, "no_draft"),
        ({"review": "rejected"}, "no_draft"),
        ({"prompt_text": ""}, "no_draft"),
        ({"aspect_ratio": "9:16"}, "other_format"),
        ({"duration_seconds": 4}, "other_format"),
    ],
)
def test_what_is_no_draft_is_left_alone(story, shots, values, code):
    draft_take(shots[0], **values)

    row = plan_draft(drafted(story)).rows[0]

    assert (row.decision.action, row.decision.code) == ("skip", code)


def test_an_approved_draft_is_promoted_and_another_approved_take_locks_the_shot(story, shots):
    draft_take(shots[0], review="approved")
    draft_take(shots[1])
    draft_take(shots[1], model=STANDARD, resolution="1080p", review="approved")

    plan = plan_draft(drafted(story))

    assert [row.decision.action for row in plan.rows] == ["generate", "skip", "skip"]
    confirm(drafted(story))
    assert VideoRender.objects.get(state="queued").shot == shots[0]


def test_an_approved_upload_locks_its_shot(story, shots):
    draft_take(shots[0])
    draft_take(shots[0], prompt_text="", review="approved")

    assert plan_draft(drafted(story)).rows[0].decision.action == "skip"


def test_all_approved_drafts_are_found_and_nothing_else(story, shots):
    draft_take(shots[0], review="approved")
    draft_take(shots[1])
    draft_take(shots[2], model=STANDARD, resolution="1080p", review="approved")
    elsewhere = make_story("elsewhere")
    draft_take(shots_of(elsewhere).select_related("scenelet__story").get(), review="approved")

    assert approved_drafts(story, "gemini") == [shots[0].pk]


def test_what_was_promoted_before_is_left_out(story, shots):
    draft_take(shots[0], review="approved")
    confirm(drafted(story))
    copy = VideoRender.objects.get(state="queued")
    assert plan_draft(drafted(story)).rows[0].decision.code == "already_running"

    copy.move(State.QUEUED, State.FAILED)
    assert plan_draft(drafted(story)).rows[0].decision.action == "generate"
    make_render(
        shots[0],
        State.DONE,
        backend="gemini",
        model=STANDARD,
        request_sha256=copy.request_sha256,
        submission=False,
    )

    assert plan_draft(drafted(story)).rows[0].decision.code == "repeat"


def test_the_fingerprint_changes_with_the_take_that_is_promoted(story, shots):
    draft_take(shots[0])
    draft = drafted(story)
    before = plan_draft(draft).fingerprint

    draft_take(shots[0])

    assert plan_draft(draft).fingerprint != before


def test_a_budget_holds_for_promotions(story, shots):
    for shot in shots:
        draft_take(shot)
    make_budget("7.00")

    plan = plan_draft(drafted(story))

    assert plan.counts == {"generate": 2, "blocked": 1}


def test_what_failed_is_promoted_again(story, shots):
    take = draft_take(shots[0], review="approved")
    draft = drafted(story)
    confirm(draft)
    VideoRender.objects.get(state="queued").move(State.QUEUED, State.FAILED)
    draft.refresh_from_db()

    again = retry_failed(draft, ASKS)

    [row] = plan_draft(again).rows
    assert (again.promotes, row.copy_of, row.decision.action) == (True, take, "generate")


def test_the_final_model_can_be_another_one(story, shots):
    draft_take(shots[0])
    draft = drafted(story)
    set_options(draft, model="veo-3.1-generate-001", over_budget="fit", skips_repeats=True)

    [row, *_] = plan_draft(draft).rows

    assert row.decision.action == "generate"


def test_many_drafts_take_no_more_queries(django_assert_max_num_queries):
    story = make_story("long", shots=30)
    for shot in shots_of(story).select_related("scenelet__story"):
        draft_take(shot)
    draft = drafted(story)

    with django_assert_max_num_queries(14):
        assert plan_draft(draft).counts == {"generate": 30}
