"""Find takes of the very same request: same prompt, references, model and settings. A person
decides whether to pay for another one."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils import timezone

from storybook.models import Shot
from videogen.models import VideoRender
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.routes import SIMULATOR


def find_takes_by_request(requests: Mapping[int, str], backend: str) -> dict[int, VideoRender]:
    """By shot: the newest take of its request. A take of the same shot comes before one of another.

    requests: a request_sha256 by shot. What the simulator made does not count for a `backend` that
    makes real videos. One query, or none without requests.
    """
    wanted = {sha: None for sha in requests.values() if sha}
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
        shot: next((take for take in found if take.shot_id == shot), found[0])
        for shot, sha in requests.items()
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
