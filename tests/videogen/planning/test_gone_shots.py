"""Shots that are no longer in the story's bundle: nobody pays for them unasked."""

from __future__ import annotations

import pytest
from django.utils import timezone

from storybook.models import Shot
from tests.support.drafts import make_draft
from tests.support.factories import force, make_render, make_story, shots_of
from videogen.cli.create_shot_videos import create_shot_videos
from videogen.cli.workflow import TaskRequest
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.models.render_warnings import WarningCode
from videogen.planning.drafts import plan_draft
from videogen.planning.enqueue import queue_renders
from videogen.planning.outdated import find_changes
from videogen.planning.plan import plan_shots
from videogen.views.plan.modes import ModeCard

pytestmark = pytest.mark.django_db

State = VideoRender.State
GONE = ("skip", "no longer in the story's bundle; name it to render it")
RENDERS = {
    "none": [],
    "failed": [(State.FAILED, {})],
    "video": [(State.DONE, {})],
    "approved": [(State.DONE, {"review": "approved"})],
    "in flight": [(State.RUNNING, {})],
    "unknown": [(State.UNKNOWN, {})],
    "interrupted": [(State.INTERRUPTED, {})],
    "not downloaded": [(State.NOT_DOWNLOADED, {})],
}


def gone_shot(renders=(), **story):
    """The first shot of a story with two; it is gone, and has these renders."""
    story = make_story(shots=2, **story)
    shot = shots_of(story).select_related("scenelet__story").order_by("shot_index")[0]
    for state, values in renders:
        make_render(shot, state, **values)
    Shot.objects.filter(pk=shot.pk).update(gone_since=timezone.now())
    return shot


def decisions(plan):
    return [(str(row.decision.action), row.decision.reason) for row in plan.rows]


def planned(shot, mode, **options):
    story = shot.scenelet.story
    return plan_shots(story, shots_of(story), mode, **options)


@pytest.mark.parametrize(
    ("renders", "mode", "expected"),
    [
        *(("none", mode, GONE) for mode in ("default", "resume", "override")),
        *(("failed", mode, GONE) for mode in ("default", "resume", "override")),
        *(("video", mode, GONE) for mode in ("default", "resume", "override")),
        ("approved", "default", ("skip", "approved")),
        ("approved", "override", ("skip", "approved, unlock it first")),
        ("in flight", "default", ("skip", "already running")),
        ("unknown", "override", ("skip", "a person must decide")),
        ("interrupted", "default", ("skip", "resume it")),
        ("interrupted", "resume", ("resume", "go on polling that operation")),
        ("not downloaded", "resume", ("download", "download only")),
    ],
)
def test_what_is_planned_for_a_shot_that_is_gone(renders, mode, expected):
    shot = gone_shot(RENDERS[renders])

    first, second = decisions(planned(shot, mode))

    assert first == expected
    assert second[0] == ("rehearse" if mode == "dry-run" else "generate")


@pytest.mark.parametrize("mode", ["default", "resume", "override", "dry-run"])
def test_a_shot_that_is_named_is_planned_like_any_other(mode):
    shot = gone_shot()

    first, second = decisions(planned(shot, mode, are_named=True))

    assert first == second


def test_nothing_is_paid_for_it():
    plan = planned(gone_shot(), "default")

    assert plan.count("generate") == 1
    assert ModeCard("override", ("", ""), plan).outcome.startswith("Generate 1 video")
    assert ModeCard("dry-run", ("", ""), plan).outcome.startswith("Rehearse 2 shots")


@pytest.mark.parametrize("renders", [*RENDERS])
def test_a_dry_run_shows_it_and_says_that_it_is_gone(renders):
    first, second = planned(gone_shot(RENDERS[renders]), "dry-run").rows

    assert first.decision.action == second.decision.action == "rehearse"
    assert WarningCode.SHOT_GONE in [each.code for each in first.warnings]
    assert WarningCode.SHOT_GONE not in [each.code for each in second.warnings]


def test_what_makes_it_impossible_comes_first():
    first, _ = decisions(planned(gone_shot(payload=None), "default"))

    assert first[0] == "blocked"


def test_a_render_that_ends_meanwhile_is_no_reason_to_pay_for_it():
    shot = gone_shot([(State.RUNNING, {})])
    plan = planned(shot, "override")
    force(shot.renders.get(), state=State.FAILED)

    queued = queue_renders(plan, Requester(RenderBatch.Door.COMMAND), task="CREATE_SHOT_VIDEO")

    assert decisions(queued.plan)[0] == GONE
    assert shot.renders.count() == 1


def is_told_gone(**filters):
    """Whether a dry run of the first shot says that it is gone."""
    request = TaskRequest(
        story_id="the-lamp",
        requester=Requester(RenderBatch.Door.COMMAND),
        mode="dry-run",
        **filters,
    )
    [row] = [each for each in create_shot_videos(request).rows if each["shot_index"] == 1]
    assert row["decision"] == "rehearse"
    return any("no longer in the story's bundle" in each for each in row["warnings"])


def test_on_the_command_line_it_is_named_by_scenelet_and_index():
    gone_shot()

    assert is_told_gone()
    assert is_told_gone(shot_index=1)
    assert is_told_gone(scenelet_id="opening")
    assert not is_told_gone(scenelet_id="opening", shot_index=1)


def test_in_the_admin_it_is_named_by_selecting_it_without_others():
    shot = gone_shot()
    alone = make_draft([shot])
    among = make_draft(list(shots_of(shot.scenelet.story)))

    assert [action for action, _ in decisions(plan_draft(alone))] == ["generate"]
    assert [action for action, _ in decisions(plan_draft(among))] == ["skip", "generate"]


def test_its_take_is_not_out_of_date_because_of_that():
    shot = gone_shot()
    plan = planned(shot, "default", are_named=True)
    queue_renders(plan, Requester(RenderBatch.Door.COMMAND), task="CREATE_SHOT_VIDEO")
    take = shot.renders.get()
    force(take, state=State.DONE, take=1, video_file="take-1.mp4", review="selected")

    assert find_changes(shot.scenelet.story, [take.pk]) == []
