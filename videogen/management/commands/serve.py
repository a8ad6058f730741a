from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.commands.runserver import naiveip_re

from videogen.common.addresses import LOOPBACK
from videogen.common.errors import VideogenError
from videogen.ops.local_processes import Children, keep_running, refuse_taken_port

ANY_ADDRESS = ("0.0.0.0", "::", "0")  # noqa: S104 (compared, not bound)


class Command(BaseCommand):
    help = (
        "Start everything that is needed to try it on this machine: the simulator, a watched "
        "cluster (restarted if it stalls) and the admin. Ctrl-C ends all of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "address",
            nargs="?",
            default="127.0.0.1:8000",
            help="where the admin listens, as runserver takes it (default: %(default)s)",
        )
        parser.add_argument(
            "--simulator-port",
            type=int,
            default=8787,
            help="where the simulator listens, 0: any free port (default: %(default)s)",
        )
        parser.add_argument(
            "--latency", default="20", help="seconds that a simulated render takes (%(default)s)"
        )

    def handle(self, **options: Any) -> None:
        host, port = _host_and_port(options["address"])
        simulator_port = options["simulator_port"]
        try:
            refuse_taken_port(
                host, port, f"Choose another address: make serve ADDRESS={host}:{port + 1}"
            )
            if simulator_port:
                refuse_taken_port(
                    "127.0.0.1",
                    simulator_port,
                    "Choose another port for the simulator: "
                    f"make serve SIMULATOR_PORT={simulator_port + 1}",
                )
            with Children() as children:
                url = children.start_simulator(
                    f"--port={simulator_port}", f"--latency={options['latency']}"
                )
                self.stdout.write(f"Simulator: {url}")
                self.stdout.write(f"Admin: http://{options['address']}/admin/")
                if host not in LOOPBACK:
                    self.stdout.write(self.style.WARNING(_open_to_others(host)))
                keep_running(
                    children,
                    {
                        "work": ["work"],
                        # Without debug mode nobody finds the files of the style sheets (insecure
                        # means slow here), and this command has made the checks already.
                        "web": [
                            "runserver",
                            "--noreload",
                            "--insecure",
                            "--skip-checks",
                            options["address"],
                        ],
                    },
                    # A debug page shows settings and environment to whoever provokes an error.
                    {"web": {"DJANGO_DEBUG": "0"}},
                )
        except VideogenError as error:
            raise CommandError(error.sentence) from error
        except KeyboardInterrupt:
            self.stdout.write("")


def _open_to_others(host: str) -> str:
    who = "Every machine that reaches this one" if host in ANY_ADDRESS else "Other machines"
    return (
        f"{who} can open this address. It is not encrypted: passwords can be read on their way. "
        "Only names in DJANGO_ALLOWED_HOSTS are answered. For a team, see docs/production.md."
    )


def _host_and_port(address: str) -> tuple[str, int]:
    """Parse the address as runserver does."""
    match = naiveip_re.match(address)
    if match is None:
        raise CommandError(
            f"{address} is not a valid address: use 127.0.0.1:8000, or a port alone.", returncode=2
        )
    host, _, ipv6, _, port = match.groups()
    return (ipv6[1:-1] if ipv6 else host) or "127.0.0.1", int(port)
