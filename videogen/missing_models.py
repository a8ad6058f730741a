"""A model that the API does not have (any more): what the pause says of it, and what is read back
from its words."""

from __future__ import annotations

import re

from .models import Lane, StorySettings, VideoRender

MODEL_NOT_FOUND = "model_not_found"

# As the clients put it: veo/gemini.py.
_KEY_HAS = re.compile(r"The key has: (.+?)\.(?=\s|$)")
# As `where_to_choose` puts it.
_MISSING = re.compile(r"([\w.-]*\w) (?:was chosen for|comes from) ")


def where_to_choose(render: VideoRender) -> str:
    """Who chose the render's model and so has to choose another one. Queries."""
    batch = render.batch
    if batch.model == render.model:
        chosen = f"{render.model} was chosen for batch {batch.pk}."
    elif StorySettings.objects.filter(story=batch.story_id, model=render.model).exists():
        chosen = f"{render.model} comes from the story's video settings: choose another one there."
    else:
        chosen = f"{render.model} comes from the settings: set VIDEO_MODEL to one that the key has."
    return f"{chosen} What waits keeps its model: move it to another one, or cancel it."


def models_of_account(lane: Lane) -> list[str]:
    """Those that the account has, as the API said when it paused the lane."""
    found = _KEY_HAS.search(_reason(lane))
    return [each.strip() for each in found[1].split(",")] if found else []


def missing_model(lane: Lane) -> str:
    """The model that the lane's pause is about, if any of it is queued, or "". One query at
    most."""
    # The last one: before it stands what the API says.
    named = _MISSING.findall(_reason(lane))
    if not named or not VideoRender.objects.queued_in(lane).filter(model=named[-1]).exists():
        return ""
    return named[-1]


def _reason(lane: Lane) -> str:
    return lane.pause_reason if lane.pause_code == MODEL_NOT_FOUND else ""
