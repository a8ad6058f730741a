"""What a route to the video API has to offer. Every failure is a VeoError; `not_supported` is the
code of what a route does not have."""

from __future__ import annotations

from typing import Protocol

from videogen.common.errors import VeoError

from .messages import Finished, GeneratedFile, ListedOperation, PollAnswer, VideoRequest, Webhook

SUBMITTERS = 8
POLLERS = 24


class VideoClient(Protocol):
    """One pooled connection set; its methods may be called from several threads at once.

    For submissions, connections are not kept alive: on a connection that the server has just
    closed, "sent or not?" has no answer, and each such doubt is a paid clip that waits for a
    person.
    """

    def prepare(self) -> None:
        """Before submissions: get what they need to be sent at once, such as a token. Sends
        nothing that is paid. Raises VeoError."""

    def submit(self, request: VideoRequest, webhook: Webhook | None = None) -> str:
        """Send one paid request, once; returns the operation's name. Raises VeoError.

        Without `webhook` the request has no word of one: an API that does not know the field may
        refuse the request.
        """

    def poll(self, operation_name: str) -> PollAnswer:
        """What became of the operation. Free, may be repeated. Raises VeoError."""

    def read_inline(self, operation_name: str) -> bytes:
        """The video of an operation that carries it in its answer (INLINE). Free, may be repeated.
        Raises VeoError."""

    def cancel(self, operation_name: str) -> None:
        """Ask the API to stop the operation; what became of it is a poll's to tell. Raises
        VeoError."""

    def list_models(self) -> list[str]:
        """The models that make videos on this route: those that the key has, or where nobody
        tells that, those that are published. Free. Raises VeoError."""

    def list_operations(self, model: str) -> tuple[ListedOperation, ...]:
        """All that the API has accepted for the model. Free. Raises VeoError."""

    def list_generated_files(self) -> tuple[GeneratedFile, ...]:
        """All files that the API has made and still has. Free. Raises VeoError."""

    def find_result(self, token: str) -> Finished | None:
        """The video that lies under the submission's own token, if there is one. Free. Raises
        VeoError."""

    def close(self) -> None:
        """End its connections. Without it they stay until the client is collected, which an error
        with its traceback can put off."""


def not_offered(what: str) -> VeoError:
    return VeoError(f"This API does not offer {what}.", code="not_supported", permanent=True)
