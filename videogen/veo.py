"""The video API: submit, poll. The only module that knows google-genai.

Comes in: a request as plain values. Goes out: an operation's name, then what became of it; every
failure is a VeoError. Facts about the wire, the prices of mistakes and the status codes come from
Google's documentation and from google-genai 2.34.0's source; openspec/specs/veo-client has them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
from django.conf import settings

from .answer_limits import bounded
from .errors import VeoError

if TYPE_CHECKING:
    from google.genai import Client

# It becomes part of a path, and of a row.
_OPERATION_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._~/-]{0,499}")
_MOST_REASONS = 20
# What asks for a longer wait is no sensible answer: the longest is "tomorrow".
_LONGEST_TOLD = 2 * 24 * 3600.0

SUBMITTERS = 8
POLLERS = 24


@dataclass(frozen=True)
class ReferenceImage:
    mime_type: str
    data: bytes


@dataclass(frozen=True)
class VideoRequest:
    """One video. `duration_seconds` goes out as a JSON number: the API refuses a string."""

    model: str
    prompt: str
    references: tuple[ReferenceImage, ...]
    reference_type: str
    aspect_ratio: str
    resolution: str
    duration_seconds: int


@dataclass(frozen=True)
class Running:
    pass


@dataclass(frozen=True)
class Finished:
    uri: str


@dataclass(frozen=True)
class Blocked:
    """Refused by a safety filter; not charged. `codes` are the reasons' support codes."""

    reasons: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """Ended without a video; not charged."""

    code: str
    message: str


@dataclass(frozen=True)
class Nothing:
    """Done, and neither a video nor a reason came with it: nobody knows whether it was charged."""


PollAnswer = Running | Finished | Blocked | Failed | Nothing


class VeoClient:
    """One pooled connection set; its methods may be called from several threads at once.

    For submissions, connections are not kept alive: on a connection that the server has just
    closed, "sent or not?" has no answer, and each such doubt is a paid clip that waits for a
    person.
    """

    def __init__(self, *, submits: bool = False) -> None:
        if not settings.GEMINI_API_KEY:
            raise _stop(
                "no_api_key",
                "GEMINI_API_KEY is not set: put the key into .env or the environment.",
            )
        # Takes a second to import: only where a call is made.
        from google.genai import Client, types

        self._types = types
        timeout = (
            settings.VIDEO_SUBMIT_TIMEOUT_SECONDS
            if submits
            else settings.VIDEO_POLL_TIMEOUT_SECONDS
        )
        threads = SUBMITTERS if submits else POLLERS
        self._client: Client = Client(
            vertexai=False,
            api_key=settings.GEMINI_API_KEY,
            http_options=types.HttpOptions(
                base_url=settings.VIDEO_API_BASE_URL,
                timeout=int(timeout * 1000),  # milliseconds; the SDK has no default
                # The SDK would send the paid call again after a time-out.
                retry_options=types.HttpRetryOptions(attempts=1),
                client_args={
                    # httpx takes the key along to other hosts.
                    "follow_redirects": False,
                    "headers": {"Accept-Encoding": "identity"},
                    "event_hooks": {"response": [bounded(timeout)]},
                    "limits": httpx.Limits(
                        max_connections=threads,
                        max_keepalive_connections=0 if submits else threads,
                        keepalive_expiry=30,
                    ),
                },
            ),
        )

    def submit(self, request: VideoRequest) -> str:
        """Send one paid request, once; returns the operation's name. Raises VeoError."""
        types = self._types
        try:
            operation = self._client.models.generate_videos(
                model=request.model,
                source=types.GenerateVideosSource(prompt=request.prompt),
                config=types.GenerateVideosConfig(
                    number_of_videos=1,
                    aspect_ratio=request.aspect_ratio,
                    resolution=request.resolution,
                    duration_seconds=request.duration_seconds,
                    reference_images=[
                        types.VideoGenerationReferenceImage(
                            image=types.Image(image_bytes=each.data, mime_type=each.mime_type),
                            reference_type=request.reference_type,
                        )
                        for each in request.references
                    ]
                    or None,
                ),
            )
        except Exception as error:
            raise self._with_models(_submit_error(error)) from error
        if not operation.name:
            raise VeoError(
                "The API answered the submission without an operation name.",
                code="no_operation_name",
                permanent=False,
                maybe_accepted=True,
            )
        if not _OPERATION_NAME.fullmatch(operation.name):
            raise VeoError(
                "The API answered the submission with a name that is none of an operation: "
                f"{clean(operation.name)[:200]}",
                code="bad_operation_name",
                permanent=False,
                maybe_accepted=True,
            )
        return operation.name

    def poll(self, operation_name: str) -> PollAnswer:
        """What became of the operation. Free, may be repeated. Raises VeoError."""
        types = self._types
        try:
            operation = self._client.operations.get(
                types.GenerateVideosOperation(name=operation_name)
            )
        except Exception as error:
            raise _poll_error(error) from error
        return _read_operation(operation)

    def _with_models(self, error: VeoError) -> VeoError:
        """Where the model is not available, the sentence names those that are."""
        if error.code == "model_not_found":
            try:
                names = ", ".join(self.list_models()) or "none that makes videos"
            except VeoError:
                return error
            error = _stop(error.code, f"{error.sentence} The key has: {names}.")
        return error

    def list_models(self) -> list[str]:
        """The models that the key has and that make videos. Free. Raises VeoError."""
        try:
            return sorted(
                (model.name or "").removeprefix("models/")
                for model in self._client.models.list()
                if "predictLongRunning" in (model.supported_actions or [])
            )
        except Exception as error:
            raise _poll_error(error) from error


