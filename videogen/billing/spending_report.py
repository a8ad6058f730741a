"""What was spent, as one object for programs: the contract of `spend --json`."""

from __future__ import annotations

from typing import Any

from videogen.models.routes import is_simulating

from .forecasts import Forecast
from .statistics import Figures, SpendingScope, wiped_costs


def spending_object(
    scope: SpendingScope,
    figures: dict[str, list[Figures]],
    total: Figures,
    forecast: Forecast | None,
) -> dict[str, Any]:
    """One query."""
    summed = total.as_dict()
    wiped = wiped_costs(scope)
    return {
        "story_id": scope.story.story_id if scope.story else None,
        "since": scope.since.isoformat() if scope.since else None,
        "until": scope.until.isoformat() if scope.until else None,
        "is_simulated": is_simulating(),
        "by": {by: [each.as_dict() for each in rows] for by, rows in figures.items()},
        "total": {name: summed[name] for name in summed if name not in ("key", "label")},
        "wiped_stories_usd": str(wiped.spent_usd),
        "wiped_stories_open_usd": str(wiped.open_usd),
        "forecast": forecast.as_dict() if forecast else None,
    }
