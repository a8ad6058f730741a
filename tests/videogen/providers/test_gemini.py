from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.client_cases import (
    ENDINGS,
    LATER,
    MODEL,
    NO,
    POLL_FAILURES,
    QUOTA,
    STOP,
    SUBMIT_FAILURES,
    UNKNOWN,
    facts,
    poll_until_done,
    refusal,
    submit,
    video_request,
)
from tests.support.factories import picture_bytes
from tests.support.far_end import KEY, NOWHERE
from videogen.providers.messages import Failed, Finished, ReferenceImage, Running, Webhook
from videogen.providers.registry import open_client
from videogen.simulator.faults import FAULTS

OPERATION = f"models/{MODEL}/operations/abc123"


@pytest.fixture
def impatient(settings):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 0.3
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 0.3


@pytest.fixture
def operation_name(simulator):
    return submit()


# -- what is sent --------------------------------------------------------------------------------


def test_a_submission_is_on_the_wire_as_the_api_documents_it(settings, far_end):
    far_end.answer(200, {"name": OPERATION}, Content_Type="application/json")
    settings.VIDEO_API_BASE_URL = far_end.url
    sheet, room = picture_bytes("gold"), picture_bytes("sienna", "JPEG")

    name = submit(
        references=(ReferenceImage("image/png", sheet), ReferenceImage("image/jpeg", room))
    )

    ((method, path, headers, body),) = far_end.requests
    assert name == OPERATION
    assert (method, path) == ("POST", f"/v1beta/models/{MODEL}:predictLongRunning")
    assert headers["x-goog-api-key"] == KEY
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "instances": [
            {
                "prompt": '{"storyboard_payload": "灯 🏮"}',
                "referenceImages": [
                    {
                        "image": {
                            "bytesBase64Encoded": base64.b64encode(data).decode(),
                            "mimeType": mime_type,
                        },
                        "referenceType": "ASSET",
                    }
                    for mime_type, data in (("image/png", sheet), ("image/jpeg", room))
                ],
            }
        ],
        "parameters": {
            "sampleCount": 1,
            "durationSeconds": 8,
            "aspectRatio": "16:9",
            "resolution": "1080p",
        },
    }


def test_the_far_end_receives_prompt_pictures_and_parameters(simulator, log):
    pictures = [picture_bytes(color) for color in ("gold", "sienna", "navy")]

    name = submit(references=tuple(ReferenceImage("image/png", each) for each in pictures))

    (received,) = log()["submissions"]
    assert received["operation"] == name
    assert received["model"] == MODEL
    assert received["prompt"] == '{"storyboard_payload": "灯 🏮"}'
    assert received["parameters"] == {
        "sampleCount": 1,
        "durationSeconds": 8,
        "aspectRatio": "16:9",
        "resolution": "1080p",
    }
    assert [each["sha256"] for each in received["references"]] == [
        hashlib.sha256(each).hexdigest() for each in pictures
    ]
    assert log()["violations"] == []


def test_a_webhook_goes_out_with_our_token_and_comes_back(simulator, log):
    webhook = Webhook("https://studio.test/hook", token="6f1e")

    name = open_client("gemini", submits=True).submit(video_request(), webhook)

    (received,) = log()["submissions"]
    assert received["operation"] == name
    assert received["webhook"] == {
        "uris": ["https://studio.test/hook"],
        "user_metadata": {"submission_token": "6f1e"},
    }


def test_a_webhook_that_the_api_refuses_is_a_refusal_and_not_paid(simulator, log):
    webhook = Webhook("http://studio.test/hook", token="6f1e")

    error = refusal(open_client("gemini", submits=True).submit, video_request(), webhook)

    assert facts(error) == {"code": "http_400", **NO}
    assert log()["submissions"][0]["operation"] is None


def test_a_request_without_pictures_names_none(simulator, log):
    submit(references=())

    (received,) = log()["submissions"]
    assert received["error"] is None
    assert received["references"] == []


def test_connections_are_kept_for_polls_and_not_for_submissions(settings, start_far_end):
    """On a connection that was just closed, nobody can tell whether a request was sent."""
    submitted, polled = start_far_end(), start_far_end()
    for far_end in (submitted, polled):
        far_end.answer(200, {"name": OPERATION})
    settings.VIDEO_API_BASE_URL = submitted.url
    submitter = open_client("gemini", submits=True)
    settings.VIDEO_API_BASE_URL = polled.url
    poller = open_client("gemini")

    for _ in range(3):
        submitter.submit(video_request())
        poller.poll(OPERATION)

    assert len(submitted.connections) == 3
    assert len(polled.connections) == 1


