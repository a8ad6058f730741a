"""Drafts: selections of shots that somebody looks at before they cost anything, stored as batches.

A draft has shots and options. Its plan is made again whenever somebody looks at it. Confirming it
queues exactly the plan that was seen, and does so once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from storybook.models import Shot
from videogen.catalog.options import ChosenFormat
from videogen.common.errors import RequestError
from videogen.models import RenderBatch, VideoRender
from videogen.models.batches import next_number
from videogen.models.people import Person, Requester

from .enqueue import QueuedBatch, queue_locked_plan
from .modes import WORK
from .plan import Plan, lock_planning, plan_shots
from .promotions import plan_promotions

Status = RenderBatch.Status

KEPT_FOR = timedelta(days=7)
# The sweep runs every minute.
MOST_AT_ONCE = 200


def draft_batches(
    shots: QuerySet[Shot], mode: str, requester: Requester, *, promotes: bool = False
) -> list[RenderBatch]:
    """Create one draft for each story of the `shots`. Three statements, and one more for every 500
    shots or so.

    promotes: the draft takes of the shots are sent again as final takes, except for those that were
    promoted before.
    """
    _check_mode(mode)
    ids: dict[int, list[int]] = {}
    found = Shot.objects.filter(pk__in=shots.values("pk")).order_by("scenelet__story_id", "pk")
    for story_id, pk in found.values_list("scenelet__story_id", "pk"):
        ids.setdefault(story_id, []).append(pk)
    through = RenderBatch.shots.through
    with transaction.atomic():
        drafts = RenderBatch.objects.bulk_create(
            RenderBatch.asked_by(
                requester,
                story_id=story_id,
                status=Status.DRAFT,
                mode=mode,
                promotes=promotes,
                skips_repeats=promotes,
                filters={"shots": selected},
            )
            for story_id, selected in ids.items()
        )
        through.objects.bulk_create(
            through(renderbatch_id=draft.pk, shot_id=pk)
            for draft in drafts
            for pk in ids[draft.story_id]
        )
    return drafts


def plan_draft(
    batch: RenderBatch,
    mode: str | None = None,
    *,
    model: str | None = None,
    over_budget: str | None = None,
    skip_repeats: bool | None = None,
    takes_per_shot: int | None = None,
    prompt_profile: str | None = None,
    chosen: ChosenFormat | None = None,
    person: Person | None = None,
    only: Shot | None = None,
) -> Plan:
    """What the draft would do now, as it is or with other options, if `person` confirmed it, or
    else whoever made it. Writes nothing. only: one of its shots, as if it were alone."""
    if mode is not None:
        _check_mode(mode)
    shots = batch.shots.filter(pk=only.pk) if only else batch.shots.all()
    options: dict[str, Any] = {
        "model": batch.model if model is None else model,
        "over_budget": over_budget or batch.over_budget,
        "skip_repeats": batch.skips_repeats if skip_repeats is None else skip_repeats,
        "takes_per_shot": takes_per_shot or batch.takes_per_shot,
        "prompt_profile": batch.prompt_profile if prompt_profile is None else prompt_profile,
        "chosen": chosen or ChosenFormat.of(batch),
        "person": person or Person(batch.requested_by_id, batch.requested_by_name),
    }
    if batch.promotes:
        return plan_promotions(batch.story, shots, **options)
    # Among others, a shot that is no longer in the bundle is hardly meant.
    are_named = None
    if only:
        is_gone = only.gone_since is not None
        are_named = is_gone and not batch.shots.filter(gone_since=None).exists()
    return plan_shots(batch.story, shots, mode or batch.mode, are_named=are_named, **options)


def set_mode(batch: RenderBatch, mode: str) -> None:
    """Store the draft's mode. Raises RequestError if the batch is no longer a draft."""
    _check_mode(mode)
    if not _drafts().filter(pk=batch.pk).update(mode=mode):
        raise _already_confirmed()
    batch.mode = mode


