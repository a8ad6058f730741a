"""The error answers of Google's APIs, word for word where the wording is known.

Every refusal is an `ApiError`. It may be raised anywhere below a request handler, which answers
`{"error": {"code", "message", "status", "details"}}`.
"""

from __future__ import annotations

import json
from typing import Any

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    411: "INVALID_ARGUMENT",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

SERVICE = "generativelanguage.googleapis.com"
TYPE = "type.googleapis.com/google.rpc."


class ApiError(Exception):
    """A refusal: HTTP status, Google's status word, a message and typed details."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: str = "",
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status or STATUS_NAMES[code]
        self.details = details or []

    @property
    def payload(self) -> dict[str, Any]:
        error = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return {"error": error}

    @property
    def body(self) -> bytes:
        # Google pretty-prints its errors with two spaces.
        return json.dumps(self.payload, indent=2, ensure_ascii=False).encode()


def invalid_argument(message: str) -> ApiError:
    return ApiError(400, message)


def bad_field(field: str, message: str) -> ApiError:
    """Return a 400 with a `BadRequest` detail that names the field, as the JSON transcoder does."""
    violation = {"field": field, "description": message} if field else {"description": message}
    return ApiError(
        400, message, details=[{"@type": TYPE + "BadRequest", "fieldViolations": [violation]}]
    )


def unknown_field(name: str, where: str = "") -> ApiError:
    at = f" at '{where}'" if where else ""
    return bad_field(
        where, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
    )


def key_missing() -> ApiError:
    return ApiError(
        403,
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def key_invalid() -> ApiError:
    message = "API key not valid. Please pass a valid API key."
    return ApiError(
        400,
        message,
        details=[
            {
                "@type": TYPE + "ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": SERVICE},
            },
            {"@type": TYPE + "LocalizedMessage", "locale": "en-US", "message": message},
        ],
    )


def key_in_query() -> ApiError:
    """Google accepts such keys. The simulator refuses them, because URLs end up in logs."""
    return invalid_argument(
        "The simulator refuses API keys in the query string. Send the key in the x-goog-api-key "
        "header."
    )


def model_not_found(model: str, method: str = "predictLongRunning") -> ApiError:
    return ApiError(
        404,
        f"models/{model} is not found for API version v1beta, or is not supported for {method}. "
        "Call ListModels to see the list of available models and their supported methods.",
    )


def model_retired(model: str) -> ApiError:
    return ApiError(
        404,
        f"models/{model} is no longer available. Please update your code to use a newer model "
        "for the latest features and improvements.",
    )


def unsupported_use_case() -> ApiError:
    return invalid_argument(
        "Your use case is currently not supported. Please refer to Gemini API documentation for "
        "current model offering."
    )


def unsupported_by_model(name: str) -> ApiError:
    return invalid_argument(
        f"`{name}` isn't supported by this model. Please remove it or refer to the Gemini API "
        "documentation for supported usage."
    )


def quota_exceeded(quota_id: str, model: str, limit: int, retry_seconds: float) -> ApiError:
    """Return a 429 with `QuotaFailure` and, if waiting helps, `RetryInfo`.

    `quota_id` names the window that is full.
    """
    metric = f"{SERVICE}/predict_long_running_requests"
    details: list[dict[str, Any]] = [
        {
            "@type": TYPE + "Help",
            "links": [
                {
                    "description": "Learn more about Gemini API quotas",
                    "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
                }
            ],
        },
        {
            "@type": TYPE + "QuotaFailure",
            "violations": [
                {
                    "quotaMetric": metric,
                    "quotaId": quota_id,
                    "quotaDimensions": {"location": "global", "model": model},
                    "quotaValue": str(limit),
                }
            ],
        },
    ]
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more "
        "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n"
        f"* Quota exceeded for metric: {metric}, limit: {limit}, model: {model}"
    )
    if retry_seconds > 0:
        delay = f"{max(1, round(retry_seconds))}s"
        message += f"\nPlease retry in {delay}."
        details.append({"@type": TYPE + "RetryInfo", "retryDelay": delay})
    return ApiError(429, message, details=details)


def spend_limited() -> ApiError:
    """Return the 429 that callers have quoted from production. It does not say when to retry."""
    return ApiError(
        429,
        "You exceeded your spend-based rate limit. Your spending rate has exceeded the allowed "
        "limit for your account's billing history and tier.",
    )


def credits_depleted() -> ApiError:
    return ApiError(
        429,
        "Your prepayment credits are depleted. Please go to AI Studio at "
        "https://ai.studio/projects to manage your project and billing.",
    )


def payment_required() -> ApiError:
    return ApiError(
        402, "Billing is required to use this model. Please enable billing for your project."
    )


def internal() -> ApiError:
    return ApiError(
        500,
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
    )


def unavailable() -> ApiError:
    return ApiError(503, "The model is overloaded. Please try again later.")


def gateway_timeout() -> ApiError:
    return ApiError(504, "Deadline expired before operation could complete.")


def operation_not_found(name: str) -> ApiError:
    return ApiError(404, f"Operation not found: {name}")


def file_not_found(file_id: str) -> ApiError:
    return ApiError(404, f"The requested file files/{file_id} was not found or has expired.")


def file_forbidden(file_id: str) -> ApiError:
    return ApiError(
        403, f"You do not have permission to access the File {file_id} or it may not exist."
    )


def unimplemented() -> ApiError:
    """Return Google's answer for a method that a service declares but does not implement."""
    return ApiError(501, "Operation is not implemented, or supported, or enabled.")


def unknown_parameter(name: str) -> ApiError:
    return bad_field(
        "",
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message.",
    )


def generated_file_not_found(file_id: str) -> ApiError:
    return ApiError(404, f"The generated file generatedFiles/{file_id} was not found.")


def route_not_found(path: str) -> ApiError:
    return ApiError(404, f"The requested URL {path} was not found on this server.")