def test_no_client_is_made_without_a_key(settings):
    settings.GEMINI_API_KEY = ""

    error = refusal(open_client, "gemini")

    assert facts(error) == {
        "code": "no_api_key",
        "permanent": True,
        "maybe_accepted": False,
        "stops_queue": True,
        "waits_for_quota": False,
    }
    assert "GEMINI_API_KEY" in error.sentence


def test_the_models_that_make_videos_are_listed(simulator):
    names = open_client("gemini").list_models()

    assert MODEL in names
    assert "gemini-2.5-flash" not in names


# -- the failure table: submit -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "consequence", "retry_after", "accepted"),
    SUBMIT_FAILURES.values(),
    ids=SUBMIT_FAILURES.keys(),
)
def test_submit_failures(impatient, fail, log, fault, code, consequence, retry_after, accepted):
    fail("submit", fault, times=-1)

    error = refusal(submit)

    assert facts(error) == {"code": code, **consequence}
    assert error.retry_after == retry_after
    assert "{" not in error.sentence, "words, not a dump"
    assert KEY not in f"{error} {error.sentence}"
    received = log()["submissions"]
    assert len(received) == 1, "a paid call is never sent twice by itself"
    assert sum(each["operation"] is not None for each in received) == accepted


def test_a_daily_quota_waits_for_midnight_in_california(fail):
    fail("submit", "quota_day")
    now = datetime.now(ZoneInfo("America/Los_Angeles"))
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
    seconds = midnight.timestamp() - now.timestamp()

    error = refusal(submit)

    assert facts(error) == {"code": "quota_day", **QUOTA}
    # A test that runs at midnight may see the end of the next day.
    assert error.retry_after == pytest.approx(seconds, abs=5) or seconds < 5


def test_a_daily_quota_is_not_tried_again_after_the_apis_few_seconds(
    settings, far_end, time_machine
):
    time_machine.move_to(datetime(2026, 11, 22, 20, 0, tzinfo=UTC), tick=False)
    details = [
        {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]},
        {"retryDelay": "7s"},
    ]
    far_end.answer(429, {"error": {"code": 429, "message": "Too much.", "details": details}})
    settings.VIDEO_API_BASE_URL = far_end.url

    error = refusal(submit)

    assert facts(error) == {"code": "quota_day", **QUOTA}
    assert error.retry_after == 12 * 3600, "until midnight in California"


def test_a_retry_that_the_api_names_is_kept(fail):
    fail("submit", "quota_minute", retry_seconds=37)

    assert refusal(submit).retry_after == 37


def test_every_fault_of_a_submission_or_a_poll_is_in_a_table():
    def faults(at):
        return {fault.name for fault in FAULTS.values() if fault.at == at}

    assert faults("submit") - {row[0] for row in SUBMIT_FAILURES.values()} == {"quota_day", "slow"}
    # One is tried on every route: see test_every_route.py.
    elsewhere = {"slow", "failed_precondition"}
    assert faults("poll") - {row[0] for row in POLL_FAILURES.values()} == elsewhere
    assert faults("done") - {row[0] for row in ENDINGS.values()} == {"never_done", "two_samples"}


def test_an_account_without_credit_stops_the_queue_until_it_has_some(simulator, log):
    simulator.change_settings({"credits_depleted": True})
    error = refusal(submit)
    simulator.change_settings({"credits_depleted": False})

    assert facts(error) == {"code": "credits_depleted", **STOP}
    assert submit() == log()["submissions"][1]["operation"]


def test_a_revoked_key_stops_the_queue_until_it_is_valid(simulator, operation_name):
    simulator.change_settings({"key_revoked": True})
    errors = [refusal(submit), refusal(open_client("gemini").poll, operation_name)]
    simulator.change_settings({"key_revoked": False})

    assert [facts(error) for error in errors] == [{"code": "key_refused", **STOP}] * 2
    assert isinstance(poll_until_done(operation_name), Finished)


def test_a_model_that_is_retired_meanwhile_stops_the_queue(simulator, operation_name):
    simulator.change_settings({"retired_models": MODEL})

    error = refusal(submit)

    assert facts(error) == {"code": "model_not_found", **STOP}
    assert MODEL not in error.sentence.partition("The key has:")[2]
    assert isinstance(poll_until_done(operation_name), Finished)


def test_a_full_spend_window_waits_and_has_room_again(simulator):
    """Three standard shots of $3.20 fit into $10."""
    simulator.change_settings({"spend_limit": 10.0, "spend_window": 600.0})
    for _ in range(3):
        submit()

    error = refusal(submit)
    simulator.change_settings({"spend_window": 0.001})
    time.sleep(0.01)

    assert facts(error) == {"code": "quota_spend", **QUOTA}
    assert submit()


