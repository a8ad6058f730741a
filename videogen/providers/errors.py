"""Turns a failure of the video API, or of the connection to it, into a VeoError that says what the
failure means: whether something may have been charged, and whether asking again makes sense."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.formats import ended, unended
from videogen.common.pacific_time import day_ends
from videogen.common.proxies import proxy_for
from videogen.common.untrusted_text import clean, has_secret, read_seconds, within_bounds

from .refusal_words import (
    has_no_quota,
    is_about_account,
    is_block,
    is_spending_cap,
    support_codes,
)

# After these, the request has certainly not been sent: there was no connection.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

# The request itself is not HTTP, for example because of a character in a header.
_NOT_BUILT = httpx.LocalProtocolError

# A name that fits into the column of a render's model; others are not offered to anybody.
_MODEL_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
# The code of a submission that a safety filter refused before anything was accepted.
BLOCKED = "blocked"
# A proxy that answers so to CONNECT has nothing against us: it is too slow, or asked too often.
_PASSING_AT_PROXIES = frozenset({408, 425, 429})

# The code of a poll that was refused without a word about the account.
POLL_REFUSED = "poll_refused"
# How the interactions API says 404.
_NO_INTERACTION = "invalid interaction name"


def submit_error(error: Exception, *, has_left: bool = True) -> VeoError:
    """Return what a failed submission means. Whatever is not a clear refusal may have been accepted
    and paid for, unless it is known that nothing has left this machine (`has_left`)."""
    error = _unwrapped(error)
    code = _status_code(error)
    if isinstance(error, httpx.ProxyError) and not has_left or code == 407:
        return _proxy_refusal(error)
    is_broken_off = isinstance(error, httpx.TransportError) and not has_left
    if isinstance(error, _NOT_SENT) or is_broken_off and not isinstance(error, _NOT_BUILT):
        simulates = settings.VIDEO_BACKEND == "simulator"
        hint = " Start it with manage.py run_simulator." if simulates else ""
        return VeoError(
            f"The video API could not be reached at {settings.VIDEO_API_BASE_URL} "
            f"({unended(clean(error))}).{hint}",
            code="no_connection",
            permanent=False,
        )
    if code is None and not has_left:
        # Its text could quote what was to be sent, and the header with the key is part of that.
        return VeoError(
            f"The request could not be made, so nothing was sent ({type(error).__name__}).",
            code="not_sendable",
            permanent=True,
        )
    # 499 means that the connection was closed on the way, like a time-out.
    if code is None or not 400 <= code < 500 and code != 503 or code in (408, 499):
        cause = (
            f"the API failed (HTTP {code}: {unended(message_of(error))})" if code else said(error)
        )
        return VeoError(
            f"The submission's outcome is unknown: {ended(cause)} It may have been accepted and "
            "paid for, so it is not sent again by itself.",
            code=f"http_{code}" if code else "no_answer",
            permanent=False,
            maybe_accepted=True,
        )
    return _refusal(code, error, is_submission=True)


def poll_error(error: Exception) -> VeoError:
    """Return what a failed poll means. It is permanent only if the API refuses or does not know the
    operation. It stops the queue only if it names the account: any other refusal can be about this
    one operation, and if it is not, the next submission is refused as well, which costs nothing."""
    error = _unwrapped(error)
    failure = models_error(error)
    if not failure.stops_queue or _names_account(error):
        return failure
    return VeoError(
        f"The API refuses to say what became of the operation: {ended(said(error))}",
        code=POLL_REFUSED,
        permanent=True,
    )


def _names_account(error: Exception) -> bool:
    code, message = _status_code(error), message_of(error)
    return (
        code in (401, 402, 429)
        or "api key" in message.lower()
        or is_about_account(message, "", reasons_of(error))
    )


def models_error(error: Exception) -> VeoError:
    """Return what it means that the models were not told, or any other question about the account
    failed."""
    error = _unwrapped(error)
    code = _status_code(error)
    if code is None or _may_be_asked_again(code):
        return VeoError(
            f"The API did not say what became of the operation: {ended(said(error))}",
            code=f"http_{code}" if code else "no_answer",
            permanent=False,
            retry_after=_retry_after(error),
        )
    if code == 404 or code == 400 and _NO_INTERACTION in message_of(error).lower():
        return VeoError(
            f"The API does not know the operation: {ended(said(error))}",
            code="operation_forgotten",
            permanent=True,
        )
    return _refusal(code, error)


def cancel_error(error: Exception) -> VeoError:
    """Return what a failed cancellation means; the code `not_supported` says that this server does
    not cancel."""
    error = _unwrapped(error)
    code = _status_code(error)
    if code in (405, 501):
        return VeoError(
            f"The API does not cancel: {ended(said(error))}", code="not_supported", permanent=True
        )
    if code is None or _may_be_asked_again(code):
        return VeoError(
            f"The API did not say whether it cancels: {ended(said(error))}",
            code=f"http_{code}" if code else "no_answer",
            permanent=False,
            retry_after=_retry_after(error),
        )
    return poll_error(error)


def list_error(error: Exception) -> VeoError:
    """Return what a failed list means; the code `not_supported` says that this server does not
    offer the list at all."""
    code = _status_code(error)
    if code in (404, 405, 501) or getattr(error, "status", None) == "UNIMPLEMENTED":
        return VeoError(
            f"The API does not offer this list: {ended(said(error))}",
            code="not_supported",
            permanent=True,
        )
    if code is None or _may_be_asked_again(code):
        return VeoError(
            f"The API did not give the list: {ended(said(error))}",
            code=f"http_{code}" if code else "no_answer",
            permanent=False,
            retry_after=_retry_after(error),
        )
    return _refusal(code, error)


def status_error(status: int, headers: httpx.Headers, body: bytes) -> Exception:
    """Return the error that the SDK would have raised for an answer that was read without it."""
    from google.genai import errors

    kept = {name: headers[name] for name in ("retry-after", "content-type") if name in headers}
    response = httpx.Response(status, headers=kept, content=body)
    try:
        errors.APIError.raise_for_response(response)
    except (errors.APIError, ValueError, RecursionError) as error:
        return error
    raise ValueError(f"HTTP {status} is not an error.")


def _proxy() -> str:
    return proxy_for(urlsplit(settings.VIDEO_API_BASE_URL).scheme) or "HTTPS_PROXY"


def _proxy_refusal(error: Exception) -> VeoError:
    """Return the meaning of a proxy's refusal. It did not let the request through, so the API knows
    nothing of it."""
    words = message_of(error)
    told = re.match(r"\d{3}", words)
    status = _status_code(error) or (int(told[0]) if told else 0)
    if 400 <= status < 500 and status not in _PASSING_AT_PROXIES:
        return stop(
            "proxy_refused",
            f"The proxy ({_proxy()}) refuses the connection: {words} Nothing was sent. Give it "
            "what it asks for, or choose another proxy.",
        )
    return VeoError(
        f"The proxy ({_proxy()}) does not let the request through just now: {words} Nothing was "
        "sent.",
        code="no_connection",
        permanent=False,
    )


def _may_be_asked_again(code: int) -> bool:
    return code >= 500 or code in (408, 429) or code < 400


def _refusal(code: int, error: Exception, *, is_submission: bool = False) -> VeoError:
    """Return the meaning of a status by which the API says that it accepted and charged nothing."""
    message = message_of(error)
    words = message.lower()
    if code == 429 and "deplet" in words or code == 402:
        return stop("credits_depleted", f"The account has no credit left: {ended(message)}")
    if code == 429 and is_spending_cap(message):
        return stop("spending_cap", f"The account has reached its spending cap: {ended(message)}")
    if code == 429 and has_no_quota(message, _quota_values(error)):
        return stop("no_quota", f"The account has no quota for this model: {ended(message)}")
    if code == 429:
        return _quota_refusal(message, words, error)
    if code == 503:
        return VeoError(
            f"The video API is overloaded: {ended(message)}",
            code="unavailable",
            permanent=False,
            retry_after=_retry_after(error),
        )
    if code in (401, 403) or code == 400 and "api key" in words:
        return stop("key_refused", f"The API refuses the key: {ended(message)}")
    if code == 400 and is_submission and is_block(message):
        reasons = [message]
        return VeoError(
            message,
            code=BLOCKED,
            permanent=True,
            details={"reasons": reasons, "support_codes": list(support_codes(reasons))},
        )
    if code == 400 and is_about_account(message, _status_word(error), reasons_of(error)):
        return stop("account_refused", f"The account may not make videos: {ended(message)}")
    if code == 404:
        return stop("model_not_found", f"The model is not available ({unended(message)}).")
    return VeoError(
        f"The API refuses the request: {ended(message)}", code=f"http_{code}", permanent=True
    )


def stop(code: str, sentence: str, details: Mapping[str, Any] | None = None) -> VeoError:
    """Return an error that pauses the lane: no submission can succeed before a person acts."""
    return VeoError(sentence, code=code, permanent=True, stops_queue=True, details=details)


def is_model_name(name: str) -> bool:
    """Whether the name can be one of a model: it is stored, shown, and offered to people."""
    return bool(_MODEL_NAME.fullmatch(name)) and not has_secret(name)


def with_models(error: VeoError, list_models: Callable[[], list[str]], whose: str) -> VeoError:
    """Return the error. If the model is not available, ask the API which models are, and name them
    in the sentence, after `whose`, and in the details."""
    if error.code != "model_not_found":
        return error
    try:
        names = [name for name in list_models() if is_model_name(name)]
    except VeoError:
        return error
    words = ", ".join(names) or "none that makes videos"
    return stop(error.code, f"{error.sentence} {whose}: {words}.", {"models": names})


def _quota_refusal(message: str, words: str, error: Exception) -> VeoError:
    quota_ids = " ".join(_quota_ids(error)).lower()
    retry_after = _retry_after(error)
    if "perday" in quota_ids or "per day" in words or "daily" in words:
        code = "quota_day"
        retry_after = max(retry_after or 0, _seconds_to_pacific_midnight())
    elif "spend" in words:
        code = "quota_spend"
        # Ten attempts in each window are enough to use quota soon after it becomes free, and
        # refusals cost nothing.
        retry_after = retry_after or settings.VIDEO_SPEND_WINDOW_SECONDS / 10
    else:
        code = "quota_minute"
    return VeoError(
        f"Waiting for quota: {ended(message)}",
        code=code,
        permanent=False,
        retry_after=retry_after,
        waits_for_quota=True,
    )


def _seconds_to_pacific_midnight() -> float:
    """Return when Google's daily quotas start again."""
    now = datetime.now(UTC)
    return (day_ends(now) - now).total_seconds()


