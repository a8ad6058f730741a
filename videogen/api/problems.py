"""Errors as problem documents (RFC 9457). `code` is for programs and is that of the command line
where it has one; `detail` is a sentence for people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import JsonResponse

from videogen.common.errors import VideogenError
from videogen.models.problems import ProblemCode

CONTENT_TYPE = "application/problem+json"

# The codes of refusals that say that something is not there, and of those that say that the request
# itself makes no sense: either to anybody, or for a model as the table of video models has it. All
# others say that the request does not fit how things stand now.
_NOT_THERE = frozenset({"no_story", "no_scenelet", "no_shot", "no_model", "no_render"})
_NO_SENSE = frozenset(
    {
        "takes_per_shot",
        "no_mode",
        "no_priority",
        "no_reason",
        "direction_empty",
        "direction_long",
        "direction_unprintable",
        "usage",
        "format_not_known",
        ProblemCode.RESOLUTION_NOT_MADE.value,
        ProblemCode.ASPECT_RATIO_NOT_MADE.value,
        ProblemCode.DURATION_NOT_MADE.value,
    }
)


class ApiProblem(Exception):
    """Ends an operation with that problem. more: members of the document beside the usual ones."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.more = more


def of_error(error: VideogenError, **more: Any) -> ApiProblem:
    """Return the problem that an expected failure is for who sent the request."""
    status = 404 if error.code in _NOT_THERE else 422 if error.code in _NO_SENSE else 409
    return ApiProblem(status, error.code or "refused", error.sentence, **more)


def as_response(problem: ApiProblem) -> JsonResponse:
    response = JsonResponse(
        {
            "type": f"urn:videogen:problem:{problem.code}",
            "title": HTTPStatus(problem.status).phrase,
            "status": problem.status,
            "code": problem.code,
            "detail": problem.detail,
            **problem.more,
        },
        status=problem.status,
        content_type=CONTENT_TYPE,
        json_dumps_params={"ensure_ascii": False},
    )
    if problem.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


_OF_STATUS = {
    400: ("bad_request", "The request cannot be read."),
    401: ("no_token", "Send a valid token: Authorization: Bearer TOKEN."),
    403: ("not_allowed", "The token's person may not do this."),
    404: ("not_found", "There is nothing at this address."),
    405: ("no_method", "This address does not know the method."),
    413: ("too_large", "The request is larger than this installation takes."),
    503: ("unavailable", "The server cannot answer now: try again later."),
}


def problem_of_status(status: int) -> JsonResponse:
    """Return the problem document of an answer of which no more is known than its status."""
    code, detail = _OF_STATUS.get(status, ("refused", "The request was refused."))
    if status >= 500 and status != HTTPStatus.SERVICE_UNAVAILABLE:
        code, detail = "internal", "Something failed on the server; its log says more."
    return as_response(ApiProblem(status, code, detail))
