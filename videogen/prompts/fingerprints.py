"""Hashes over what is sent: two renders with the same hash sent the same. No queries.

The white space of the prompt's JSON does not count, because a setting decides whether it is
indented.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from videogen.models.prompt_profiles import PromptProfile

REFERENCE_TYPE = "asset"


class RequestFields(Protocol):
    """A render: a row of the model, or of its historical version in a migration."""

    prompt_text: str
    references: list[Mapping[str, Any]]
    model: str
    aspect_ratio: str
    resolution: str
    duration_seconds: int
    reference_type: str
    seed: int | None
    negative_prompt: str
    person_generation: str
    prompt_profile: str


def hashes_of(render: RequestFields) -> dict[str, str]:
    """The render's two hash columns; both empty where nothing was asked of an API."""
    if not render.prompt_text:
        return {"content_sha256": "", "request_sha256": ""}
    content = content_sha256(render.prompt_text, (pick["sha256"] for pick in render.references))
    request = request_sha256(
        content,
        model=render.model,
        aspect_ratio=render.aspect_ratio,
        resolution=render.resolution,
        duration_seconds=render.duration_seconds,
        reference_type=render.reference_type,
        # Rows in older migrations have none of these.
        seed=getattr(render, "seed", None),
        negative_prompt=getattr(render, "negative_prompt", ""),
        person_generation=getattr(render, "person_generation", ""),
        prompt_profile=getattr(render, "prompt_profile", PromptProfile.FULL.value),
    )
    return {"content_sha256": content, "request_sha256": request}


def content_sha256(prompt_text: str, pictures: Iterable[str]) -> str:
    """pictures: the references' SHA-256, in the order in which they are sent."""
    return _sha256([_without_white_space(prompt_text), *pictures])


def request_sha256(
    content: str,
    *,
    model: str,
    aspect_ratio: str,
    resolution: str,
    duration_seconds: int,
    reference_type: str = REFERENCE_TYPE,
    seed: int | None = None,
    negative_prompt: str = "",
    person_generation: str = "",
    prompt_profile: str = PromptProfile.FULL.value,
) -> str:
    parts = [content, model, aspect_ratio, resolution, duration_seconds, reference_type]
    extras = [seed, negative_prompt, person_generation]
    # Without them, the hash has to equal those that were stored before there were such options.
    if extras != [None, "", ""]:
        parts.append(extras)
    # The same holds for the profile.
    if prompt_profile != PromptProfile.FULL:
        parts.append(str(prompt_profile))
    return _sha256(parts)


def _without_white_space(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return text


def _sha256(parts: list[Any]) -> str:
    # json.dumps escapes everything beyond ASCII: a lone surrogate cannot be encoded as UTF-8.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
