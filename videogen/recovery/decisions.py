"""What a person decides about a render that does not go on by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from storybook.models import Story
from videogen.common.errors import DownloadError, RequestError
from videogen.common.formats import ended
from videogen.common.task_queue import wake_downloads, wake_pump
from videogen.models import VideoRender
from videogen.models.people import Requester
from videogen.models.render_queries import RenderQuerySet
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.routes import other_backend, served_backends
from videogen.models.states import GIVEN_UP, STUCK, SubmissionOutcome
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


def allow_new_render(render: VideoRender, *, by: str = "") -> bool:
    """Cancel the render, because a person says that it was not accepted or gives its clip up: the
    shot may be rendered again. The possible charge stays in the ledger as it is. Return False if
    the render does not wait for a person any more."""
    if render.is_stale:
        # Make it what people see: interrupted, or not downloaded.
        render.move(render.state, render.status)
    if render.state not in STUCK:
        return False
    decision = {
        "was": str(render.state),
        "by": by,
        "code": render.error_code,
        "message": render.error_message,
    }
    return render.move(
        render.state,
        State.CANCELLED,
        error_code=GIVEN_UP,
        error_message=f"{ended(render.error_message)} A person allowed a new render.".strip(),
        error_details={**_details(render), _DECISION: decision},
    )


def given_up_since(moment: datetime) -> RenderQuerySet:
    """Return the renders that somebody gave up since then, the newest first, as far as that can be
    taken back."""
    renders = VideoRender.objects.filter(
        ~Exists(_later(OuterRef("shot"), OuterRef("pk"))),
        ended_at__gte=moment,
        state=State.CANCELLED,
        error_code=GIVEN_UP,
    )
    return renders.order_by("-ended_at", "-pk")


def _later(shot: int | OuterRef, render: int | OuterRef) -> RenderQuerySet:
    """Return the attempts at the shot that came after the render."""
    renders = VideoRender.objects.filter(shot=shot, pk__gt=render)
    return renders.exclude(kind=VideoRender.Kind.REHEARSAL)


def can_be_taken_back(render: VideoRender) -> bool:
    """Whether it is known what the render waited for before somebody gave it up."""
    return render.state == State.CANCELLED and _DECISION in _details(render)


def take_back(render: VideoRender) -> bool:
    """Let a render that somebody gave up wait for a person again, as it did before. Return False if
    nobody gave it up. Raises RequestError if something was built on the decision: the shot has been
    rendered since."""
    if not can_be_taken_back(render):
        return False
    with transaction.atomic():
        # Whoever queues a render of the shot holds this lock.
        Story.objects.select_for_update(of=("self",), no_key=True).get(
            scenelets__shots=render.shot_id
        )
        if _later(render.shot_id, render.pk).exists():
            raise RequestError(
                "The shot was rendered again since, so this stays decided.", code="built_on"
            )
        details = _details(render)
        decision = details.pop(_DECISION)
        return render.move(
            State.CANCELLED,
            decision["was"],
            only={"error_code": GIVEN_UP},
            error_code=decision["code"],
            error_message=decision["message"],
            error_details=details,
            **_late_answer(render),
        )


def _late_answer(render: VideoRender) -> dict[str, Any]:
    """Return what the API answered while the render was given up: nothing else would ask about that
    operation, and no list would propose it."""
    if render.operation_name:
        return {}
    accepted = render.submissions.filter(
        outcome=SubmissionOutcome.ACCEPTED, operation_name__gt=""
    ).first()
    if accepted is None:
        return {}
    return {"operation_name": accepted.operation_name, "submitted_at": accepted.answered_at}


# Where its error_details say what it was before.
_DECISION = "decision"


def _details(render: VideoRender) -> dict[str, Any]:
    details = render.error_details
    return dict(details) if isinstance(details, Mapping) else {}


def attach_link(render: VideoRender, link: str, requester: Requester) -> bool:
    """Download the render's video from a link that a person gave. Return False if the render does
    not wait for a person, or not any more. Raises RequestError if the link cannot be used."""
    link = _checked_link(link)
    if render.backend not in served_backends():
        raise RequestError(other_backend(render.backend).sentence, code="other_backend")
    if render.status not in STUCK:
        return False
    warning = RenderWarning(WarningCode.LINK_GIVEN, {"by": _name_of(requester)})
    was_given = render.is_link_given
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
                set_aside(render.pk, is_given=was_given)
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
