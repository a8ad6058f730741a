from __future__ import annotations

import httpx
import pytest

from tests.support.simulator_calls import KEY


@pytest.fixture
def uri(caller) -> str:
    return caller.render()


@pytest.fixture
def clip(caller, uri) -> bytes:
    return caller.http.get(uri).content


def test_a_clip_comes_whole_with_its_length_and_a_tag(caller, uri):
    answer = caller.http.get(uri)
    head = caller.http.head(uri)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert head.content == b""
    for name in ("etag", "content-length", "content-type"):
        assert head.headers[name] == answer.headers[name]


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=1000-", slice(1000, None)),
        ("bytes=-16", slice(-16, None)),
        ("bytes=10-99999999", slice(10, None)),
    ],
)
def test_a_range_is_answered_with_that_part(caller, uri, clip, asked, part):
    answer = caller.http.get(uri, headers={"range": asked})

    assert answer.status_code == 206
    assert answer.content == clip[part]
    assert answer.headers["content-range"].endswith(f"/{len(clip)}")


def test_a_range_outside_of_the_file_is_not_satisfiable(caller, uri, clip):
    answer = caller.http.get(uri, headers={"range": f"bytes={len(clip)}-"})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(clip)}"


def test_a_range_of_another_version_gets_the_whole_file(caller, uri, clip):
    etag = caller.http.head(uri).headers["etag"]

    same = caller.http.get(uri, headers={"range": "bytes=5-", "if-range": etag})
    other = caller.http.get(uri, headers={"range": "bytes=5-", "if-range": '"other"'})

    assert (same.status_code, same.content) == (206, clip[5:])
    assert (other.status_code, other.content) == (200, clip)


def test_a_download_needs_the_key_and_alt_media(caller, uri):
    assert httpx.get(uri).status_code == 403
    assert caller.http.get(uri.partition("?")[0]).status_code == 400
    assert caller.http.get(uri.replace("/files/", "/files/x")).status_code == 404


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("forbidden", 403),
        ("not_found", 404),
        ("quota", 429),
        ("internal", 500),
        ("unavailable", 503),
    ],
)
def test_a_refused_download_comes_the_next_time(caller, uri, fault, status):
    caller.script("download", fault)

    assert caller.http.get(uri).status_code == status
    assert caller.http.get(uri).status_code == 200


@pytest.mark.parametrize(
    ("fault", "content_type", "beginning"),
    [
        ("html_200", "text/html", b"<!DOCTYPE html>"),
        ("json_200", "application/json", b"{"),
        ("empty", "video/mp4", b""),
        ("wrong_jpeg", "video/mp4", b"\xff\xd8"),
    ],
)
def test_a_download_may_be_no_video(caller, uri, fault, content_type, beginning):
    caller.script("download", fault)

    answer = caller.http.get(uri)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(content_type)
    assert answer.content.startswith(beginning)
    assert bool(answer.content) is bool(beginning)


@pytest.mark.parametrize("fault", ["truncated", "drop_midway"])
def test_a_cut_connection_shows_by_the_length(caller, uri, clip, fault):
    caller.script("download", fault)
    got = b""

    with pytest.raises(httpx.RemoteProtocolError), caller.http.stream("GET", uri) as answer:
        for part in answer.iter_raw():
            got += part

    assert int(answer.headers["content-length"]) == len(clip)
    assert got == clip[: len(clip) // 2]
    assert ("accept-ranges" in answer.headers) is (fault == "drop_midway")


def test_a_cut_download_goes_on_where_it_ended(caller, uri, clip):
    caller.script("download", "drop_midway", times=2)
    got = b""

    for _ in range(3):
        try:
            with caller.http.stream("GET", uri, headers={"range": f"bytes={len(got)}-"}) as answer:
                for part in answer.iter_raw():
                    got += part
        except httpx.RemoteProtocolError:
            continue

    assert got == clip
    (counts,) = caller.log()["operations"].values()
    assert counts["range_downloads"] == 3


def test_a_short_file_is_announced_short(caller, uri, clip):
    caller.script("download", "short", params={"fraction": 0.25})

    answer = caller.http.get(uri)

    assert answer.status_code == 200
    assert answer.content == clip[: len(clip) // 4]
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_a_range_may_be_ignored(caller, uri, clip):
    caller.script("download", "no_range")

    answer = caller.http.get(uri, headers={"range": "bytes=100-"})

    assert (answer.status_code, answer.content) == (200, clip)


def test_a_slow_download_trickles(caller, uri, clip):
    caller.script("download", "slow", params={"bytes_per_second": len(clip) * 2})

    answer = caller.http.get(uri)

    assert answer.elapsed.total_seconds() < 10
    assert answer.content == clip


def test_a_download_can_be_dropped_or_hang(caller, uri):
    caller.script("download", "drop")
    caller.script("download", "hang")

    with pytest.raises(httpx.RemoteProtocolError):
        caller.http.get(uri)
    with pytest.raises(httpx.ReadTimeout):
        caller.http.get(uri, timeout=0.3)


def test_a_redirect_on_the_same_host_leads_to_the_clip(caller, uri, clip):
    caller.script("download", "redirect")

    answer = caller.http.get(uri)

    assert answer.status_code == 302
    assert answer.headers["location"].startswith(caller.simulator.url + "/download/")
    assert caller.http.get(answer.headers["location"]).content == clip


def test_the_other_host_serves_without_a_key_and_records_one(caller, uri, clip):
    caller.script("download", "redirect_other_host")

    location = caller.http.get(uri).headers["location"]
    careful = httpx.get(location)
    careless = httpx.get(location, headers={"x-goog-api-key": KEY})

    state = caller.http.get("/_simulator/state").json()
    assert location.startswith(caller.simulator.mirror_url)
    assert not location.startswith(caller.simulator.url + "/")
    assert careful.content == careless.content == clip
    assert state["leaked_keys"] == 1
    assert [violation["rule"] for violation in caller.log()["violations"]] == ["leaked_key"]


def test_a_client_that_follows_blindly_leaks_its_key(caller, uri, clip):
    caller.http.post("/_simulator/settings", json={"redirect_downloads": "other"})

    answer = caller.http.get(uri, follow_redirects=True)

    assert answer.content == clip
    assert caller.simulator.journal.leaked_keys() == 1


def test_redirects_can_lead_anywhere(caller, uri):
    caller.script("download", "redirect_file_scheme")
    caller.script("download", "redirect_loop")
    caller.script("download", "redirect_other_host", params={"url": "http://192.0.2.1/x"})

    assert caller.http.get(uri).headers["location"] == "file:///etc/passwd"
    with pytest.raises(httpx.TooManyRedirects):
        caller.http.get(uri, follow_redirects=True)
    assert caller.http.get(uri).headers["location"] == "http://192.0.2.1/x"


def test_a_padded_clip_is_large_and_still_the_same_video(start):
    caller = start(clip_megabytes=20)
    uri = caller.render()

    with caller.http.stream("GET", uri) as answer:
        size = sum(len(part) for part in answer.iter_raw())
    end = caller.http.get(uri, headers={"range": "bytes=-4"})

    assert size == 20_000_000
    assert end.content == b"\0\0\0\0"


def test_a_file_is_gone_after_its_lifetime(start):
    caller = start(file_lifetime=0.2)
    uri = caller.render()

    caller.simulator.stopping.wait(0.3)

    assert caller.http.get(uri).status_code == 404
