"""What a request names: a story, some of its shots, a model. What does not exist is an error that
says what may have been meant."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import ngettext

from storybook.models import Shot, Story
from storybook.near_names import near_id
from videogen.catalog.options import ChosenFormat, RequestSettings, default_model_of
from videogen.common.errors import RequestError
from videogen.common.formats import either
from videogen.models import VideoModel

# More names than these are not read in one sentence.
_MOST_NAMED = 8


def find_story(story_id: str) -> Story:
    """Return the story. Raises RequestError if there is none."""
    story = Story.objects.filter(story_id=story_id).first()
    if story is not None:
        return story
    titles = dict(Story.objects.not_archived().values_list("story_id", "title"))
    if titles:
        hint = _did_you_mean(story_id, titles) or _all(titles, "manage.py list_stories")
    else:
        hint = "None is imported yet: manage.py import_story PATH"
    raise RequestError(f"There is no story {story_id}. {hint}", code="no_story")


def find_shots(
    story: Story, *, scenelet_id: str | None = None, shot_index: int | None = None
) -> QuerySet[Shot]:
    """Return the story's shots that match the filters, in story order. Raises RequestError if none
    does."""
    shots = Shot.objects.filter(scenelet__story=story)
    where = f"the story {story.story_id}"
    if scenelet_id is not None:
        titles = dict(story.scenelets.values_list("scenelet_id", "title"))
        if scenelet_id not in titles:
            command = f"manage.py story_status --story-id {story.story_id}"
            hint = _did_you_mean(scenelet_id, titles) or _all(titles, command)
            raise RequestError(
                f"The story {story.story_id} has no scenelet {scenelet_id}. {hint}",
                code="no_scenelet",
            )
        shots = shots.filter(scenelet__scenelet_id=scenelet_id)
        where = f"the scenelet {scenelet_id}"
    if shot_index is not None and not shots.filter(shot_index=shot_index).exists():
        raise RequestError(
            f"No shot matches these filters: {_which_indexes(where, shots)}", code="no_shot"
        )
    if shot_index is not None:
        shots = shots.filter(shot_index=shot_index)
    if not shots.exists():
        raise RequestError(f"No shot matches these filters: {where} has no shots.", code="no_shot")
    return shots


def check_model(story: Story, model: str) -> None:
    """Raise RequestError if nobody has ever heard of the model: it is not in the table of video
    models, and no settings name it."""
    if not model or model in (settings.VIDEO_MODEL, default_model_of(story)):
        return
    names = list(VideoModel.objects.order_by("name").values_list("name", flat=True))
    if model in names:
        return
    told = [
        f"There is no model {model}.",
        _did_you_mean(model, dict.fromkeys(names, "")),
        f"The video models are {', '.join(names)}." if names else "",
        "For another one, add a row to the table of video models first.",
    ]
    raise RequestError(" ".join(filter(None, told)), code="no_model")


def check_format(request: RequestSettings, chosen: ChosenFormat) -> None:
    """Raise RequestError if somebody chose a format that the table of video models does not have
    for the model. The code is that of the problem, or `format_not_known` where the table says
    nothing of what the model makes.

    A format that the story or the settings name is not checked here: the plan blocks its shots, and
    says why.
    """
    if chosen == ChosenFormat():
        return
    model = request.capability
    if not model.formats:
        raise RequestError(
            f"What {model.name} makes is not known: add its formats to the table of video models "
            "first.",
            code="format_not_known",
        )
    problems = request.problems(references=0)
    if problems:
        made = "; ".join(
            f"{each.resolution} ({either(each.aspect_ratios)}, {either(each.durations)} seconds)"
            for each in model.formats
        )
        raise RequestError(
            f"{model.name} does not make {request.resolution}, {request.aspect_ratio}, "
            f"{request.duration_seconds} seconds. It makes {made}.",
            code=problems[0].code.value,
        )


def _did_you_mean(said: str, names: Mapping[str, str]) -> str:
    near = near_id(said, names)
    return f"Did you mean {near}?" if near else ""


def _all(names: Collection[str], command: str) -> str:
    """Name everything that there is, or the command that does."""
    if 0 < len(names) <= _MOST_NAMED:
        return f"{ngettext('There is', 'There are', len(names))} {', '.join(names)}."
    return f"{command} shows what there is."


def _which_indexes(where: str, shots: QuerySet[Shot]) -> str:
    indexes = list(shots.order_by("shot_index").values_list("shot_index", flat=True).distinct())
    if not indexes:
        return f"{where} has no shots."
    if len(indexes) == 1:
        return f"{where} has only shot {indexes[0]}."
    return f"{where} has {len(indexes)} shots, from {indexes[0]} to {indexes[-1]}."
