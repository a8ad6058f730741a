from __future__ import annotations

import pytest

from storybook.models import Scenelet, Shot, Story
from tests.support.factories import make_story
from videogen.common.errors import RequestError
from videogen.models import StorySettings, VideoModel
from videogen.planning.targets import check_model, find_shots, find_story

pytestmark = pytest.mark.django_db


def refusal(call, *arguments, **filters):
    with pytest.raises(RequestError) as refused:
        call(*arguments, **filters)
    return refused.value


def test_a_near_story_is_named():
    make_story()

    refused = refusal(find_story, "the-lanp")

    assert (refused.code, refused.sentence) == (
        "no_story",
        "There is no story the-lanp. Did you mean the-lamp?",
    )


def test_a_few_stories_are_named_where_none_is_like_it():
    make_story()
    make_story("moss")

    assert "There are moss, the-lamp." in refusal(find_story, "zanzibar").sentence


def test_of_many_stories_the_command_is_named():
    Story.objects.bulk_create(Story(story_id=f"tale-{number}") for number in range(9))

    assert "manage.py list_stories" in refusal(find_story, "zanzibar").sentence


def test_an_empty_database_needs_an_import():
    assert "manage.py import_story PATH" in refusal(find_story, "the-lamp").sentence


def test_a_near_scenelet_is_named():
    story = make_story(scenelets=("opening", "harbour"))
    Scenelet.objects.filter(scenelet_id="harbour").update(title="The dry quay")

    assert "Did you mean opening?" in refusal(find_shots, story, scenelet_id="opning").sentence
    assert "Did you mean harbour?" in refusal(find_shots, story, scenelet_id="dry quay").sentence
    assert "There are opening, harbour." in refusal(find_shots, story, scenelet_id="x").sentence


def test_the_shots_that_there_are_are_named():
    story = make_story(scenelets=("opening", "harbour"), shots=3)
    Shot.objects.filter(scenelet__scenelet_id="harbour", shot_index__gt=1).delete()

    assert "the story the-lamp has 3 shots, from 1 to 3." in str(
        refusal(find_shots, story, shot_index=7)
    )
    assert "the scenelet harbour has only shot 1." in str(
        refusal(find_shots, story, scenelet_id="harbour", shot_index=2)
    )


def test_an_unknown_model_is_refused_with_the_names_that_exist():
    refused = refusal(check_model, make_story(), "veo-3.1-generate-prevew")

    names = VideoModel.objects.values_list("name", flat=True)
    assert refused.code == "no_model"
    assert "Did you mean veo-3.1-generate-preview" in refused.sentence
    assert all(name in refused.sentence for name in names)


@pytest.mark.parametrize("place", ["table", "settings", "story"])
def test_a_model_that_somebody_has_named_is_known(settings, place):
    story = make_story()
    if place == "table":
        VideoModel.objects.create(name="own-1", route="gemini", checked_on="2026-01-01")
    elif place == "settings":
        settings.VIDEO_MODEL = "own-1"
    else:
        StorySettings.objects.create(story=story, model="own-1")

    check_model(story, "own-1")
    check_model(story, "")
