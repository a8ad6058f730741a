"""The pages of a shot's takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videogen.common.on_demand import modules_on_demand

if TYPE_CHECKING:
    from . import block_card, compare, page, preview, render_card, rerun, retake, reviews  # noqa: F401
else:
    __getattr__ = modules_on_demand(__name__)