def _unwrapped(error: Exception) -> Exception:
    """Return an error of the SDK's interactions as another call would have raised it: the error of
    the answer's status, or of the connection. The SDK has separate classes for interactions."""
    if not hasattr(error, "body"):
        return error
    response = getattr(error, "response", None)
    if isinstance(response, httpx.Response) and response.is_error:
        return status_error(response.status_code, response.headers, response.content)
    if isinstance(error.__cause__, httpx.HTTPError):
        return error.__cause__
    return error


def _status_code(error: Exception) -> int | None:
    from google.genai import errors

    # Interactions raise for answers that are not errors, too, such as a redirect without JSON.
    named = "code" if isinstance(error, errors.APIError) else "status_code"
    code = getattr(error, named, None)
    return code if isinstance(code, int) and code >= 300 else None


def message_of(error: Exception) -> str:
    return clean(getattr(error, "message", None) or error)


def said(error: Exception) -> str:
    """Return what went wrong with a request, without a stop: the server's own words, or plain words
    for a connection that failed, with the technical ones in brackets."""
    if isinstance(error, httpx.ProxyError):
        return f"the proxy ({_proxy()}) says: {unended(message_of(error))}"
    if not isinstance(error, httpx.TransportError):
        return unended(message_of(error))
    timed_out = isinstance(error, httpx.TimeoutException)
    what = "no answer came in time" if timed_out else "the connection was lost"
    kind, message = type(error).__name__, unended(clean(error))
    return f"{what} ({kind})" if message == kind else f"{what} ({kind}: {message})"


