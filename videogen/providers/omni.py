"""Gemini Omni, which makes videos by interactions: submit, poll, cancel.

The facts come from ai.google.dev/gemini-api/docs/omni, from .../api/interactions-api and from the
source of google-genai 2.34.0; nothing was tried against the live service. An interaction that ends
without a video (failed, incomplete, budget_exceeded, cancelled) may have used tokens that cost
money. No page says that it is free, so its cost counts as unknown.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.untrusted_text import clean, clean_link, without_key

from . import lists
from .credentials import api_key
from .errors import cancel_error, poll_error
from .messages import (
    INLINE,
    Blocked,
    Failed,
    Finished,
    GeneratedFile,
    Nothing,
    PollAnswer,
    ReferenceImage,
    Running,
    VideoRequest,
    Webhook,
)
from .refusal_words import is_block, support_codes
from .response_limits import INLINE_PATIENCE
from .sdk_client import SdkClient
from .url_guard import file_link

if TYPE_CHECKING:
    from google.genai import types

OMNI = "gemini-omni-"

WAITING = frozenset({"queued", "in_progress"})
# From the documentation: "contains incomplete results", "the token budget was exceeded", "was
# cancelled".
WITHOUT_VIDEO = {
    "failed": "The interaction failed",
    "incomplete": "The interaction ended before its video was complete",
    "budget_exceeded": "The interaction was halted because its token budget was exceeded",
    "cancelled": "The interaction was cancelled",
}

_FILE = re.compile(r"(?:^|/)(files/[A-Za-z0-9_-]+)(?=[:?]|$)")


class OmniClient(SdkClient):
    """A VideoClient for Gemini Omni. The name of an operation is the id of an interaction."""

    operation_name = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._~=-]{0,499}")
    # The pictures that were sent may come back with an answer, and the video in it.
    max_submit_bytes = max_poll_bytes = 64 * 1024**2
    poll_patience = INLINE_PATIENCE

    def __init__(self, *, submits: bool = False) -> None:
        super().__init__(
            submits=submits,
            base_url=settings.VIDEO_API_BASE_URL,
            vertexai=False,
            api_key=api_key(),
        )
        self._interactions = self._client.interactions
        # For interactions "attempts=1" means one more attempt: the paid call would go out twice
        # after a 500. Without a retry configuration there is only one.
        self._interactions.sdk_configuration.retry_config = None
        # With GOOGLE_GENAI_DEBUG set, the SDK would write the key into the log.
        self._interactions.sdk_configuration.debug_logger = _Silent()

    def _send(self, request: VideoRequest, webhook: Webhook | None) -> object:
        return getattr(self._interactions.create(**_body(request, webhook)), "id", None)

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
                "The API's answer contains no readable video.",
                code="no_inline_video",
                permanent=False,
            )
        return video

    def cancel(self, operation_name: str) -> None:
        try:
            self._interactions.cancel(operation_name)
        except Exception as error:
            raise cancel_error(error) from error

    def list_generated_files(self) -> tuple[GeneratedFile, ...]:
        return lists.list_generated_files()

    def _video_models(self, models: Iterable[types.Model]) -> Iterable[str]:
        """It is not documented which methods the list gives to such models, so the name counts."""
        names = ((model.name or "").removeprefix("models/") for model in models)
        return (name for name in names if name.startswith(OMNI))

    def _with_file(self, answer: Finished) -> PollAnswer:
        """Return the answer once its file may be downloaded; until then it counts as running."""
        match = _FILE.search(answer.uri)
        if match is None:
            return answer
        from google.genai import errors

        try:
            file = self._client.files.get(name=match[1])
        except errors.APIError as error:
            if error.code in (403, 404):
                # The same key has just read the interaction, so the file is missing, or it has no
                # state to tell. The download finds out which.
                return answer
            raise
        # This is a member of an enumeration, or a plain word where the SDK does not know it.
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
        # The API has a field for a seed, but no page says that a video follows it.
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
            # A video of more than 4 MB does not fit into an answer.
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
    # However the interaction ended, a video that is there was paid for.
    video = _video(interaction)
    if uri := video.get("uri"):
        return Finished(_link(without_key(clean_link(uri))))
    if video.get("data"):
        return Finished(INLINE)
    if status in WITHOUT_VIDEO:
        code, words = _error(interaction)
        if is_block(words):
            return Blocked((words,), support_codes([words]), is_charge_known=False)
        sentence = WITHOUT_VIDEO[status] + (f": {words}" if words else "")
        return Failed(code or status, sentence, is_charge_known=False)
    if status != "completed":
        # For requires_action, and for any status of the future, the deadline ends the waiting and
        # the name is kept.
        return Running()
    if _has_made_a_video(interaction):
        return Nothing()
    if text := clean(getattr(interaction, "output_text", None) or ""):
        # No page says what a refusal costs; at least its tokens are billed.
        return Blocked((text,), (), is_charge_known=False)
    return Nothing()


def _has_made_a_video(interaction: Any) -> bool:
    """Whether the model made a video, even one that cannot be fetched: text beside a video is not a
    refusal."""
    if getattr(interaction, "output_video", None) is not None:
        return True
    usage = getattr(interaction, "usage", None)
    return any(
        str(getattr(each, "modality", "")).lower() == "video" and getattr(each, "tokens", 0)
        for each in getattr(usage, "output_tokens_by_modality", None) or []
    )


def _video(interaction: Any) -> dict[str, str]:
    """Return `uri` and `data` of the interaction's last video, each only if it is a non-empty
    string."""
    video = getattr(interaction, "output_video", None)
    values = {name: getattr(video, name, None) for name in ("uri", "data")}
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


def _link(uri: str) -> str:
    """Return the link to download. The documentation shows a whole link, the address of a file and
    the bare name of a file, so all three are understood."""
    match = _FILE.search(uri)
    if match is None or match.end() < len(uri):
        return uri
    return file_link(match[1])


def _error(interaction: Any) -> tuple[str, str]:
    """Return the code and the message of a failure; each is empty if the API does not tell it."""
    for error in getattr(interaction, "errors", None) or []:
        words = getattr(error, "message", None)
        if isinstance(words, str) and words:
            code = getattr(error, "code", None)
            return clean(code)[:20] if isinstance(code, str) and code else "", clean(words)
    return "", ""
