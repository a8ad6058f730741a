from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_q.models import OrmQ

from storybook.models import Shot
from tests.support.databases import prices_deleted_once_read
from tests.support.factories import (
    force,
    make_batch,
    make_price,
    make_render,
    make_shot,
    make_story,
    shots_of,
)
from videogen import tasks
from videogen.common.errors import RequestError
from videogen.models import ReferenceChoice, RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.planning.drafts import (
    confirm_batch,
    delete_old_drafts,
    draft_batches,
    plan_draft,
    set_mode,
)
from videogen.planning.modes import Action
from videogen.planning.plan import content_of
from videogen.prompts.fingerprints import request_sha256

pytestmark = pytest.mark.django_db

State = VideoRender.State


@pytest.fixture
def requester():
    return Requester("admin", User.objects.create_user("mira"), "mira")


@pytest.fixture
def story():
    return make_story(shots=3)


@pytest.fixture
def draft(story, requester):
    (draft,) = draft_batches(shots_of(story), "default", requester)
    return draft


def refusal(*arguments, **named):
    with pytest.raises(RequestError) as caught:
        confirm_batch(*arguments, **named)
    return caught.value


def confirm(draft, requester):
    return confirm_batch(draft, requester, seen=plan_draft(draft).fingerprint)


# -- drafting --------------------------------------------------------------------------------------


def test_a_draft_keeps_the_selection_and_queues_nothing(story, draft, requester):
    draft.refresh_from_db()

    assert list(draft.shots.all()) == list(shots_of(story))
    assert (draft.status, draft.mode, draft.door) == ("draft", "default", "admin")
    assert (draft.requested_by, draft.requested_by_name) == (requester.user, "mira")
    assert not VideoRender.objects.exists()
    assert not OrmQ.objects.exists()


def test_one_draft_per_story(story, requester):
    other = make_story("other", shots=2)

    drafts = draft_batches(Shot.objects.all(), "override", requester)

    assert [draft.story for draft in drafts] == [story, other]
    assert [draft.shots.count() for draft in drafts] == [3, 2]
    assert {draft.mode for draft in drafts} == {"override"}


def test_a_shot_that_a_search_finds_twice_is_drafted_once(story, requester):
    make_render(shots_of(story)[0], State.FAILED)
    make_render(shots_of(story)[0], State.FAILED)

    (draft,) = draft_batches(Shot.objects.filter(renders__state="failed"), "default", requester)

    assert draft.shots.count() == 1


def test_no_shots_no_draft(requester):
    assert draft_batches(Shot.objects.none(), "default", requester) == []


def test_an_unknown_mode_is_refused(story, draft, requester):
    for act in (
        lambda: draft_batches(shots_of(story), "twice", requester),
        lambda: set_mode(draft, "twice"),
        lambda: plan_draft(draft, "twice"),
    ):
        with pytest.raises(RequestError) as caught:
            act()
        assert caught.value.code == "no_mode"


def test_a_thousand_shots_take_few_queries(requester, django_assert_max_num_queries):
    make_story("long", shots=1000, key_frames=False)
    make_story("short", shots=10, key_frames=False)

    with django_assert_max_num_queries(12):
        drafts = draft_batches(Shot.objects.all(), "default", requester)

    assert [draft.shots.count() for draft in drafts] == [1000, 10]


# -- looking ---------------------------------------------------------------------------------------


def test_the_plan_is_live(story, draft):
    make_render(shots_of(story)[0], State.DONE)

    plan = plan_draft(draft)

    assert plan.counts == {"generate": 2, "skip": 1}


def test_a_plan_in_another_mode_changes_nothing(story, draft):
    make_render(shots_of(story)[0], State.DONE)

    assert plan_draft(draft, "override").counts == {"generate": 3}
    draft.refresh_from_db()
    assert draft.mode == "default"


def test_the_mode_of_a_draft_can_be_changed(draft):
    set_mode(draft, "dry-run")

    assert draft.mode == "dry-run"
    assert plan_draft(RenderBatch.objects.get(pk=draft.pk)).counts == {"rehearse": 3}


def test_the_mode_of_a_confirmed_batch_cannot(draft, requester):
    confirm(draft, requester)

    with pytest.raises(RequestError) as caught:
        set_mode(draft, "override")

    assert caught.value.code == "already_confirmed"
    assert RenderBatch.objects.get(pk=draft.pk).mode == "default"


