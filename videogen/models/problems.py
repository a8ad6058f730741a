"""Why a request cannot be sent as it is: which problems there are, and what each of them says.

A problem is passed, compared and stored as a code with its parameters. Its sentence is made here,
from the words beside the code, where somebody reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from django.db import models

from videogen.common.formats import either

from .render_warnings import WarningCode


class ProblemCode(models.TextChoices):
    """Each code with its sentence. The names in braces are the parameters; of a list, one has to be
    chosen."""

    # -- of the story or the shot
    STORY_ARCHIVED = "story_archived", "The story is archived: bring it back first."
    NO_DOCUMENT = (
        "no_document",
        "The story has no {kind} design document: import it or write it in the admin.",
    )
    NO_STORYBOARD = "no_storyboard", "The shot has no storyboard payload."
    PIN_MISSING = "pin_missing", "The pinned {reference} cannot be used: the shot has none."
    PIN_UNUSABLE = "pin_unusable", "The pinned {reference} cannot be used: {problem}"
    OVER_TOKEN_LIMIT = "over_token_limit", str(WarningCode.OVER_TOKEN_LIMIT.label)
    # -- the model would refuse the request
    RESOLUTION_NOT_MADE = (
        "resolution_not_made",
        "{model} does not make {resolution}: set VIDEO_RESOLUTION to {known}, or choose another "
        "model.",
    )
    NO_REFERENCES = "no_references", "{model} takes no reference pictures: choose another model."
    NO_REFERENCES_AT_RESOLUTION = (
        "no_references_at_resolution",
        "{model} takes no reference pictures at {resolution}: choose another model.",
    )
    TOO_MANY_REFERENCES = (
        "too_many_references",
        "{model} takes at most {most} reference pictures, this shot has {references}: leave some "
        "out.",
    )
    ASPECT_RATIO_NOT_MADE = (
        "aspect_ratio_not_made",
        "{model} makes no {aspect_ratio} at {resolution}{when}: set VIDEO_ASPECT_RATIO to {known}.",
    )
    DURATION_NOT_MADE = (
        "duration_not_made",
        "{model} makes no {seconds} seconds at {resolution}{when}: set VIDEO_DURATION_SECONDS to "
        "{known}.",
    )
    PERSON_GENERATION_NOT_TAKEN = (
        "person_generation_not_taken",
        "{model} takes no person generation {asked!r} with reference pictures: set "
        "VIDEO_PERSON_GENERATION, or that of the story, to {known}.",
    )
    # -- of the account and the price
    OTHER_BACKEND = (
        "other_backend",
        "It was started with {backend}: set VIDEO_BACKEND={backend} first.",
    )
    NOT_SET_UP = "not_set_up", "{setting} is not set."
    KEY_NOT_COPIED = "key_not_copied", "The key was not copied well: {problem} ({setting})."
    NO_PRICE = (
        "no_price",
        "No price is known for {model} at {resolution}, and a video without a known price is never "
        "sent: add the price to the list of prices, or set VIDEO_PRICE_USD_PER_SECOND.",
    )
    OVER_SPEND_WINDOW = (
        "over_spend_window",
        "{on_model}it costs ${price}, and the account's spend limit lets ${window} through in "
        "{span} (VIDEO_QUOTA_TIER or VIDEO_SPEND_WINDOW_USD): it could never be sent.",
    )
    # -- stored as a sentence, before there were codes
    TEXT = "text", "{text}"


# What the model would refuse of a new request. It says nothing of a request that was sent already.
OF_THE_MODEL = frozenset(
    {
        ProblemCode.RESOLUTION_NOT_MADE,
        ProblemCode.NO_REFERENCES,
        ProblemCode.NO_REFERENCES_AT_RESOLUTION,
        ProblemCode.TOO_MANY_REFERENCES,
        ProblemCode.ASPECT_RATIO_NOT_MADE,
        ProblemCode.DURATION_NOT_MADE,
        ProblemCode.PERSON_GENERATION_NOT_TAKEN,
    }
)


@dataclass(frozen=True)
class Problem:
    """A code with its parameters, which are JSON values."""

    code: ProblemCode
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.sentence

    def __hash__(self) -> int:
        return hash((self.code, json.dumps(self.params, sort_keys=True)))

    @property
    def is_of_model(self) -> bool:
        """Whether another model might take the same request."""
        return self.code in OF_THE_MODEL

    @property
    def sentence(self) -> str:
        words = {
            name: either(value) if isinstance(value, list) else value
            for name, value in self.params.items()
        }
        if "with_references" in words:
            words["when"] = " with reference pictures" if words["with_references"] else ""
        if self.code == ProblemCode.OVER_SPEND_WINDOW:
            words["on_model"] = f"On {words['model']} " if words["model"] else ""
        return str(self.code.label).format(**words)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `read` reads it."""
        return {"code": self.code.value, "params": dict(self.params)}

    @classmethod
    def read(cls, stored: object) -> Self:
        """From a stored plan: an object with a code and parameters, or a bare sentence of an older
        one. Raises KeyError, TypeError or ValueError for an object that cannot be read."""
        if isinstance(stored, dict):
            return cls(ProblemCode(stored["code"]), dict(stored["params"]))
        return cls(ProblemCode.TEXT, {"text": str(stored)})
