from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.simulator_calls import SUBMIT, submission
from videogen.simulator.options import SimulatorOptions


def test_a_restarted_simulator_knows_its_operations_and_files(start):
    first = start()
    name = first.submit("kept").json()["name"]
    link = first.wait(name)["response"]["generateVideoResponse"]["generatedSamples"][0]
    running = first.http.post(SUBMIT, json=submission("running")).json()["name"]
    first.simulator.stop()

    second = start()
    path = httpx.URL(link["video"]["uri"]).raw_path.decode()

    assert second.http.get(path).content[4:8] == b"ftyp"
    assert second.wait(name)["done"] is True
    assert second.wait(running)["done"] is True
    assert [entry["prompt"] for entry in second.log()["submissions"]] == ["kept", "running"]


def test_the_link_names_the_host_that_the_client_called(caller):
    name = caller.submit().json()["name"]
    caller.wait(name)

    body = caller.http.get(f"/v1beta/{name}", headers={"host": "api.test:99"}).text

    assert "http://api.test:99/v1beta/files/" in body


def test_sixty_four_callers_at_once_are_all_answered(caller):
    with ThreadPoolExecutor(64) as pool:
        names = list(pool.map(lambda n: caller.submit(f"prompt {n}").json()["name"], range(64)))
        links = list(pool.map(lambda name: caller.wait(name), names))

    assert len(set(names)) == len(links) == 64
    assert len(caller.log()["submissions"]) == 64


def test_quick_clips_differ_by_operation(caller):
    clips = {caller.http.get(caller.render()).content for _ in range(3)}

    assert len(clips) == 3


@pytest.mark.parametrize(
    ("options", "accepted", "words"),
    [
        ({"quota_per_minute": 2}, 2, "PerMinute"),
        ({"quota_per_day": 3}, 3, "PerDay"),
        ({"spend_limit": 10.0}, 3, "spend-based rate limit"),
    ],
)
def test_a_full_window_is_answered_with_429(start, options, accepted, words):
    caller = start(**options)

    answers = [caller.submit() for _ in range(accepted + 1)]

    assert [answer.status_code for answer in answers] == [200] * accepted + [429]
    assert words in answers[-1].text
    assert ("RetryInfo" in answers[-1].text) is (words == "PerMinute")


def test_settings_change_while_running_and_reset_takes_them_back(caller):
    changed = caller.http.post("/_simulator/settings", json={"latency": 30, "api_key": "other"})
    refused = [
        caller.http.post("/_simulator/settings", json=settings).status_code
        for settings in (
            {"port": 1},
            {"nonsense": 1},
            {"latency": "long"},
            {"clips": "huge"},
            {"list_page_size": 0},
            [],
        )
    ]
    locked_out = caller.submit().status_code

    caller.http.post("/_simulator/reset")

    assert changed.json()["latency"] == 30
    assert "api_key" not in changed.json()
    assert refused == [400] * 6
    assert locked_out == 400
    assert caller.log() == {"submissions": [], "operations": {}, "violations": []}
    assert caller.render()


def test_the_log_holds_no_picture_and_no_key(caller):
    caller.submit()

    log = caller.log()

    assert len(json.dumps(log)) < 3000
    assert set(log["submissions"][0]["references"][0]) == {"mime_type", "sha256", "bytes"}


def test_options_refuse_what_they_do_not_know():
    with pytest.raises(ValueError, match="clips"):
        SimulatorOptions(clips="huge")
