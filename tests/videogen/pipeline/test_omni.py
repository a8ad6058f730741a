"""From a batch on an Omni model to its take: planned, sent, polled, downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storybook.models import KeyFrame
from tests.support.factories import make_story, shots_of
from tests.support.pipeline import OMNI, queue_on_omni, work
from videogen.models import Submission, VideoRender
from videogen.models.outcomes import actual_cost_of
from videogen.planning.plan import plan_shots
from videogen.prompts.omni_prompt import ONE_SHOT
from videogen.prompts.prompt import CRITICAL_INSTRUCTION
from videogen.providers.messages import INLINE
from videogen.recovery.reconcile import reconcile
from videogen.safety.codes import is_audio_block
from videogen.simulator.operations import AUDIO

pytestmark = pytest.mark.django_db

State = VideoRender.State
Outcome = Submission.Outcome


def run(story, **options):
    render = queue_on_omni(story)
    work(render.lane, seconds=60, **options)
    render.refresh_from_db()
    return render


def instructions(text):
    return json.loads(text)["critical_instruction"]


# -- the plan ------------------------------------------------------------------------------------


def test_the_plan_shows_the_very_text_with_its_bindings():
    story = make_story()

    (row,) = plan_shots(story, shots_of(story), "default", model=OMNI).rows

    said = instructions(row.prompt.text)
    assert said[: len(CRITICAL_INSTRUCTION)] == list(CRITICAL_INSTRUCTION)
    bound = said[len(CRITICAL_INSTRUCTION) :]
    assert [each.split(" ")[0] for each in bound[:-1]] == [
        "<IMAGE_REF_0>",
        "<IMAGE_REF_1>",
        "<IMAGE_REF_2>",
    ]
    for sentence, pick in zip(bound, row.selection.picks, strict=False):
        assert pick.id in sentence
        assert "not the first frame" in sentence
    assert bound[-1] == ONE_SHOT


def test_another_routes_prompt_says_nothing_of_it():
    story = make_story()

    (row,) = plan_shots(story, shots_of(story), "default").rows

    assert instructions(row.prompt.text) == list(CRITICAL_INSTRUCTION)


def test_a_shot_without_pictures_still_asks_for_one_shot():
    story = make_story()
    KeyFrame.objects.all().delete()
    story.pictures.all().delete()

    (row,) = plan_shots(story, shots_of(story), "default", model=OMNI).rows

    assert row.selection.picks == ()
    assert instructions(row.prompt.text)[len(CRITICAL_INSTRUCTION) :] == [ONE_SHOT]


# -- the way -------------------------------------------------------------------------------------


def test_a_shot_becomes_a_take(settings, simulator, log):
    render = run(make_story())

    (received,) = log()["submissions"]
    assert (render.state, render.error_message) == (State.DONE, "")
    assert render.take == 1
    assert (render.model, render.route) == (OMNI, "omni")
    assert received["prompt"] == render.prompt_text
    assert "<IMAGE_REF_2>" in render.prompt_text
    assert [each["sha256"] for each in received["references"]] == [
        each["sha256"] for each in render.references
    ]
    assert received["operation"] == render.operation_name
    assert render.download_uri.startswith(f"{simulator.url}/v1beta/files/")
    assert (Path(settings.MEDIA_ROOT) / render.video_file).stat().st_size == render.byte_size
    assert log()["operations"][render.operation_name]["downloads"] == 1
    assert log()["violations"] == []


def test_a_video_within_the_answer_becomes_a_take(settings, simulator, fail, log):
    fail("interaction", "inline")

    render = run(make_story())

    path = simulator.store.clip_path(
        simulator.store.find(render.operation_name.removeprefix("v1_"))
    )
    video = Path(settings.MEDIA_ROOT) / render.video_file
    assert (render.state, render.error_message) == (State.DONE, "")
    assert render.download_uri == INLINE
    assert "downloads" not in log()["operations"][render.operation_name]
    assert render.byte_size == video.stat().st_size
    # The index may have been moved to the front; the box with the clip's own name is the last.
    assert video.read_bytes()[-20:] == path.read_bytes()[-20:]


def test_a_refusal_in_words_is_shown_and_waits_for_a_person(simulator, fail):
    fail("done", "blocked", message="I cannot show this child.")

    render = run(make_story())

    assert (render.state, render.error_code) == (State.UNKNOWN, "operation_refused")
    assert render.error_message == (
        "The model answered in words, without a video: “I cannot show this child.” Before another "
        "try, change the storyboard's words or leave out pictures. It may have been charged: a "
        "person must decide."
    )
    assert render.submissions.get().outcome == Outcome.UNKNOWN
    render.is_simulated = False
    assert actual_cost_of(render, render.submissions.all()) is None


def test_a_models_own_words_do_not_send_it_once_more(settings, simulator, fail, log):
    """Not even those of the audio filter's block on another route."""
    settings.VIDEO_RETRY_AUDIO_BLOCK = True
    fail("done", "blocked", message=AUDIO)

    render = run(make_story())

    assert is_audio_block([AUDIO], [])
    assert (render.state, render.audio_retries) == (State.UNKNOWN, 0)
    assert [each.outcome for each in render.submissions.all()] == [Outcome.UNKNOWN]
    assert len(log()["submissions"]) == 1


def test_asking_again_books_a_refusal_no_other_way(simulator, fail):
    fail("done", "blocked", message="I cannot show this child.")
    render = run(make_story())

    reconcile()

    render.refresh_from_db()
    assert render.state == State.UNKNOWN
    assert render.submissions.get().outcome == Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("at", "fault", "params", "code"),
    [
        ("done", "error", {}, "operation_13"),
        ("interaction", "status", {"status": "incomplete"}, "operation_incomplete"),
        ("interaction", "status", {"status": "budget_exceeded"}, "operation_budget_exceeded"),
        ("interaction", "status", {"status": "cancelled"}, "operation_cancelled"),
        ("interaction", "file_failed", {}, "operation_file_failed"),
        ("done", "nothing", {}, "done_with_nothing"),
    ],
)
def test_an_ending_that_may_have_cost_something_waits_for_a_person(
    simulator, fail, log, at, fault, params, code
):
    fail(at, fault, **params)

    render = run(make_story())

    assert (render.state, render.error_code) == (State.UNKNOWN, code)
    assert "It may have been charged: a person must decide." in render.error_message
    assert "ot charged." not in render.error_message
    assert render.submissions.get().outcome == Outcome.UNKNOWN
    assert len(log()["submissions"]) == 1


def test_an_interaction_that_is_forgotten_waits_for_a_person(simulator, fail):
    fail("poll", "not_found", times=-1)

    render = run(make_story())

    assert (render.state, render.error_code) == (State.UNKNOWN, "operation_forgotten")


def test_two_models_of_two_routes_share_the_lane_of_their_key(simulator, log):
    first, second = make_story("one"), make_story("two")
    renders = [queue_on_omni(first), queue_on_omni(second, model="veo-3.1-generate-preview")]

    work(renders[0].lane, seconds=60)

    assert renders[0].lane == renders[1].lane
    for render in renders:
        render.refresh_from_db()
        assert (render.state, render.error_message) == (State.DONE, "")
    assert {each["model"] for each in log()["submissions"]} == {OMNI, "veo-3.1-generate-preview"}