def sdk_version() -> str:
    from google.genai import __version__

    return f"google-genai {__version__}"


def _read_operation(operation: Any) -> PollAnswer:
    if not operation.done:
        return Running()
    if operation.error:
        code = clean(operation.error.get("code", ""))[:40]
        return Failed(code, clean(operation.error.get("message") or "no message"))
    response = operation.response or operation.result
    for video in (response and response.generated_videos) or []:
        if video.video and video.video.uri:
            return Finished(video.video.uri.replace("\0", ""))
    given = (response and response.rai_media_filtered_reasons) or []
    reasons = tuple(clean(each) for each in given[:_MOST_REASONS])
    if reasons or (response and response.rai_media_filtered_count):
        return Blocked(reasons, _support_codes(reasons))
    return Nothing()


def _support_codes(reasons: Sequence[str]) -> tuple[str, ...]:
    found = []
    for reason in reasons:
        for codes in re.findall(r"[Ss]upport codes?:?\s*([\d,;\s]+)", reason):
            found += re.findall(r"\d{6,}", codes)
    return tuple(dict.fromkeys(found))


# What has surely not left this machine, or was refused before a connection stood.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def _submit_error(error: Exception) -> VeoError:
    if isinstance(error, _NOT_SENT):
        hint = " Start it: manage.py run_simulator" if settings.VIDEO_BACKEND == "simulator" else ""
        return VeoError(
            f"The video API could not be reached at {settings.VIDEO_API_BASE_URL} "
            f"({clean(error)}).{hint}",
            code="no_connection",
            permanent=False,
        )
    code = _status_code(error)
    # 499: broken off on the way, like a time-out.
    if code is None or not 400 <= code < 500 and code != 503 or code in (408, 499):
        what = f"HTTP {code}" if code else type(error).__name__
        return VeoError(
            f"The submission's outcome is unknown ({what}: {_message(error)}). It may have been "
            "accepted and paid for, so it is not sent again by itself.",
            code=f"http_{code}" if code else "no_answer",
            permanent=False,
            maybe_accepted=True,
        )
    return _refusal(code, error)


