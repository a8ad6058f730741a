"""What was spent, by story, scenelet, person, day and reason, and what it takes to finish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from django import forms
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from storybook.models import Story
from videogen.billing.forecasts import Forecast, forecasts
from videogen.billing.statistics import FEWEST_TAKES, By, Figures, Scope, figures_by, total_of
from videogen.common.csv_export import csv_response
from videogen.common.formats import usd
from videogen.models import Submission
from videogen.models.routes import is_simulating

# The CSV has all.
MOST_ROWS = 50
MOST_DAYS = 62
MOST_OPEN_DAYS = 7
DAYS = 30

HEIGHT = 120
# What cost something is seen, however little it was.
LEAST = 3.0

TITLES = {
    By.STORY: "By story",
    By.SCENELET: "By scenelet",
    By.REASON: "By reason",
    By.PERSON: "By person",
    By.DAY: "By day",
}


class ScopeForm(forms.Form):
    story = forms.ModelChoiceField(
        Story.objects.all(), required=False, empty_label="All stories", label="Story"
    )
    since = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}))

    def clean(self):
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and since > until:
            self.add_error("until", "This day is before the first one.")
        return self.cleaned_data

    @property
    def scope(self) -> Scope:
        """Everything where what was asked for makes no sense."""
        return Scope(**self.cleaned_data) if self.is_valid() else Scope()


@dataclass(frozen=True)
class Finish:
    """A story's forecast in words."""

    forecast: Forecast
    fewest: int = FEWEST_TAKES

    @property
    def price(self) -> str:
        return usd(self.forecast.price_usd)

    @property
    def usd(self) -> str:
        return _usd_or_nothing(self.forecast.usd)

    @property
    def least(self) -> str:
        return _usd_or_nothing(self.forecast.least_usd)

    @property
    def per_approved(self) -> str:
        return _usd_or_nothing(self.forecast.per_approved_usd)

    @property
    def words(self) -> str:
        """In a cell: "$64.00", "at least $32.00"."""
        if not self.forecast.left:
            return "finished" if self.forecast.shots else ""
        return self.usd or (f"at least {self.least}" if self.least else "")

    @property
    def url(self) -> str:
        return spending_url(Scope(self.forecast.story))


@dataclass(frozen=True)
class Row:
    figures: Figures
    finish: Finish | None
    most: Decimal
    """Of the table's dearest row: what its bar is measured by."""

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
    def spent_percent(self) -> float:
        return self._percent(self.figures.spent_usd)

    @property
    def open_percent(self) -> float:
        return self._percent(self.figures.open_usd)

    def _percent(self, amount: Decimal) -> float:
        return round(float(100 * amount / self.most), 2) if self.most else 0.0


@dataclass(frozen=True)
class Table:
    by: str
    rows: tuple[Row, ...]
    left_out: int
    csv_url: str

    @property
    def title(self) -> str:
        return TITLES[By(self.by)]

    @property
    def is_long(self) -> bool:
        """Folded: the drawing says the same."""
        return self.by == By.DAY and len(self.rows) > MOST_OPEN_DAYS

    @property
    def has_open(self) -> bool:
        return any(row.open for row in self.rows)

    @property
    def has_forecasts(self) -> bool:
        return any(row.finish for row in self.rows)


@dataclass(frozen=True)
class Bar:
    """x and width in percent, the rest in the drawing's units."""

    day: date
    spent: str
    x: float
    width: float
    y: float
    height: float
    open_y: float
    open_height: float


@dataclass(frozen=True)
class Chart:
    bars: tuple[Bar, ...]
    most: str
    words: str

    @property
    def is_empty(self) -> bool:
        return not any(bar.height or bar.open_height for bar in self.bars)


