"""Veo on the Gemini API: submit, poll, and list what the API has accepted and made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings

from videogen.common.untrusted_text import clean, clean_link, without_key

from . import lists
from .credentials import api_key
from .errors import poll_error
from .messages import (
    Blocked,
    Failed,
    Finished,
    GeneratedFile,
    ListedOperation,
    Nothing,
    PollAnswer,
    Running,
    VideoRequest,
    Webhook,
)
from .refusal_words import is_block, support_codes
from .sdk_client import SdkClient

if TYPE_CHECKING:
    from google.genai import types

MOST_REASONS = 20
# google.rpc.Code INVALID_ARGUMENT, PERMISSION_DENIED and FAILED_PRECONDITION: how an operation ends
# whose prompt or picture a filter refused. Whatever else breaks has other codes.
_REFUSALS = (3, 7, 9)


class GeminiClient(SdkClient):
    """A VideoClient for Veo on the Gemini API."""

    operation_name = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._~/-]{0,499}")

    def __init__(self, *, submits: bool = False) -> None:
        super().__init__(
            submits=submits,
            base_url=settings.VIDEO_API_BASE_URL,
            vertexai=False,
            api_key=api_key(),
        )

    def _send(self, request: VideoRequest, webhook: Webhook | None) -> object:
        from google.genai import types

        webhook_config = webhook and types.WebhookConfig(
            uris=[webhook.uri], user_metadata={lists.TOKEN_FIELD: webhook.token}
        )
        return self._generate_videos(request, webhook_config=webhook_config)

    def poll(self, operation_name: str) -> PollAnswer:
        try:
            return _read_operation(self._fetch_operation(operation_name))
        except Exception as error:
            raise poll_error(error) from error

    def list_operations(self, model: str) -> tuple[ListedOperation, ...]:
        return lists.list_operations(model)

    def list_generated_files(self) -> tuple[GeneratedFile, ...]:
        return lists.list_generated_files()

    def _video_models(self, models: Iterable[types.Model]) -> Iterable[str]:
        return (
            (model.name or "").removeprefix("models/")
            for model in models
            if "predictLongRunning" in (model.supported_actions or [])
        )


def _read_operation(operation: types.GenerateVideosOperation) -> PollAnswer:
    if not operation.done:
        return Running()
    if operation.error:
        return read_error(operation.error)
    for video in videos_of(operation):
        if video.uri:
            # A link that no database column can hold could not be opened either.
            return Finished(without_key(clean_link(video.uri)))
    return blocked_or_nothing(operation)


def read_error(error: dict[str, Any]) -> Blocked | Failed:
    """Return what the error of an operation means: a safety filter may refuse in this way, too."""
    message = clean(error.get("message") or "no message")
    codes = support_codes([message])
    if codes or error.get("code") in _REFUSALS and is_block(message):
        return Blocked((message,), codes)
    return Failed(clean(error.get("code", ""))[:20], message)


def videos_of(operation: types.GenerateVideosOperation) -> list[types.Video]:
    response = operation.response or operation.result
    generated = (response and response.generated_videos) or []
    return [each.video for each in generated if each.video]


def blocked_or_nothing(operation: types.GenerateVideosOperation) -> Blocked | Nothing:
    """What became of an operation that ended without an error and without a video."""
    response = operation.response or operation.result
    given = (response and response.rai_media_filtered_reasons) or []
    reasons = tuple(clean(each) for each in given[:MOST_REASONS])
    if reasons or (response and response.rai_media_filtered_count):
        return Blocked(reasons, support_codes(reasons))
    return Nothing()
