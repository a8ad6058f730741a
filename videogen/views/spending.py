"""The page of spending: by story, scenelet, person, day and reason, and what is still needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.admin import AdminSite
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from storybook.models import Story
from videogen.billing.burn_down import BurnDown, burn_down
from videogen.billing.forecasts import FEWEST_VERDICTS, Forecast, forecasts
from videogen.billing.statistics import (
    By,
    Figures,
    SpendingScope,
    Verdict,
    figures_by,
    total_of,
    wiped_costs,
)
from videogen.common.csv_export import csv_response
from videogen.common.formats import month_day, usd, usd_range
from videogen.models import Submission
from videogen.models.routes import is_simulating

from .components.bar_chart import BarChart, Day, draw_days

# The page shows at most so many rows of a table. The CSV file has all of them.
MOST_ROWS = 50
# The chart shows DAYS days, or what was asked for, up to MOST_DAYS.
DAYS = 30
MOST_DAYS = 62
# A longer table of days is folded, for the chart says the same.
MOST_OPEN_DAYS = 7
CHART_HEIGHT = 120

TITLES = {
    By.STORY: "By story",
    By.SCENELET: "By scenelet",
    By.MODEL: "Yield by model",
    By.CHARACTER: "Yield by character",
    By.REASON: "By reason",
    By.VERDICT: "By verdict",
    By.PERSON: "By person",
    By.DAY: "By day",
}


class ScopeForm(forms.Form):
    story = forms.ModelChoiceField(
        Story.objects.none(), required=False, empty_label="All stories", label="Story"
    )
    since = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}))

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        asked = str((data or {}).get("story", ""))
        is_number = asked.isascii() and asked.isdigit() and len(asked) < 19
        # What was spent on an archived story is still told, where somebody asks for it.
        offered = Q(archived_at=None) | Q(pk=int(asked) if is_number else 0)
        self.fields["story"].queryset = Story.objects.filter(offered)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and since > until:
            words = "The last day is before the first day."
            self.add_error("until", forms.ValidationError(words, code="backwards"))
        return self.cleaned_data

    @property
    def scope(self) -> SpendingScope:
        """What was asked for; everything if that makes no sense."""
        return SpendingScope(**self.cleaned_data) if self.is_valid() else SpendingScope()


@dataclass(frozen=True)
class ForecastRow:
    """The forecast of a story, as text."""

    forecast: Forecast
    fewest: int = FEWEST_VERDICTS

    @property
    def price(self) -> str:
        return usd(self.forecast.price_usd)

    @property
    def usd(self) -> str:
        """The range; empty where too few verdicts, or no price, are known."""
        low, high = self.forecast.from_usd, self.forecast.to_usd
        return "" if low is None or high is None else usd_range(low, high)

    @property
    def least(self) -> str:
        return _usd_or_nothing(self.forecast.least_usd)

    @property
    def per_approved(self) -> str:
        return _usd_or_nothing(self.forecast.per_approved_usd)

    @property
    def words(self) -> str:
        """The text of a table's cell, such as "$54.40–83.20" or "at least $32.00"."""
        if not self.forecast.left:
            return "finished" if self.forecast.shots else ""
        if not self.forecast.needed:
            return "only verdicts"
        return self.usd or (f"at least {self.least}" if self.least else "")

    @property
    def url(self) -> str:
        return spending_url(SpendingScope(self.forecast.story))


@dataclass(frozen=True)
class SpendingRow:
    """A row of a table. The longest bar is that of the row that costs `most`."""

    figures: Figures
    forecast: ForecastRow | None
    most: Decimal

    @property
    def spent(self) -> str:
        return usd(self.figures.spent_usd)

    @property
    def open(self) -> str:
        return _usd_or_nothing(self.figures.open_usd or None)

    @property
    def per_approved(self) -> str:
        return _usd_or_nothing(self.figures.per_approved_usd)

    @property
    def per_second(self) -> str:
        return _usd_or_nothing(self.figures.per_second_usd)

    @property
    def approved_percent(self) -> int | None:
        """The yield as a percentage. None without any verdict."""
        share = self.figures.approved_share
        return None if share is None else round(100 * share)

    @property
    def spent_percent(self) -> float:
        return self._percent(self.figures.spent_usd)

    @property
    def open_percent(self) -> float:
        return self._percent(self.figures.open_usd)

    def _percent(self, amount: Decimal) -> float:
        return round(float(100 * amount / self.most), 2) if self.most else 0.0


