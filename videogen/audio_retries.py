"""The audio filter's block, which charges nothing and often passes with the same prompt: the render
is queued once more, once, where VIDEO_RETRY_AUDIO_BLOCK says so. The only way on which something
that the API had accepted is submitted again by itself."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from .models import Submission, VideoRender
from .safety import explain_block, is_audio_block

State = VideoRender.State


def send_again(render: VideoRender, reasons: Sequence[str], codes: Sequence[str]) -> bool:
    """Queue the blocked render once more; False where that must not be. Call it inside a
    transaction: the submission is settled in it, so that a crash leaves either a render that is
    polled again or one that waits for its second claim."""
    if not settings.VIDEO_RETRY_AUDIO_BLOCK or not is_audio_block(reasons, codes):
        return False
    accepted = render.submissions.filter(
        outcome=Submission.Outcome.ACCEPTED, operation_name=render.operation_name
    )
    if not accepted.exists():
        # Nobody knows which call it was: a person's affair.
        return False
    sentence = explain_block(reasons, codes)
    if not render.move(
        State.RUNNING,
        State.QUEUED,
        only={"audio_retries": 0},
        audio_retries=1,
        operation_name="",
        submitted_at=None,
        next_poll_at=None,
        deadline_at=None,
        not_before=None,
        error_code=Submission.BLOCKED_AUDIO,
        error_message=f"{sentence} It is sent once more.",
    ):
        return False
    accepted.update(
        outcome=Submission.Outcome.NOT_CHARGED,
        error_code=Submission.BLOCKED_AUDIO,
        error_message=" ".join(reasons),
    )
    return True
