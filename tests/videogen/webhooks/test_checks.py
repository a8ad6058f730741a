from __future__ import annotations

import pytest

from tests.support.receivers import new_secret
from tests.support.system_checks import found

SECRET = new_secret()
HERE = "https://videogen.example/events/video/"
API = {"VIDEO_BACKEND": "gemini", "VIDEO_API_BASE_URL": "https://api.example"}

WRONG = {
    "no base64": ({"VIDEO_RECEIVE_WEBHOOK_SECRET": "whsec_not base64!"}, "videogen.E051"),
    "too short": ({"VIDEO_RECEIVE_WEBHOOK_SECRET": "whsec_c2hvcnQ="}, "videogen.E051"),
    "one of two": ({"VIDEO_RECEIVE_WEBHOOK_SECRET": f"{SECRET} whsec_x"}, "videogen.E051"),
    "the secret of our own notices": (
        {
            "VIDEO_RECEIVE_WEBHOOK_SECRET": SECRET,
            "VIDEO_NOTICE_WEBHOOK_SECRET": SECRET,
            "VIDEO_NOTICE_WEBHOOK_URL": "https://studio.example/hook",
        },
        "videogen.E052",
    ),
    "another path of this site": (
        {
            **API,
            "VIDEO_SITE_URL": "https://videogen.example",
            "VIDEO_SUBMIT_WEBHOOK_URI": "https://videogen.example/events/video",
        },
        "videogen.W053",
    ),
    "keys over an open line": (
        {**API, "VIDEO_API_BASE_URL": "http://api.example", "VIDEO_SUBMIT_WEBHOOK_URI": HERE},
        "videogen.W054",
    ),
}


@pytest.mark.parametrize(("values", "expected"), WRONG.values(), ids=WRONG.keys())
def test_half_a_receiver_is_told_with_what_to_do(settings, values, expected):
    for name, value in values.items():
        setattr(settings, name, value)

    messages = found()

    assert list(messages) == [expected]
    assert messages[expected].hint
    assert SECRET.removeprefix("whsec_") not in str(messages[expected])


@pytest.mark.parametrize(
    "values",
    [
        {"VIDEO_RECEIVE_WEBHOOK_SECRET": SECRET},
        {"VIDEO_RECEIVE_WEBHOOK_SECRET": f"{SECRET} {new_secret()}"},
        {**API, "VIDEO_SUBMIT_WEBHOOK_URI": HERE},
        {**API, "VIDEO_SUBMIT_WEBHOOK_URI": HERE, "VIDEO_SITE_URL": "https://videogen.example"},
        # Another site receives the events.
        {
            **API,
            "VIDEO_SUBMIT_WEBHOOK_URI": "https://other.example/",
            "VIDEO_SITE_URL": "https://videogen.example",
        },
    ],
    ids=["one secret", "two secrets", "an address", "this site's", "somebody else's"],
)
def test_a_whole_one_is_quiet(settings, values):
    for name, value in values.items():
        setattr(settings, name, value)

    assert found() == {}