@pytest.mark.parametrize(
    ("switch", "code"), [("quota_per_minute", "quota_minute"), ("quota_per_day", "quota_day")]
)
def test_a_full_quota_of_requests_waits(simulator, switch, code):
    simulator.change_settings({switch: 1})
    submit()

    error = refusal(submit)

    assert facts(error) == {"code": code, **QUOTA}
    assert error.retry_after > 0


@pytest.mark.parametrize(
    "details",
    [
        [{"violations": 7}, {"violations": [7]}, 7],
        [{"retryDelay": 7}, {"retryDelay": "soon"}],
        {"retryDelay": "7s"},
        "details",
    ],
)
def test_strange_details_of_a_refusal_are_no_details(settings, far_end, details):
    far_end.answer(429, {"error": {"code": 429, "message": "Too much.", "details": details}})
    settings.VIDEO_API_BASE_URL = far_end.url

    error = refusal(submit)

    assert facts(error) == {"code": "quota_minute", **QUOTA}
    assert error.retry_after is None


@pytest.mark.parametrize("endless", ["99999999999999999999s", "9" * 400 + "s"])
def test_a_wait_without_end_is_not_believed(settings, far_end, endless):
    """Otherwise the wait would end on a date that no calendar has."""
    details = [{"retryDelay": endless}]
    far_end.answer(429, {"error": {"code": 429, "message": "Too much.", "details": details}})
    settings.VIDEO_API_BASE_URL = far_end.url

    error = refusal(submit)

    assert error.waits_for_quota
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("status", "headers", "code", "consequence", "retry_after"),
    [
        (503, {"Retry_After": "7"}, "unavailable", LATER, 7),
        (429, {"Retry_After": "9"}, "quota_minute", QUOTA, 9),
        (408, {}, "http_408", UNKNOWN, None),
        (502, {}, "http_502", UNKNOWN, None),
        (301, {"Location": "/elsewhere"}, "http_301", UNKNOWN, None),
        (307, {"Location": "/elsewhere"}, "http_307", UNKNOWN, None),
    ],
)
def test_answers_of_something_in_between(
    settings, far_end, status, headers, code, consequence, retry_after
):
    far_end.answer(status, b"<html>Bad gateway</html>", Content_Type="text/html", **headers)
    settings.VIDEO_API_BASE_URL = far_end.url

    error = refusal(submit)

    assert facts(error) == {"code": code, **consequence}
    assert error.retry_after == retry_after
    assert len(far_end.requests) == 1


def test_a_refused_connection_was_surely_not_accepted(settings):
    settings.VIDEO_API_BASE_URL = NOWHERE

    error = refusal(submit)

    assert facts(error) == {"code": "no_connection", **LATER}
    assert "could not be reached" in error.sentence


def test_a_missing_model_names_those_that_the_key_has(fail):
    fail("submit", "model_retired")

    sentence = refusal(submit).sentence

    assert "veo-3.1-fast-generate-preview" in sentence
    assert "gemini-2.5-flash" not in sentence


def test_an_answer_that_comes_late_but_in_time_is_taken(fail, log):
    fail("submit", "slow", seconds=0.3)

    name = submit()

    assert [each["operation"] for each in log()["submissions"]] == [name]


# -- the failure table: poll -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "consequence"), POLL_FAILURES.values(), ids=POLL_FAILURES.keys()
)
def test_poll_failures(impatient, fail, operation_name, fault, code, consequence):
    fail("poll", fault)
    client = open_client("gemini")

    error = refusal(client.poll, operation_name)

    assert facts(error) == {"code": code, **consequence}
    assert KEY not in f"{error} {error.sentence}"
    assert isinstance(poll_until_done(operation_name), Finished), "asking again helps"


def test_a_poll_without_a_connection_may_be_repeated(settings, operation_name):
    settings.VIDEO_API_BASE_URL = NOWHERE

    error = refusal(open_client("gemini").poll, operation_name)

    assert facts(error) == {"code": "no_answer", **LATER}


def test_a_slow_poll_is_answered(fail, operation_name):
    fail("poll", "slow", seconds=0.3)

    assert isinstance(open_client("gemini").poll(operation_name), (Running, Finished))


def test_an_operation_is_polled_by_its_name_in_any_process(simulator, operation_name, log):
    finished = poll_until_done(operation_name)

    (file_id,) = simulator.store.find(operation_name.rpartition("/")[2]).file_ids
    assert finished == Finished(f"{simulator.url}/v1beta/files/{file_id}:download?alt=media")
    assert log()["operations"][operation_name]["polls"] >= 1


