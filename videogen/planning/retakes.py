"""Reject a take and ask for another one in one step: the verdict, the direction that follows from
it, the references, and the queued render.

All of it is one transaction. `preview_retake` does the same and takes it back, so what it shows is
exactly what `queue_retake` would send.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from storybook.models import Shot
from videogen.catalog.options import ChosenFormat
from videogen.common.db_retry import again_after_deadlock
from videogen.common.errors import RequestError
from videogen.lanes.pauses import get_lane
from videogen.models import Lane, RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.prompts.directions import DirectionPlace, add_direction
from videogen.prompts.fingerprints import request_sha256
from videogen.prompts.reference_choices import Key, store_choices
from videogen.takes.reviews import lock_shot, reject_take

from .enqueue import QueuedBatch, queue_locked_plan
from .modes import Action
from .plan import Plan, content_of, lock_planning, plan_shots


@dataclass(frozen=True)
class Arrangement:
    """The references of the shot as somebody wants them: the `pinned` ones come first, in this
    order; those `left_out` are never sent."""

    pinned: Sequence[Key]
    left_out: Sequence[Key]


@dataclass(frozen=True)
class Retake:
    """What somebody says about a take, and what the next one shall be.

    words and reasons: the verdict. direction: goes into the prompts of the shot; "" for none.
    arrangement: None leaves the references as they are. model, resolution: "" for the story's.
    The profile of the prompt is the take's, so what differs is what somebody has changed.
    """

    render: VideoRender
    words: str = ""
    reasons: Sequence[str] = ()
    direction: str = ""
    arrangement: Arrangement | None = None
    model: str = ""
    resolution: str = ""


def preview_retake(retake: Retake, user: User, requester: Requester) -> Plan:
    """The plan that `queue_retake` would queue now. Nothing of it stays. Raises what `queue_retake`
    raises before it queues."""
    with transaction.atomic():
        lock_shot(retake.render.shot_id)
        plan = _carry_out(retake, user, requester)
        transaction.set_rollback(True)
    return plan


@again_after_deadlock
def queue_retake(
    retake: Retake, user: User, requester: Requester, *, seen: str, task: str
) -> QueuedBatch:
    """Reject the take and queue the next one: both, or nothing.

    seen: the `seen_of` of the plan that the person looked at. Raises RequestError with the code
    plan_changed where another request would be sent or another price paid, with not_now or
    over_budget where the shot gets no new take, and ReviewError where the take cannot be rejected.
    """
    with transaction.atomic():
        lock_shot(retake.render.shot_id)
        lock_planning(retake.render.shot.scenelet.story_id)
        # The lane comes before the rows of the renders: see videogen/lanes/__init__.py.
        Lane.objects.select_for_update(no_key=True).get(pk=get_lane(retake.render.backend).pk)
        plan = _carry_out(retake, user, requester)
        if seen_of(plan) != seen:
            raise RequestError(
                "Nothing was queued and nothing rejected: this is not the request that you saw. "
                "Please look at it once more.",
                code="plan_changed",
            )
        [row] = plan.rows
        if row.decision.action != Action.GENERATE:
            raise RequestError(
                f"Nothing was queued and nothing rejected: {row.decision.reason}.",
                code="over_budget" if row.is_over_budget else "not_now",
            )
        filters = {"retake_of": retake.render.pk, "shots": [row.shot.pk]}
        batch = RenderBatch.asked_by(requester, task=task, filters=filters)
        return queue_locked_plan(plan, batch, requester)


def seen_of(plan: Plan) -> str:
    """A hash of what the plan of one shot would send, and of what that costs."""
    [row] = plan.rows
    request = request_sha256(content_of(row), **plan.request.sent) if row.prompt else ""
    price = str(plan.request.price_usd)
    facts = [row.shot.pk, row.decision.action, request, plan.request.backend, price]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _carry_out(retake: Retake, user: User, requester: Requester) -> Plan:
    """Write all but the new render, and plan it. The caller's transaction holds the lock of the
    shot; a plan that is to be queued also needs those of `lock_planning`, which a preview must not
    take: claims wait for them."""
    shot = Shot.objects.select_related("scenelet__story").get(pk=retake.render.shot_id)
    story = shot.scenelet.story
    rejected = VideoRender.objects.get(pk=retake.render.pk)
    reject_take(rejected, user, retake.words, retake.reasons)
    if retake.direction.strip():
        add_direction(DirectionPlace.of_shot(shot), retake.direction, user)
    if retake.arrangement is not None:
        store_choices(shot, retake.arrangement.pinned, retake.arrangement.left_out)
    return plan_shots(
        story,
        Shot.objects.filter(pk=shot.pk),
        RenderBatch.Mode.OVERRIDE,
        model=retake.model,
        chosen=ChosenFormat(resolution=retake.resolution),
        # A file that somebody uploaded has no prompt.
        prompt_profile=rejected.prompt_profile if rejected.prompt_text else "",
        person=requester.person,
        are_named=True,
    )
