"""What the clients of all routes share: how google-genai is set up, and how a paid call is sent.

The three rules that keep a paid call from going out twice or to the wrong host are here, once: one
attempt, no redirects, and a bound on time and size of every answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.proxies import proxy_problem
from videogen.common.untrusted_text import has_secret

from . import errors
from .client import POLLERS, SUBMITTERS, not_offered
from .departure import note_departure, watch_departure
from .messages import Finished, GeneratedFile, ListedOperation, VideoRequest, Webhook
from .response_limits import MAX_ANSWER_BYTES, bounded

if TYPE_CHECKING:
    from google.genai import Client, types

MOST_MODELS = 1000


class SdkClient:
    """The common part of the VideoClients. A route adds how it signs in, what it sends, and how it
    reads the answers; what it does not have, it leaves as it is here."""

    # What an operation's name may look like: it becomes a column and, letter by letter, a part of a
    # path. An operation with any other name could not be found again.
    operation_name: ClassVar[re.Pattern[str]]
    # Who speaks in error messages, and how the list of available models is introduced in them.
    api = "The API"
    models_heading = "The key has"
    # The largest answer to the paid call, and to everything else, in bytes.
    max_submit_bytes = MAX_ANSWER_BYTES
    max_poll_bytes = MAX_ANSWER_BYTES
    # An answer that may carry a video takes longer: this many times the usual time.
    poll_patience = 1

    def __init__(self, *, submits: bool, base_url: str, **credentials: Any) -> None:
        if problem := proxy_problem():
            raise errors.stop("bad_proxy", problem)
        # The import takes a second, so it is made only where a call is made.
        from google.genai import Client, types

        if submits:
            timeout = settings.VIDEO_SUBMIT_TIMEOUT_SECONDS
            threads, kept_alive = SUBMITTERS, 0
            bound = bounded(timeout, self.max_submit_bytes)
        else:
            timeout = settings.VIDEO_POLL_TIMEOUT_SECONDS
            threads, kept_alive = POLLERS, POLLERS
            bound = bounded(timeout * self.poll_patience, self.max_poll_bytes)
        self._client: Client = Client(
            **credentials,
            http_options=types.HttpOptions(
                base_url=base_url,
                timeout=int(timeout * 1000),  # milliseconds; the SDK has no default
                # The SDK would send the paid call again after a time-out.
                retry_options=types.HttpRetryOptions(attempts=1),
                # Setting these also keeps the SDK from sending with google-auth's own session,
                # which knows neither our bounds nor our rule of one attempt.
                client_args={
                    # A small compressed answer could unpack to any size. This is not said in the
                    # options' headers, because interactions ignore them for this header.
                    "headers": {"Accept-Encoding": "identity"},
                    "event_hooks": {"request": [note_departure], "response": [bound]},
                    # httpx would send the key or the token to other hosts, too.
                    "follow_redirects": False,
                    "limits": httpx.Limits(
                        max_connections=threads,
                        max_keepalive_connections=kept_alive,
                        keepalive_expiry=30,
                    ),
                },
            ),
        )

    def prepare(self) -> None:
        """Do nothing: an API key needs no preparation."""

    def submit(self, request: VideoRequest, webhook: Webhook | None = None) -> str:
        with watch_departure() as departure:
            try:
                name = self._send(request, webhook)
            except VeoError:
                # The route itself refused before anything was sent.
                raise
            except Exception as error:
                has_left = departure.may_have_been(error)
                failure = self._submit_error(error, has_left=has_left)
                raise errors.with_models(failure, self.list_models, self.models_heading) from error
        # A name that repeats the key could not be stored.
        is_name = isinstance(name, str) and self.operation_name.fullmatch(name)
        if not isinstance(name, str) or not is_name or has_secret(name):
            raise VeoError(
                f"{self.api} answered the submission without an operation name"
                f"{' that can be kept' if name else ''}.",
                code="no_operation_name",
                permanent=False,
                maybe_accepted=True,
            )
        return name

    def read_inline(self, operation_name: str) -> bytes:
        raise not_offered("videos within its answers")

    def cancel(self, operation_name: str) -> None:
        raise not_offered("cancelling")

    def list_models(self) -> list[str]:
        self.prepare()
        try:
            # Only one page, the largest: following the API's page tokens might never end.
            page = self._client.models.list(config={"page_size": MOST_MODELS}).page
            names = self._video_models(page)
            return sorted(name for name in names if errors.is_model_name(name))
        except Exception as error:
            raise self._models_error(error) from error

    def list_operations(self, model: str) -> tuple[ListedOperation, ...]:
        raise not_offered("a list of operations")

    def list_generated_files(self) -> tuple[GeneratedFile, ...]:
        raise not_offered("a list of files")

    def find_result(self, token: str) -> Finished | None:
        raise not_offered("a place of the submission's own")

    def close(self) -> None:
        self._client.close()

    def _send(self, request: VideoRequest, webhook: Webhook | None) -> object:
        """Make the paid call and return the operation's name as the API told it, unchecked. Only
        `submit` calls this."""
        raise NotImplementedError

    def _video_models(self, models: Iterable[types.Model]) -> Iterable[str]:
        """Return the names of those models that make videos on this route."""
        raise NotImplementedError

    def _submit_error(self, error: Exception, *, has_left: bool) -> VeoError:
        return errors.submit_error(error, has_left=has_left)

    def _models_error(self, error: Exception) -> VeoError:
        return errors.models_error(error)

    def _generate_videos(self, request: VideoRequest, **more: Any) -> str | None:
        """Send Veo's paid call with what all its routes take, and `more` of the configuration."""
        from google.genai import types

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
                        reference_type=types.VideoGenerationReferenceType(request.reference_type),
                    )
                    for each in request.references
                ]
                or None,
                seed=request.seed,
                negative_prompt=request.negative_prompt or None,
                person_generation=request.person_generation or None,
                **more,
            ),
        )
        return operation.name

    def _fetch_operation(self, name: str) -> types.GenerateVideosOperation:
        from google.genai import types

        asked = types.GenerateVideosOperation.model_validate({"name": name})
        return self._client.operations.get(asked)
