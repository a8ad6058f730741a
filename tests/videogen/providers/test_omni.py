"""The Omni route: the interactions of the real SDK talk to the simulator, or to a server of the
test for answers that the simulator does not give."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import time

import pytest

from tests.support.client_cases import (
    LATER,
    NO,
    POLL_FAILURES,
    QUOTA,
    STOP,
    SUBMIT_FAILURES,
    UNKNOWN,
    facts,
    refusal,
)
from tests.support.factories import picture_bytes
from tests.support.far_end import KEY, NOWHERE
from tests.support.installations import wait_until
from videogen.providers.messages import (
    INLINE,
    Blocked,
    Failed,
    Finished,
    Nothing,
    ReferenceImage,
    Running,
    VideoRequest,
    Webhook,
)
from videogen.providers.omni import OmniClient
from videogen.providers.registry import open_client
from videogen.simulator.faults import FAULTS

MODEL = "gemini-omni-1.1-flash"
ID = "v1_ChdhYmMtX3h5eg"
PROMPT = '{"storyboard_payload": "灯 🏮 <IMAGE_REF_0>"}'


def video_request(**values):
    return VideoRequest(
        **{
            "model": MODEL,
            "prompt": PROMPT,
            "references": (ReferenceImage("image/png", picture_bytes()),),
            "reference_type": "asset",
            "aspect_ratio": "16:9",
            "resolution": "1080p",
            "duration_seconds": 8,
        }
        | values
    )


def submit(webhook=None, **values):
    return open_client("omni", submits=True).submit(video_request(**values), webhook)


def poll_until_done(name, *, seconds=30):
    client = open_client("omni")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = client.poll(name)
        if answer != Running():
            return answer
        time.sleep(0.02)
    raise AssertionError("The interaction did not end.")


def interaction(status="completed", *contents, **more):
    steps = [{"type": "model_output", "content": list(contents)}] if contents else []
    return {"id": ID, "object": "interaction", "status": status, "steps": steps} | more


def video(**values):
    return {"type": "video", "mime_type": "video/mp4"} | values


@pytest.fixture
def impatient(settings):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 0.3
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 0.3


@pytest.fixture
def name(simulator):
    return submit()


@pytest.fixture
def api(settings, far_end):
    """A server that gives the answers that a test sets."""
    settings.VIDEO_API_BASE_URL = far_end.url
    return far_end


def tell(api, *answers):
    for each in answers:
        api.answer(200, each, Content_Type="application/json")


# -- what is sent --------------------------------------------------------------------------------


def test_a_submission_is_on_the_wire_as_the_api_documents_it(api):
    tell(api, interaction("queued"))
    sheet, room = picture_bytes("gold"), picture_bytes("sienna", "JPEG")

    name = submit(
        references=(ReferenceImage("image/png", sheet), ReferenceImage("image/jpeg", room))
    )

    ((method, path, headers, body),) = api.requests
    assert name == ID
    assert (method, path) == ("POST", "/v1beta/interactions")
    assert headers["x-goog-api-key"] == KEY
    assert headers["content-type"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert json.loads(body) == {
        "model": MODEL,
        "background": True,
        # The SDK wraps the list into a turn.
        "input": [
            {
                "type": "user_input",
                "content": [
                    {
                        "type": "image",
                        "data": base64.b64encode(data).decode(),
                        "mime_type": mime_type,
                    }
                    for mime_type, data in (("image/png", sheet), ("image/jpeg", room))
                ]
                + [{"type": "text", "text": PROMPT}],
            }
        ],
        "response_format": {
            "type": "video",
            "aspect_ratio": "16:9",
            "resolution": "1080p",
            "duration": "8s",
            "delivery": "uri",
        },
        "generation_config": {"video_config": {"task": "reference_to_video"}},
    }


def test_the_far_end_takes_prompt_pictures_and_parameters(simulator, log):
    name = submit()

    (received,) = log()["submissions"]
    assert received["operation"] == name
    assert received["model"] == MODEL
    assert received["prompt"] == PROMPT
    assert len(received["references"]) == 1
    assert log()["violations"] == []


def test_without_pictures_the_task_is_another(simulator, log):
    submit(references=(), prompt="A fox.")

    (received,) = log()["submissions"]
    assert received["error"] is None
    assert received["parameters"]["generation_config"] == {
        "video_config": {"task": "text_to_video"}
    }


@pytest.mark.parametrize("seed", [0, 7])
def test_a_seed_is_refused_before_anything_is_sent(simulator, log, seed):
    error = refusal(submit, seed=seed)

    assert (error.code, error.permanent) == ("not_supported", True)
    assert error.sentence == f"{MODEL} takes no seed: leave it out."
    assert log()["submissions"] == []


@pytest.mark.parametrize("wish", [{"negative_prompt": "fog"}, {"person_generation": "allow_adult"}])
def test_what_the_model_has_no_field_for_is_not_dropped_in_silence(simulator, log, wish):
    error = refusal(submit, **wish)

    assert facts(error) == {"code": "not_supported", **NO}
    assert log()["submissions"] == []


def test_a_webhook_goes_out_with_our_token(simulator, log):
    name = submit(Webhook("https://studio.test/hook", token="6f1e"))

    (received,) = log()["submissions"]
    assert received["operation"] == name
    assert received["webhook"] == {
        "uris": ["https://studio.test/hook"],
        "user_metadata": {"submission_token": "6f1e"},
    }


def test_connections_are_kept_for_polls_and_not_for_submissions(settings, start_far_end):
    submitted, polled = start_far_end(), start_far_end()
    for far_end in (submitted, polled):
        tell(far_end, interaction("in_progress"))
    settings.VIDEO_API_BASE_URL = submitted.url
    submitter = open_client("omni", submits=True)
    settings.VIDEO_API_BASE_URL = polled.url
    poller = open_client("omni")

    for _ in range(3):
        submitter.submit(video_request())
        poller.poll(ID)

    assert len(submitted.connections) == 3
    assert len(polled.connections) == 1


def test_no_client_is_made_without_a_key(settings):
    settings.GEMINI_API_KEY = ""

    assert facts(refusal(open_client, "omni")) == {"code": "no_api_key", **STOP}


def test_the_models_of_this_route_are_listed(simulator):
    client = open_client("omni")

    assert client.list_models() == ["gemini-omni-1.1-flash", "gemini-omni-1.2-flash"]
    assert MODEL not in open_client("gemini").list_models()


@pytest.mark.parametrize(
    "ask", [lambda client: client.list_operations(MODEL), lambda client: client.find_result("6f1e")]
)
def test_what_this_route_does_not_have(simulator, ask):
    assert refusal(ask, open_client("omni")).code == "not_supported"


# -- failures of a submission --------------------------------------------------------------------

# These are the same as on the other route of the same API, except for an answer without a body.
FAILURES = SUBMIT_FAILURES | {"no body": ("empty", "no_answer", UNKNOWN, None, 0)}


@pytest.mark.parametrize(
    ("fault", "code", "consequence", "retry_after", "accepted"),
    FAILURES.values(),
    ids=FAILURES.keys(),
)
def test_submit_failures(impatient, fail, log, fault, code, consequence, retry_after, accepted):
    """There is one attempt: with its own settings the SDK would send the paid call up to four
    times, and with its option attempts=1 twice."""
    fail("submit", fault, times=-1)

    error = refusal(submit)

    assert facts(error) == {"code": code, **consequence}
    assert error.retry_after == retry_after
    assert "{" not in error.sentence, "words, not a dump"
    assert KEY not in f"{error} {error.sentence}"
    received = log()["submissions"]
    assert len(received) == 1, "a paid call is never sent twice by itself"
    assert sum(each["operation"] is not None for each in received) == accepted


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("headers", [{}, {"Retry_After": "0"}, {"retry_after_ms": "1"}])
def test_no_status_makes_the_sdk_send_it_again(api, status, headers):
    api.answer(status, {"error": {"message": "Later."}}, Content_Type="application/json", **headers)

    refusal(submit)

    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_no_poll_is_repeated_behind_our_back(api, status):
    api.answer(status, {"error": {"message": "Later."}}, Content_Type="application/json")

    refusal(open_client("omni").poll, ID)

    assert len(api.requests) == 1


def test_an_error_in_the_form_that_the_sdk_declares_is_read(api):
    """{"error": {"code": text, "message"}}, without a status."""
    error = {"code": "invalid_request", "message": "The duration is wrong."}
    api.answer(400, {"error": error}, Content_Type="application/json")

    error = refusal(submit)

    assert facts(error) == {"code": "http_400", **NO}
    assert error.sentence == "The API refuses the request: The duration is wrong."


@pytest.mark.parametrize(
    ("status", "code", "consequence"),
    [
        (301, "http_301", UNKNOWN),
        (408, "http_408", UNKNOWN),
        (409, "http_409", NO),
        (502, "http_502", UNKNOWN),
    ],
)
def test_answers_of_something_in_between(api, status, code, consequence):
    page = b"<html>Bad gateway</html>"
    api.answer(status, page, Content_Type="text/html", Location="/elsewhere")

    error = refusal(submit)

    assert facts(error) == {"code": code, **consequence}
    assert len(api.requests) == 1


def test_a_refused_connection_was_surely_not_accepted(settings):
    settings.VIDEO_API_BASE_URL = NOWHERE

    assert facts(refusal(submit)) == {"code": "no_connection", **LATER}


def test_an_account_without_credit_stops_the_queue(simulator):
    simulator.change_settings({"credits_depleted": True})

    assert facts(refusal(submit)) == {"code": "credits_depleted", **STOP}


def test_a_full_spend_window_waits(simulator):
    simulator.change_settings({"spend_limit": 2.0})
    submit()

    assert facts(refusal(submit)) == {"code": "quota_spend", **QUOTA}


def test_a_missing_model_names_those_that_the_key_has(simulator):
    sentence = refusal(submit, model="gemini-omni-flash-preview").sentence

    assert "gemini-omni-1.1-flash, gemini-omni-1.2-flash" in sentence


@pytest.mark.parametrize(
    "given", [{}, [], "text", 7, None, {"id": None}, {"id": 7}, {"id": "a b"}, {"id": "x" * 501}]
)
def test_an_answer_without_an_id_may_have_been_accepted(api, given):
    tell(api, given if isinstance(given, dict) else json.dumps(given).encode())

    error = refusal(submit)

    assert error.maybe_accepted
    assert not error.permanent


def test_the_sdk_writes_no_key_into_a_log(monkeypatch, caplog, simulator):
    """With this variable set, the SDK would log whole requests of interactions."""
    monkeypatch.setenv("GOOGLE_GENAI_DEBUG", "1")
    caplog.set_level(logging.DEBUG)

    poll_until_done(submit())

    assert KEY not in caplog.text


# -- failures of a poll --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "consequence"), POLL_FAILURES.values(), ids=POLL_FAILURES.keys()
)
def test_poll_failures(settings, fail, name, fault, code, consequence):
    fail("poll", fault)
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 0.3 if fault == "hang" else 10.0

    error = refusal(open_client("omni").poll, name)
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 10.0

    assert facts(error) == {"code": code, **consequence}
    assert KEY not in f"{error} {error.sentence}"
    assert isinstance(poll_until_done(name), Finished), "asking again helps"


def test_an_unknown_interaction_is_forgotten(simulator):
    error = refusal(open_client("omni").poll, "v1_nobody")

    assert facts(error) == {"code": "operation_forgotten", **NO}


def test_another_400_is_a_refusal(api):
    api.answer(400, {"error": {"code": 400, "message": "Nonsense."}})

    assert facts(refusal(open_client("omni").poll, ID)) == {"code": "http_400", **NO}


@pytest.mark.parametrize("answer", [b"{}", b"[]", b'"text"', b'{"status": 7}', b'{"status": null}'])
def test_an_answer_without_a_status_is_none(api, answer):
    tell(api, answer)

    error = refusal(open_client("omni").poll, ID)

    assert facts(error) == {"code": "no_answer", **LATER}


def test_a_packed_answer_is_not_unpacked(api):
    packed = gzip.compress(b" " * 1_000_000)
    api.answer(200, packed, Content_Encoding="gzip", Content_Type="application/json")

    assert facts(refusal(open_client("omni").poll, ID)) == {"code": "no_answer", **LATER}


def test_an_endless_answer_is_given_up(monkeypatch, api):
    monkeypatch.setattr(OmniClient, "max_poll_bytes", 1000)
    tell(api, interaction("completed", video(data="A" * 2000)))

    error = refusal(open_client("omni").poll, ID)

    assert facts(error) == {"code": "no_answer", **LATER}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed_with_the_key(settings, start_far_end, status):
    api, elsewhere = start_far_end(), start_far_end()
    tell(elsewhere, interaction())
    api.answer(status, Location=f"{elsewhere.url}/v1beta/interactions/x")
    settings.VIDEO_API_BASE_URL = api.url

    submitted = refusal(submit)
    polled = refusal(open_client("omni").poll, ID)
    cancelled = refusal(open_client("omni").cancel, ID)

    assert submitted.maybe_accepted
    assert not polled.permanent
    assert not cancelled.permanent
    assert elsewhere.requests == []


def test_the_key_is_in_no_url(api):
    tell(api, interaction("in_progress"))

    submit()
    open_client("omni").poll(ID)
    open_client("omni").cancel(ID)

    assert [path for _, path, _, _ in api.requests] == [
        "/v1beta/interactions",
        f"/v1beta/interactions/{ID}?stream=false",
        f"/v1beta/interactions/{ID}/cancel",
    ]


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_the_key_is_in_no_errors_text(api, status):
    message = f"The key {KEY} is not welcome at /v1beta?key={KEY}\n\0 line two"
    api.answer(status, {"error": {"code": status, "message": message, "status": "X"}})
    client = open_client("omni")

    errors = [refusal(submit), refusal(client.poll, ID), refusal(client.cancel, ID)]

    for error in errors:
        assert KEY not in str(error)
        assert "[key] is not welcome at /v1beta?key=[key] line two" in error.sentence


# -- endings -------------------------------------------------------------------------------------


def test_an_interaction_runs_until_its_file_is_active(simulator, log):
    simulator.change_settings({"file_latency": 600.0})
    name = submit()
    client = open_client("omni")
    wait_until(
        lambda: client.poll(name) == Running() and log()["operations"][name].get("file_polls"),
        30,
        "for a look at its file",
    )
    simulator.change_settings({"file_latency": 0.0})

    finished = poll_until_done(name)

    (file_id,) = simulator.store.find(name.removeprefix("v1_")).file_ids
    assert finished == Finished(f"{simulator.url}/v1beta/files/{file_id}:download?alt=media")
    assert log()["operations"][name]["file_polls"] >= 2, "it was PROCESSING for a while"


ENDINGS = {
    "failed": (
        ("done", "error", {"code": 13, "message": "Internal."}),
        Failed("13", "The interaction failed: Internal.", is_charge_known=False),
    ),
    "refused": (
        ("done", "blocked", {"message": "I cannot show this."}),
        Blocked(("I cannot show this.",), (), is_charge_known=False),
    ),
    "nothing": (("done", "nothing", {}), Nothing()),
    "no content": (("done", "empty_samples", {}), Nothing()),
    "a video that is none": (("interaction", "no_data", {}), Nothing()),
    "incomplete": (
        ("interaction", "status", {"status": "incomplete"}),
        Failed(
            "incomplete",
            "The interaction ended before its video was complete",
            is_charge_known=False,
        ),
    ),
    "budget": (
        ("interaction", "status", {"status": "budget_exceeded"}),
        Failed(
            "budget_exceeded",
            "The interaction was halted because its token budget was exceeded",
            is_charge_known=False,
        ),
    ),
    "cancelled": (
        ("interaction", "status", {"status": "cancelled"}),
        Failed("cancelled", "The interaction was cancelled", is_charge_known=False),
    ),
    "its file failed": (
        ("interaction", "file_failed", {}),
        Failed("file_failed", "The file could not be processed.", is_charge_known=False),
    ),
    "inline": (("interaction", "inline", {}), Finished(INLINE)),
}


@pytest.mark.parametrize(("fault", "answer"), ENDINGS.values(), ids=ENDINGS.keys())
def test_endings(fail, name, fault, answer):
    at, what, params = fault
    fail(at, what, **params)

    assert poll_until_done(name) == answer


def test_every_fault_of_an_interaction_is_in_a_table():
    told = {fault.name for fault in FAULTS.values() if fault.at == "interaction"}

    assert told - {what for (_, what, _), _ in ENDINGS.values()} == {"file_stuck"}


@pytest.mark.parametrize(
    ("at", "fault", "params"),
    [
        ("done", "never_done", {}),
        ("interaction", "file_stuck", {}),
        ("interaction", "status", {"status": "requires_action"}),
        ("interaction", "status", {"status": "a_word_of_tomorrow"}),
    ],
)
def test_what_never_ends_is_running(simulator, fail, name, at, fault, params):
    """The deadline ends the waiting, and the name is kept."""
    fail(at, fault, **params)
    client = open_client("omni")
    time.sleep(0.3)

    assert {client.poll(name) for _ in range(3)} == {Running()}


@pytest.mark.parametrize("status", ["incomplete", "failed", "cancelled", "budget_exceeded"])
def test_a_video_that_is_there_is_taken_however_it_ended(fail, name, status):
    fail("interaction", "status", status=status, video=1)

    assert isinstance(poll_until_done(name), Finished)


@pytest.mark.parametrize("fault", ["internal", "unavailable", "drop", "empty"])
def test_a_file_that_does_not_answer_is_asked_again(fail, name, fault):
    fail("file", fault, times=2)

    client, failures = open_client("omni"), 0
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if isinstance(answer := client.poll(name), Finished):
                break
        except Exception as error:
            assert facts(error)["permanent"] is False
            failures += 1
        time.sleep(0.02)

    assert isinstance(answer, Finished)
    assert failures == (0 if fault == "empty" else 2)


@pytest.mark.parametrize("fault", ["not_found", "forbidden"])
def test_a_file_without_a_state_is_for_the_download_to_find_out(fail, name, fault):
    fail("file", fault, times=-1)

    assert isinstance(poll_until_done(name), Finished)


@pytest.mark.parametrize(
    ("told", "asked", "link"),
    [
        ("{base}/v1beta/files/ab-1_c:download?alt=media", "ab-1_c", None),
        ("{base}/v1beta/files/ab-1_c", "ab-1_c", "{base}/v1beta/files/ab-1_c:download?alt=media"),
        ("files/ab-1_c", "ab-1_c", "{base}/v1beta/files/ab-1_c:download?alt=media"),
        ("https://elsewhere.test/clip.mp4", None, None),
        ("gs://bucket/clip.mp4", None, None),
        ("https://elsewhere.test/files/a/b", None, None),
    ],
)
def test_the_forms_of_a_link(api, told, asked, link):
    told = told.format(base=api.url)
    tell(api, interaction("completed", video(uri=told)), {"name": "files/x", "state": "ACTIVE"})

    answer = open_client("omni").poll(ID)

    assert answer == Finished((link or told).format(base=api.url))
    assert [path for _, path, _, _ in api.requests[1:]] == (
        [f"/v1beta/files/{asked}"] if asked else []
    )


def test_the_key_in_a_link_is_taken_out(api):
    tell(api, interaction("completed", video(uri=f"https://elsewhere.test/clip?key={KEY}")))

    assert open_client("omni").poll(ID) == Finished("https://elsewhere.test/clip")


def test_the_last_video_counts_and_what_was_sent_is_none(api):
    steps = [
        {"type": "user_input", "content": [video(uri="https://elsewhere.test/sent.mp4")]},
        {"type": "thought", "signature": "x"},
        {"type": "model_output", "content": [video(uri="https://elsewhere.test/first.mp4")]},
        {"type": "something_new", "content": 7},
        {
            "type": "model_output",
            "content": [
                {"type": "text", "text": "Here it is."},
                video(uri="https://elsewhere.test/last.mp4"),
            ],
        },
    ]
    tell(api, interaction(steps=steps))

    assert open_client("omni").poll(ID) == Finished("https://elsewhere.test/last.mp4")


def test_completed_with_nothing_but_what_was_sent_is_nothing(api):
    """Users of the API have reported this ending although the video was made."""
    sent = [{"type": "text", "text": "A fox."}]
    tell(api, interaction(steps=[{"type": "user_input", "content": sent}]))

    assert open_client("omni").poll(ID) == Nothing()


WORDS = {"type": "text", "text": "Here is your video: files/abc"}


def counted(modality, tokens):
    return {"usage": {"output_tokens_by_modality": [{"modality": modality, "tokens": tokens}]}}


@pytest.mark.parametrize(
    ("contents", "usage"),
    [
        ([WORDS, video(name="files/abc")], {}),
        ([video(), WORDS], {}),
        ([WORDS], counted("video", 60_000)),
        ([WORDS], counted("VIDEO", 60_000)),
    ],
)
def test_words_beside_a_video_that_cannot_be_fetched_are_no_refusal(api, contents, usage):
    tell(api, interaction("completed", *contents, **usage))

    assert open_client("omni").poll(ID) == Nothing()


@pytest.mark.parametrize("usage", [{}, counted("text", 12), counted("video", 0)])
def test_words_without_a_video_are_a_refusal_of_unknown_cost(api, usage):
    tell(api, interaction("completed", WORDS, **usage))

    assert open_client("omni").poll(ID) == Blocked((WORDS["text"],), (), is_charge_known=False)


@pytest.mark.parametrize(
    "steps",
    [
        None,
        7,
        "text",
        [7, None, "text"],
        [{"type": "model_output"}],
        [{"type": "model_output", "content": 7}],
        [{"type": "model_output", "content": [7, None, "text", {}, {"type": "video", "uri": 7}]}],
        [{"type": "model_output", "content": [{"type": "text", "text": 7}]}],
        [{"type": "model_output", "content": [{"type": "video", "data": ["x"], "uri": {}}]}],
    ],
)
def test_strange_steps_are_no_video(api, steps):
    """An empty or unreadable answer never counts as an ending that is free."""
    tell(api, interaction(steps=steps))
    client = open_client("omni")

    try:
        answer = client.poll(ID)
    except Exception as error:
        assert facts(error) == {"code": "no_answer", **LATER}
    else:
        assert answer == Nothing()


@pytest.mark.parametrize("errors", [None, 7, [7], [{}], [{"message": 7}], [{"code": 13}]])
def test_strange_errors_are_no_words(api, errors):
    tell(api, interaction("failed", errors=errors))

    try:
        answer = open_client("omni").poll(ID)
    except Exception as error:
        assert facts(error) == {"code": "no_answer", **LATER}
    else:
        assert answer == Failed("failed", "The interaction failed", is_charge_known=False)


def test_the_key_is_in_no_ending(fail, name):
    fail("done", "error", message=f"key {KEY}")

    assert poll_until_done(name).message == "The interaction failed: key [key]"


# -- inline --------------------------------------------------------------------------------------


def test_a_video_in_the_answer_is_read_as_often_as_asked(fail, name, simulator):
    fail("interaction", "inline")
    poll_until_done(name)
    client = open_client("omni")

    clips = [client.read_inline(name), client.read_inline(name)]

    path = simulator.store.clip_path(simulator.store.find(name.removeprefix("v1_")))
    assert clips == [path.read_bytes()] * 2


@pytest.mark.parametrize(
    "content", [video(), video(data="%%%"), video(data="A"), video(uri="files/x"), {"type": "text"}]
)
def test_an_answer_without_a_readable_video_may_be_asked_again(api, content):
    tell(api, interaction("completed", content))

    error = refusal(open_client("omni").read_inline, ID)

    assert not error.permanent
    assert error.code in ("no_inline_video", "no_answer")


def test_a_video_in_the_answer_may_take_longer_than_an_answer(settings, api):
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 1
    data = base64.b64encode(b"clip").decode()
    answer = interaction("completed", video(data=data))
    api.answer(200, answer, pauses=[0.4] * 4, Content_Type="application/json")
    client = open_client("omni")

    assert client.poll(ID) == Finished(INLINE)
    assert client.read_inline(ID) == b"clip"


def test_the_answer_to_a_submission_may_not(settings, api):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 1
    api.answer(200, interaction("queued"), pauses=[0.4] * 4, Content_Type="application/json")

    assert refusal(submit).maybe_accepted


def test_reading_fails_as_a_poll_does(fail, name):
    fail("poll", "not_found")

    error = refusal(open_client("omni").read_inline, name)

    assert facts(error) == {"code": "operation_forgotten", **NO}


# -- cancelling ----------------------------------------------------------------------------------


def test_cancelling_ends_what_runs(simulator, log):
    simulator.change_settings({"latency": 60.0})
    name = submit()
    client = open_client("omni")

    client.cancel(name)

    assert isinstance(client.poll(name), Failed)
    assert log()["operations"][name]["cancels"] == 1


def test_cancelling_what_has_ended_changes_nothing(name):
    finished = poll_until_done(name)

    open_client("omni").cancel(name)

    assert poll_until_done(name) == finished


@pytest.mark.parametrize(
    ("fault", "code", "consequence"),
    [
        ("internal", "http_500", LATER),
        ("drop", "no_answer", LATER),
        ("unimplemented", "not_supported", NO),
    ],
)
def test_cancelling_may_fail(fail, name, fault, code, consequence):
    fail("cancel", fault)

    error = refusal(open_client("omni").cancel, name)

    assert facts(error) == {"code": code, **consequence}
    assert isinstance(poll_until_done(name), Finished)


def test_cancelling_an_unknown_one(simulator):
    error = refusal(open_client("omni").cancel, "v1_nobody")

    assert facts(error) == {"code": "operation_forgotten", **NO}
