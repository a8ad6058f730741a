from __future__ import annotations

import signal
import subprocess
import sys
from io import StringIO

import httpx
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests.support.simulator_calls import KEY, SUBMIT, submission


def test_the_command_says_where_it_listens_and_ends_on_sigterm(tmp_path):
    command = [sys.executable, "manage.py", "run_simulator", "--port", "0", "--clips", "quick"]
    command += ["--state-dir", str(tmp_path), "--fault", "submit:unavailable:1"]
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True
    ) as process:
        line = process.stdout.readline()
        url = line.removeprefix("Simulator listening on ").strip()
        headers = {"x-goog-api-key": KEY}
        statuses = [
            httpx.post(url + SUBMIT, json=submission(), headers=headers).status_code
            for _ in range(2)
        ]

        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=10) == 0
    assert statuses == [503, 200]
    assert url.startswith("http://127.0.0.1:")


def test_the_command_lists_every_fault():
    out = StringIO()

    call_command("run_simulator", "--list-faults", stdout=out)

    assert "submit:drop_after_accept" in out.getvalue()
    assert "download:redirect_other_host" in out.getvalue()


def test_the_command_refuses_a_fault_that_does_not_exist():
    with pytest.raises(CommandError, match="No fault"):
        call_command("run_simulator", "--fault", "poll:sometimes")
