"""What to do about a model that the API does not have, or no longer has: what the pause of the lane
says about it, and which facts it keeps."""

from __future__ import annotations

from typing import Any

from videogen.models import Lane, StorySettings, VideoRender

MODEL_NOT_FOUND = "model_not_found"


def where_to_choose(render: VideoRender) -> str:
    """Return a sentence on where the render's model was chosen, which is where another one can
    be."""
    batch = render.batch
    if batch.model == render.model:
        chosen = f"{render.model} was chosen for batch {batch.number}."
    elif StorySettings.objects.filter(story=batch.story_id, model=render.model).exists():
        chosen = f"{render.model} comes from the story's video settings: choose another one there."
    else:
        chosen = (
            f"{render.model} comes from the settings: set VIDEO_MODEL to one that the account has."
        )
    return f"{chosen} Queued renders keep their model: move them to another one, or cancel them."


def facts_of_pause(render: VideoRender) -> dict[str, Any]:
    """Return what the pause keeps about the render, beside what the API told."""
    return {"missing_model": render.model}


def models_of_account(lane: Lane) -> list[str]:
    """Return the models that the account has, as the API told them when it paused the lane."""
    models: list[str] = _details(lane).get("models", [])
    return models


def missing_model(lane: Lane) -> str:
    """Return the model that the lane's pause is about, if renders of it are still queued, else
    ""."""
    name: str = _details(lane).get("missing_model", "")
    return name if name and VideoRender.objects.queued_in(lane).filter(model=name).exists() else ""


def _details(lane: Lane) -> dict[str, Any]:
    return lane.pause_details if lane.pause_code == MODEL_NOT_FOUND else {}
