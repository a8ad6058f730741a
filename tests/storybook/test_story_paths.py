"""Shot codes, and the paths from a beginning to each ending."""

from __future__ import annotations

import pytest
from django.utils import timezone

from storybook.models import Scenelet, Shot, Story, place_scenelets
from storybook.story_paths import PathError, PathProblem, find_endings, find_paths

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    return Story.objects.create(story_id="tree", title="A tree")


def grow(story, **parents):
    """Make a scenelet for each keyword, in their order; the value is its parent's id."""
    made = {}
    for sequence, (name, parent) in enumerate(parents.items(), start=1):
        made[name] = Scenelet.objects.create(
            story=story, scenelet_id=name, sequence=sequence * 10, parent=made.get(parent)
        )
    return made


def ids(path):
    return [each.scenelet_id for each in path.scenelets]


def test_each_ending_has_one_path_in_the_order_of_the_story(story):
    grow(story, start=None, left="start", right="start", deep="left", end="right")

    assert [ids(path) for path in find_paths(story)] == [
        ["start", "left", "deep"],
        ["start", "right", "end"],
    ]
    assert [each.scenelet_id for each in find_endings(story)] == ["deep", "end"]


def test_a_second_beginning_has_paths_of_its_own(story):
    grow(story, one=None, two=None)

    assert [ids(path) for path in find_paths(story)] == [["one"], ["two"]]


def test_endings_can_be_named(story):
    grow(story, start=None, left="start", right="start")

    assert [ids(path) for path in find_paths(story, ["right"])] == [["start", "right"]]


@pytest.mark.parametrize(
    ("names", "code"),
    [(["nowhere"], PathProblem.UNKNOWN_ENDING), (["start"], PathProblem.NOT_AN_ENDING)],
)
def test_a_name_that_is_no_ending_is_refused(story, names, code):
    grow(story, start=None, left="start")

    with pytest.raises(PathError) as caught:
        find_paths(story, names)
    assert caught.value.code == code
    assert caught.value.params["endings"] == names


def test_more_paths_than_the_limit_have_to_be_named(story, settings):
    settings.VIDEO_MOST_PATHS = 2
    grow(story, start=None, a="start", b="start", c="start")

    with pytest.raises(PathError) as caught:
        find_paths(story)
    assert caught.value.code == PathProblem.TOO_MANY
    assert caught.value.params == {"paths": 3, "most": 2}
    assert len(find_paths(story, ["a", "b", "c"])) == 3


def test_a_circle_is_on_no_path(story):
    made = grow(story, start=None, end="start", a=None, b="a")
    made["a"].parent = made["b"]
    made["a"].save()

    assert [ids(path) for path in find_paths(story)] == [["start", "end"]]


def test_a_branch_that_hangs_on_a_circle_ends(story):
    made = grow(story, a=None, b="a", end="b")
    made["a"].parent = made["b"]
    made["a"].save()

    [path] = find_paths(story)
    assert path.ending == made["end"]
    assert len(path.scenelets) <= 3


def test_what_is_gone_from_the_bundle_is_on_no_path(story):
    made = grow(story, start=None, left="start", right="start", empty="start")
    now = timezone.now()
    Shot.objects.create(scenelet=made["left"], shot_index=1)
    Shot.objects.create(scenelet=made["left"], shot_index=2, gone_since=now)
    Shot.objects.create(scenelet=made["right"], shot_index=1, gone_since=now)

    assert [ids(path) for path in find_paths(story)] == [["start", "left"], ["start", "empty"]]


def test_paths_take_one_query(story, django_assert_num_queries):
    grow(story, start=None, left="start", right="start")

    with django_assert_num_queries(1):
        find_paths(story)


# -- codes -----------------------------------------------------------------------------------------


def test_a_code_is_the_place_of_the_scenelet_and_the_index(story):
    made = grow(story, start=None, second="start")
    shot = Shot.objects.create(scenelet=made["second"], shot_index=7)

    shot = Shot.objects.select_related("scenelet").get(pk=shot.pk)
    assert shot.code == "S02-07"
    shot.shot_index, shot.scenelet.place = 112, 104
    assert shot.code == "S104-112"


def places(story):
    return dict(story.scenelets.values_list("scenelet_id", "place"))


def test_places_follow_the_order_of_the_story(story):
    made = grow(story, a=None, b="a", c="b")
    assert places(story) == {"a": 1, "b": 2, "c": 3}

    made["c"].sequence = 5
    made["c"].save()
    assert places(story) == {"c": 1, "a": 2, "b": 3}

    made["c"].delete()
    assert places(story) == {"a": 1, "b": 2}


def test_places_of_one_story_do_not_count_another(story):
    grow(Story.objects.create(story_id="other", title="Other"), x=None, y="x")
    grow(story, a=None)

    assert places(story) == {"a": 1}


def test_a_change_in_bulk_is_counted_when_asked(story):
    Scenelet.objects.bulk_create(
        Scenelet(story=story, scenelet_id=f"s{n}", sequence=-n) for n in range(3)
    )

    place_scenelets(story.pk)

    assert places(story) == {"s2": 1, "s1": 2, "s0": 3}
