"""What a client of a video API has to offer.

Every failure is a VeoError; its code is `not_supported` where the API does not have something.
"""

from __future__ import annotations

from typing import Protocol

from videogen.common.errors import VeoError

from .messages import Finished, GeneratedFile, ListedOperation, PollAnswer, VideoRequest, Webhook

# How many threads submit, and how many do everything else.
SUBMITTERS = 8
POLLERS = 24


class VideoClient(Protocol):
    """A client of one route, with one pool of connections. Its methods may be called from several
    threads at once, and each of them raises VeoError. Only `submit` costs money.

    A client for submissions does not keep its connections alive. On a connection that the server
    has just closed, nobody could tell whether a request was sent, and each such doubt is a possibly
    paid clip that waits for a person.
    """

    def __init__(self, *, submits: bool = False) -> None:
        """Open a client for submissions, or for everything that is free."""

    def prepare(self) -> None:
        """Get what submissions need in order to be sent at once, such as a token."""

    def submit(self, request: VideoRequest, webhook: Webhook | None = None) -> str:
        """Send one paid request, once, and return the name of its operation.

        Without `webhook` the request does not mention webhooks at all, because an API that does not
        know the field may refuse the request.
        """

    def poll(self, operation_name: str) -> PollAnswer:
        """Ask what became of the operation. This may be repeated."""

    def read_inline(self, operation_name: str) -> bytes:
        """Return the video of an operation that carries it in its answer (INLINE). This may be
        repeated."""

    def cancel(self, operation_name: str) -> None:
        """Ask the API to stop the operation. Only a poll tells whether it did."""

    def list_models(self) -> list[str]:
        """Return the models that make videos on this route: those that the key may use, or all that
        are published where the API does not tell which may be used."""

    def list_operations(self, model: str) -> tuple[ListedOperation, ...]:
        """Return everything that the API has accepted for the model."""

    def list_generated_files(self) -> tuple[GeneratedFile, ...]:
        """Return all files that the API has made and still keeps."""

    def find_result(self, token: str) -> Finished | None:
        """Return the video that was stored under the submission's token, if there is one."""

    def close(self) -> None:
        """End its connections. Without it they stay until the client is collected, which an error
        with its traceback can put off."""


def not_offered(what: str) -> VeoError:
    return VeoError(f"This API does not offer {what}.", code="not_supported", permanent=True)
