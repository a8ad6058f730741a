from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from django_q.models import OrmQ

from storybook.models import Shot
from tests.support.databases import prices_deleted_once_read
from tests.support.factories import (
    make_lane,
    make_price,
    make_render,
    make_shot,
    make_story,
    shots_of,
)
from videogen.common.errors import RequestError
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.planning.enqueue import queue_renders
from videogen.planning.plan import plan_shots
from videogen.planning.rerun import generate_exactly
from videogen.prompts.fingerprints import hashes_of
from videogen.prompts.omni_prompt import ONE_SHOT
from videogen.prompts.payload import rehearse

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State
REQUESTER = Requester("admin", name="mira")

SENT = (
    "shot_id",
    "prompt_text",
    "prompt_tokens",
    "references",
    "dropped_references",
    "model",
    "aspect_ratio",
    "resolution",
    "duration_seconds",
    "reference_type",
)


@pytest.fixture
def rehearsal(settings):
    """A rehearsed render with the real prompt and pictures of its shot."""
    settings.VIDEO_BACKEND = "gemini"
    story = make_story()
    plan = plan_shots(story, shots_of(story), "dry-run")
    batch = queue_renders(plan, REQUESTER, task="CREATE_SHOT_VIDEO", wake=False).batch
    rehearse(batch.renders.all())
    return batch.renders.get()


def refusal(render):
    counts = VideoRender.objects.count(), RenderBatch.objects.count()
    with pytest.raises(RequestError) as caught:
        generate_exactly(render, REQUESTER)
    assert (VideoRender.objects.count(), RenderBatch.objects.count()) == counts
    return caught.value.sentence


def test_the_very_same_request_is_queued(rehearsal):
    assert rehearsal.state == State.REHEARSED
    assert len(rehearsal.references) == 3

    queued = generate_exactly(rehearsal, REQUESTER)

    copy = VideoRender.objects.get(pk=next(iter(queued.render_ids)))
    assert [getattr(copy, name) for name in SENT] == [getattr(rehearsal, name) for name in SENT]
    assert copy.copy_of == rehearsal
    assert (copy.kind, copy.state, copy.backend) == ("generation", "queued", "gemini")
    assert (copy.requested_by_name, copy.take) == ("mira", None)
    assert OrmQ.objects.exists(), "the cluster is woken"


def test_the_batch_says_what_was_asked_for(rehearsal):
    queued = generate_exactly(rehearsal, REQUESTER)

    batch = RenderBatch.objects.get(pk=queued.batch.pk)
    (copy,) = batch.renders.all()
    assert (batch.status, batch.counts, batch.estimated_cost_usd) == (
        "confirmed",
        {"generate": 1},
        Decimal("3.20"),
    )
    assert batch.plan == [
        {
            "shot": rehearsal.shot_id,
            "scenelet_id": "opening",
            "shot_index": 1,
            "decision": "generate",
            "reason": f"exactly as rehearsal {rehearsal.pk}",
            "code": "copy",
            "params": {"of": "rehearsal", "number": rehearsal.pk, "model": ""},
            "situation": "nothing",
            "render": copy.pk,
        }
    ]
    assert [(row.shot.pk, pk) for row, pk in queued.rows] == [(rehearsal.shot_id, copy.pk)]


def test_it_is_sent_as_it_was_whatever_the_story_and_the_settings_say_now(rehearsal, settings):
    settings.VIDEO_MODEL = "veo-3.1-fast-generate-preview"
    settings.VIDEO_RESOLUTION = "720p"
    Shot.objects.update(storyboard_payload={"framingAndAngle": "close"})

    generate_exactly(rehearsal, REQUESTER)

    copy = VideoRender.objects.get(copy_of=rehearsal)
    assert (copy.prompt_text, copy.model) == (rehearsal.prompt_text, rehearsal.model)


def test_the_price_is_todays(rehearsal):
    make_price("0.5")

    generate_exactly(rehearsal, REQUESTER)

    assert VideoRender.objects.get(copy_of=rehearsal).price_estimate_usd == Decimal("4.00")


