"""manage.py that has imported everything already: it takes jobs as lines of JSON, and every command
runs in a process of its own that is forked off. A command that starts cold imports for a second.

A job may have `kill_after`: so many seconds later its process is killed, if it still runs."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from importlib import import_module

from django.core.management import get_commands

import manage


def run(job: dict) -> None:
    """In the child, which ends here."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = ["manage.py", *job["arguments"]]
    code = 0
    try:
        manage.main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.argv = ["manage.py", "check"]
    manage.main()
    import_module("videogen.tasks")
    for name, app in get_commands().items():
        if app in ("storybook", "videogen"):
            import_module(f"{app}.management.commands.{name}")
    # Or each job would begin with what is still in the buffer.
    sys.stdout.flush()
    for line in sys.stdin:
        job = json.loads(line)
        if not (child := os.fork()):
            run(job)
        if "kill_after" in job:
            time.sleep(job["kill_after"])
            # Until it is waited for, the number is no other process's.
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


if __name__ == "__main__":
    main()
