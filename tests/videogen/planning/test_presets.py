"""Draft and final: the two presets of a story, and what a batch chooses of model and format."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.factories import make_price, make_story, shots_of
from videogen.catalog.options import ChosenFormat, RequestSettings
from videogen.models import RenderBatch, StorySettings, VideoRender
from videogen.models.people import Requester
from videogen.planning.drafts import confirm_batch, draft_batches, plan_draft, set_options
from videogen.planning.modes import Action
from videogen.planning.plan import plan_shots

pytestmark = pytest.mark.django_db

STANDARD, FAST = "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"
ASKS = Requester("admin", name="ines")


@pytest.fixture(autouse=True)
def paying(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.GEMINI_API_KEY = "key"


@pytest.fixture
def story():
    return make_story(shots=2)


def preset(each):
    return each and (each.model, each.resolution)


def test_without_presets_the_final_is_the_storys_and_the_draft_the_cheapest(story):
    request = RequestSettings.current(story)

    assert preset(request.final) == (STANDARD, "1080p")
    # The lite model is cheaper, and takes no reference pictures.
    assert preset(request.draft) == (FAST, "720p")


def test_the_presets_of_a_story_are_what_its_settings_say(story):
    StorySettings.objects.create(
        story=story, model=STANDARD, resolution="4k", draft_model=FAST, draft_resolution="1080p"
    )

    request = RequestSettings.current(story)

    assert preset(request.final) == (STANDARD, "4k")
    assert preset(request.draft) == (FAST, "1080p")
    assert (request.resolution, request.price_usd) == ("4k", Decimal("4.80"))
    assert request.chosen_format == ChosenFormat()


def test_where_nothing_is_cheaper_there_is_no_draft(story):
    StorySettings.objects.create(story=story, model=FAST, resolution="720p")

    assert RequestSettings.current(story).draft is None


def test_a_draft_model_without_a_price_is_blocked(story):
    StorySettings.objects.create(story=story, draft_model="veo-0")
    draft = RequestSettings.current(story).draft

    plan = plan_shots(story, shots_of(story), "default", model=draft.model)

    assert plan.counts == {"blocked": 2}
    assert {row.decision.code for row in plan.rows} == {"no_price"}


CHOICES = [
    {"model": FAST},
    {"chosen": ChosenFormat(resolution="720p")},
    {"chosen": ChosenFormat(aspect_ratio="9:16")},
    {"chosen": ChosenFormat(duration_seconds=4)},
    {"takes_per_shot": 2},
    {"over_budget": "none"},
]


def test_every_choice_is_another_plan(story):
    (draft,) = draft_batches(shots_of(story), "default", ASKS)
    chosen = [{}, *CHOICES]

    prints = {plan_draft(draft, mode, **each).fingerprint for each in chosen for mode in MODES}

    assert len(prints) == len(chosen) * len(MODES)


MODES = RenderBatch.Mode.values


def test_what_is_chosen_is_in_price_request_hash_and_batch():
    story = make_story(pictures={})
    chosen = ChosenFormat("720p", "9:16", 4)
    (usual,) = draft_batches(shots_of(story), "default", ASKS)
    confirm_batch(usual, ASKS, seen=plan_draft(usual).fingerprint)
    (draft,) = draft_batches(shots_of(story), "dry-run", ASKS)
    set_options(draft, model=FAST, over_budget="fit", chosen=chosen)
    plan = plan_draft(draft)

    confirm_batch(draft, ASKS, seen=plan.fingerprint)

    first, render = VideoRender.objects.order_by("pk")
    assert (render.model, render.resolution) == (FAST, "720p")
    assert (render.aspect_ratio, render.duration_seconds) == ("9:16", 4)
    assert plan.cost_if_sent_usd == render.price_estimate_usd == Decimal("0.40")
    assert render.content_sha256 == first.content_sha256
    assert render.request_sha256 != first.request_sha256
    assert ChosenFormat.of(RenderBatch.objects.get(pk=draft.pk)) == chosen
    assert ChosenFormat.of(RenderBatch.objects.get(pk=usual.pk)) == ChosenFormat()


def test_a_choice_that_was_not_seen_is_not_queued(story):
    (draft,) = draft_batches(shots_of(story), "default", ASKS)
    seen = plan_draft(draft).fingerprint
    set_options(draft, model="", over_budget="fit", chosen=ChosenFormat("720p"))

    with pytest.raises(Exception, match="no longer the plan") as refused:
        confirm_batch(draft, ASKS, seen=seen)

    assert refused.value.code == "plan_changed"
    assert not VideoRender.objects.exists()


def test_a_plan_says_what_the_model_does_not_make(story):
    plan = plan_shots(story, shots_of(story), "default", chosen=ChosenFormat(duration_seconds=4))

    assert plan.count(Action.BLOCKED) == 2
    assert {each.code for row in plan.rows for each in row.not_taken} == {"duration_not_made"}


def test_the_price_of_a_preset_is_that_of_the_plan(story):
    make_price("0.05", model=FAST, resolution="720p")
    draft = RequestSettings.current(story).draft

    plan = plan_shots(
        story,
        shots_of(story),
        "default",
        model=draft.model,
        chosen=ChosenFormat(draft.resolution),
    )

    assert plan.cost_usd == Decimal("0.80")
