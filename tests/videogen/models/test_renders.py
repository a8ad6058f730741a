from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from tests.support.factories import force, make_batch, make_lane, make_render, make_shot
from videogen.models import ReferenceChoice, RenderBatch, Submission, VideoRender
from videogen.models.people import Requester
from videogen.models.render_queries import HEAVY_COLUMNS

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State

LEGAL = {
    "queued": {"submitting", "rehearsed", "cancelled", "failed"},
    "submitting": {"running", "unknown", "queued", "failed", "blocked"},
    "unknown": {"running", "downloading", "cancelled"},
    "running": {"downloading", "failed", "blocked", "unknown", "interrupted"},
    "interrupted": {"running", "downloading", "cancelled"},
    "downloading": {"done", "not_downloaded", "failed"},
    "not_downloaded": {"downloading", "cancelled"},
    "cancelled": {"unknown", "interrupted", "not_downloaded"},
}
OPEN = ["queued", "submitting", "running", "downloading"]
LEGAL_PAIRS = [(source, target) for source, targets in LEGAL.items() for target in sorted(targets)]
ILLEGAL_PAIRS = [
    pair for pair in itertools.product(State.values, repeat=2) if pair not in LEGAL_PAIRS
]
# What every state's constraint asks for.
COMPLETE = {"operation_name": "op", "download_uri": "http://x/y", "take": 1, "video_file": "a.mp4"}


@pytest.mark.parametrize(("source", "target"), ILLEGAL_PAIRS)
def test_an_illegal_move_raises_and_changes_nothing(source, target):
    render = make_render(make_shot(), source, **COMPLETE)

    with pytest.raises(ValueError, match=f"from {source} to {target}"):
        render.move(source, target)

    render.refresh_from_db()
    assert render.state == source


@pytest.mark.parametrize(("source", "target"), LEGAL_PAIRS)
def test_a_legal_move_is_won_and_written(source, target):
    render = make_render(make_shot(), source, touched_ago=60, **COMPLETE)
    before = timezone.now()

    won = render.move(source, target, error_code="a code")

    stored = VideoRender.objects.get(pk=render.pk)
    assert won is True
    assert (stored.state, stored.error_code) == (render.state, render.error_code)
    assert (stored.state, stored.error_code) == (target, "a code")
    assert stored.state_since >= before
    if target not in OPEN:
        assert stored.ended_at >= before


@pytest.mark.parametrize(("source", "target"), LEGAL_PAIRS)
def test_a_lost_move_returns_false_and_changes_nothing(source, target):
    render = make_render(make_shot(), source, **COMPLETE)
    meanwhile = "failed" if source == "cancelled" else "cancelled"
    force(render, state=meanwhile, state_since=timezone.now())
    before = VideoRender.objects.values().get(pk=render.pk)

    won = render.move(source, target, error_code="a code")

    assert won is False
    assert VideoRender.objects.values().get(pk=render.pk) == before
    assert (render.state, render.error_code) == (source, "")


def test_of_two_that_move_the_same_render_one_wins():
    render = make_render(make_shot(), State.RUNNING)
    other = VideoRender.objects.get(pk=render.pk)

    won = [
        render.move(State.RUNNING, State.INTERRUPTED),
        other.move(State.RUNNING, State.DOWNLOADING, download_uri="http://x/y"),
    ]

    assert won == [True, False]
    render.refresh_from_db()
    assert (render.state, render.download_uri) == (State.INTERRUPTED, "")


def test_a_move_of_several_sources_needs_all_of_them_to_be_legal():
    render = make_render(make_shot(), State.UNKNOWN)

    assert render.move({State.SUBMITTING, State.UNKNOWN}, State.RUNNING, operation_name="op")
    with pytest.raises(ValueError, match="from done to running"):
        render.move({State.INTERRUPTED, State.DONE}, State.RUNNING)


def test_templates_cannot_move_a_render():
    assert VideoRender.move.alters_data is True


# -- constraints -----------------------------------------------------------------------------------

ENDED = [state for state in State.values if state not in OPEN]


def is_refused(function, *args, constraint, **kwargs):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        function(*args, **kwargs)
    words = str(caught.value)
    # SQLite names the columns of a unique constraint, not its name.
    return constraint in words or "UNIQUE constraint failed" in words


@pytest.mark.parametrize("second", OPEN)
@pytest.mark.parametrize("first", OPEN)
def test_a_shot_has_one_open_render(first, second):
    shot = make_shot()
    make_render(shot, first)

    assert is_refused(
        make_render, shot, second, submission=False, constraint="one_open_render_per_shot"
    )


@pytest.mark.parametrize("state", ENDED)
def test_an_ended_render_leaves_room_for_an_open_one(state):
    shot = make_shot()
    make_render(shot, state)

    assert make_render(shot, State.QUEUED).pk


@pytest.mark.parametrize("kind", ["rehearsal", "link"])
def test_rehearsals_and_links_do_not_hold_the_shot(kind):
    shot = make_shot()
    make_render(shot, State.RUNNING)

    assert make_render(shot, State.QUEUED, kind=kind).pk