def show_spending(request: HttpRequest, site: AdminSite) -> HttpResponse:
    form = ScopeForm(request.GET)
    scope = form.scope
    days = shown_days(scope)
    first = By.SCENELET if scope.story else By.STORY
    grouped = {by: figures_by(by, scope) for by in (first, By.REASON, By.PERSON)}
    # Not of all time: a database may need a function of its own for the day of every row.
    grouped[By.DAY] = figures_by(By.DAY, Scope(scope.story, days[0], days[-1])) if days else []
    total = total_of(grouped[first])
    context = {
        **site.each_context(request),
        "title": "Spending",
        "opts": Submission._meta,
        "form": form,
        "scope": scope,
        "total": Row(total, None, Decimal(0)),
        "finish": finishes([scope.story])[0] if scope.story else None,
        "chart": draw_days(days, grouped[By.DAY]),
        "tables": [_table(by, rows, scope) for by, rows in grouped.items()],
        "is_simulated": is_simulating(),
        "ledger_url": _ledger_url(scope),
    }
    return TemplateResponse(request, "admin/videogen/spending/page.html", context)


def finishes(stories: Sequence[Story]) -> list[Finish]:
    """Two queries."""
    return [Finish(each) for each in forecasts(stories)]


def spending_url(scope: Scope, by: str = "") -> str:
    """Of the page, or of one of its tables as CSV."""
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
    """One table of the page, whole."""
    if by not in By.values:
        raise Http404
    form = ScopeForm(request.GET)
    scope = form.scope
    rows = figures_by(by, scope)
    header = [by, "of", *(name for name in Figures().as_dict() if name not in ("key", "label"))]
    cells = ([row.label, row.context, *list(row.as_dict().values())[2:]] for row in rows)
    name = f"spending-by-{by}"
    return csv_response(name, header, cells)


def shown_days(scope: Scope) -> list[date]:
    """Those asked for, else the last ones; of a long period the last ones of it."""
    today = timezone.localdate()
    end = min(scope.until or today, today)
    start = scope.since or end - timedelta(days=DAYS - 1)
    start = max(start, end - timedelta(days=MOST_DAYS - 1))
    return [start + timedelta(days=each) for each in range((end - start).days + 1)]


def draw_days(shown: Sequence[date], days: Sequence[Figures]) -> Chart:
    by_day = {each.key: each for each in days}
    figures = [by_day.get(day.isoformat(), Figures()) for day in shown]
    most = max((each.spent_usd + each.open_usd for each in figures), default=Decimal(0))
    step = 100 / max(len(shown), 1)
    bars = []
    for place, (day, each) in enumerate(zip(shown, figures, strict=True)):
        height, open_height = (_height(usd, most) for usd in (each.spent_usd, each.open_usd))
        bars.append(
            Bar(
                day,
                _told(each),
                x=round(step * (place + 0.16), 2),
                width=round(step * 0.68, 2),
                y=round(HEIGHT - height, 2),
                height=height,
                open_y=round(HEIGHT - height - open_height, 2),
                open_height=open_height,
            )
        )
    told = [f"{each.label}: {_told(each)}" for each in figures if each.spent_usd or each.open_usd]
    words = f"Spent by day: {'; '.join(told) or 'nothing'}."
    return Chart(tuple(bars), usd(most), words)


def _told(figures: Figures) -> str:
    still = f", {usd(figures.open_usd)} may follow" if figures.open_usd else ""
    return f"{usd(figures.spent_usd)}{still}"


def _height(amount: Decimal, most: Decimal) -> float:
    return round(max(LEAST, HEIGHT * float(amount / most)), 2) if amount else 0.0


def _table(by: By, rows: list[Figures], scope: Scope) -> Table:
    shown = rows[:MOST_ROWS]
    most = max((each.spent_usd + each.open_usd for each in rows), default=Decimal(0))
    by_story: dict[str, Finish] = {}
    if by == By.STORY:
        stories = Story.objects.filter(story_id__in=[each.key for each in shown])
        by_story = {each.forecast.story.story_id: each for each in finishes(stories)}
    return Table(
        by,
        tuple(Row(each, by_story.get(each.key), most) for each in shown),
        len(rows) - len(shown),
        spending_url(scope, by.value),
    )


def _usd_or_nothing(amount: Decimal | None) -> str:
    return "" if amount is None else usd(amount)


def _ledger_url(scope: Scope) -> str:
    url = reverse("admin:videogen_submission_changelist")
    return f"{url}?story={scope.story.pk}" if scope.story else url
