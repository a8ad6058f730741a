"""Which take stands for a shot where a story is watched, made into a film or handed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import models

from storybook.models import Shot
from videogen.models import VideoRender
from videogen.models.shot_status import counts_simulated, is_attempt

Review = VideoRender.Review


class TakeRule(models.TextChoices):
    """Which takes may stand for their shots: `best` takes the approved one, else the selected one,
    else the newest that is not rejected."""

    BEST = "best", "approved, selected or newest"
    SELECTED = "selected", "approved or selected"
    APPROVED = "approved", "approved only"


_ALLOWED = {
    TakeRule.BEST: (Review.APPROVED, Review.SELECTED, Review.UNREVIEWED),
    TakeRule.SELECTED: (Review.APPROVED, Review.SELECTED),
    TakeRule.APPROVED: (Review.APPROVED,),
}


def find_chosen_takes(
    shots: Iterable[Shot | int], rule: TakeRule = TakeRule.BEST
) -> dict[int, VideoRender]:
    """Return by primary key of a shot the take that stands for it; shots without one are missing.

    What the simulator made counts only while the simulator is used. The take's review tells why it
    was chosen: one that is neither approved nor selected is the newest. Makes one query for each
    500 shots.
    """
    wanted = [shot if isinstance(shot, int) else shot.pk for shot in shots]
    order = {review: rank for rank, review in enumerate(_ALLOWED[rule])}
    found: dict[int, VideoRender] = {}
    simulated = counts_simulated()
    for start in range(0, len(wanted), 500):
        takes = (
            VideoRender.objects.filter(
                shot__in=wanted[start : start + 500],
                state=VideoRender.State.DONE,
                review__in=list(order),
            )
            .without_heavy_columns()
            .order_by("-take")
        )
        for take in takes:
            if not is_attempt(take, counts_simulated=simulated):
                continue
            before = found.get(take.shot_id)
            if before is None or order[Review(take.review)] < order[Review(before.review)]:
                found[take.shot_id] = take
    return found


def find_frozen_takes(frozen: Mapping[str, int]) -> dict[int, VideoRender]:
    """Return the takes that were chosen once, by primary key of their shots, whatever was decided
    about them since. `frozen`: their primary keys by those of their shots. Makes one query for each
    500 takes."""
    pks = list(frozen.values())
    found: dict[int, VideoRender] = {}
    for start in range(0, len(pks), 500):
        takes = VideoRender.objects.filter(
            pk__in=pks[start : start + 500], state=VideoRender.State.DONE
        ).without_heavy_columns()
        found |= {take.shot_id: take for take in takes}
    return found
