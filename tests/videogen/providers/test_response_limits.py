"""The bounds on every body that another server sends."""

from __future__ import annotations

import gzip
import time

import httpx
import pytest

from videogen.providers.response_limits import BodyTooLarge, BodyTooSlow, bounded_chunks, read_body

SOON, PAST = 60.0, -1.0


def taken(chunks, seconds, max_bytes):
    """Return the chunks that are passed on, and the name of the error that ends them."""
    got = []
    try:
        for chunk in bounded_chunks(chunks, time.monotonic() + seconds, max_bytes):
            got.append(chunk)
    except (BodyTooLarge, BodyTooSlow) as error:
        return got, type(error).__name__
    return got, None


@pytest.mark.parametrize(
    ("chunks", "seconds", "max_bytes", "expected"),
    [
        ([b"ab", b"cd"], SOON, 4, ([b"ab", b"cd"], None)),
        ([b"ab", b"cde"], SOON, 4, ([b"ab"], "BodyTooLarge")),
        ([b"abcde"], SOON, 4, ([], "BodyTooLarge")),
        ([b"a"], SOON, -1, ([], "BodyTooLarge")),
        ([], PAST, 0, ([], None)),
        # What has arrived is passed on, so that a download can continue from there.
        ([b"ab", b"cd"], PAST, 4, ([b"ab"], "BodyTooSlow")),
    ],
)
def test_chunks_are_handed_on_within_their_bounds(chunks, seconds, max_bytes, expected):
    assert taken(chunks, seconds, max_bytes) == expected


def test_nothing_is_asked_for_after_the_bound():
    def endless():
        for _ in range(5):
            yield b"x" * 1000
        raise AssertionError("read on")

    assert taken(endless(), SOON, 4000) == ([b"x" * 1000] * 4, "BodyTooLarge")


def test_a_packed_body_is_counted_and_given_as_it_was_sent(far_end):
    packed = gzip.compress(b"0" * 1_000_000)
    far_end.answer(200, packed, Content_Encoding="gzip")

    with httpx.stream("GET", far_end.url) as response:
        body = read_body(response, time.monotonic() + SOON, len(packed))

    assert body == packed


def test_its_errors_are_those_of_a_connection_that_broke():
    """The errors are those of httpx, so whoever sends a request handles them already."""
    assert issubclass(BodyTooLarge, httpx.ReadError)
    assert issubclass(BodyTooSlow, httpx.ReadTimeout)
