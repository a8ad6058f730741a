from __future__ import annotations

import json

import pytest

from storybook.models import Shot
from tests.support.commands import manage
from tests.support.factories import make_render, make_story, shots_of
from tests.support.takes import make_takes
from videogen.cli.stories import list_shots, list_stories
from videogen.models import VideoRender

pytestmark = pytest.mark.django_db

State = VideoRender.State


def objects(ended):
    *lines, last = map(json.loads, ended.stdout.splitlines())
    return lines, last["summary"]


@pytest.fixture
def story():
    """Five shots: approved, failed, rejected, blocked, to do."""
    story = make_story(shots=5, scenelets=("under-the-lighthouse",), pictures={})
    shots = list(shots_of(story))
    make_render(shots[0], State.DONE, take=1, review="approved", video_file="the-lamp/1.mp4")
    make_render(shots[1], State.FAILED, error_message="The model was busy for too long.")
    make_render(shots[2], State.DONE, take=1, review="rejected", review_reason="The hat is gone.")
    Shot.objects.filter(pk=shots[3].pk).update(storyboard_payload=None)
    return story


STATUSES = {
    "generating": 0,
    "needs_a_decision": 0,
    "failed": 1,
    "needs_review": 0,
    "approved": 1,
    "to_do": 1,
    "retake": 1,
    "cancelled": 0,
    "given_up": 0,
    "blocked": 1,
}


def test_stories_are_listed_as_json(story):
    make_story("the-moss", pictures={})

    lines, summary = objects(manage("list_stories", "--json"))

    assert lines[0] == {
        "story_id": "the-lamp",
        "title": "The lamp",
        "scenelets": 1,
        "shots": 5,
        "statuses": STATUSES,
    }
    assert [line["story_id"] for line in lines] == ["the-lamp", "the-moss"]
    assert summary == {"stories": 2, "shots": 6}


def test_stories_are_listed_for_people(story):
    told = manage("list_stories").stdout

    assert "the-lamp" in told and "The lamp" in told
    assert "failed 1, approved 1, to do 1, retake 1, blocked 1" in told


def test_an_empty_list_says_how_to_begin():
    assert "manage.py import_story PATH" in manage("list_stories").stdout
    assert objects(manage("list_stories", "--json")) == ([], {"stories": 0, "shots": 0})


def test_the_status_of_a_story_is_told_as_json(story):
    ended = manage("story_status", "--story-id=the-lamp", "--json")

    lines, summary = objects(ended)
    approved, failed, retake, blocked, to_do = lines
    assert (ended.returncode, ended.stderr) == (0, "")
    assert approved == {
        "scenelet_id": "under-the-lighthouse",
        "shot_index": 1,
        "code": "S01-01",
        "status": "approved",
        "reason": None,
        "render_id": VideoRender.objects.get(review="approved").pk,
        "render_status": "done",
        "takes": 1,
        "take": 1,
        "review": "approved",
        "video_file": "the-lamp/1.mp4",
        "out_of_date": False,
    }
    assert (failed["status"], failed["reason"]) == ("failed", "The model was busy for too long.")
    assert (retake["status"], retake["reason"]) == ("retake", "The hat is gone.")
    assert (blocked["status"], blocked["reason"]) == ("blocked", "no storyboard")
    assert to_do == {
        "scenelet_id": "under-the-lighthouse",
        "shot_index": 5,
        "code": "S01-05",
        "status": "to_do",
        "reason": None,
        "render_id": None,
        "render_status": None,
        "takes": 0,
        "take": None,
        "review": None,
        "video_file": None,
        "out_of_date": False,
    }
    assert summary == {
        "story_id": "the-lamp",
        "title": "The lamp",
        "shots": 5,
        "statuses": STATUSES,
        "takes": 2,
    }


def test_takes_that_are_out_of_date_are_told():
    shots = list(shots_of(make_story(shots=2)).select_related("scenelet__story"))
    make_takes(*shots, review="selected")
    Shot.objects.filter(pk=shots[1].pk).update(storyboard_payload={"framingAndAngle": "close"})

    lines, _ = objects(manage("story_status", "--story-id=the-lamp", "--json"))

    assert [each["out_of_date"] for each in lines] == [False, True]


def test_the_status_of_a_story_is_told_to_people(story):
    lines = [" ".join(each.split()) for each in _lines("story_status", "--story-id=the-lamp")]

    assert "S01-02 under-the-lighthouse failed 0 The model was busy for too long." in lines
    assert "S01-04 under-the-lighthouse blocked 0 no storyboard" in lines
    assert "5 shots: failed 1, approved 1, to do 1, retake 1, blocked 1." in lines
    assert "The paths of the videos are relative to MEDIA_ROOT." in lines


def _lines(*arguments):
    return manage(*arguments).stdout.splitlines()


def test_an_unknown_story_is_wrong_usage(story):
    ended = manage("story_status", "--story-id=the-lmap", "--json")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Did you mean the-lamp?" in ended.stderr


def test_queries_do_not_grow_with_the_shots(story, django_assert_num_queries):
    with django_assert_num_queries(5):
        list_stories()
    with django_assert_num_queries(3):
        list_shots(story)
