"""Of a batch: leave the rest, or try once more what came to nothing."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Exists, OuterRef
from django.utils import timezone

from storybook.models import Shot

from .drafts import draft_batches
from .errors import RequestError
from .models import RenderBatch, VideoRender
from .queueing import Requester

State = VideoRender.State
Mode = RenderBatch.Mode


def cancel_queued(batch: RenderBatch, user: AbstractBaseUser) -> int:
    """Cancel what was not sent yet; how many renders that were. What the API has goes on."""
    now = timezone.now()
    return VideoRender.objects.filter(batch=batch, state=State.QUEUED).update(
        state=State.CANCELLED,
        state_since=now,
        ended_at=now,
        error_code="cancelled",
        error_message=f"{user.get_username()} cancelled it before it was sent. It costs nothing.",
    )


def retry_failed(batch: RenderBatch, requester: Requester) -> RenderBatch:
    """A draft of the batch's shots whose renders failed, were blocked or cancelled, and that
    nobody has rendered since. RequestError where there are none."""
    failed = batch.renders.filter(state__in=VideoRender.WITHOUT_VIDEO)
    is_rehearsal = batch.mode == Mode.DRY_RUN
    if not is_rehearsal:
        later = VideoRender.objects.filter(shot=OuterRef("shot"), pk__gt=OuterRef("pk")).exclude(
            kind=VideoRender.Kind.REHEARSAL
        )
        failed = failed.filter(~Exists(later.exclude(state__in=VideoRender.WITHOUT_VIDEO)))
    drafts = draft_batches(
        Shot.objects.filter(pk__in=failed.order_by().values("shot")), _mode_again(batch), requester
    )
    if not drafts:
        raise RequestError(
            "Nothing of this batch is left to be tried again.", code="nothing_to_retry"
        )
    return drafts[0]


def _mode_again(batch: RenderBatch) -> str:
    # In the default mode, a new take that failed would be skipped for the old one's sake, and a
    # rehearsal would become a paid render.
    return batch.mode if batch.mode in (Mode.OVERRIDE, Mode.DRY_RUN) else Mode.DEFAULT
