from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "reset"), ("GET", "log"), ("DELETE", "faults")]
)
def test_the_control_endpoint_obeys_no_page_of_a_browser(caller, method, path, headers):
    caller.submit("kept")

    response = caller.http.request(method, f"/_simulator/{path}", headers=headers)

    assert response.status_code == 403
    assert len(caller.log()["submissions"]) == 1


@pytest.mark.parametrize("host", ["localhost", "localhost:8787", "127.0.0.1", "[::1]:8787"])
def test_programs_of_this_machine_are_obeyed(caller, host):
    assert caller.http.get("/_simulator/log", headers={"Host": host}).status_code == 200
