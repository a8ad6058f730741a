"""Nothing is generated for a story that is archived: each door says so, with a code."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.support.commands import manage
from tests.support.factories import State, make_lane, make_render, make_story, only_shot, shots_of
from videogen.common.errors import RequestError
from videogen.models import RenderBatch, Submission, VideoRender
from videogen.models.people import Requester
from videogen.pipeline.claims import claim_renders
from videogen.planning.drafts import confirm_batch, draft_batches, plan_draft
from videogen.planning.enqueue import queue_renders
from videogen.planning.modes import Action
from videogen.planning.plan import plan_shots
from videogen.planning.rerun import generate_exactly

pytestmark = pytest.mark.django_db


@pytest.fixture
def requester():
    return Requester("admin", User.objects.create_user("mira"), "mira")


@pytest.fixture
def story():
    return make_story()


def archive(story):
    story.archived_at = timezone.now()
    story.save(update_fields=["archived_at"])


def refusal(what, *arguments, **named):
    with pytest.raises(RequestError) as caught:
        what(*arguments, **named)
    return caught.value


@pytest.mark.parametrize("mode", RenderBatch.Mode.values)
def test_a_plan_blocks_every_shot(story, mode):
    archive(story)

    [row] = plan_shots(story, shots_of(story), mode).rows

    assert row.decision.action == Action.BLOCKED
    assert row.decision.params["problems"] == [{"code": "story_archived", "params": {}}]
    assert row.decision.reason == "The story is archived: bring it back first."


@pytest.mark.parametrize("mode", RenderBatch.Mode.values)
def test_the_command_refuses_it(story, mode):
    archive(story)

    ended = manage(
        "run_task", "--task=CREATE_SHOT_VIDEO", "--story-id=the-lamp", f"--mode={mode}", "--no-wait"
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "The story is archived: bring it back first." in ended.stderr
    assert not RenderBatch.objects.exists()


def test_a_plan_that_was_seen_before_is_not_confirmed(story, requester):
    [draft] = draft_batches(shots_of(story), "default", requester)
    seen = plan_draft(draft).fingerprint
    archive(story)

    assert refusal(confirm_batch, draft, requester, seen=seen).code == "story_archived"
    assert not VideoRender.objects.exists()
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_a_plan_of_the_command_line_is_not_queued(story, requester):
    plan = plan_shots(story, shots_of(story), "default")
    archive(story)

    refused = refusal(queue_renders, plan, requester, task="CREATE_SHOT_VIDEO")

    assert refused.code == "story_archived"
    assert not VideoRender.objects.exists()


def test_no_request_is_sent_again(story, requester):
    render = make_render(only_shot(story), State.DONE)
    archive(story)

    assert refusal(generate_exactly, render, requester).code == "story_archived"


def test_what_was_queued_is_not_claimed(story):
    render = make_render(only_shot(story), State.QUEUED, price_estimate_usd="3.20")
    other = make_render(only_shot(make_story("the-quay")), State.QUEUED, price_estimate_usd="3.20")
    archive(story)

    claims = claim_renders(make_lane(), owner="host|boot|1|1.0", limit=9)

    assert [each.render for each in claims] == [other]
    render.refresh_from_db()
    assert (render.state, render.error_code) == (State.FAILED, "story_archived")
    assert "Bring it back" in render.error_message
    assert not Submission.objects.filter(render=render).exists()


def test_it_can_be_planned_again_once_it_is_back(story):
    archive(story)
    story.archived_at = None
    story.save(update_fields=["archived_at"])

    [row] = plan_shots(story, shots_of(story), "default").rows

    assert row.decision.action == Action.GENERATE


def test_the_list_of_the_command_line_has_it_apart(story):
    make_story("the-quay")
    archive(story)

    def listed(*options):
        lines = manage("list_stories", "--json", *options).stdout.splitlines()
        return [json.loads(line)["story_id"] for line in lines[:-1]]

    assert listed() == ["the-quay"]
    assert listed("--archived") == ["the-lamp"]
    assert "the-lamp" not in manage("story_status", "--story-id=zanzibar").stderr
