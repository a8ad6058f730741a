"""Vertex AI's calls: submit, poll, and what lies in the bucket.

The same models by another door: a bearer token instead of a key, a project and a place in every
path, and the video in a bucket of our own (VIDEO_VERTEX_STORAGE_URI) or within the answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.untrusted_text import clean, clean_link

from .bucket import list_videos
from .client import POLLERS, SUBMITTERS, not_offered
from .credentials import bearer_of, load_credentials, need_token
from .errors import stop, with_models
from .gemini import MOST_MODELS, MOST_REASONS, support_codes
from .gs_urls import prefix_of, split_gs
from .messages import (
    INLINE,
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
from .response_limits import INLINE_PATIENCE, MAX_INLINE_ANSWER_BYTES, bounded
from .vertex_errors import poll_error, submit_error

if TYPE_CHECKING:
    from google.genai import Client

# google.rpc.Code.INVALID_ARGUMENT: how Vertex ends an operation whose prompt a filter refused.
_INVALID_ARGUMENT = 3
# Wider than what is documented, for a name that is thrown away is a clip that is lost; old projects
# have names with a colon. Letter by letter a part of a path.
_OPERATION = re.compile(
    r"(?=.{1,500}\Z)(?!.*\.\.)projects/[\w.:-]+/locations/[\w-]+/(?:[\w.~-]+/)*operations/[\w.~-]+",
    re.ASCII,
)


class VertexClient:
    """A VideoClient."""

    def __init__(self, *, submits: bool = False) -> None:
        if not settings.VIDEO_VERTEX_PROJECT:
            raise stop(
                "no_project",
                "GOOGLE_CLOUD_PROJECT is not set: put the project into .env or the environment.",
            )
        self._credentials = load_credentials()
        # Takes a second to import: only where a call is made.
        from google.genai import Client, types

        self._types = types
        timeout = (
            settings.VIDEO_SUBMIT_TIMEOUT_SECONDS
            if submits
            else settings.VIDEO_POLL_TIMEOUT_SECONDS
        )
        threads = SUBMITTERS if submits else POLLERS
        bound = (
            bounded(timeout)
            if submits
            else bounded(timeout * INLINE_PATIENCE, MAX_INLINE_ANSWER_BYTES)
        )
        self._client: Client = Client(
            vertexai=True,
            project=settings.VIDEO_VERTEX_PROJECT,
            location=settings.VIDEO_VERTEX_LOCATION,
            credentials=self._credentials,
            http_options=types.HttpOptions(
                base_url=settings.VIDEO_VERTEX_BASE_URL,
                timeout=int(timeout * 1000),  # milliseconds; the SDK has no default
                # The SDK would send the paid call again after a time-out.
                retry_options=types.HttpRetryOptions(attempts=1),
                # Packed, a small answer could unfold to any size.
                headers={"Accept-Encoding": "identity"},
                # That these are set also keeps the SDK from sending by google-auth's own session,
                # which knows neither our bounds nor our rule of one attempt.
                client_args={
                    "event_hooks": {"response": [bound]},
                    # httpx takes the token along to other hosts.
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
        self._sign_in()

    def submit(self, request: VideoRequest, webhook: Webhook | None = None) -> str:
        # Nothing is said of the webhook: this API has no word for one.
        need_token(self._credentials)
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
                    # Veo 3 wants to be told; without sound it is another price.
                    generate_audio=True,
                    seed=request.seed,
                    negative_prompt=request.negative_prompt or None,
                    person_generation=request.person_generation or None,
                    output_gcs_uri=prefix_of(request.token) or None,
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
            raise with_models(submit_error(error), self.list_models, "Google publishes") from error
        name = operation.name
        if not name or not _OPERATION.fullmatch(name):
            raise VeoError(
                "Vertex AI answered the submission without an operation name"
                f"{' that can be kept' if name else ''}.",
                code="no_operation_name",
                permanent=False,
                maybe_accepted=True,
            )
        return name

    def poll(self, operation_name: str) -> PollAnswer:
        return _read_operation(self._fetch(operation_name))

    def read_inline(self, operation_name: str) -> bytes:
        for video in _videos_of(self._fetch(operation_name)):
            if video.video_bytes:
                return bytes(video.video_bytes)
        raise VeoError(
            "The answer does not carry the video any more.", code="no_inline_video", permanent=True
        )

    def cancel(self, operation_name: str) -> None:
        raise not_offered("cancelling")

    def list_operations(self, model: str) -> tuple[ListedOperation, ...]:
        raise not_offered("a list of operations")

    def list_generated_files(self) -> tuple[GeneratedFile, ...]:
        raise not_offered("a list of files")

    def find_result(self, token: str) -> Finished | None:
        """None, too, where more lies there than the one video that was asked for."""
        if not settings.VIDEO_VERTEX_STORAGE_URI or not token:
            raise not_offered("a place of the submission's own without VIDEO_VERTEX_STORAGE_URI")
        found = list_videos(prefix_of(token))
        return Finished(found[0]) if len(found) == 1 else None

    def close(self) -> None:
        self._client.close()

    def list_models(self) -> list[str]:
        """Those that Google publishes and whose name says that they make videos: whether the
        project may use one is not told."""
        self._sign_in()
        try:
            # One page, the largest: who turns pages as the API tells may never come to an end.
            page = self._client.models.list(config={"page_size": MOST_MODELS}).page
            names = ((model.name or "").rpartition("/")[2] for model in page)
            return sorted(name for name in names if name.startswith("veo-"))
        except Exception as error:
            raise poll_error(error) from error

    def _fetch(self, operation_name: str) -> Any:
        if not _OPERATION.fullmatch(operation_name):
            raise VeoError(
                f"The operation {clean(operation_name)} is not one of Vertex AI: it was submitted "
                "by another route.",
                code="another_route",
                permanent=True,
            )
        self._sign_in()
        try:
            return self._client.operations.get(
                self._types.GenerateVideosOperation(name=operation_name)
            )
        except Exception as error:
            raise _elsewhere(operation_name, poll_error(error)) from error

    def _sign_in(self) -> None:
        """A valid token before the call: within it, a sign-in that hangs would look as if the call
        did."""
        bearer_of(self._credentials)


def _elsewhere(operation_name: str, error: VeoError) -> VeoError:
    """Refused for good where the settings name another place than the operation does: it was asked
    of a host that cannot know it, and may well go on. Asked it was all the same, for a project has
    a number besides its name, and `global` may answer with a place."""
    parts = operation_name.split("/")
    named = {"GOOGLE_CLOUD_PROJECT": parts[1], "GOOGLE_CLOUD_LOCATION": parts[3]}
    project, location = settings.VIDEO_VERTEX_PROJECT, settings.VIDEO_VERTEX_LOCATION
    other = []
    if parts[1] != project and not (parts[1].isdecimal() or project.isdecimal()):
        other.append("GOOGLE_CLOUD_PROJECT")
    if parts[3] != location:
        other.append("GOOGLE_CLOUD_LOCATION")
    if not error.permanent or not other:
        return error
    restored = " and ".join(f"{name}={named[name]}" for name in other)
    return VeoError(
        f"The operation was submitted with {restored}, which is not what is set now: set that "
        "again to have its video.",
        code="another_place",
        permanent=True,
    )


def _read_operation(operation: Any) -> PollAnswer:
    if not operation.done:
        return Running()
    if operation.error:
        return _read_error(operation.error)
    for video in _videos_of(operation):
        if video.uri:
            return Finished(_object_link(video.uri))
        if video.video_bytes:
            return Finished(INLINE)
    response = operation.response or operation.result
    given = (response and response.rai_media_filtered_reasons) or []
    reasons = tuple(clean(each) for each in given[:MOST_REASONS])
    if reasons or (response and response.rai_media_filtered_count):
        return Blocked(reasons, support_codes(reasons))
    return Nothing()


def _read_error(error: dict[str, Any]) -> PollAnswer:
    code = error.get("code", "")
    message = clean(error.get("message") or "no message")
    if code == _INVALID_ARGUMENT and (codes := support_codes([message])):
        # "The prompt could not be submitted…": a filter's refusal that comes as an error.
        return Blocked((message,), codes)
    return Failed(clean(code)[:20], message)


def _videos_of(operation: Any) -> list[Any]:
    response = operation.response or operation.result
    generated = (response and response.generated_videos) or []
    return [each.video for each in generated if each.video]


def _object_link(uri: str) -> str:
    """The gs:// link, as it is stored and printed."""
    link = clean_link(uri)
    try:
        split_gs(link)
    except ValueError as error:
        raise VeoError(
            f"Vertex AI tells a link that leads to no object: {clean(link)[:200]}",
            code="bad_link",
            permanent=True,
        ) from error
    return link