def _poll_error(error: Exception) -> VeoError:
    code = _status_code(error)
    if code is None or code >= 500 or code in (408, 429) or code < 400:
        return VeoError(
            f"The API did not tell how the operation stands: {_message(error)}",
            code=f"http_{code}" if code else "no_answer",
            permanent=False,
            retry_after=_retry_after(error),
        )
    if code == 404:
        return VeoError(
            f"The API does not know the operation: {_message(error)}",
            code="operation_forgotten",
            permanent=True,
        )
    return _refusal(code, error)


def _refusal(code: int, error: Exception) -> VeoError:
    """A status that says: not accepted, not charged."""
    message = _message(error)
    words = message.lower()
    if code == 429 and "deplet" in words or code == 402:
        return _stop("credits_depleted", f"The account has no credit left: {message}")
    if code == 429:
        return _quota_refusal(message, words, error)
    if code == 503:
        return VeoError(
            f"The video API is overloaded: {message}",
            code="unavailable",
            permanent=False,
            retry_after=_retry_after(error),
        )
    if code in (401, 403) or code == 400 and "api key" in words:
        return _stop("key_refused", f"The API refuses the key: {message}")
    if code == 404:
        return _stop(
            "model_not_found",
            f"The model is not available ({message}). Set VIDEO_MODEL to one that the key has.",
        )
    return VeoError(f"The API refuses the request: {message}", code=f"http_{code}", permanent=True)


def _stop(code: str, sentence: str) -> VeoError:
    return VeoError(sentence, code=code, permanent=True, stops_queue=True)


def _quota_refusal(message: str, words: str, error: Exception) -> VeoError:
    quota_ids = " ".join(_quota_ids(error)).lower()
    retry_after = _retry_after(error)
    if "perday" in quota_ids or "per day" in words or "daily" in words:
        code = "quota_day"
        retry_after = max(retry_after or 0, _seconds_to_pacific_midnight())
    elif "spend" in words:
        code = "quota_spend"
        retry_after = retry_after or 60.0
    else:
        code = "quota_minute"
    return VeoError(
        f"Waiting for quota: {message}",
        code=code,
        permanent=False,
        retry_after=retry_after,
        waits_for_quota=True,
    )


def _seconds_to_pacific_midnight() -> float:
    """Google's daily quotas start anew at midnight Pacific time."""
    now = datetime.now(ZoneInfo("America/Los_Angeles"))
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


def _status_code(error: Exception) -> int | None:
    from google.genai import errors

    if isinstance(error, errors.APIError):
        return error.code if isinstance(error.code, int) else None
    return None


def _message(error: Exception) -> str:
    return clean(getattr(error, "message", None) or error)


def _details(error: Exception) -> list[dict[str, Any]]:
    document = getattr(error, "details", None)
    if isinstance(document, dict) and isinstance(document.get("error"), dict):
        document = document["error"]
    details = document.get("details") if isinstance(document, dict) else None
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _quota_ids(error: Exception) -> list[str]:
    return [
        str(violation.get("quotaId", ""))
        for detail in _details(error)
        for violation in detail.get("violations") or []
        if isinstance(violation, dict)
    ]


def _retry_after(error: Exception) -> float | None:
    """Seconds, from RetryInfo in the answer or from its Retry-After header."""
    for detail in _details(error):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)s", delay)):
            return _sensible(float(match.group(1)))
    response = getattr(error, "response", None)
    header = response.headers.get("retry-after") if response is not None else None
    return _sensible(float(header)) if header and header.isdecimal() else None


def _sensible(seconds: float) -> float | None:
    return seconds if seconds <= _LONGEST_TOLD else None


def clean(words: object) -> str:
    """The API's words for a record or a log: one line, bounded, and never with the key in it."""
    text = words if isinstance(words, str) else str(words) or type(words).__name__
    for key in filter(None, {settings.GEMINI_API_KEY}):
        text = text.replace(key, "[key]")
    text = " ".join(text.replace("\0", "").split())
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= 1000 else text[:1000] + "…"
