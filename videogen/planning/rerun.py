"""Send the very same request once more.

The stored prompt, references and settings of a render become a new render, whatever the story says
by now. In this way a rehearsal becomes a video, and, on another model, a draft take its final take.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db import transaction

from storybook.models import Shot
from videogen.catalog.options import RequestSettings
from videogen.common.errors import RequestError, VideogenError
from videogen.common.task_queue import wake_pump
from videogen.lanes.pauses import get_lane, resume_after_refusal
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.prompts.omni_prompt import stored_prompt
from videogen.prompts.payload import read_reference

from .enqueue import QueuedBatch, new_request, plan_record
from .modes import Action, Decision, Reason, decide
from .plan import Plan, ShotPlan, check_price, plan_as_of_now
from .promotions import NOT_OF_A_COPY
from .shot_status import Situation

Mode = RenderBatch.Mode


def generate_exactly(
    render: VideoRender, requester: Requester, *, model: str = "", resolution: str = ""
) -> QueuedBatch:
    """Queue the copy, with another `model` and `resolution` if they are named: then it is a
    promotion, and an approved draft does not lock its own shot against that. RequestError, and
    nothing is queued, where the shot must not be rendered now, a reference is not what it was, no
    price is known or a budget has no room."""
    request = _check_request(render, model, resolution)
    shot = Shot.objects.select_related("scenelet__story").get(pk=render.shot_id)
    with transaction.atomic():
        row = _plan_copy(render, shot, request, requester, model)
        check_price(request)
        batch = _new_batch(row, render, request, requester)
        batch.save()
        copy = _new_copy(shot, render, batch, request)
        copy.save(force_insert=True)
        batch.plan = [plan_record(row, copy.pk)]
        batch.save(update_fields=["plan"])
        resume_after_refusal(copy.lane)
        wake_pump()
    return QueuedBatch(batch, ((row, copy.pk),), frozenset({copy.pk}))


def _check_request(render: VideoRender, model: str, resolution: str) -> RequestSettings:
    """The settings of the copy. RequestError where it cannot be sent as it was."""
    if not render.prompt_text or render.kind in (VideoRender.Kind.LINK, VideoRender.Kind.UPLOAD):
        raise RequestError(
            "No request is stored with it, so there is nothing to send again.", code="no_request"
        )
    for pick in render.references:
        try:
            read_reference(pick)
        except VideogenError as error:
            raise RequestError(error.sentence, code=error.code) from error
    request = RequestSettings.of_render(render, model, resolution)
    if problems := request.problems(len(render.references)):
        sentences = " ".join(each.sentence for each in problems)
        raise RequestError(sentences, code="not_taken")
    return request


def _plan_copy(
    render: VideoRender, shot: Shot, request: RequestSettings, requester: Requester, model: str
) -> ShotPlan:
    """The row of the copy, as of now and under the planner's locks: of two who ask at once, the
    second one is refused. RequestError where the mode table or a budget allows no new take."""
    decision = decide(Situation.NOTHING, Mode.OVERRIDE)
    promoted = render if model else None
    wanted = ShotPlan(shot, Situation.NOTHING, decision, copy_of=promoted)
    plan = Plan(shot.scenelet.story, Mode.OVERRIDE, request, (wanted,))
    [row] = plan_as_of_now(plan, requester.person).rows
    if row.decision.action == Action.BLOCKED:
        raise RequestError(row.decision.reason, code="price")
    if row.decision.action != Action.GENERATE:
        raise RequestError(f"Nothing was queued: {row.decision.reason}.", code="not_now")
    params = {**_reference_to(render), "model": model}
    return replace(row, decision=Decision(Action.GENERATE, Reason.COPY, params))


def _new_batch(
    row: ShotPlan, render: VideoRender, request: RequestSettings, requester: Requester
) -> RenderBatch:
    return RenderBatch.asked_by(
        requester,
        story=row.shot.scenelet.story,
        mode=Mode.OVERRIDE,
        filters={"copy_of": render.pk, "shots": [row.shot.pk]},
        counts={Action.GENERATE.value: 1},
        estimated_cost_usd=request.price_usd or Decimal(0),
        model=request.chosen_model,
        prompt_profile=request.prompt_profile,
        **request.chosen_format.columns,
        # Its request is the one that was put together then.
        uses_key_frames=render.batch.uses_key_frames,
    )


def _new_copy(
    shot: Shot, render: VideoRender, batch: RenderBatch, request: RequestSettings
) -> VideoRender:
    reworded = stored_prompt(
        render.prompt_text,
        render.references,
        render.route,
        request.route,
        limit=request.prompt_limit,
    )
    return new_request(
        batch,
        shot,
        get_lane(request.backend),
        request,
        copy_of=render,
        prompt_text=reworded.text if reworded else render.prompt_text,
        prompt_tokens=reworded.tokens if reworded else render.prompt_tokens,
        prompt_limit=request.prompt_limit,
        prompt_left_out=render.prompt_left_out,
        references=render.references,
        dropped_references=render.dropped_references,
        warnings=[each for each in render.warnings if each.code not in NOT_OF_A_COPY],
        reference_type=render.reference_type,
    )


def _reference_to(render: VideoRender) -> dict[str, Any]:
    if render.take:
        return {"of": "take", "number": render.take}
    is_rehearsal = render.kind == VideoRender.Kind.REHEARSAL
    return {"of": "rehearsal" if is_rehearsal else "render", "number": render.pk}
