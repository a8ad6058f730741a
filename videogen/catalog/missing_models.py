"""A model that the API does not have (any more): what the pause of its lane says of it, and what it
keeps."""

from __future__ import annotations

from typing import Any

from videogen.models import Lane, StorySettings, VideoRender

MODEL_NOT_FOUND = "model_not_found"


def where_to_choose(render: VideoRender) -> str:
    """Who chose the render's model and so has to choose another one. Queries."""
    batch = render.batch
    if batch.model == render.model:
        chosen = f"{render.model} was chosen for batch {batch.pk}."
    elif StorySettings.objects.filter(story=batch.story_id, model=render.model).exists():
        chosen = f"{render.model} comes from the story's video settings: choose another one there."
    else:
        chosen = (
            f"{render.model} comes from the settings: set VIDEO_MODEL to one that the account has."
        )
    return f"{chosen} What waits keeps its model: move it to another one, or cancel it."


def facts_of_pause(render: VideoRender) -> dict[str, Any]:
    """What the pause keeps of the render whose model is missing, beside what the API told."""
    return {"missing_model": render.model}


def models_of_account(lane: Lane) -> list[str]:
    """Those that the account has, as the API said when it paused the lane."""
    return _details(lane).get("models", [])


def missing_model(lane: Lane) -> str:
    """The model that the lane's pause is about, if any of it is queued, or "". One query at
    most."""
    name = _details(lane).get("missing_model", "")
    return name if name and VideoRender.objects.queued_in(lane).filter(model=name).exists() else ""


def _details(lane: Lane) -> dict[str, Any]:
    return lane.pause_details if lane.pause_code == MODEL_NOT_FOUND else {}
