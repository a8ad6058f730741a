"""`manage.py run_simulator`: the video part of Google's APIs on this machine, for free."""

from __future__ import annotations

import signal
import threading
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from videogen.simulator.faults import FAULTS, FaultSpec
from videogen.simulator.options import SimulatorOptions
from videogen.simulator.server import SimulatorServer

EXAMPLES = """examples:
  manage.py run_simulator
  manage.py run_simulator --latency 30 --latency-jitter 10 --quota-per-minute 2
  manage.py run_simulator --spend-limit 10 --list-operations --list-generated-files
  manage.py run_simulator --clips quick --latency 0.5 --fault submit:drop_after_accept:2
  manage.py run_simulator --fault done:blocked:1:codes=58061214 --fault download:drop_midway:-1

While it runs, http://HOST:PORT/_simulator/log tells what it received, and a POST of
[{"at": "poll", "fault": "unavailable", "times": 3}] to /_simulator/faults makes things go wrong,
{"credits_depleted": true} to /_simulator/settings switches an option, {} to /_simulator/age makes
every file two days older.
Faults go by place:name[:times][:param=value…]; --list-faults names them all.
"""


class Command(BaseCommand):
    help = (
        "Runs a local server that speaks the HTTP of the Gemini API, of Vertex AI and of Cloud "
        "Storage as far as Veo needs it: it checks requests as strictly as the services, paints "
        "real clips and fails as scripted. It costs nothing."
    )
    # The simulator needs neither the database nor the rest of the project.
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, epilog=EXAMPLES, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        add("--port", type=int, default=8787, help="port, 0 = any free one (default: %(default)s)")
        add("--state-dir", type=Path, help="where operations and clips are kept over restarts")
        add("--api-key", default="", help="the only key that is valid (default: any)")
        add("--latency", type=float, default=3.0, help="seconds an operation takes (%(default)s)")
        add("--file-latency", type=float, default=1.0, help="seconds an Omni file is processed")
        add("--latency-jitter", type=float, default=0.0, help="± seconds, at random (%(default)s)")
        add(
            "--clips",
            choices=("full", "quick"),
            default="full",
            help="full: painted in 1080p, seconds of CPU each; quick: tiny, for tests",
        )
        add("--clip-megabytes", type=int, default=0, help="pad every clip to N megabytes")
        add("--painters", type=int, default=1, help="processes that paint (default: %(default)s)")
        add("--quota-per-minute", type=int, default=0, help="requests a minute before a 429")
        add("--quota-per-day", type=int, default=0, help="requests a day before a 429")
        add(
            "--spend-limit",
            type=float,
            default=0.0,
            help="dollars in the spend window before a 429",
        )
        add(
            "--spend-window",
            type=float,
            default=600.0,
            help="seconds that the spend window reaches back (default: %(default)s)",
        )
        add("--key-revoked", action="store_true", help="refuse every key")
        add("--credits-depleted", action="store_true", help="refuse submissions for want of credit")
        add("--access-token", default="", help="the only bearer token of Vertex AI (default: any)")
        add("--vertex-project", default="", help="the only Google Cloud project (default: any)")
        add(
            "--vertex-quota-per-minute",
            type=int,
            default=50,
            help="requests a minute on Vertex AI before a 429 (default: %(default)s)",
        )
        add("--storage-buckets", default="", help="buckets that exist, commas between (any)")
        add("--retired-models", default="", help="models that are gone, commas between")
        add("--list-operations", action="store_true", help="implement models.operations.list")
        add("--list-generated-files", action="store_true", help="implement generatedFiles.list")
        add(
            "--list-details",
            action="store_true",
            help="lists with times, links and a submission's metadata, which nobody promises",
        )
        add("--list-page-size", type=int, default=50, help="entries a page at most (%(default)s)")
        add("--webhook-uri", default="", help="a webhook of the whole project, told of every end")
        add("--webhook-secret", default="", help="what its events are signed with: whsec_…")
        add(
            "--redirect-downloads",
            choices=("none", "same", "other"),
            default="none",
            help="answer downloads with a redirect to the same or to another host",
        )
        add(
            "--fault",
            action="append",
            default=[],
            metavar="PLACE:NAME[:TIMES][:PARAM=VALUE…]",
            help="something that goes wrong, TIMES times (default 1, -1 = always); repeatable",
        )
        add(
            "--list-faults",
            action="store_true",
            help="print every fault and what it does, then end",
        )

    def handle(self, **options: Any) -> None:
        if options["list_faults"]:
            for fault in FAULTS.values():
                self.stdout.write(f"{fault.key:32} {fault.meaning}")
            return
        simulator = SimulatorServer(self._chosen(options))
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        try:
            simulator.start()
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {options['host']}:{options['port']}: {error}"
            ) from error
        try:
            self.stdout.write(f"Simulator listening on {simulator.url}")
            self.stdout.flush()
            stopped.wait()
        finally:
            simulator.stop()

    def _chosen(self, options: dict[str, Any]) -> SimulatorOptions:
        try:
            faults = tuple(FaultSpec.from_text(text) for text in options["fault"])
        except ValueError as error:
            raise CommandError(f"--fault: {error}") from error
        default = (
            getattr(settings, "VIDEO_SIMULATOR_DIR", None)
            or settings.BASE_DIR / "var" / "simulator"
        )
        names = SimulatorOptions.__dataclass_fields__.keys() & (options.keys() - {"state_dir"})
        return SimulatorOptions(
            state_dir=Path(options["state_dir"] or default),
            faults=faults,
            **{name: options[name] for name in names},
        )
