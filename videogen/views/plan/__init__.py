"""The page of a batch's plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videogen.common.on_demand import modules_on_demand

if TYPE_CHECKING:
    from . import modes, options, page, receipt, references, rows  # noqa: F401
else:
    __getattr__ = modules_on_demand(__name__)
