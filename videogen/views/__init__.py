"""The pages: what each shows, and what its buttons do.

A page is imported when it is first asked for: all of them together take as long as
Django itself, and most processes show none.

The addresses of the admin are therefore written as `views.board.show_board(…)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videogen.common.on_demand import modules_on_demand

if TYPE_CHECKING:
    from . import (  # noqa: F401
        archived_stories,
        batch,
        board,
        components,
        dashboard,
        decisions,
        directions,
        doctor,
        export,
        films,
        guest_links,
        guests,
        media,
        model_switch,
        plan,
        probes,
        review,
        shot_preview,
        spending,
        takes,
        unresolved,
        watch,
        webhooks,
    )
else:
    __getattr__ = modules_on_demand(__name__)
