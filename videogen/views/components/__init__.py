"""What several pages have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videogen.common.on_demand import modules_on_demand

if TYPE_CHECKING:
    from . import (  # noqa: F401
        access,
        badges,
        bar,
        bar_chart,
        branch_map,
        ignored_options,
        kept,
        live,
        money_bar,
        notes,
        pictures,
        queue_notice,
        reasons,
        segments,
        selection,
        shot_cards,
        shot_filters,
        story_cards,
        story_designs,
        story_money,
        storyboard,
        urls,
    )
else:
    __getattr__ = modules_on_demand(__name__)