def test_the_fingerprint_is_the_same_while_nothing_happens(draft):
    assert plan_draft(draft).fingerprint == plan_draft(draft).fingerprint


def _another_payload(draft):
    shot = draft.shots.first()
    shot.storyboard_payload["framingAndAngle"] = "close"
    shot.save()


def _another_picture(draft):
    draft.story.pictures.filter(path__contains="character-model").update(sha256="0" * 64)


def _another_shot(draft):
    draft.shots.remove(draft.shots.last())


def _a_render_elsewhere(draft):
    make_render(draft.shots.first(), State.QUEUED)


@pytest.mark.parametrize(
    "change", [_another_payload, _another_picture, _another_shot, _a_render_elsewhere]
)
def test_the_fingerprint_changes_with_what_would_be_sent(draft, change):
    before = plan_draft(draft).fingerprint

    change(draft)

    assert plan_draft(RenderBatch.objects.get(pk=draft.pk)).fingerprint != before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIDEO_MODEL", "veo-3.1-fast-generate-preview"),
        ("VIDEO_RESOLUTION", "720p"),
        ("VIDEO_BACKEND", "gemini"),
        ("VIDEO_BUDGET_USD", Decimal(5)),
    ],
)
def test_the_fingerprint_changes_with_the_settings_that_matter(settings, draft, name, value):
    settings.VIDEO_BACKEND = "gemini" if name == "VIDEO_BUDGET_USD" else "simulator"
    before = plan_draft(draft).fingerprint

    setattr(settings, name, value)

    assert plan_draft(draft).fingerprint != before


def test_the_fingerprint_changes_with_the_price(settings, draft):
    settings.VIDEO_BACKEND = "gemini"
    before = plan_draft(draft)

    make_price("0.41")

    after = plan_draft(draft)
    assert (before.cost_usd, after.cost_usd) == (Decimal("9.60"), Decimal("9.84"))
    assert after.fingerprint != before.fingerprint


def test_the_fingerprint_changes_with_a_repeat_that_turns_up(draft):
    # A repeat is only told: nothing else of the plan changes.
    before = plan_draft(draft)
    elsewhere = make_shot(story_id="another")
    request = request_sha256(content_of(before.rows[0]), **before.request.sent)

    takes = [make_render(elsewhere, State.DONE, request_sha256=request) for _ in range(2)]

    newest = plan_draft(draft)
    force(takes[1], state=State.FAILED, take=None)
    older = plan_draft(draft)
    assert [newest.rows[0].same, older.rows[0].same] == takes[::-1]
    for plan in (newest, older):
        assert [row.decision for row in plan.rows] == [row.decision for row in before.rows]
    assert len({plan.fingerprint for plan in (before, newest, older)}) == 3


def test_the_fingerprint_changes_with_the_order_of_the_references(draft):
    shot = draft.shots.first()
    before = plan_draft(draft)

    ReferenceChoice.objects.create(shot=shot, kind="key_frame", reference_id="1", choice="pinned")

    after = plan_draft(draft)
    sent = [
        [pick.sha256 for row in plan.rows if row.shot == shot for pick in row.selection.picks]
        for plan in (before, after)
    ]
    assert sorted(sent[0]) == sorted(sent[1])
    assert sent[0] != sent[1]
    assert after.fingerprint != before.fingerprint


def test_the_fingerprint_changes_with_the_wish_for_a_batch_over_the_budget(draft):
    both = [plan_draft(draft, over_budget=wish) for wish in RenderBatch.OverBudget]

    assert both[0].rows == both[1].rows
    assert both[0].fingerprint != both[1].fingerprint


def test_each_mode_has_a_fingerprint_of_its_own(draft):
    assert len({plan_draft(draft, mode).fingerprint for mode in RenderBatch.Mode}) == 4


# -- confirming ------------------------------------------------------------------------------------


def test_confirming_queues_the_plan_in_the_drafts_own_row(settings, story, draft):
    settings.VIDEO_BACKEND = "gemini"
    make_render(shots_of(story)[0], State.DONE, backend="gemini")
    jo = Requester("admin", User.objects.create_user("jo"), "jo")

    queued = confirm(draft, jo)

    batch = RenderBatch.objects.get(pk=draft.pk)
    assert queued.batch == batch
    assert (batch.status, batch.requested_by_name, batch.counts) == (
        "confirmed",
        "jo",
        {"generate": 2, "skip": 1},
    )
    assert batch.estimated_cost_usd == Decimal("6.40")
    assert [row["decision"] for row in batch.plan] == ["skip", "generate", "generate"]
    assert {render.pk for render in batch.renders.all()} == set(queued.render_ids)
    assert {render.state for render in batch.renders.all()} == {"queued"}
    assert batch.shots.count() == 3
    assert OrmQ.objects.exists(), "the cluster is woken"


