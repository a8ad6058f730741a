"""Find takes of the very same request: same prompt, references, model and settings. A person
decides whether to pay for another one."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from storybook.models import Shot
from videogen.models import VideoRender
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.routes import SIMULATOR

# The primary key of a shot, and the request_sha256 of what would be sent for it.
ShotRequest = tuple[int, str]


def find_takes_by_request(
    requests: Iterable[ShotRequest], backend: str
) -> dict[ShotRequest, VideoRender]:
    """The newest take of each request. A take of the same shot comes before one of another.

    What the simulator made does not count for a `backend` that makes real videos. One query, or
    none without requests.
    """
    asked = [(shot, sha) for shot, sha in requests if sha]
    wanted = dict.fromkeys(sha for _, sha in asked)
    if not wanted:
        return {}
    takes = (
        VideoRender.objects.filter(request_sha256__in=wanted, state=VideoRender.State.DONE)
        .select_related("shot__scenelet__story")
        .without_heavy_columns()
        .defer("shot__storyboard_payload")
        .order_by("-pk")
    )
    if backend != SIMULATOR:
        takes = takes.filter(is_simulated=False)
    by_request: dict[str, list[VideoRender]] = {}
    for take in takes:
        by_request.setdefault(take.request_sha256, []).append(take)
    return {
        (shot, sha): next((take for take in found if take.shot_id == shot), found[0])
        for shot, sha in asked
        if (found := by_request.get(sha))
    }


def warn_of_repeat(take: VideoRender, shot: Shot) -> RenderWarning:
    """What somebody who asks for a video of `shot` is told of the take that there is."""
    story = take.shot.scenelet.story_id
    return RenderWarning(
        WarningCode.REPEAT,
        {
            "take": take.take,
            "render": take.pk,
            "shot": "" if take.shot_id == shot.pk else take.shot.code,
            "story": "" if story == shot.scenelet.story_id else str(take.shot.scenelet.story),
            "day": timezone.localdate(take.rendered_at or take.queued_at).isoformat(),
            "is_rejected": take.review == VideoRender.Review.REJECTED,
        },
    )
