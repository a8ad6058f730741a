"""Gemini Omni, which makes videos by interactions: submit, poll, cancel.

The facts come from ai.google.dev/gemini-api/docs/omni, .../api/interactions-api and google-genai
2.34.0's source; nothing was tried against the live service. What ends otherwise than with a video
(failed, incomplete, budget_exceeded, cancelled) may have used tokens that cost money: no page says
that it has not, so neither do we.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import httpx
from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.untrusted_text import clean, clean_link, without_key

from . import lists
from .client import POLLERS, SUBMITTERS, not_offered
from .errors import cancel_error, poll_error, stop, submit_error, with_models
from .messages import (
    INLINE,
    Blocked,
    Failed,
    Finished,
    GeneratedFile,
    ListedOperation,
    Nothing,
    PollAnswer,
    ReferenceImage,
    Running,
    VideoRequest,
    Webhook,
)
from .response_limits import INLINE_PATIENCE, bounded

MOST_MODELS = 1000
OMNI = "gemini-omni-"
# The pictures that were sent may come back with an answer, and the video in it.
MAX_ANSWER_BYTES = 64 * 1024**2

WAITING = frozenset({"queued", "in_progress"})
# Docs: "contains incomplete results", "the token budget was exceeded", "was cancelled".
WITHOUT_VIDEO = {
    "failed": "The interaction failed",
    "incomplete": "The interaction ended before its video was complete",
    "budget_exceeded": "The interaction was halted because its token budget was exceeded",
    "cancelled": "The interaction was cancelled",
}

_ID = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._~=-]{0,499}")
_FILE = re.compile(r"(?:^|/)(files/[A-Za-z0-9_-]+)(?=[:?]|$)")


class OmniClient:
    """A VideoClient."""

    def __init__(self, *, submits: bool = False) -> None:
        if not settings.GEMINI_API_KEY:
            raise stop(
                "no_api_key",
                "GEMINI_API_KEY is not set: put the key into .env or the environment.",
            )
        from google.genai import Client, types

        timeout = (
            settings.VIDEO_SUBMIT_TIMEOUT_SECONDS
            if submits
            else settings.VIDEO_POLL_TIMEOUT_SECONDS
        )
        threads = SUBMITTERS if submits else POLLERS
        longest = timeout if submits else timeout * INLINE_PATIENCE
        self._client = Client(
            vertexai=False,
            api_key=settings.GEMINI_API_KEY,
            http_options=types.HttpOptions(
                base_url=settings.VIDEO_API_BASE_URL,
                timeout=int(timeout * 1000),
                retry_options=types.HttpRetryOptions(attempts=1),
                client_args={
                    # Interactions do not take the options' headers over what httpx asks for.
                    "headers": {"Accept-Encoding": "identity"},
                    "event_hooks": {"response": [bounded(longest, MAX_ANSWER_BYTES)]},
                    "follow_redirects": False,
                    "limits": httpx.Limits(
                        max_connections=threads,
                        max_keepalive_connections=0 if submits else threads,
                        keepalive_expiry=30,
                    ),
                },
            ),
        )
        self._interactions = self._client.interactions
        # For interactions "attempts=1" means one more: the paid call would go out twice after a
        # 500. Without a configuration there is none.
        self._interactions.sdk_configuration.retry_config = None
        # With GOOGLE_GENAI_DEBUG it would write the key into the log.
        self._interactions.sdk_configuration.debug_logger = _Silent()

    def prepare(self) -> None:
        """Nothing: the key is all that it takes."""

    def submit(self, request: VideoRequest, webhook: Webhook | None = None) -> str:
        body = _body(request, webhook)
        try:
            interaction = self._interactions.create(**body)
            name = getattr(interaction, "id", None)
        except Exception as error:
            raise with_models(submit_error(error), self.list_models, "The key has") from error
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise VeoError(
                "The API answered the submission without an interaction's id"
                f"{' that can be kept' if name else ''}.",
                code="no_operation_name",
                permanent=False,
                maybe_accepted=True,
            )
        return name

    def poll(self, operation_name: str) -> PollAnswer:
        try:
            answer = _read_interaction(self._interactions.get(operation_name))
            if isinstance(answer, Finished) and answer.uri != INLINE:
                answer = self._with_file(answer)
            return answer
        except Exception as error:
            raise poll_error(error) from error

    def read_inline(self, operation_name: str) -> bytes:
        try:
            data = _video(self._interactions.get(operation_name)).get("data", "")
        except Exception as error:
            raise poll_error(error) from error
        try:
            video = base64.b64decode(data, validate=True)
        except binascii.Error:
            video = b""
        if not video:
            raise VeoError(
                "The API's answer has no video in it that can be read.",
                code="no_inline_video",
                permanent=False,
            )
        return video

    def cancel(self, operation_name: str) -> None:
        try:
            self._interactions.cancel(operation_name)
        except Exception as error:
            raise cancel_error(error) from error

    def list_models(self) -> list[str]:
        # What the list says of such a model's methods is not documented.
        try:
            names = [
                (model.name or "").removeprefix("models/")
                for model in self._client.models.list(config={"page_size": MOST_MODELS}).page
            ]
        except Exception as error:
            raise poll_error(error) from error
        return sorted(name for name in names if name.startswith(OMNI))

    def list_operations(self, model: str) -> tuple[ListedOperation, ...]:
        raise not_offered("a list of interactions")

    def list_generated_files(self) -> tuple[GeneratedFile, ...]:
        return lists.list_generated_files()

    def find_result(self, token: str) -> Finished | None:
        raise not_offered("a place of the submission's own")

    def close(self) -> None:
        self._client.close()

    def _with_file(self, answer: Finished) -> PollAnswer:
        """The same once its file may be downloaded."""
        match = _FILE.search(answer.uri)
        if match is None:
            return answer
        from google.genai import errors

        try:
            file = self._client.files.get(name=match[1])
        except errors.APIError as error:
            if error.code in (403, 404):
                # The same key has just read the interaction: it is the file that is not there, or
                # has no state to tell. The download finds out which.
                return answer
            raise
        # An enumeration, or a word that the SDK does not know.
        state = getattr(file.state, "value", file.state)
        if state == "FAILED":
            words = clean(getattr(file.error, "message", None) or "The file could not be processed")
            return Failed("file_failed", words, is_charge_known=False)
        return answer if state == "ACTIVE" else Running()


class _Silent:
    def debug(self, *args: Any, **kwargs: Any) -> None:
        pass


def _body(request: VideoRequest, webhook: Webhook | None) -> dict[str, Any]:
    problem = ""
    if request.negative_prompt or request.person_generation:
        what = "negative prompt" if request.negative_prompt else "setting for the people in it"
        problem = f"{request.model} takes no {what}: say it in the prompt."
    elif request.seed is not None:
        # The API has a field for one; that a video follows it is documented nowhere.
        problem = f"{request.model} takes no seed: leave it out."
    if problem:
        raise VeoError(problem, code="not_supported", permanent=True)
    body: dict[str, Any] = {
        "model": request.model,
        "background": True,
        "input": [
            *(_picture(each) for each in request.references),
            {"type": "text", "text": request.prompt},
        ],
        "response_format": {
            "type": "video",
            "aspect_ratio": request.aspect_ratio,
            "resolution": request.resolution,
            "duration": f"{request.duration_seconds}s",
            # What is larger than 4 MB does not fit into an answer.
            "delivery": "uri",
        },
        "generation_config": {
            "video_config": {
                "task": "reference_to_video" if request.references else "text_to_video",
            }
        },
    }
    if webhook is not None:
        body["webhook_config"] = {
            "uris": [webhook.uri],
            "user_metadata": {lists.TOKEN_FIELD: webhook.token},
        }
    return body


def _picture(image: ReferenceImage) -> dict[str, str]:
    data = base64.b64encode(image.data).decode()
    return {"type": "image", "data": data, "mime_type": image.mime_type}


def _read_interaction(interaction: Any) -> PollAnswer:
    status = getattr(interaction, "status", None)
    if not isinstance(status, str):
        raise ValueError("the answer has no status")
    if status in WAITING:
        return Running()
    # However it ended: a video that is there is paid for.
    video = _video(interaction)
    if uri := video.get("uri"):
        return Finished(_link(without_key(clean_link(uri))))
    if video.get("data"):
        return Finished(INLINE)
    if status in WITHOUT_VIDEO:
        code, words = _error(interaction)
        sentence = WITHOUT_VIDEO[status] + (f": {words}" if words else "")
        return Failed(code or status, sentence, is_charge_known=False)
    if status != "completed":
        # requires_action and whatever comes: the deadline ends the waiting, the name stays.
        return Running()
    if _has_made_a_video(interaction):
        return Nothing()
    if text := clean(getattr(interaction, "output_text", None) or ""):
        # No page says what a refusal costs; its tokens at least are billed.
        return Blocked((text,), (), is_charge_known=False)
    return Nothing()


def _has_made_a_video(interaction: Any) -> bool:
    """One that cannot be fetched counts, too: words beside it are no refusal."""
    if getattr(interaction, "output_video", None) is not None:
        return True
    usage = getattr(interaction, "usage", None)
    return any(
        str(getattr(each, "modality", "")).lower() == "video" and getattr(each, "tokens", 0)
        for each in getattr(usage, "output_tokens_by_modality", None) or []
    )


def _video(interaction: Any) -> dict[str, str]:
    """`uri` and `data` of the last video in the interaction, each only where it is a text."""
    video = getattr(interaction, "output_video", None)
    values = {name: getattr(video, name, None) for name in ("uri", "data")}
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


def _link(uri: str) -> str:
    """The documentation shows a whole link, a file's address and a file's bare name."""
    match = _FILE.search(uri)
    if match is None or match.end() < len(uri):
        return uri
    return f"{settings.VIDEO_API_BASE_URL.rstrip('/')}/v1beta/{match[1]}:download?alt=media"


def _error(interaction: Any) -> tuple[str, str]:
    """Code and words of a failure, as far as they are told."""
    for error in getattr(interaction, "errors", None) or []:
        words = getattr(error, "message", None)
        if isinstance(words, str) and words:
            code = getattr(error, "code", None)
            return clean(code)[:20] if isinstance(code, str) and code else "", clean(words)
    return "", ""
