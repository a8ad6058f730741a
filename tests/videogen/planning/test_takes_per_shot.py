"""Several takes of a shot asked for at once: each is a render of its own, with its own price."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from storybook.models import Shot
from tests.support.factories import (
    make_batch,
    make_budget,
    make_render,
    make_shot,
    make_story,
    shots_of,
)
from videogen.common.errors import RequestError
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.planning.drafts import confirm_batch, draft_batches, plan_draft, set_options
from videogen.planning.enqueue import queue_renders
from videogen.planning.plan import plan_shots
from videogen.takes.reviews import approve_take

pytestmark = pytest.mark.django_db

ASKS = Requester("command", name="somebody")


@pytest.fixture
def paying(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.GEMINI_API_KEY = "key"


def planned(story, takes=3, mode="default", **options):
    return plan_shots(story, shots_of(story), mode, takes_per_shot=takes, **options)


def queue(plan):
    return queue_renders(plan, ASKS, task="CREATE_SHOT_VIDEO", wake=False)


def test_every_take_is_a_render_with_a_price_of_its_own(paying):
    story = make_story(shots=2)

    plan = planned(story)
    queued = queue(plan)

    assert plan.cost_usd == Decimal("19.20")
    assert queued.batch.estimated_cost_usd == Decimal("19.20")
    assert (queued.batch.takes_per_shot, queued.batch.counts) == (3, {"generate": 2})
    renders = VideoRender.objects.order_by("pk")
    first, second = shots_of(story)
    # The first take of every shot is claimed before any second one.
    assert [(each.shot, each.slot) for each in renders] == [
        (shot, slot) for slot in (1, 2, 3) for shot in (first, second)
    ]
    assert {each.price_estimate_usd for each in renders} == {Decimal("3.20")}
    assert queued.render_ids == {each.pk for each in renders}
    assert len({pk for _, pk in queued.rows}) == 6


def test_takes_that_are_asked_for_together_are_no_repeats_of_each_other():
    story = make_story()

    plan = planned(story, skip_repeats=True)

    assert [row.decision.action for row in plan.rows] == ["generate"] * 3
    assert not any(row.same for row in plan.rows)


def test_a_seed_is_another_one_in_each_slot(settings):
    settings.VIDEO_SEED = 2**32 - 2
    settings.VIDEO_MODEL = "veo-3.1-generate-001"

    queue(planned(make_story()))

    renders = VideoRender.objects.order_by("slot")
    assert [each.seed for each in renders] == [2**32 - 2, 2**32 - 1, 0]
    assert len({each.request_sha256 for each in renders}) == 3


def test_only_a_shot_that_gets_a_video_gets_several():
    story = make_story(shots=2)
    shot = shots_of(story).first()
    make_render(shot, "done")

    plan = planned(story)

    assert [row.decision.action for row in plan.rows] == ["skip", *["generate"] * 3]
    assert plan.shots == 2


def test_a_dry_run_rehearses_each_shot_once_and_says_what_all_takes_would_cost(paying):
    story = make_story(shots=2)

    plan = planned(story, mode="dry-run")

    assert len(plan.rows) == 2
    assert plan.cost_usd == 0
    assert plan.cost_if_sent_usd == Decimal("19.20")
    assert "$19.20" in plan.price_in_words


@pytest.mark.parametrize("takes", [0, 5, -1])
def test_other_numbers_are_refused(takes):
    with pytest.raises(RequestError) as refused:
        planned(make_story(), takes=takes)

    assert refused.value.code == "takes_per_shot"


def test_a_short_budget_gives_every_shot_its_first_take_before_any_second_one(paying):
    story = make_story(shots=2)
    make_budget("9.99")

    plan = planned(story)

    made = [(row.shot.shot_index, row.slot) for row in plan.rows if row.is_new]
    assert made == [(1, 1), (1, 2), (2, 1)]
    assert plan.cost_usd == Decimal("9.60")
    assert plan.shortage.videos == 6
    # Both have a take that is made, and another that is not.
    assert plan.counts == {"generate": 2, "blocked": 2}
    assert (
        sorted(
            (each.shot.shot_index, each.slot)
            for each in VideoRender.objects.filter(pk__in=queue(plan).render_ids)
        )
        == made
    )


def test_all_or_nothing_means_all_takes(paying):
    make_budget("9.99")

    plan = planned(make_story(shots=2), over_budget="none")

    assert not plan.count("generate")


def test_a_shot_has_one_open_render_in_a_slot():
    shot = make_shot()
    make_render(shot, "queued")
    make_render(shot, "queued", slot=2)

    with pytest.raises(IntegrityError), transaction.atomic():
        make_render(shot, "running", slot=2, submission=False)


def test_the_number_of_takes_belongs_to_what_was_seen():
    story = make_story()
    [draft] = draft_batches(shots_of(story), "default", ASKS)
    seen = plan_draft(draft).fingerprint
    set_options(draft, model="", over_budget="fit", takes_per_shot=2)

    with pytest.raises(RequestError) as refused:
        confirm_batch(draft, ASKS, seen=seen)

    assert refused.value.code == "plan_changed"
    assert not VideoRender.objects.exists()
    confirm_batch(draft, ASKS, seen=plan_draft(draft).fingerprint)
    assert VideoRender.objects.count() == 2


def test_a_second_batch_finds_the_shot_busy():
    story = make_story()
    first = planned(story)
    second = planned(story)

    queue(first)
    queued = queue(second)

    assert [row.decision.code for row, _ in queued.rows] == ["already_running"] * 3
    assert not queued.render_ids
    assert VideoRender.objects.count() == 3


def test_every_interrupted_render_of_a_shot_is_resumed():
    story = make_story()
    shot = shots_of(story).get()
    batch = make_batch(story, takes_per_shot=3)
    polled = make_render(shot, "interrupted", batch=batch, slot=1)
    fetched = make_render(shot, "not_downloaded", batch=batch, slot=2)
    make_render(shot, "done", batch=batch, slot=3)

    queued = queue(planned(story, takes=1, mode="resume"))

    assert queued.render_ids == {polled.pk, fetched.pk}
    assert {pk for _, pk in queued.rows} == {polled.pk, fetched.pk}
    states = dict(VideoRender.objects.values_list("pk", "state"))
    assert (states[polled.pk], states[fetched.pk]) == ("running", "downloading")


def test_an_unknown_render_does_not_keep_another_one_from_being_resumed():
    story = make_story()
    shot = shots_of(story).get()
    batch = make_batch(story, takes_per_shot=2)
    make_render(shot, "unknown", batch=batch, slot=1)
    fetched = make_render(shot, "not_downloaded", batch=batch, slot=2)

    queued = queue(planned(story, takes=1, mode="resume"))

    assert [row.decision.action for row, _ in queued.rows] == ["skip", "download"]
    assert queued.render_ids == {fetched.pk}


@pytest.mark.parametrize(("stops", "left"), [(True, "cancelled"), (False, "queued")])
def test_the_rest_of_a_shot_is_stopped_once_one_is_approved_if_the_batch_says_so(stops, left):
    story = make_story(shots=2)
    queued = queue(planned(story))
    RenderBatch.objects.filter(pk=queued.batch.pk).update(stops_when_approved=stops)
    shot, other = shots_of(story)
    first, second, third = VideoRender.objects.filter(shot=shot).order_by("slot")
    for render in (first, second):
        render.move("queued", "submitting")
        render.move("submitting", "running", operation_name=f"op{render.pk}")
    first.move("running", "downloading", download_uri="http://127.0.0.1:9/file")
    first.move("downloading", "done", take=1, video_file="take.mp4")

    stopped = approve_take(first, User.objects.create_user("judge"))

    assert stopped == (1 if stops else 0)
    third.refresh_from_db()
    second.refresh_from_db()
    # What was sent stays paid, and goes on.
    assert (third.state, second.state) == (left, "running")
    assert set(VideoRender.objects.filter(shot=other).values_list("state", flat=True)) == {"queued"}


def test_only_the_asked_shots_get_takes():
    story = make_story(shots=3)
    chosen = Shot.objects.filter(pk=shots_of(story).last().pk)

    plan = plan_shots(story, chosen, "default", takes_per_shot=2)

    assert [row.slot for row in plan.rows] == [1, 2]
