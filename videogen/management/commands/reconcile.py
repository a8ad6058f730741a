from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.markup import escape
from rich.table import Table

from videogen.cli.console import ConsoleListener
from videogen.cli.wait import wait_for
from videogen.common.formats import moment
from videogen.common.task_queue import is_cluster_running
from videogen.common.terminal import PlainConsole, print_table, table_console
from videogen.models import Candidate, VideoRender
from videogen.models.states import STUCK
from videogen.recovery.reconcile import Line, Report, reconcile

EPILOG = """
Asks in every way that the API offers: an operation by its name, the list of operations, the list of
generated files, the token that came with a submission. Asking is free, and nothing is submitted.

exit code: 0 nothing is left open; 1 something needs a person (the page "Unresolved"); 2 usage
"""


class Command(BaseCommand):
    help = (
        "Ask the API again about renders whose outcome is unknown, that were interrupted or whose "
        "clip was not downloaded; recover what can be recovered."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", EPILOG)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="ask, but change nothing and download nothing"
        )
        parser.add_argument(
            "--json", action="store_true", help="one JSON object a line on stdout, nothing else"
        )

    def handle(self, **options: Any) -> None:
        errors = PlainConsole(stderr=True, highlight=False, soft_wrap=True)
        if options["verbosity"] < 2:
            logging.getLogger("videogen").setLevel(logging.ERROR)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        report = reconcile(is_rehearsed=options["dry_run"])
        if not options["dry_run"]:
            _go_on_here(report, errors)
        open_now = _open_now(report, is_rehearsed=options["dry_run"])
        if options["json"]:
            for line in report.lines:
                self.stdout.write(json.dumps(_record(line, line.render.pk in open_now)))
            self.stdout.write(json.dumps({"summary": _summary(report, len(open_now))}))
        else:
            _print(table_console(self.stdout), report, open_now)
        if open_now:
            sys.exit(1)


def _go_on_here(report: Report, errors: PlainConsole) -> None:
    """Without a cluster, poll and download the recovered renders in this command."""
    renders = [line.render for line in report.recovered]
    if not renders or is_cluster_running():
        return
    errors.print("No cluster is running: this command continues with what was recovered.")
    try:
        with ConsoleListener(progress=errors, links=errors) as listener:
            ids = [render.pk for render in renders]
            wait_for(ids, listener, works_here=True, may_submit=False)
    except KeyboardInterrupt:
        raise CommandError(
            "Stopped waiting. What the API has accepted continues there: run this again.",
            returncode=130,
        ) from None


def _open_now(report: Report, *, is_rehearsed: bool) -> set[int]:
    """Return the ids of the renders that a person has to decide about."""
    if is_rehearsed:
        return {line.render.pk for line in report.open}
    rows = VideoRender.objects.in_bulk([line.render.pk for line in report.lines])
    for line in report.lines:
        line.render.state = rows[line.render.pk].state
    return {pk for pk, row in rows.items() if row.status in STUCK}


def _record(line: Line, needs_person: bool) -> dict[str, Any]:
    render = line.render
    scenelet = render.shot.scenelet
    return {
        "render_id": render.pk,
        "story_id": scenelet.story.story_id,
        "scenelet_id": scenelet.scenelet_id,
        "shot_index": render.shot.shot_index,
        "code": render.shot.code,
        "status": line.status,
        "status_now": render.state,
        "since": line.since.isoformat(),
        "expires_at": render.clip_expires_at.isoformat(),
        "hours_left": _hours_left(render),
        "operation_name": render.operation_name or None,
        "download_uri": render.download_uri or None,
        "asked": [{"way": way, "answer": answer} for way, answer in line.asked],
        "found": line.found or None,
        "done": line.done or None,
        "candidates": [_candidate(each) for each in line.candidates],
        "needs_person": needs_person,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "source": candidate.source,
        "name": candidate.name,
        "made_at": candidate.made_at.isoformat() if candidate.made_at else None,
        "is_done": candidate.is_done,
    }


def _summary(report: Report, left_open: int) -> dict[str, Any]:
    return {
        "unsettled": len(report.lines),
        "recovered": len(report.recovered),
        "need_a_person": left_open,
        "candidates": report.candidates,
        "ways": report.ways,
    }


def _hours_left(render: VideoRender) -> float:
    return round(max(0.0, render.clip_time_left.total_seconds()) / 3600, 1)


def _print(console: PlainConsole, report: Report, open_now: set[int]) -> None:
    if not report.lines:
        console.print("Nothing is unresolved.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Shot", "Status", "Since", "Hours left", "Asked", "Found", "Done"):
        table.add_column(column)
    for line in report.lines:
        asked = "\n".join(f"{way}: {answer}" for way, answer in line.asked)
        table.add_row(
            escape(str(line.render.shot)),
            VideoRender.State(line.status).label,
            moment(line.since),
            str(_hours_left(line.render)),
            escape(asked) or "–",
            escape(line.found) or "–",
            escape(line.done) or "–",
        )
    print_table(console, table)
    for way, answer in report.ways.items():
        console.say(f"{way}: {answer}")
    words = f"{len(report.lines)} unresolved, {len(report.recovered)} recovered"
    if open_now:
        words += f', {len(open_now)} for a person to decide about (admin: "Unresolved")'
    console.say(f"{words}.")
