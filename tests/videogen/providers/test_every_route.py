"""What the client of every route has to do, whichever API it talks to."""

from __future__ import annotations

import pytest

from tests.support.client_cases import ENDINGS, LATER, NO, STOP, UNKNOWN, facts, refusal
from tests.support.far_end import NOWHERE
from tests.support.proxies import refusing_proxy
from videogen.providers import credentials as sign_in
from videogen.providers.messages import (
    Blocked,
    Failed,
    Finished,
    Nothing,
    ReferenceImage,
    Webhook,
)
from videogen.providers.registry import open_client


@pytest.fixture
def impatient(settings):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 0.4
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 0.4


def test_a_video_is_made(simulator, route_client, log):
    name = route_client.submit()

    assert isinstance(route_client.poll_until_done(name), Finished)
    (received,) = log()["submissions"]
    assert (received["model"], received["operation"]) == (route_client.model, name)
    assert received["prompt"] == '{"storyboard_payload": "灯 🏮"}'
    assert len(received["references"]) == 1
    assert log()["violations"] == []


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        ("hang", 1),
        ("hang_before_accept", 0),
        ("drop_after_accept", 1),
        ("drop_before_accept", 0),
        ("gateway_timeout", 1),
        ("internal", 0),
        ("garbage_after_accept", 1),
        ("html_200", 0),
        ("empty", 0),
        ("no_name", 0),
    ],
)
def test_a_doubtful_submission_is_sent_once_and_not_again(
    impatient, route_client, fail, log, fault, accepted
):
    fail("submit", fault, times=-1)

    error = refusal(route_client.submit)

    assert facts(error) == {"code": error.code, **UNKNOWN}
    received = log()["submissions"]
    assert len(received) == 1
    assert sum(each["operation"] is not None for each in received) == accepted


def test_a_refused_connection_was_surely_not_accepted(route_client, settings):
    setattr(settings, route_client.base_url, NOWHERE)

    error = refusal(route_client.submit)

    assert facts(error) == {"code": "no_connection", **LATER}


