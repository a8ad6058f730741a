from __future__ import annotations

import time

import httpx
import pytest

from tests.support.simulator_calls import MODEL, SUBMIT, submission
from videogen.simulator.faults import FAULTS, FaultSpec

REFUSED = {
    "invalid_argument": (400, "INVALID_ARGUMENT", "invalid"),
    "key_invalid": (400, "INVALID_ARGUMENT", "API key not valid"),
    "unauthenticated": (401, "UNAUTHENTICATED", "credentials"),
    "permission_denied": (403, "PERMISSION_DENIED", "denied"),
    "payment_required": (402, "FAILED_PRECONDITION", "Billing"),
    "model_not_found": (404, "NOT_FOUND", "is not found"),
    "model_retired": (404, "NOT_FOUND", "no longer available"),
    "credits_depleted": (429, "RESOURCE_EXHAUSTED", "prepayment credits are depleted"),
    "spend_limit": (429, "RESOURCE_EXHAUSTED", "spend-based rate limit"),
    "quota_minute": (429, "RESOURCE_EXHAUSTED", "quota"),
    "quota_day": (429, "RESOURCE_EXHAUSTED", "quota"),
    "internal": (500, "INTERNAL", "internal error"),
    "unavailable": (503, "UNAVAILABLE", "overloaded"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_refused_submission_is_not_accepted(caller, fault):
    caller.script("submit", fault)

    answer = caller.submit()

    code, status, words = REFUSED[fault]
    entry = caller.log()["submissions"][0]
    assert (answer.status_code, answer.json()["error"]["status"]) == (code, status)
    assert words in answer.json()["error"]["message"]
    assert (entry["fault"], entry["operation"]) == (fault, None)
    assert caller.submit().status_code == 200


@pytest.mark.parametrize(
    ("fault", "is_accepted"), [("drop_after_accept", True), ("drop_before_accept", False)]
)
def test_a_dropped_submission_tells_nothing(caller, fault, is_accepted):
    caller.script("submit", fault)

    with pytest.raises(httpx.RemoteProtocolError):
        caller.submit()

    assert bool(caller.log()["submissions"][0]["operation"]) is is_accepted


@pytest.mark.parametrize(("fault", "is_accepted"), [("hang", True), ("hang_before_accept", False)])
def test_a_submission_that_hangs_runs_into_the_callers_timeout(caller, fault, is_accepted):
    caller.script("submit", fault)

    with pytest.raises(httpx.ReadTimeout):
        caller.http.post(SUBMIT, json=submission(), timeout=0.3)

    assert bool(caller.log()["submissions"][0]["operation"]) is is_accepted


@pytest.mark.parametrize(
    ("fault", "status", "is_accepted"),
    [
        ("garbage_after_accept", 200, True),
        ("html_200", 200, False),
        ("empty", 200, False),
        ("gateway_timeout", 504, True),
    ],
)
def test_an_unreadable_answer_leaves_the_outcome_open(caller, fault, status, is_accepted):
    caller.script("submit", fault)

    answer = caller.submit()

    assert answer.status_code == status
    if status == 200:
        with pytest.raises(ValueError):
            answer.json()
    assert bool(caller.log()["submissions"][0]["operation"]) is is_accepted


def test_an_answer_without_a_name_is_an_empty_object(caller):
    caller.script("submit", "no_name")

    assert caller.submit().json() == {}


def test_a_slow_answer_is_right_in_the_end(caller):
    caller.script("submit", "slow", params={"seconds": 0.2})

    started = time.monotonic()
    answer = caller.submit()

    assert time.monotonic() - started >= 0.2
    assert "name" in answer.json()


def test_accepted_can_be_chosen_for_any_fault_of_a_submission(caller):
    caller.script("submit", "internal", params={"accepted": True})

    assert caller.submit().status_code == 500
    assert caller.log()["submissions"][0]["operation"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("quota", 429),
        ("internal", 500),
        ("unavailable", 503),
        ("not_found", 404),
        ("key_invalid", 400),
        ("unauthenticated", 401),
        ("permission_denied", 403),
        ("gateway_timeout", 504),
        ("garbage", 200),
        ("html_200", 200),
    ],
)
def test_a_poll_that_fails_does_not_harm_the_operation(caller, fault, status):
    name = caller.submit().json()["name"]
    caller.script("poll", fault)

    answer = caller.poll(name)

    assert answer.status_code == status
    assert caller.wait(name)["done"] is True


def test_a_poll_can_be_dropped_or_hang(caller):
    name = caller.submit().json()["name"]
    caller.script("poll", "drop")
    caller.script("poll", "hang")

    with pytest.raises(httpx.RemoteProtocolError):
        caller.poll(name)
    with pytest.raises(httpx.ReadTimeout):
        caller.http.get(f"/v1beta/{name}", timeout=0.3)

    assert caller.wait(name)["done"] is True


@pytest.mark.parametrize("code", [4, 8, 13, 14])
def test_an_operation_can_end_with_an_error(caller, code):
    caller.script("done", "error", params={"code": code})

    body = caller.wait(caller.submit().json()["name"])

    assert body["error"]["code"] == code
    assert "response" not in body


def test_a_blocked_operation_names_its_support_codes(caller):
    caller.script("done", "blocked", params={"codes": ["17301594", "29310472"]})

    body = caller.wait(caller.submit().json()["name"])

    response = body["response"]["generateVideoResponse"]
    assert response["raiMediaFilteredCount"] == 1
    assert "Support codes: 17301594, 29310472" in response["raiMediaFilteredReasons"][0]
    assert "generatedSamples" not in response


def test_an_operation_blocked_for_its_audio_says_that_it_was_not_charged(caller):
    caller.script("done", "blocked_audio")

    body = caller.wait(caller.submit().json()["name"])

    reason = body["response"]["generateVideoResponse"]["raiMediaFilteredReasons"][0]
    assert "an issue with the audio" in reason
    assert "You have not been charged for this attempt." in reason


def test_an_operation_can_be_done_with_nothing(caller):
    caller.script("done", "nothing")
    name = caller.submit().json()["name"]

    assert caller.wait(name) == {"name": name, "done": True}


def test_an_operation_can_end_with_no_or_two_samples(caller):
    caller.script("done", "empty_samples")
    caller.script("done", "two_samples")

    bodies = [caller.wait(caller.submit().json()["name"]) for _ in range(2)]

    none, two = [body["response"]["generateVideoResponse"]["generatedSamples"] for body in bodies]
    links = {sample["video"]["uri"] for sample in two}
    assert none == []
    assert len(links) == 2
    assert all(caller.http.get(link).content[4:8] == b"ftyp" for link in links)


def test_an_operation_may_never_be_done(caller):
    caller.script("done", "never_done")
    name = caller.submit().json()["name"]

    bodies = [caller.poll(name).json() for _ in range(3)]

    assert bodies == [{"name": name}] * 3


def test_a_fault_strikes_after_so_many_so_often_and_where_the_prompt_matches(caller):
    caller.script("submit", "unavailable", times=2, after=1, match="fox")

    prompts = ("a fox", "a heron", "a fox", "a fox", "a fox")
    statuses = [caller.submit(prompt).status_code for prompt in prompts]

    assert statuses == [200, 200, 503, 503, 200]


def test_a_fault_with_times_minus_one_strikes_always(caller):
    caller.script("submit", "unavailable", times=-1)

    assert {caller.submit().status_code for _ in range(4)} == {503}
    assert caller.http.delete("/_simulator/faults").json() == {"faults": []}
    assert caller.submit().status_code == 200


def test_a_wrong_request_uses_no_fault_up(caller):
    caller.script("submit", "unavailable")

    assert caller.http.post(SUBMIT, json={}).status_code == 400
    assert caller.submit().status_code == 503


@pytest.mark.parametrize(
    "spec",
    [
        {"at": "submit", "fault": "nonsense"},
        {"at": "lunch", "fault": "drop"},
        {"at": "poll", "fault": "drop", "times": -2},
        {"at": "poll", "fault": "drop", "when": "now"},
        ["drop"],
    ],
)
def test_an_unknown_fault_is_refused_with_what_is_known(caller, spec):
    answer = caller.http.post("/_simulator/faults", json=spec)

    assert answer.status_code == 400
    assert caller.http.get("/_simulator/faults").json()["faults"] == []


def test_faults_of_the_command_line():
    spec = FaultSpec.from_text("done:blocked:3:codes=58061214:match=fox")

    assert spec == FaultSpec("done", "blocked", 3, match="fox", params={"codes": 58061214})
    with pytest.raises(ValueError, match="No fault"):
        FaultSpec.from_text("done:sometimes")


def test_every_fault_says_what_it_does():
    assert all(fault.meaning.endswith(".") for fault in FAULTS.values())
    assert all(key == f"{fault.at}:{fault.name}" for key, fault in FAULTS.items())


def test_the_log_counts_polls(caller):
    name = caller.submit().json()["name"]
    caller.poll(name)
    caller.wait(name)

    assert name.startswith(f"models/{MODEL}/operations/")
    assert caller.log()["operations"][name]["polls"] >= 2