def test_a_take_can_be_made_once_more():
    render = make_render(
        make_shot(),
        State.DONE,
        has_audio=False,
        video_seconds=6.0,
        warnings=[
            "No reference picture is sent: the characters may look different.",
            "The video is 6.0 s long; 8 s were asked for.",
            "The video has no sound.",
        ],
    )
    render.refresh_from_db()

    queued = generate_exactly(render, REQUESTER)

    copy = VideoRender.objects.get(copy_of=render)
    assert queued.rows[0][0].decision.reason == "exactly as take 1"
    assert copy.warnings == render.warnings[:1], "what was said of the video is not said of this"
    assert copy.is_simulated


@pytest.mark.parametrize(
    ("state", "values", "words"),
    [
        (State.QUEUED, {}, "already running"),
        (State.RUNNING, {}, "already running"),
        (State.UNKNOWN, {}, "a person must decide"),
        (State.INTERRUPTED, {}, "resume it first"),
        (State.NOT_DOWNLOADED, {}, "resume it first"),
        (State.RUNNING, {"touched_ago": 31}, "resume it first"),
        (State.DONE, {"review": "approved"}, "approved, unlock it first"),
    ],
)
def test_a_shot_that_may_have_no_new_take_gets_none(state, values, words):
    shot = make_shot()
    render = make_render(shot, State.FAILED)
    make_render(shot, state, **values)

    assert refusal(render) == f"Nothing was queued: {words}."


def test_second_click_queues_nothing(rehearsal):
    generate_exactly(rehearsal, REQUESTER)

    assert refusal(rehearsal) == "Nothing was queued: already running."


def test_without_a_known_price_nothing_is_sent(rehearsal):
    VideoRender.objects.filter(pk=rehearsal.pk).update(model="veo-9")
    rehearsal.refresh_from_db()

    assert "No price is known for veo-9 at 1080p" in refusal(rehearsal)


def test_a_price_that_is_deleted_at_that_moment_queues_nothing(rehearsal):
    with prices_deleted_once_read():
        assert "Plan again" in refusal(rehearsal)


def test_over_the_budget_nothing_is_sent(rehearsal, settings):
    settings.VIDEO_BUDGET_USD = Decimal("3.19")

    assert refusal(rehearsal) == "Over the budget: it costs $3.20, $3.19 is left."


def test_a_picture_that_is_gone_is_not_left_out(rehearsal, settings):
    path = rehearsal.references[0]["path"]
    Path(settings.MEDIA_ROOT, path).unlink()

    assert f"The reference picture {path} cannot be read" in refusal(rehearsal)


def test_a_picture_that_has_changed_is_not_sent(rehearsal, settings):
    path = rehearsal.references[0]["path"]
    Path(settings.MEDIA_ROOT, path).write_bytes(b"another one")

    assert f"The reference picture {path} has changed" in refusal(rehearsal)


@pytest.mark.parametrize("kind", ["link", "upload"])
def test_what_was_never_requested_cannot_be_requested_again(kind):
    render = make_render(make_shot(), State.DONE, kind=kind)

    assert "nothing to send again" in refusal(render)


def test_whoever_asks_again_starts_the_paused_queue(rehearsal):
    lane = make_lane("gemini", paused_at=rehearsal.queued_at, pause_reason="The key is wrong.")

    generate_exactly(rehearsal, REQUESTER)

    lane.refresh_from_db()
    assert lane.paused_at is None


def test_on_another_model_it_is_another_request_with_the_same_content(rehearsal):
    queued = generate_exactly(rehearsal, REQUESTER, model="veo-3.1-fast-generate-preview")

    copy = VideoRender.objects.get(pk__in=queued.render_ids)
    assert copy.content_sha256 == rehearsal.content_sha256
    assert copy.request_sha256 != rehearsal.request_sha256
    assert hashes_of(copy)["request_sha256"] == copy.request_sha256


def test_on_a_model_of_another_route_its_pictures_are_bound(rehearsal):
    queued = generate_exactly(rehearsal, REQUESTER, model="gemini-omni-1.1-flash")

    copy = VideoRender.objects.get(pk__in=queued.render_ids)
    said = json.loads(rehearsal.prompt_text)
    now = json.loads(copy.prompt_text)
    added = now["critical_instruction"][len(said["critical_instruction"]) :]
    assert (copy.route, copy.references) == ("omni", rehearsal.references)
    assert [each[:13] for each in added[:3]] == [f"<IMAGE_REF_{n}>" for n in range(3)]
    assert added[-1] == ONE_SHOT
    assert {**now, "critical_instruction": None} == {**said, "critical_instruction": None}
    assert copy.prompt_tokens > rehearsal.prompt_tokens
