"""The review room: one queue of takes across all stories, and verdicts on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videogen.common.on_demand import modules_on_demand

if TYPE_CHECKING:
    from . import bulk, notes, queue, room  # noqa: F401
else:
    __getattr__ = modules_on_demand(__name__)