BROKEN = {
    "done without a take": ({"state": "done", "take": None}, "done_has_a_take_and_a_file"),
    "done with take 0": ({"state": "done", "take": 0}, "done_has_a_take_and_a_file"),
    "done without a file": ({"state": "done", "video_file": ""}, "done_has_a_take_and_a_file"),
    "running without an operation": (
        {"state": "running", "operation_name": ""},
        "running_has_an_operation",
    ),
    "downloading without a link": (
        {"state": "downloading", "download_uri": ""},
        "downloading_has_a_link",
    ),
    "not downloaded without a link": (
        {"state": "not_downloaded", "download_uri": ""},
        "downloading_has_a_link",
    ),
}


@pytest.mark.parametrize(("values", "constraint"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_row_is_refused(values, constraint):
    values = {**COMPLETE, **values}

    assert is_refused(
        make_render,
        make_shot(),
        values.pop("state"),
        submission=False,
        constraint=constraint,
        **values,
    )


def test_a_take_has_one_number_within_its_shot():
    shot, other = make_shot(), make_shot(story_id="another")
    make_render(shot, State.DONE, take=1)

    assert make_render(other, State.DONE, take=1).pk
    assert is_refused(
        make_render,
        shot,
        State.DONE,
        take=1,
        submission=False,
        constraint="take_unique_within_shot",
    )


def test_a_person_has_one_word_on_a_reference():
    shot = make_shot()
    values = {"shot": shot, "kind": "character", "reference_id": "ada"}
    ReferenceChoice.objects.create(**values, choice="pinned")

    assert is_refused(
        ReferenceChoice.objects.create,
        **values,
        choice="left_out",
        constraint="one_choice_per_reference_of_a_shot",
    )


def test_a_lane_has_one_row():
    make_lane()

    with pytest.raises(IntegrityError):
        type(make_lane()).objects.create(name="simulator")


@pytest.mark.parametrize("what", ["shot", "story", "batch", "lane"])
def test_what_was_rendered_keeps_what_it_belongs_to(what):
    render = make_render(make_shot(), State.DONE)
    row = render.shot.scenelet.story if what == "story" else getattr(render, what)

    with pytest.raises(ProtectedError):
        row.delete()


def test_a_render_with_a_submission_cannot_be_deleted():
    render = make_render(make_shot(), State.DONE)

    with pytest.raises(ProtectedError):
        render.delete()
    assert Submission.objects.count() == 1


# -- what a producer is told -----------------------------------------------------------------------


@pytest.mark.parametrize("state", State.values)
@pytest.mark.parametrize(
    ("since", "beat", "is_old"), [(60, 60, True), (60, 5, False), (5, 60, False), (60, None, True)]
)
def test_a_live_state_that_nobody_works_on_is_told_as_what_it_is(state, since, beat, is_old):
    now = timezone.now()
    render = VideoRender(
        state=state,
        state_since=now - timedelta(seconds=since),
        beat_at=None if beat is None else now - timedelta(seconds=beat),
    )
    told = {"running": "interrupted", "downloading": "not_downloaded"} if is_old else {}

    assert render.status == told.get(state, state)


def test_rows_have_names():
    shot = make_shot()

    assert str(make_render(shot, State.DONE)) == "S01-01 · opening, take 1"
    assert str(make_render(shot, State.FAILED)) == "S01-01 · opening, failed"
    assert str(make_lane()) == "simulator"
    assert str(make_batch(shot.scenelet.story)).endswith(": render what is missing")
    assert str(Submission.objects.last()) in (
        "accepted: S01-01 · opening, take 1",
        "accepted, ended without a video, not charged: S01-01 · opening, failed",
    )


def test_a_new_render_is_asked_for_as_its_batch_is():
    shot, lane = make_shot(), make_lane()
    user = User.objects.create_user("ada")
    requester = Requester("admin", user, "Ada L.")
    batch = RenderBatch.asked_by(requester, story=shot.scenelet.story, mode="override")
    batch.save()

    values = {"model": "veo-9", "duration_seconds": 8}
    render = VideoRender.of_batch(batch, shot, lane, "generation", **values)
    render.save()

    assert (batch.task, batch.door) == ("CREATE_SHOT_VIDEO", "admin")
    render.refresh_from_db()
    assert (render.batch, render.shot, render.lane) == (batch, shot, lane)
    assert (render.kind, render.mode, render.model) == ("generation", "override", "veo-9")
    for row in (batch, render):
        assert (row.requested_by, row.requested_by_name) == (user, "Ada L.")


@pytest.mark.parametrize("keep", [(), ("error_details", "warnings")])
def test_a_list_does_without_the_heavy_columns(keep):
    make_render(make_shot(), prompt_text="{}")

    render = VideoRender.objects.without_heavy_columns(keep=keep).get()

    assert render.get_deferred_fields() == set(HEAVY_COLUMNS) - set(keep)