@pytest.mark.parametrize(
    "name",
    [
        "models/x/operations/../../files/y",
        "models/x/operations/..",
        "../operations/y",
        "models/x/operations/y..z",
        "/models/x/operations/y",
        "models/x/operations/y?key=z",
        "models/x/operations/y#z",
    ],
)
def test_a_name_that_would_lead_elsewhere_is_not_kept(settings, far_end, name):
    """It becomes, letter by letter, a part of the path that is polled."""
    far_end.answer(200, {"name": name})
    settings.VIDEO_API_BASE_URL = far_end.url

    assert facts(refusal(submit)) == {"code": "no_operation_name", **UNKNOWN}


# -- the failure table: done -------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "params", "answer"), ENDINGS.values(), ids=ENDINGS.keys())
def test_endings_without_a_video(fail, operation_name, fault, params, answer):
    fail("done", fault, **params)

    assert poll_until_done(operation_name) == answer


def ended_with(settings, far_end, **response):
    """The answer of an operation that ended with this response."""
    far_end.answer(
        200,
        {"name": OPERATION, "done": True, "response": {"generateVideoResponse": response}},
        Content_Type="application/json",
    )
    settings.VIDEO_API_BASE_URL = far_end.url
    return open_client("gemini").poll(OPERATION)


def test_a_video_beside_a_filter_count_is_a_video(settings, far_end):
    """Of two samples one was filtered; the other was made, and is paid for."""
    link = "https://generativelanguage.googleapis.com/v1beta/files/x:download?alt=media"

    answer = ended_with(
        settings,
        far_end,
        generatedSamples=[{"video": {"uri": link}}],
        raiMediaFilteredCount=1,
        raiMediaFilteredReasons=["A safety filter."],
    )

    assert answer == Finished(link)


@pytest.mark.parametrize(
    ("link", "bare"),
    [
        ("files/x:download?alt=media&key={key}", "files/x:download?alt=media"),
        ("files/x:download?key={key}&alt=media", "files/x:download?alt=media"),
        ("files/x:download?key={key}", "files/x:download"),
    ],
)
def test_a_link_that_repeats_the_key_is_kept_without_it(settings, far_end, link, bare):
    host = "https://generativelanguage.googleapis.com/v1beta/"

    answer = ended_with(
        settings, far_end, generatedSamples=[{"video": {"uri": host + link.format(key=KEY)}}]
    )

    assert answer == Finished(host + bare)


def test_an_operation_that_never_ends_is_running(simulator, fail, operation_name):
    fail("done", "never_done")
    client = open_client("gemini")
    time.sleep(0.1)

    answers = {client.poll(operation_name) for _ in range(3)}

    assert answers == {Running()}


def test_of_two_samples_the_first_is_taken(simulator, fail, operation_name):
    fail("done", "two_samples")

    finished = poll_until_done(operation_name)

    first, _ = simulator.store.find(operation_name.rpartition("/")[2]).file_ids
    assert first in finished.uri


# -- the key ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed_with_the_key(settings, start_far_end, status):
    api, elsewhere = start_far_end(), start_far_end()
    elsewhere.answer(200, {"name": OPERATION})
    api.answer(status, Location=f"{elsewhere.url}/v1beta/models")
    settings.VIDEO_API_BASE_URL = api.url

    submitted = refusal(submit)
    polled = refusal(open_client("gemini").poll, OPERATION)

    assert submitted.maybe_accepted
    assert not polled.permanent
    assert elsewhere.requests == []


def test_the_key_is_in_no_url(settings, far_end):
    far_end.answer(200, {"name": OPERATION})
    settings.VIDEO_API_BASE_URL = far_end.url

    submit()
    open_client("gemini").poll(OPERATION)

    assert [path for _, path, _, _ in far_end.requests] == [
        f"/v1beta/models/{MODEL}:predictLongRunning",
        f"/v1beta/{OPERATION}",
    ]


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_the_key_is_in_no_errors_text(settings, far_end, status):
    message = f"The key {KEY} is not welcome at /v1beta?key={KEY}\n\0 line two"
    far_end.answer(status, {"error": {"code": status, "message": message, "status": "X"}})
    settings.VIDEO_API_BASE_URL = far_end.url

    errors = [refusal(submit), refusal(open_client("gemini").poll, OPERATION)]

    for error in errors:
        assert KEY not in str(error)
        assert "[key] is not welcome at /v1beta?key=[key] line two" in error.sentence


def test_the_key_is_in_no_ending(fail, operation_name):
    fail("done", "error", message=f"key {KEY}")

    assert poll_until_done(operation_name) == Failed("13", "key [key]")


def test_an_endless_message_is_cut(settings, far_end):
    far_end.answer(400, {"error": {"code": 400, "message": "x" * 100_000, "status": "X"}})
    settings.VIDEO_API_BASE_URL = far_end.url

    assert len(refusal(submit).sentence) < 1100