def _details(error: Exception) -> list[dict[str, Any]]:
    document = getattr(error, "details", None)
    if isinstance(document, dict) and isinstance(document.get("error"), dict):
        document = document["error"]
    details = document.get("details") if isinstance(document, dict) else None
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def reasons_of(error: Exception) -> list[str]:
    """Return the reasons in an error's ErrorInfo, which are codes such as SERVICE_DISABLED."""
    return [str(each["reason"]) for each in _details(error) if "reason" in each]


def _status_word(error: Exception) -> str:
    """Return Google's word for the status, such as FAILED_PRECONDITION."""
    return str(getattr(error, "status", None) or "")


def _quota_ids(error: Exception) -> list[str]:
    return [str(each.get("quotaId", "")) for each in _quota_violations(error)]


def _quota_values(error: Exception) -> list[str]:
    return [str(each.get("quotaValue", "")) for each in _quota_violations(error)]


def _quota_violations(error: Exception) -> list[dict[str, Any]]:
    violations = [
        violation
        for detail in _details(error)
        if isinstance(detail.get("violations"), list)
        for violation in detail["violations"]
    ]
    return [each for each in violations if isinstance(each, dict)]


def _retry_after(error: Exception) -> float | None:
    """Return the seconds to wait, from the answer's RetryInfo or its Retry-After header. A number
    without sense gives None: it must not become a date that no calendar has."""
    for detail in _details(error):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)s", delay)):
            return within_bounds(float(match.group(1)))
    response = getattr(error, "response", None)
    header = response.headers.get("retry-after") if response is not None else None
    return read_seconds(header)
