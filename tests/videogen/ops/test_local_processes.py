from __future__ import annotations

import socket

import httpx
import pytest

from tests.support.installations import Installation, wait_until


@pytest.mark.slow
def test_the_demo_and_its_children_leave_nothing_open(tmp_path, migrated_database):
    """Development mode tells of each file, connection and process that is dropped while open."""
    place = Installation(tmp_path, DJANGO_DEBUG="1", PYTHONDEVMODE="1", PYTHONMALLOC="pymalloc")
    place.begin_with(migrated_database)

    done = place.manage("demo", "--clips=quick", "--latency=0.1")

    assert "16 shots: 16 generated" in done.stdout
    assert "ResourceWarning" not in done.stderr


@pytest.mark.slow
def test_what_is_served_for_trying_shows_no_debug_page(tmp_path, migrated_database):
    secret = "-".join(("a", "secret", "of", "the", "environment"))
    place = Installation(tmp_path, DJANGO_DEBUG="1", PYTHONUNBUFFERED="1", STUDIO_DSN=secret)
    place.begin_with(migrated_database)
    log, port = tmp_path / "serve.log", free_port()

    served = place.start("serve", f"0.0.0.0:{port}", "--simulator-port=0")
    try:
        wait_until(lambda: "Starting development server" in log.read_text(), 60, f"see {log}")
        foreign = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": "evil.example"})
        style = httpx.get(f"http://127.0.0.1:{port}/static/videogen/admin.css")
    finally:
        # It ends its children, which a kill would leave behind.
        served.terminate()
        served.wait(60)
        place.close()

    assert (foreign.status_code, style.status_code) == (400, 200)
    assert 'data-error-page="400"' in foreign.text and secret not in foreign.text
    assert "Every machine that reaches this one can open this address" in log.read_text()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
