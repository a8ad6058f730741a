"""A stored prompt for another route: what differs is what the model is told at its end. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from .bindings import bound_instructions, is_binding
from .prompts import CRITICAL_INSTRUCTION, Prompt, write_prompt
from .references import Pick
from .routes import Route

_INSTRUCTION = "critical_instruction"


def stored_prompt(
    text: str, references: Sequence[Mapping[str, Any]], before: str, after: str, *, limit: int
) -> Prompt | None:
    """The prompt that was stored for the route `before`, in the words of `after`; None where it
    can stay as it is, and where it is no document."""
    if (before == Route.OMNI) == (after == Route.OMNI):
        return None
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    picks = [
        Pick(**{field.name: each.get(field.name, "") for field in fields(Pick)})
        for each in references
    ]
    return write_prompt(prompt_for_route(document, picks, after), limit=limit)


def prompt_for_route(document: dict[str, Any], picks: Sequence[Pick], route: str) -> dict[str, Any]:
    """The document with the instructions of that route, and else as it is."""
    said = document.get(_INSTRUCTION)
    said = said if isinstance(said, list) else list(CRITICAL_INSTRUCTION)
    own = bound_instructions(picks) if route == Route.OMNI else []
    return document | {_INSTRUCTION: [*(each for each in said if not is_binding(each)), *own]}
