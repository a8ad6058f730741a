"""A stored prompt for another route: what differs is what the model is told at its end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .bindings import bound_instructions
from .prompts import CRITICAL_INSTRUCTION
from .references import Pick
from .routes import Route


def prompt_for_route(document: dict[str, Any], picks: Sequence[Pick], route: str) -> dict[str, Any]:
    """The document with the instructions of that route, and else as it is."""
    own = bound_instructions(picks) if route == Route.OMNI else []
    return document | {"critical_instruction": [*CRITICAL_INSTRUCTION, *own]}


def needs_other_words(before: str, after: str) -> bool:
    """Whether a prompt for the one route is none for the other."""
    return (before == Route.OMNI) != (after == Route.OMNI)
