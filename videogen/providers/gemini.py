"""Veo on the Gemini API: submit, poll, and what the API has accepted and made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import httpx
from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.untrusted_text import clean, clean_link, without_key

from . import lists
from .client import POLLERS, SUBMITTERS, not_offered
from .errors import poll_error, stop, submit_error, with_models
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
from .response_limits import bounded

if TYPE_CHECKING:
    from google.genai import Client, types

MOST_MODELS = 1000
MOST_REASONS = 20
_OPERATION_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._~/-]{0,499}")


class GeminiClient:
    """A VideoClient."""

    def __init__(self, *, submits: bool = False) -> None:
        if not settings.GEMINI_API_KEY:
            raise stop(
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
                # Packed, a small answer could unfold to any size.
                headers={"Accept-Encoding": "identity"},
                client_args={
                    "event_hooks": {"response": [bounded(timeout)]},
                    # httpx takes the key along to other hosts.
                    "follow_redirects": False,
                    "limits": httpx.Limits(
                        max_connections=threads,
                        max_keepalive_connections=0 if submits else threads,
                        keepalive_expiry=30,
                    ),
                },
            ),
        )

    def prepare(self) -> None:
        """Nothing: the key is all that it takes."""

    def submit(self, request: VideoRequest, webhook: Webhook | None = None) -> str:
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
                    seed=request.seed,
                    negative_prompt=request.negative_prompt or None,
                    person_generation=request.person_generation or None,
                    webhook_config=self._webhook_config(webhook),
                ),
            )
        except Exception as error:
            raise with_models(submit_error(error), self.list_models, "The key has") from error
        if not operation.name or not _can_be_kept(operation.name):
            raise VeoError(
                "The API answered the submission without an operation name"
                f"{' that can be kept' if operation.name else ''}.",
                code="no_operation_name",
                permanent=False,
                maybe_accepted=True,
            )
        return operation.name

    def poll(self, operation_name: str) -> PollAnswer:
        types = self._types
        try:
            operation = self._client.operations.get(
                types.GenerateVideosOperation(name=operation_name)
            )
            return _read_operation(operation)
        except Exception as error:
            raise poll_error(error) from error

    def read_inline(self, operation_name: str) -> bytes:
        raise not_offered("videos within its answers")

    def cancel(self, operation_name: str) -> None:
        raise not_offered("cancelling")

    def find_result(self, token: str) -> Finished | None:
        raise not_offered("a place of the submission's own")

    def close(self) -> None:
        self._client.close()

    def _webhook_config(self, webhook: Webhook | None) -> types.WebhookConfig | None:
        if webhook is None:
            return None
        return self._types.WebhookConfig(
            uris=[webhook.uri], user_metadata={lists.TOKEN_FIELD: webhook.token}
        )

    def list_operations(self, model: str) -> tuple[ListedOperation, ...]:
        return lists.list_operations(model)

    def list_generated_files(self) -> tuple[GeneratedFile, ...]:
        return lists.list_generated_files()

    def list_models(self) -> list[str]:
        try:
            return sorted(
                (model.name or "").removeprefix("models/")
                # One page, the largest: who turns pages as the API tells may never come to an end.
                for model in self._client.models.list(config={"page_size": MOST_MODELS}).page
                if "predictLongRunning" in (model.supported_actions or [])
            )
        except Exception as error:
            raise poll_error(error) from error


def _read_operation(operation: Any) -> PollAnswer:
    if not operation.done:
        return Running()
    if operation.error:
        code = clean(operation.error.get("code", ""))[:20]
        return Failed(code, clean(operation.error.get("message") or "no message"))
    response = operation.response or operation.result
    for video in (response and response.generated_videos) or []:
        if video.video and video.video.uri:
            # What no row can hold is no link either.
            return Finished(without_key(clean_link(video.video.uri)))
    given = (response and response.rai_media_filtered_reasons) or []
    reasons = tuple(clean(each) for each in given[:MOST_REASONS])
    if reasons or (response and response.rai_media_filtered_count):
        return Blocked(reasons, support_codes(reasons))
    return Nothing()


def _can_be_kept(name: str) -> bool:
    """As a row's operation name and a part of a path, letter by letter: with another name nothing
    is found again."""
    return _OPERATION_NAME.fullmatch(name) is not None


def support_codes(reasons: Sequence[str]) -> tuple[str, ...]:
    found = []
    for reason in reasons:
        for codes in re.findall(r"[Ss]upport codes?:?\s*([\d,;\s]+)", reason):
            found += re.findall(r"\d{6,}", codes)
    return tuple(dict.fromkeys(found))
