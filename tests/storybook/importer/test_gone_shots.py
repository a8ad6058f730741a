"""Shots that a bundle does not have any more: they stay, and are marked until they come back."""

from __future__ import annotations

import pytest
import time_machine

from storybook.importer.story import import_story
from storybook.models import Shot
from tests.support.bundles import scenelet, shot, story, write_bundle

pytestmark = pytest.mark.django_db


def imported(folder, *scenelets):
    return import_story(write_bundle(folder, story(scenelets=list(scenelets))))


def marks():
    shots = Shot.objects.select_related("scenelet")
    return {str(each): each.gone_since for each in shots if each.gone_since}


def test_shots_that_are_gone_are_named_and_marked_once(tmp_path):
    imported(tmp_path / "1", scenelet(1), scenelet(2))
    with time_machine.travel("2026-05-01T12:00Z", tick=False):
        second = imported(tmp_path / "2", scenelet(1, shots=[shot(1)]))
    marked = marks()

    third = imported(tmp_path / "2", scenelet(1, shots=[shot(1)]))

    assert list(map(str, second.gone_shots)) == list(marked)
    assert list(marked) == [
        "S01-02 · scenelet-1",
        "S02-01 · scenelet-2",
        "S02-02 · scenelet-2",
    ]
    assert {each.was_gone for each in second.gone_shots} == {False}
    assert {each.was_gone for each in third.gone_shots} == {True}
    assert marks() == marked


def test_a_shot_that_comes_back_is_like_the_others(tmp_path):
    first = [scenelet(1), scenelet(2)]
    imported(tmp_path / "1", *first)
    imported(tmp_path / "2", scenelet(1))

    report = imported(tmp_path / "1", *first)

    assert report.gone_shots == ()
    assert report.rows["shots"].updated == 2
    assert marks() == {}


def test_another_story_is_not_touched(tmp_path):
    imported(tmp_path / "1", scenelet(1))
    import_story(write_bundle(tmp_path / "2", story(story_id="other", scenelets=[scenelet(2)])))

    assert marks() == {}


def test_a_refused_bundle_marks_nothing(tmp_path):
    imported(tmp_path / "1", scenelet(1))
    with pytest.raises(Exception, match="empty"):
        import_story(write_bundle(tmp_path / "2", story(scenelets=[])))

    assert marks() == {}
