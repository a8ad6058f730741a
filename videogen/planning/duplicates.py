"""Takes of the very same request: same prompt, references, model and settings. Paying for one more
is a decision of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils import timezone

from videogen.models import VideoRender
from videogen.models.routes import SIMULATOR

SENTENCE = "You have this already as "
_FAT = ("prompt_text", "references", "dropped_references", "warnings", "error_details")


def takes_like(requests: Mapping[int, str], backend: str) -> dict[int, VideoRender]:
    """By shot: the newest take of its request, of the same shot if there is one, else of another.

    requests: a request_sha256 by shot. What the simulator made is no take to a `backend` that makes
    real ones. One query, none without requests.
    """
    wanted = {sha: None for sha in requests.values() if sha}
    if not wanted:
        return {}
    takes = (
        VideoRender.objects.filter(request_sha256__in=wanted, state=VideoRender.State.DONE)
        .select_related("shot__scenelet")
        .defer(*_FAT, "shot__storyboard_payload")
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


def in_words(take: VideoRender, shot: int) -> str:
    """What somebody who asks for a video of `shot` is told of the take that there is."""
    of_shot = "" if take.shot_id == shot else f" of {take.shot}"
    rejected = ", which was rejected" if take.review == VideoRender.Review.REJECTED else ""
    return (
        f"{SENTENCE}take {take.take}{of_shot} of {_day_of(take)}{rejected}: "
        "same prompt, references, model and settings."
    )


def without_repeats(warnings: Iterable[str]) -> list[str]:
    """The warnings that are not about a take that there was already."""
    return [each for each in warnings if not each.startswith(SENTENCE)]


def _day_of(take: VideoRender) -> str:
    day = timezone.localdate(take.rendered_at or take.queued_at)
    year = "" if day.year == timezone.localdate().year else f" {day.year}"
    return f"{day.day} {day:%B}{year}"
