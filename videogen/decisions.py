"""What a person decides about a render that does not go on by itself."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from .models import VideoRender
from .wakeups import wake_pump

State = VideoRender.State


def look_again(render: VideoRender) -> bool:
    """Ask the API once more about an operation whose name is known. False where that cannot be."""
    if not render.operation_name:
        return False
    now = timezone.now()
    with transaction.atomic():
        won = render.move(
            State.UNKNOWN,
            State.RUNNING,
            next_poll_at=now,
            poll_failures=0,
            deadline_at=now + timedelta(minutes=settings.VIDEO_OPERATION_DEADLINE_MINUTES),
            beat_at=now,
            ended_at=None,
        )
        if won:
            wake_pump()
    return won


def allow_new_render(render: VideoRender) -> bool:
    """A person says that it was not accepted, or gives its clip up: the shot may be rendered
    again. The possible charge stays in the books as it is."""
    return render.move(
        {State.UNKNOWN, State.INTERRUPTED, State.NOT_DOWNLOADED},
        State.CANCELLED,
        error_message=f"{render.error_message} A person allowed a new render.".strip(),
    )
