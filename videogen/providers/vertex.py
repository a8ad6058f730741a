"""Veo on Vertex AI: submit, poll, and find videos in our bucket.

These are the same models as on the Gemini API, reached in another way: a bearer token instead of a
key, a project and a location in every path, and the video in a bucket of our own
(VIDEO_VERTEX_STORAGE_URI) or within the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.untrusted_text import clean, clean_link

from .bucket import list_videos
from .client import not_offered
from .credentials import bearer_of, load_credentials, need_token
from .errors import stop
from .gemini import blocked_or_nothing, read_error, videos_of
from .gs_urls import prefix_of, split_gs
from .messages import (
    INLINE,
    Finished,
    PollAnswer,
    Running,
    VideoRequest,
    Webhook,
)
from .response_limits import INLINE_PATIENCE, MAX_INLINE_ANSWER_BYTES
from .sdk_client import SdkClient
from .vertex_errors import models_error, poll_error, submit_error

if TYPE_CHECKING:
    from google.genai import types


class VertexClient(SdkClient):
    """A VideoClient for Veo on Vertex AI. This API has no webhooks, so none is ever sent."""

    # Wider than what is documented, because a name that is refused is a clip that is lost; names of
    # old projects have a colon in them.
    operation_name = re.compile(
        r"(?=.{1,500}\Z)(?!.*\.\.)"
        r"projects/[\w.:-]+/locations/[\w-]+/(?:[\w.~-]+/)*operations/[\w.~-]+",
        re.ASCII,
    )
    api = "Vertex AI"
    # Whether the project may use a model is not told, only that it exists.
    models_heading = "Google publishes"
    max_poll_bytes = MAX_INLINE_ANSWER_BYTES
    poll_patience = INLINE_PATIENCE

    def __init__(self, *, submits: bool = False) -> None:
        if not settings.VIDEO_VERTEX_PROJECT:
            raise stop(
                "no_project",
                "GOOGLE_CLOUD_PROJECT is not set: put the project into .env or the environment.",
            )
        self._credentials = load_credentials()
        super().__init__(
            submits=submits,
            base_url=settings.VIDEO_VERTEX_BASE_URL,
            vertexai=True,
            project=settings.VIDEO_VERTEX_PROJECT,
            location=settings.VIDEO_VERTEX_LOCATION,
            credentials=self._credentials,
        )

    def prepare(self) -> None:
        """Get a valid token before the call: a sign-in that hangs within the call would look as if
        the call itself hung."""
        bearer_of(self._credentials)

    def _send(self, request: VideoRequest, webhook: Webhook | None) -> object:
        need_token(self._credentials)
        return self._generate_videos(
            request,
            # Veo 3 has to be told; a video without sound has another price.
            generate_audio=True,
            output_gcs_uri=prefix_of(request.token) or None,
        )

    def poll(self, operation_name: str) -> PollAnswer:
        return _read_operation(self._fetch(operation_name))

    def read_inline(self, operation_name: str) -> bytes:
        for video in videos_of(self._fetch(operation_name)):
            if video.video_bytes:
                return bytes(video.video_bytes)
        raise VeoError(
            "The answer no longer carries the video.", code="no_inline_video", permanent=True
        )

    def find_result(self, token: str) -> Finished | None:
        """Find the submission's video in our bucket. More than one video is not an answer either,
        because only one was asked for."""
        if not settings.VIDEO_VERTEX_STORAGE_URI or not token:
            raise not_offered("a place of the submission's own without VIDEO_VERTEX_STORAGE_URI")
        found = list_videos(prefix_of(token))
        return Finished(found[0]) if len(found) == 1 else None

    def _fetch(self, operation_name: str) -> types.GenerateVideosOperation:
        if not self.operation_name.fullmatch(operation_name):
            raise VeoError(
                f"The operation {clean(operation_name)} is not one of Vertex AI: it was submitted "
                "by another route.",
                code="another_route",
                permanent=True,
            )
        self.prepare()
        try:
            return self._fetch_operation(operation_name)
        except Exception as error:
            raise _elsewhere(operation_name, poll_error(error)) from error

    def _video_models(self, models: Iterable[types.Model]) -> Iterable[str]:
        """The API does not say what a model makes; the names of Veo's models say it."""
        names = ((model.name or "").rpartition("/")[2] for model in models)
        return (name for name in names if name.startswith("veo-"))

    def _submit_error(self, error: Exception, *, has_left: bool) -> VeoError:
        return submit_error(error, has_left=has_left)

    def _models_error(self, error: Exception) -> VeoError:
        return models_error(error)


def _elsewhere(operation_name: str, error: VeoError) -> VeoError:
    """Return the error, or a better one where the settings name another project or location than
    the operation's name does: a host that cannot know the operation refused, while the operation
    itself may still be running.

    The operation is asked about first all the same, because a project has a number besides its
    name, and the location `global` may answer with a region.
    """
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


def _read_operation(operation: types.GenerateVideosOperation) -> PollAnswer:
    if not operation.done:
        return Running()
    if operation.error:
        return read_error(operation.error)
    for video in videos_of(operation):
        if video.uri:
            return Finished(_object_link(video.uri))
        if video.video_bytes:
            return Finished(INLINE)
    return blocked_or_nothing(operation)


def _object_link(uri: str) -> str:
    """Return the gs:// link as it is stored and printed."""
    link = clean_link(uri)
    try:
        split_gs(link)
    except ValueError as error:
        raise VeoError(
            f"Vertex AI gave a link that leads to no object: {clean(link)[:200]}",
            code="bad_link",
            permanent=True,
        ) from error
    return link
