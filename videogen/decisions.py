"""What a person decides about a render that does not go on by itself."""

from __future__ import annotations

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from .answers import polled_from
from .models import Submission, VideoRender
from .wakeups import wake_pump

State = VideoRender.State


def look_again(render: VideoRender) -> bool:
    """Ask the API once more about an operation whose name is known. False where that cannot be."""
    if not render.operation_name or render.backend != settings.VIDEO_BACKEND:
        return False
    try:
        with transaction.atomic():
            won = render.move(State.UNKNOWN, State.RUNNING, **polled_from(timezone.now()))
            if won:
                # Accepted it was; what becomes of it decides about the charge.
                render.submissions.filter(outcome=Submission.Outcome.UNKNOWN).update(
                    outcome=Submission.Outcome.ACCEPTED
                )
                wake_pump()
    except IntegrityError:
        return False  # the shot has another open render by now
    return won


def allow_new_render(render: VideoRender) -> bool:
    """A person says that it was not accepted, or gives its clip up: the shot may be rendered
    again. The possible charge stays in the books as it is."""
    if render.is_stale:
        # It is shown as its status: interrupted, or not downloaded.
        render.move(render.state, render.status)
    return render.move(
        {State.UNKNOWN, State.INTERRUPTED, State.NOT_DOWNLOADED},
        State.CANCELLED,
        error_message=f"{render.error_message} A person allowed a new render.".strip(),
    )