def set_priority(batch: RenderBatch, priority: object) -> bool:
    """Set the batch's place in the queue. False where it had that place already. A claim reads the
    priority, so it also holds for what is queued. RequestError where there is no such priority."""
    try:
        chosen = RenderBatch.Priority(int(str(priority)))
    except ValueError:
        raise RequestError("There is no such place in the queue.", code="no_priority") from None
    batches = RenderBatch.objects.filter(pk=batch.pk).exclude(priority=chosen)
    batch.priority = chosen
    return bool(batches.update(priority=chosen))


def set_options(
    batch: RenderBatch,
    *,
    model: str,
    over_budget: str,
    skips_repeats: bool = False,
    takes_per_shot: int = 1,
    prompt_profile: str = "",
    stops_when_approved: bool = False,
    chosen: ChosenFormat | None = None,
) -> None:
    """Store the options of the draft. Raises RequestError if the batch is no longer a draft."""
    options = {
        "model": model,
        "over_budget": over_budget,
        "skips_repeats": skips_repeats,
        "takes_per_shot": takes_per_shot,
        "prompt_profile": prompt_profile,
        "stops_when_approved": stops_when_approved,
        **(chosen or ChosenFormat()).columns,
    }
    if not _drafts().filter(pk=batch.pk).update(**options):
        raise _already_confirmed()
    for name, value in options.items():
        setattr(batch, name, value)


def confirm_batch(batch: RenderBatch, requester: Requester, *, seen: str) -> QueuedBatch:
    """Queue the draft's plan, once, however often it is asked for.

    seen: the fingerprint of the plan that the person looked at. Raises RequestError with the code
    already_confirmed, plan_changed, over_budget or nothing_to_do. If the plan has changed since,
    the batch stays a draft.
    """
    with transaction.atomic():
        lock_planning(batch.story_id)
        number = next_number()
        if not _drafts().filter(pk=batch.pk).update(status=Status.CONFIRMED, number=number):
            raise _already_confirmed()
        confirmed = RenderBatch.objects.select_related("story").get(pk=batch.pk)
        plan = plan_draft(confirmed, person=requester.person)
        if plan.fingerprint != seen:
            raise RequestError(
                "Nothing was queued: this is no longer the plan that you saw. The mode was "
                "changed, or something happened meanwhile. Look at it once more.",
                code="plan_changed",
            )
        if not plan.count(*WORK):
            short = plan.shortage and plan.shortage.sentence
            raise RequestError(
                f"Nothing was queued: {short}"
                if short
                else "Nothing was queued: there is nothing to do for these shots in this mode.",
                code="over_budget" if short else "nothing_to_do",
            )
        return queue_locked_plan(plan, confirmed, requester)


def delete_old_drafts() -> int:
    """Delete the drafts that nobody has confirmed for a week. Returns how many."""
    renders = VideoRender.objects.filter(batch=OuterRef("pk"))
    with transaction.atomic():
        # The lock keeps a draft that somebody confirms at this moment.
        old = (
            _drafts()
            .filter(~Exists(renders), created_at__lt=timezone.now() - KEPT_FOR)
            .select_for_update(of=("self",), skip_locked=True)
            .order_by("created_at")
            .values_list("pk", flat=True)[:MOST_AT_ONCE]
        )
        if not (ids := list(old)):
            return 0
        return RenderBatch.objects.filter(pk__in=ids).delete()[1][RenderBatch._meta.label]


def _drafts() -> QuerySet[RenderBatch]:
    return RenderBatch.objects.filter(status=Status.DRAFT)


def _check_mode(mode: str) -> None:
    if mode not in RenderBatch.Mode.values:
        raise RequestError(f"There is no mode {mode}.", code="no_mode")


def _already_confirmed() -> RequestError:
    return RequestError(
        "This batch was confirmed already: nothing was queued a second time.",
        code="already_confirmed",
    )