@pytest.mark.parametrize("status", [403, 407])
def test_what_a_proxy_refuses_was_surely_not_sent(settings, monkeypatch, route_client, status):
    setattr(settings, route_client.base_url, "https://api.example")
    with refusing_proxy(status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        error = refusal(route_client.submit)

    assert facts(error) == {"code": "proxy_refused", **STOP}
    assert "HTTPS_PROXY" in error.sentence and str(status) in error.sentence
    assert proxy.asked == ["api.example:443"]


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, None])
def test_what_a_proxy_cannot_deliver_just_now_is_sent_later(
    settings, monkeypatch, route_client, status
):
    setattr(settings, route_client.base_url, "https://api.example")
    with refusing_proxy(status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        error = refusal(route_client.submit)

    assert facts(error) == {"code": "no_connection", **LATER}


def test_a_proxy_that_cannot_be_used_is_named_before_anything_is_sent(monkeypatch, route_client):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")

    error = refusal(route_client.submit)

    assert facts(error) == {"code": "bad_proxy", **STOP}
    assert "ALL_PROXY" in error.sentence


def test_a_header_that_cannot_be_sent_was_surely_not_sent(settings, far_end, route_client):
    """The key is checked beforehand; this is what happens if anything else is wrong."""
    far_end.answer(200, route_client.running)
    setattr(settings, route_client.base_url, far_end.url)
    client = route_client.open(submits=True)
    client._client._api_client._httpx_client.headers["x-odd"] = "a\nb"

    error = refusal(client.submit, route_client.request())

    assert facts(error) == {"code": "not_sendable", **NO}
    assert far_end.requests == []


def test_a_request_that_cannot_be_built_was_surely_not_sent(settings, far_end, route_client):
    """A bug of ours or of the SDK, before anything is handed to the transport."""
    far_end.answer(200, route_client.running)
    setattr(settings, route_client.base_url, far_end.url)

    error = refusal(route_client.submit, aspect_ratio=object())

    assert facts(error) == {"code": "not_sendable", **NO}
    assert far_end.requests == []


def test_a_token_that_cannot_be_sent_stops_the_queue(vertex, monkeypatch, caplog):
    monkeypatch.setattr(sign_in, "SIMULATED", "ya29.a-token-of-many\nletters")

    error = refusal(vertex.submit)

    assert facts(error) == {"code": "bad_token", **STOP}
    assert "ya29" not in error.sentence + caplog.text


def test_a_connection_that_is_cut_while_the_answer_is_waited_for_is_in_doubt(
    settings, far_end, route_client
):
    """The request was there in full; only the way back broke."""
    far_end.cut()
    setattr(settings, route_client.base_url, far_end.url)

    error = refusal(route_client.submit)

    assert facts(error) == {"code": "no_answer", **UNKNOWN}
    assert len(far_end.requests) == 1


def test_a_connection_that_is_cut_while_the_request_leaves_is_in_doubt(
    settings, far_end, route_client
):
    """What has begun to leave may have been accepted: nobody knows what stood in between."""
    far_end.cut(midway=True)
    setattr(settings, route_client.base_url, far_end.url)
    large = ReferenceImage("image/png", b"x" * 16 * 1024**2)

    error = refusal(route_client.submit, references=(large,))

    assert facts(error) == {"code": "no_answer", **UNKNOWN}
    assert len(far_end.requests) == 1


@pytest.mark.parametrize("status", [408, 499, 500, 502, 504, 529])
def test_an_answer_that_is_no_clear_refusal_is_in_doubt(settings, far_end, route_client, status):
    far_end.answer(status, {"error": {"code": status, "message": "gone", "status": "CANCELLED"}})
    setattr(settings, route_client.base_url, far_end.url)

    error = refusal(route_client.submit)

    assert facts(error) == {"code": f"http_{status}", **UNKNOWN}
    assert len(far_end.requests) == 1


@pytest.mark.parametrize(
    "fault", ["quota", "internal", "unavailable", "drop", "garbage", "html_200", "hang"]
)
def test_a_poll_that_fails_in_passing_may_be_repeated(
    impatient, simulator, route_client, fail, fault
):
    name = route_client.submit()
    fail("poll", fault)

    error = refusal(route_client.open().poll, name)

    assert facts(error) == {"code": error.code, **LATER}
    assert isinstance(route_client.poll_until_done(name), Finished)


@pytest.mark.parametrize(
    ("status", "word", "message"),
    [
        (400, "FAILED_PRECONDITION", "The operation is not in a state to be read."),
        (403, "PERMISSION_DENIED", "You do not have permission to read this operation."),
        (403, "PERMISSION_DENIED", "The caller does not have permission"),
    ],
)
def test_a_poll_that_is_refused_stops_no_submission(
    settings, far_end, route_client, status, word, message
):
    """It may be this operation alone; if it is the account, the next submission is told so."""
    setattr(settings, route_client.base_url, far_end.url)
    far_end.answer(
        status,
        {"error": {"code": status, "message": message, "status": word}},
        Content_Type="application/json",
    )

    error = refusal(route_client.open().poll, route_client.operation)

    assert facts(error) == {"code": "poll_refused", **NO}
    assert message.rstrip(".") in error.sentence


@pytest.mark.parametrize(
    ("status", "word", "message"),
    [
        (400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        (403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another."),
        (403, "PERMISSION_DENIED", "Your project has been denied access."),
    ],
)
def test_a_poll_that_names_the_account_stops_the_queue(
    settings, far_end, route_client, status, word, message
):
    setattr(settings, route_client.base_url, far_end.url)
    far_end.answer(
        status,
        {"error": {"code": status, "message": message, "status": word}},
        Content_Type="application/json",
    )

    error = refusal(route_client.open().poll, route_client.operation)

    assert facts(error) == {"code": error.code, **STOP}


def test_an_operation_that_is_forgotten(simulator, route_client, fail):
    name = route_client.submit()
    fail("poll", "not_found")

    assert refusal(route_client.open().poll, name).code == "operation_forgotten"


@pytest.mark.parametrize(("fault", "params", "answer"), ENDINGS.values(), ids=ENDINGS.keys())
def test_endings_without_a_video(simulator, route_client, fail, fault, params, answer):
    fail("done", fault, **params)

    ending = route_client.poll_until_done(route_client.submit())

    assert isinstance(ending, (Blocked, Failed, Nothing))
    if route_client.route != "omni":  # which tells no support codes, and of no cost
        assert ending == answer


def test_a_webhook_is_sent_or_passed_over_but_never_in_the_way(simulator, route_client, log):
    client = route_client.open(submits=True)

    name = client.submit(route_client.request(), Webhook("https://studio.test/hook", "6f1e"))

    assert [each["operation"] for each in log()["submissions"]] == [name]


def test_connections_are_kept_for_polls_and_not_for_submissions(
    settings, start_far_end, route_client
):
    submitted, polled = start_far_end(), start_far_end()
    for far_end in (submitted, polled):
        far_end.answer(200, route_client.running, Content_Type="application/json")
    setattr(settings, route_client.base_url, submitted.url)
    submitter = route_client.open(submits=True)
    setattr(settings, route_client.base_url, polled.url)
    poller = route_client.open()

    for _ in range(3):
        submitter.submit(route_client.request())
        poller.poll(route_client.operation)

    assert len(submitted.connections) == 3
    assert len(polled.connections) == 1


def test_compressed_answers_are_not_asked_for(settings, far_end, route_client):
    far_end.answer(200, route_client.running, Content_Type="application/json")
    setattr(settings, route_client.base_url, far_end.url)

    route_client.submit()
    route_client.open().poll(route_client.operation)

    assert [headers["accept-encoding"] for *_, headers, _ in far_end.requests] == ["identity"] * 2


@pytest.mark.parametrize("status", [301, 307])
def test_redirects_are_not_followed_with_the_secret(settings, start_far_end, route_client, status):
    api, elsewhere = start_far_end(), start_far_end()
    elsewhere.answer(200, route_client.running)
    api.answer(status, Location=f"{elsewhere.url}/v1beta/models")
    setattr(settings, route_client.base_url, api.url)

    submitted = refusal(route_client.submit)
    polled = refusal(route_client.open().poll, route_client.operation)

    assert submitted.maybe_accepted
    assert not polled.permanent
    assert elsewhere.requests == []


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_the_secret_is_in_no_errors_text(settings, far_end, route_client, status):
    message = f"What is {route_client.secret}?"
    far_end.answer(status, {"error": {"code": status, "message": message, "status": "X"}})
    setattr(settings, route_client.base_url, far_end.url)

    errors = [
        refusal(route_client.submit),
        refusal(route_client.open().poll, route_client.operation),
    ]

    for error in errors:
        assert route_client.secret not in f"{error} {error.sentence}"
        assert "What is [key]?" in error.sentence
    assert all(route_client.secret not in path for _, path, _, _ in far_end.requests)


def test_the_account_has_its_model_and_not_any(simulator, route_client):
    client = route_client.open()

    assert route_client.model in client.list_models()
    assert "gemini-2.5-flash" not in client.list_models()


@pytest.mark.parametrize(
    ("route", "question"),
    [
        ("gemini", "cancel"),
        ("gemini", "find_result"),
        ("vertex", "cancel"),
        ("vertex", "find_result"),
        ("omni", "find_result"),
    ],
)
def test_what_a_route_does_not_have_it_says(route, question):
    client = open_client(route)

    assert refusal(getattr(client, question), "whatever").code == "not_supported"


def test_another_route_is_none():
    assert refusal(open_client, "telegraph").code == "no_route"


def test_names_of_models_are_names(settings, far_end, route_client):
    start = {"gemini": "veo-x", "vertex": "veo-x", "omni": "gemini-omni-x"}[route_client.route]
    odd = [f"{start}-{route_client.secret}", f"{start}\x1b[2J", f"{start}\n", f"{start} a", ""]
    names = [f"models/{name}" for name in [start, *odd]]
    models = [
        {"name": name, "supportedGenerationMethods": ["predictLongRunning"]} for name in names
    ]
    far_end.answer(
        200, {"models": models, "publisherModels": models}, Content_Type="application/json"
    )
    setattr(settings, route_client.base_url, far_end.url)

    assert route_client.open().list_models() == [start]
