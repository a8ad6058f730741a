"""What every client of a video API has to tell apart: refusals, failures and endings, with what a
caller decides by."""

from __future__ import annotations

import time

import pytest

from videogen.common.errors import VeoError
from videogen.providers.messages import (
    Blocked,
    Failed,
    Nothing,
    ReferenceImage,
    Running,
    VideoRequest,
)
from videogen.providers.registry import open_client

from .factories import picture_bytes

MODEL = "veo-3.1-generate-preview"


def video_request(**values):
    return VideoRequest(
        **{
            "model": MODEL,
            "prompt": '{"storyboard_payload": "灯 🏮"}',
            "references": (ReferenceImage("image/png", picture_bytes()),),
            "reference_type": "asset",
            "aspect_ratio": "16:9",
            "resolution": "1080p",
            "duration_seconds": 8,
        }
        | values
    )


def submit(**values):
    return open_client("gemini", submits=True).submit(video_request(**values))


def refusal(function, *args, **kwargs):
    with pytest.raises(VeoError) as caught:
        function(*args, **kwargs)
    return caught.value


def facts(error):
    """What a caller decides by."""
    return {
        "code": error.code,
        "permanent": error.permanent,
        "maybe_accepted": error.maybe_accepted,
        "stops_queue": error.stops_queue,
        "waits_for_quota": error.waits_for_quota,
    }


def poll_until_done(operation_name, *, seconds=10):
    client = open_client("gemini")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = client.poll(operation_name)
        if answer != Running():
            return answer
        time.sleep(0.02)
    raise AssertionError("The operation did not end.")


NO = {"permanent": True, "maybe_accepted": False, "stops_queue": False, "waits_for_quota": False}
STOP = NO | {"stops_queue": True}


LATER = NO | {"permanent": False}
QUOTA = LATER | {"waits_for_quota": True}


UNKNOWN = LATER | {"maybe_accepted": True}


# Fault of the far end → code, consequence, seconds to wait as told, accepted operations there.
SUBMIT_FAILURES = {
    "400": ("invalid_argument", "http_400", NO, None, 0),
    "400, key": ("key_invalid", "key_refused", STOP, None, 0),
    "401": ("unauthenticated", "key_refused", STOP, None, 0),
    "403": ("permission_denied", "key_refused", STOP, None, 0),
    "404": ("model_not_found", "model_not_found", STOP, None, 0),
    "404, retired": ("model_retired", "model_not_found", STOP, None, 0),
    "402": ("payment_required", "credits_depleted", STOP, None, 0),
    "429, credits": ("credits_depleted", "credits_depleted", STOP, None, 0),
    "429, spend": ("spend_limit", "quota_spend", QUOTA, 60, 0),
    "429, a minute": ("quota_minute", "quota_minute", QUOTA, 12, 0),
    "503": ("unavailable", "unavailable", LATER, None, 0),
    "500": ("internal", "http_500", UNKNOWN, None, 0),
    "504": ("gateway_timeout", "http_504", UNKNOWN, None, 1),
    "time-out, accepted": ("hang", "no_answer", UNKNOWN, None, 1),
    "time-out, not accepted": ("hang_before_accept", "no_answer", UNKNOWN, None, 0),
    "drop, accepted": ("drop_after_accept", "no_answer", UNKNOWN, None, 1),
    "drop, not accepted": ("drop_before_accept", "no_answer", UNKNOWN, None, 0),
    "half an answer": ("garbage_after_accept", "no_answer", UNKNOWN, None, 1),
    "a web page": ("html_200", "no_answer", UNKNOWN, None, 0),
    "no body": ("empty", "no_operation_name", UNKNOWN, None, 0),
    "no name": ("no_name", "no_operation_name", UNKNOWN, None, 0),
}


POLL_FAILURES = {
    "429": ("quota", "http_429", LATER),
    "500": ("internal", "http_500", LATER),
    "503": ("unavailable", "http_503", LATER),
    "drop": ("drop", "no_answer", LATER),
    "half an answer": ("garbage", "no_answer", LATER),
    "a web page": ("html_200", "no_answer", LATER),
    "time-out": ("hang", "no_answer", LATER),
    "404": ("not_found", "operation_forgotten", NO),
    "400, key": ("key_invalid", "key_refused", STOP),
    "401": ("unauthenticated", "key_refused", STOP),
    "403": ("permission_denied", "key_refused", STOP),
    "504": ("gateway_timeout", "http_504", LATER),
}


SAFETY = (
    "Veo could not generate videos because the input violates Gemini API's usage guidelines. If "
    "you think this was an error, send feedback. Support codes: 58061214, 29310472"
)


AUDIO = (
    "We encountered an issue with the audio for your prompt, so the video could not be "
    "generated. Please try again. You have not been charged for this attempt."
)


ENDINGS = {
    "error 13": ("error", {"code": 13, "message": "Internal."}, Failed("13", "Internal.")),
    "error 14": ("error", {"code": 14, "message": "Away."}, Failed("14", "Away.")),
    "error 8": ("error", {"code": 8, "message": "Exhausted."}, Failed("8", "Exhausted.")),
    "error 4": ("error", {"code": 4, "message": "Too late."}, Failed("4", "Too late.")),
    "blocked, audio": ("blocked_audio", {}, Blocked((AUDIO,), ())),
    "blocked, support codes": (
        "blocked",
        {"codes": [58061214, 29310472]},
        Blocked((SAFETY,), ("58061214", "29310472")),
    ),
    "nothing at all": ("nothing", {}, Nothing()),
    "a response without a sample": ("empty_samples", {}, Nothing()),
}
