"""What a person decides about a render that does not go on by itself."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from videogen.common.errors import DownloadError, RequestError
from videogen.common.formats import ended
from videogen.common.task_queue import wake_downloads, wake_pump
from videogen.models import VideoRender
from videogen.models.people import Requester
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.routes import other_backend, served_backends
from videogen.models.states import GIVEN_UP, STUCK
from videogen.providers.gs_urls import is_gs, object_url
from videogen.providers.url_guard import given_link, read_link
from videogen.takes.storage import set_aside

State = VideoRender.State


def look_again(render: VideoRender) -> bool:
    """Poll an operation of unknown outcome again, if its name is known. Return False if that is not
    possible."""
    if not render.operation_name or render.backend not in served_backends():
        return False
    try:
        with transaction.atomic():
            won = render.resume_polling(State.UNKNOWN)
            if won:
                render.submissions.settle_unknown()
                wake_pump()
    except IntegrityError:
        # The shot has another open render by now.
        return False
    return won


def allow_new_render(render: VideoRender) -> bool:
    """Cancel the render, because a person says that it was not accepted or gives its clip up: the
    shot may be rendered again. The possible charge stays in the ledger as it is. Return False if
    the render does not wait for a person any more."""
    if render.is_stale:
        # Make it what people see: interrupted, or not downloaded.
        render.move(render.state, render.status)
    return render.move(
        STUCK,
        State.CANCELLED,
        error_code=GIVEN_UP,
        error_message=f"{ended(render.error_message)} A person allowed a new render.".strip(),
    )


def attach_link(render: VideoRender, link: str, requester: Requester) -> bool:
    """Download the render's video from a link that a person gave. Return False if the render does
    not wait for a person, or not any more. Raises RequestError if the link cannot be used."""
    link = _checked_link(link)
    if render.backend not in served_backends():
        raise RequestError(other_backend(render.backend).sentence, code="other_backend")
    if render.status not in STUCK:
        return False
    warning = RenderWarning(WarningCode.LINK_GIVEN, {"by": _name_of(requester)})
    try:
        with transaction.atomic():
            won = render.restart_download(
                render.state,
                link=link,
                is_link_given=True,
                warnings=[*render.warnings, warning],
            )
            if won:
                # A part that came from another link does not belong to this one's video.
                set_aside(render.pk)
                wake_downloads(1)
    except IntegrityError as error:
        raise RequestError(
            "Another render of this shot is queued or running: wait until it has ended.",
            code="in_flight",
        ) from error
    return won


def _checked_link(link: str) -> str:
    link = given_link(link)
    try:
        read_link(object_url(link) if is_gs(link) else link)
    except DownloadError as error:
        raise RequestError(
            f"This is not a download link. {error.sentence}", code="bad_link"
        ) from error
    return link


def _name_of(requester: Requester) -> str:
    return requester.name or "a person"
