"""The page of a confirmed batch: its progress, and what a person may do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videogen.common.on_demand import modules_on_demand

if TYPE_CHECKING:
    from . import actions, page  # noqa: F401
else:
    __getattr__ = modules_on_demand(__name__)