def test_a_batch_is_as_old_as_its_confirmation(draft, requester):
    RenderBatch.objects.filter(pk=draft.pk).update(created_at=timezone.now() - timedelta(days=3))

    confirm(draft, requester)

    draft.refresh_from_db()
    assert timezone.now() - draft.created_at < timedelta(minutes=1)


def test_second_click_queues_nothing(draft, requester):
    seen = plan_draft(draft).fingerprint
    confirm_batch(draft, requester, seen=seen)

    error = refusal(draft, requester, seen=seen)

    assert error.code == "already_confirmed"
    assert VideoRender.objects.count() == 3
    assert RenderBatch.objects.count() == 1


def test_another_plan_than_the_one_seen_is_not_queued(story, draft, requester):
    seen = plan_draft(draft).fingerprint
    make_render(shots_of(story)[0], State.DONE)

    error = refusal(draft, requester, seen=seen)

    assert error.code == "plan_changed"
    assert RenderBatch.objects.get(pk=draft.pk).status == "draft"
    assert not VideoRender.objects.filter(state="queued").exists()
    confirm(draft, requester)
    assert VideoRender.objects.filter(state="queued").count() == 2


@pytest.mark.parametrize("mode", ["default", "dry-run"])
def test_a_price_that_is_deleted_while_it_is_confirmed_leaves_a_draft(
    settings, draft, requester, mode
):
    settings.VIDEO_BACKEND = "gemini"
    set_mode(draft, mode)
    seen = plan_draft(draft).fingerprint

    with prices_deleted_once_read():
        error = refusal(draft, requester, seen=seen)

    assert error.code == "plan_changed"
    assert RenderBatch.objects.get(pk=draft.pk).status == "draft"
    assert not VideoRender.objects.exists()
    assert not OrmQ.objects.exists()


def test_another_mode_than_the_one_seen_is_not_queued(draft, requester):
    seen = plan_draft(draft).fingerprint
    set_mode(RenderBatch.objects.get(pk=draft.pk), "dry-run")

    assert refusal(draft, requester, seen=seen).code == "plan_changed"


def test_where_there_is_nothing_to_do_it_stays_a_draft(story, draft, requester):
    for shot in shots_of(story):
        make_render(shot, State.DONE)

    error = refusal(draft, requester, seen=plan_draft(draft).fingerprint)

    assert error.code == "nothing_to_do"
    assert RenderBatch.objects.get(pk=draft.pk).status == "draft"


def test_a_rehearsal_is_confirmed_like_any_other(draft, requester):
    set_mode(draft, "dry-run")

    queued = confirm(draft, requester)

    assert {render.kind for render in queued.batch.renders.all()} == {"rehearsal"}


def test_confirming_resumes_what_was_interrupted(story, requester):
    render = make_render(shots_of(story)[0], State.INTERRUPTED)
    (draft,) = draft_batches(shots_of(story)[:1], "resume", requester)

    queued = confirm(draft, requester)

    render.refresh_from_db()
    assert render.state == State.RUNNING
    assert queued.render_ids == {render.pk}
    assert [row.decision.action for row, _ in queued.rows] == [Action.RESUME]


# -- the sweep -------------------------------------------------------------------------------------


def test_the_sweep_deletes_drafts_that_nobody_confirmed_for_a_week(story, draft):
    old = timezone.now() - timedelta(days=7, minutes=1)
    (selected,) = draft_batches(shots_of(story), "default", Requester("admin"))
    forgotten = make_batch(story, status="draft", created_at=old)
    forgotten.shots.set(shots_of(story))
    confirmed = make_batch(story, created_at=old)
    rendered = make_batch(story, status="draft", created_at=old)
    make_render(shots_of(story)[0], batch=rendered)

    tasks.sweep()

    assert set(RenderBatch.objects.all()) == {draft, selected, confirmed, rendered}
    assert shots_of(story).count() == 3


def test_nothing_old_nothing_deleted(draft, django_assert_num_queries):
    with django_assert_num_queries(3):  # with savepoint and release
        assert delete_old_drafts() == 0