@dataclass(frozen=True)
class BurnDownColumn:
    """A day of the chart. `x` and `width` are percentages of it, the others its vertical units."""

    day: date
    spent: str
    left: str
    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True)
class BurnDownChart:
    """What is left of a budget, day by day. The height of the chart is the budget."""

    burned: BurnDown
    height: int = CHART_HEIGHT

    @property
    def limit(self) -> str:
        return usd(self.burned.limit_usd)

    @property
    def left(self) -> str:
        return _usd_left(self.burned.left_usd)

    @property
    def open(self) -> str:
        return _usd_or_nothing(self.burned.open_usd or None)

    @property
    def is_over(self) -> bool:
        return self.burned.left_usd < 0

    @property
    def label_y(self) -> int:
        return self.height + 16

    @property
    def words(self) -> str:
        """The chart for people who do not see it."""
        first, last = self.burned.days[0], self.burned.days[-1]
        return (
            f"{month_day(first.day)}: {_usd_left(first.left_usd)}; "
            f"{month_day(last.day)}: {_usd_left(last.left_usd)} of {self.limit}"
        )

    @property
    def columns(self) -> list[BurnDownColumn]:
        step = 100 / len(self.burned.days)
        limit = self.burned.limit_usd
        columns = []
        for place, each in enumerate(self.burned.days):
            share = max(min(each.left_usd / limit, Decimal(1)), Decimal(0)) if limit else Decimal(0)
            height = round(float(share) * self.height, 2)
            columns.append(
                BurnDownColumn(
                    each.day,
                    usd(each.spent_usd) if each.spent_usd else "",
                    _usd_left(each.left_usd),
                    x=round(step * place, 3),
                    width=round(step + 0.02, 3),
                    y=round(self.height - height, 2),
                    height=height,
                )
            )
        return columns


@dataclass(frozen=True)
class SpendingTable:
    by: str
    rows: tuple[SpendingRow, ...]
    left_out: int
    csv_url: str

    @property
    def title(self) -> str:
        return TITLES[By(self.by)]

    @property
    def is_long(self) -> bool:
        """Whether the table is folded when the page opens."""
        return self.by == By.DAY and len(self.rows) > MOST_OPEN_DAYS

    @property
    def has_open(self) -> bool:
        return any(row.open for row in self.rows)

    @property
    def has_forecasts(self) -> bool:
        return any(row.forecast for row in self.rows)


def show_spending(request: HttpRequest, site: AdminSite) -> HttpResponse:
    form = ScopeForm(request.GET)
    scope = form.scope
    days = shown_days(scope)
    first = By.SCENELET if scope.story else By.STORY
    tables = (first, By.MODEL, By.CHARACTER, By.REASON, By.VERDICT, By.PERSON)
    grouped = {by: figures_by(by, scope) for by in tables}
    # Only the days of the chart: to know the day of a row, SQLite calls a Python function.
    grouped[By.DAY] = (
        figures_by(By.DAY, SpendingScope(scope.story, days[0], days[-1])) if days else []
    )
    total = total_of(grouped[first])
    wiped = wiped_costs(scope)
    burned = None if is_simulating() else burn_down(scope.story, days, grouped[By.DAY])
    context = {
        **site.each_context(request),
        "title": "Spending",
        "opts": Submission._meta,
        "form": form,
        "scope": scope,
        "total": SpendingRow(total, None, Decimal(0)),
        "wiped": _usd_or_nothing(wiped.spent_usd or None),
        "wiped_open": _usd_or_nothing(wiped.open_usd or None),
        "forecast": forecast_rows([scope.story])[0] if scope.story else None,
        "waste": _waste(grouped[By.VERDICT]),
        "burn_down": BurnDownChart(burned) if burned else None,
        "chart": _chart(days, grouped[By.DAY]),
        "tables": [_table(by, rows, scope) for by, rows in grouped.items()],
        "is_simulated": is_simulating(),
        "ledger_url": _ledger_url(scope),
    }
    return TemplateResponse(request, "admin/videogen/spending/page.html", context)


