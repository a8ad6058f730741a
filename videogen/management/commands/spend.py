from __future__ import annotations

import argparse
import json
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.markup import escape
from rich.table import Table

from videogen.billing.forecasts import Forecast, forecasts
from videogen.billing.spending_report import spending_object
from videogen.billing.statistics import (
    By,
    Figures,
    SpendingScope,
    WipedCosts,
    figures_by,
    total_of,
    wiped_costs,
)
from videogen.cli.database import needs_tables
from videogen.common.errors import RequestError
from videogen.common.formats import usd, usd_range
from videogen.common.terminal import print_table, table_console
from videogen.models.routes import is_simulating
from videogen.planning.targets import find_story


class Command(BaseCommand):
    help = (
        "Show what was spent, on what and why; what an approved shot costs and, for one story, "
        "what it takes to finish. Reads only the database."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--story-id", help="only this story, with a forecast to its end")
        for name, what in (("since", "first"), ("until", "last")):
            parser.add_argument(
                f"--{name}", type=_day, metavar="YYYY-MM-DD", help=f"the {what} day that counts"
            )
        parser.add_argument(
            "--by",
            choices=By.values,
            help="one table (default: by story, of one story by scenelet); with --json, without "
            "this: all",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, **options: Any) -> None:
        scope = SpendingScope(None, options["since"], options["until"])
        if scope.since and scope.until and scope.since > scope.until:
            raise CommandError("--until is before --since.", returncode=2)
        with needs_tables():
            if story_id := options["story_id"]:
                try:
                    story = find_story(story_id)
                except RequestError as error:
                    raise CommandError(error.sentence, returncode=2) from error
                scope = SpendingScope(story, scope.since, scope.until)
            self._show(scope, options["by"], as_json=options["json"])

    def _show(self, scope: SpendingScope, by: str | None, *, as_json: bool) -> None:
        plain = By.SCENELET if scope.story else By.STORY
        wanted = By.values if as_json and not by else [by or plain.value]
        figures = {each: figures_by(each, scope) for each in wanted}
        total = total_of(figures[wanted[0]])
        forecast = forecasts([scope.story])[0] if scope.story else None
        if as_json:
            self.stdout.write(json.dumps(spending_object(scope, figures, total, forecast)))
            return
        console = table_console(self.stdout)
        print_table(console, _table(wanted[0], figures[wanted[0]], total))
        for sentence in _sentences(total, forecast, wiped_costs(scope)):
            console.say(sentence)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a date: use YYYY-MM-DD") from error


def _table(by: str, rows: list[Figures], total: Figures) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=bool(rows))
    table.add_column(by.capitalize(), "total")
    cells = [_cells(each) for each in rows]
    for name, summed in _cells(total).items():
        table.add_column(name, summed, justify="right")
    for each, numbers in zip(rows, cells, strict=True):
        label = f"{each.context} / {each.label}" if by == By.SCENELET else each.label
        table.add_row(escape(label), *numbers.values())
    return table


def _cells(figures: Figures) -> dict[str, str]:
    return {
        "Spent": usd(figures.spent_usd),
        "May still cost": _amount(figures.open_usd or None),
        "Attempts": str(figures.attempts),
        "Videos": str(figures.videos),
        "Not charged": str(figures.not_charged),
        "Rejected": str(figures.rejected),
        "Approved": str(figures.approved),
        "Per approved shot": _amount(figures.per_approved_usd),
    }


def _amount(amount: Decimal | None) -> str:
    return "" if amount is None else usd(amount)


def _sentences(total: Figures, forecast: Forecast | None, wiped: WipedCosts) -> list[str]:
    told = []
    if wiped.spent_usd:
        cost = usd(wiped.spent_usd)
        told.append(f"Stories that were wiped have cost {cost}, which is in no row.")
    if wiped.open_usd:
        cost = usd(wiped.open_usd)
        told.append(f"They may have cost {cost} more, because nobody knows what became of it.")
    if not total.attempts:
        told.append("Nothing was sent.")
    if forecast and not forecast.left:
        told.append(f"All {forecast.shots} shots are approved.")
    elif forecast:
        told.append(_to_finish(forecast))
    if is_simulating():
        told.append("The simulator charges nothing: simulated attempts count with $0.00.")
    return told


def _to_finish(forecast: Forecast) -> str:
    left = f"{forecast.left} of {forecast.shots} shots are not approved"
    if not forecast.needed:
        return f"To finish: only verdicts; {left}, and each has a take that is not rejected."
    need = f"{left}, and {forecast.needed} of them have no take that is not rejected"
    if forecast.least_usd is None:
        return f"To finish: no price is known for the model of the settings; {need}."
    least = f"at least {usd(forecast.least_usd)}"
    low, high = forecast.from_usd, forecast.to_usd
    if low is None or high is None:
        return f"To finish: too few verdicts to tell, {least}; {need}."
    return (
        f"To finish: about {usd_range(low, high)} for {forecast.takes_in_words}, {least}; {need}. "
        f"{forecast.yielded} of {forecast.verdicts} takes with a verdict were approved so far."
    )
