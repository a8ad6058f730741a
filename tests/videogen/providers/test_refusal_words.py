"""Refusals as others recorded them, answered to a submission on every route."""

from __future__ import annotations

import pytest

from tests.support.client_cases import NO, QUOTA, STOP, facts, refusal
from videogen.providers.messages import Blocked, Failed
from videogen.providers.refusal_words import is_about_account, is_block

CAP = (
    "Your project has exceeded its monthly spending cap. Please go to AI Studio at "
    "https://ai.studio/spend to manage your project spend cap. Learn more at "
    "https://ai.google.dev/gemini-api/docs/billing#project-spend-caps."
)
CURRENT_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n"
    "* Quota exceeded for metric: generativelanguage.googleapis.com/requests, limit: {}, model: veo"
)
REAL_PEOPLE = (
    "Sorry, we can't create videos with real people's names or likenesses. Please remove the "
    "celebrity reference and try again."
)
CHILDREN = (
    "Sorry, we can’t create videos from input images containing photorealistic children. Please "
    "remove the reference and try again."
)
SENSITIVE = (
    "The prompt could not be submitted. This prompt contains sensitive words that violate "
    "Google's Responsible AI practices. Try rephrasing the prompt. Support codes: 58061214"
)

# Status, Google's word, message → code, consequence.
OF_THE_ACCOUNT = [
    (429, "RESOURCE_EXHAUSTED", CAP, "spending_cap"),
    (
        429,
        "RESOURCE_EXHAUSTED",
        CAP.replace("Your project", "Your billing account"),
        "spending_cap",
    ),
    (429, "RESOURCE_EXHAUSTED", CURRENT_QUOTA.format(0), "no_quota"),
    (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", ""),
    (400, "INVALID_ARGUMENT", "User location is not supported for the API use.", ""),
    (400, "INVALID_ARGUMENT", "Veo is only accessible to billed users at this time.", ""),
    (
        400,
        "FAILED_PRECONDITION",
        "Gemini API free tier is not available in your country. Please enable billing.",
        "",
    ),
    (
        400,
        "INVALID_ARGUMENT",
        "Multiple authentication credentials received. Please pass only one.",
        "",
    ),
    (
        400,
        "INVALID_ARGUMENT",
        "Your account has been blocked due to a violation of our Terms of Service.",
        "",
    ),
    (400, "INVALID_ARGUMENT", "Request is blocked by organization policy constraints/x.", ""),
    (403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another.", "key"),
]


@pytest.fixture
def answered(settings, far_end, route_client):
    """A function: what the route makes of this answer to a submission."""
    setattr(settings, route_client.base_url, far_end.url)

    def answer(status, word, message, **more):
        error = {"code": status, "message": message, "status": word, **more}
        far_end.answer(status, {"error": error}, Content_Type="application/json")
        return refusal(route_client.submit)

    return answer


@pytest.mark.parametrize(("status", "word", "message", "code"), OF_THE_ACCOUNT)
def test_what_concerns_the_account_stops_the_queue_in_the_apis_words(
    answered, route_client, status, word, message, code
):
    error = answered(status, word, message)

    expected = code or "account_refused"
    if code == "key":
        expected = "permission_denied" if route_client.route == "vertex" else "key_refused"
    assert facts(error) == {"code": expected, **STOP}
    assert " ".join(message.split())[:60] in error.sentence


def test_a_quota_of_nothing_is_told_by_its_value_too(answered):
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure"}
    violation = {"quotaId": "RequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "0"}

    error = answered(
        429, "RESOURCE_EXHAUSTED", "Quota.", details=[failure | {"violations": [violation]}]
    )

    assert facts(error) == {"code": "no_quota", **STOP}


@pytest.mark.parametrize("limit", ["10", "0.5", "100"])
def test_a_quota_that_fills_again_is_waited_for(answered, limit):
    error = answered(429, "RESOURCE_EXHAUSTED", CURRENT_QUOTA.format(limit))

    assert facts(error) == {"code": "quota_minute", **QUOTA}


def test_a_spend_based_rate_limit_is_no_cap(answered):
    error = answered(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your spend-based rate limit. See your billing tier.",
    )

    assert facts(error) == {"code": "quota_spend", **QUOTA}


@pytest.mark.parametrize(
    ("message", "codes"),
    [
        (f"Input blocked: {REAL_PEOPLE}", []),
        (f"Input blocked: {CHILDREN}", []),
        (SENSITIVE, ["58061214"]),
    ],
)
def test_a_block_at_submission_is_one(answered, message, codes):
    error = answered(400, "INVALID_ARGUMENT", message)

    assert facts(error) == {"code": "blocked", **NO}
    assert error.details == {"reasons": [message], "support_codes": codes}


OF_THE_REQUEST = [
    "Request contains an invalid argument.",
    "Your use case is currently not supported. Please refer to Gemini API documentation.",
    "`seed` isn't supported by this model. Please remove it or refer to the documentation.",
    'Invalid JSON payload received. Unknown name "x": Cannot find field.',
    "Unable to process input image. Please retry or report in https://developers.google.com/x",
    "aspectRatio 9:16 is not supported for reference images.",
    "durationSeconds is out of bound. Please provide a value between 4 and 8, inclusive.",
    "We could not generate the video because of an internal error.",
    "Several input images are not supported in your request.",
]


@pytest.mark.parametrize("message", OF_THE_REQUEST)
def test_what_concerns_one_request_stops_nothing(message):
    assert not is_about_account(message, "INVALID_ARGUMENT", [])
    assert not is_block(message)


@pytest.fixture
def ending(settings, far_end, route_client):
    """A function: what the route makes of an operation that ends with this error."""
    setattr(settings, route_client.base_url, far_end.url)

    def end(code, message):
        error = {"code": code, "message": message}
        answer = {"name": route_client.operation, "done": True, "error": error}
        if route_client.route == "omni":
            errors = [{"code": str(code), "message": message}]
            answer = {"id": route_client.operation, "status": "failed", "errors": errors}
        far_end.answer(200, answer, Content_Type="application/json")
        return route_client.open().poll(route_client.operation)

    return end


@pytest.mark.parametrize(
    ("code", "message", "codes"),
    [
        (3, f"{REAL_PEOPLE} Support codes: 29310472", ("29310472",)),
        (3, CHILDREN, ()),
        (7, REAL_PEOPLE, ()),
        (13, SENSITIVE, ("58061214",)),
    ],
)
def test_an_error_of_an_operation_that_says_why_is_a_block(ending, code, message, codes):
    blocked = ending(code, message)

    assert isinstance(blocked, Blocked)
    assert (blocked.reasons, blocked.codes) == ((message,), codes)


@pytest.mark.parametrize("code", [3, 8, 13, 14])
def test_any_other_error_of_an_operation_is_a_failure(ending, code):
    message = "We could not make it: internal error."

    failed = ending(code, message)

    assert isinstance(failed, Failed)
    assert failed.code == str(code) and message in failed.message