def forecast_rows(stories: Iterable[Story]) -> list[ForecastRow]:
    return [ForecastRow(each) for each in forecasts(stories)]


def spending_url(scope: SpendingScope, by: str = "") -> str:
    """Return the address of the page, or with `by` that of one of its tables as CSV."""
    name = "admin:videogen_submission_spending"
    url = reverse(f"{name}_csv", args=[by]) if by else reverse(name)
    asked = {
        "story": scope.story and scope.story.pk,
        "since": scope.since and scope.since.isoformat(),
        "until": scope.until and scope.until.isoformat(),
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{url}?{query}" if query else url


def spending_csv(request: HttpRequest, by: str) -> StreamingHttpResponse:
    """Send one table of the page as CSV, with all its rows."""
    if by not in By.values:
        raise Http404
    form = ScopeForm(request.GET)
    scope = form.scope
    rows = figures_by(by, scope)
    header = [by, "of", *(name for name in Figures().as_dict() if name not in ("key", "label"))]
    cells = ([row.label, row.context, *list(row.as_dict().values())[2:]] for row in rows)
    name = f"spending-by-{by}"
    return csv_response(name, header, cells)


def shown_days(scope: SpendingScope) -> list[date]:
    """Return the days asked for, or the last DAYS. Of a long period, only the last MOST_DAYS."""
    today = timezone.localdate()
    end = min(scope.until or today, today)
    start = scope.since or end - timedelta(days=DAYS - 1)
    start = max(start, end - timedelta(days=MOST_DAYS - 1))
    return [start + timedelta(days=each) for each in range((end - start).days + 1)]


def _chart(shown: Sequence[date], days: Sequence[Figures]) -> BarChart:
    by_day = {each.key: each for each in days}
    figures = [by_day.get(day.isoformat(), Figures()) for day in shown]
    drawn = [
        Day(day, each.spent_usd, each.open_usd) for day, each in zip(shown, figures, strict=True)
    ]
    return draw_days(drawn, CHART_HEIGHT)


def _table(by: By, rows: list[Figures], scope: SpendingScope) -> SpendingTable:
    shown = rows[:MOST_ROWS]
    most = max((each.spent_usd + each.open_usd for each in rows), default=Decimal(0))
    by_story: dict[str, ForecastRow] = {}
    if by == By.STORY:
        stories = Story.objects.filter(story_id__in=[each.key for each in shown])
        by_story = {each.forecast.story.story_id: each for each in forecast_rows(stories)}
    return SpendingTable(
        by,
        tuple(SpendingRow(each, by_story.get(each.key), most) for each in shown),
        len(rows) - len(shown),
        spending_url(scope, by.value),
    )


def _waste(verdicts: Iterable[Figures]) -> str:
    """What rejected takes have cost; empty if nothing."""
    rejected = (each for each in verdicts if each.key.startswith(Verdict.REJECTED))
    return _usd_or_nothing(total_of(rejected).spent_usd or None)


def _usd_left(amount: Decimal) -> str:
    return f"{usd(-amount)} over" if amount < 0 else f"{usd(amount)} left"


def _usd_or_nothing(amount: Decimal | None) -> str:
    return "" if amount is None else usd(amount)


def _ledger_url(scope: SpendingScope) -> str:
    url = reverse("admin:videogen_submission_changelist")
    return f"{url}?story={scope.story.pk}" if scope.story else url
