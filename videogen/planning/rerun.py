"""The very same request once more: a render's stored prompt, references and settings become a new
render, whatever the story says by now. A rehearsal becomes a video in this way, and with another
model a draft its final take."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from storybook.models import Shot, Story
from videogen.billing.budgets import limits_for, lock_budgets
from videogen.catalog.options import RequestSettings
from videogen.common.errors import ReferencePictureError, RequestError
from videogen.common.task_queue import wake_pump
from videogen.lanes.pauses import lane_of, resume_after_refusal
from videogen.models import RenderBatch, VideoRender
from videogen.models.batches import CREATE_SHOT_VIDEO
from videogen.models.people import Requester
from videogen.prompts.fingerprints import hashes_of
from videogen.prompts.omni_prompt import stored_prompt
from videogen.prompts.payload import load_reference
from videogen.takes.numbering import surprises

from .duplicates import without_repeats
from .enqueue import QueuedBatch, plan_record, request_fields
from .modes import Action, Decision, decide
from .plan import ShotPlan, price_problem
from .shot_status import Situation, find_situations

State = VideoRender.State
Mode = RenderBatch.Mode


def generate_exactly(render: VideoRender, requester: Requester, *, model: str = "") -> QueuedBatch:
    """Queue the copy, on another `model` where one is named. RequestError, and nothing is queued,
    where the shot must not be rendered now, a reference is not what it was, no price is known or
    a budget has no room."""
    if not render.prompt_text or render.kind in (VideoRender.Kind.LINK, VideoRender.Kind.UPLOAD):
        raise RequestError(
            "No request is stored with it, so there is nothing to send again.", code="no_request"
        )
    _check_references(render)
    request = RequestSettings.of_render(render, model)
    if problems := request.problems(len(render.references)):
        raise RequestError(" ".join(problems), code="not_taken")
    shot = Shot.objects.select_related("scenelet__story").get(pk=render.shot_id)
    story = shot.scenelet.story
    with transaction.atomic():
        # The lock under which plans are queued: of two who ask at once, the second one is refused.
        Story.objects.select_for_update().get(pk=story.pk)
        situation, cause = _situation_of(shot, request)
        lock_budgets()
        if problem := price_problem(request, limits_for(story.pk, requester.person)):
            raise RequestError(problem, code="price")
        price = request.price_usd or Decimal(0)
        other = f" on {model}" if model else ""
        decision = Decision(Action.GENERATE, f"exactly as {_named(render)}{other}")
        batch = RenderBatch.objects.create(
            story=story,
            task=CREATE_SHOT_VIDEO,
            mode=Mode.OVERRIDE,
            door=requester.door,
            filters={"copy_of": render.pk, "shots": [shot.pk]},
            counts={Action.GENERATE.value: 1},
            estimated_cost_usd=price,
            model=request.chosen_model,
            requested_by=requester.user,
            requested_by_name=requester.name,
        )
        lane = lane_of(request.backend)
        reworded = stored_prompt(
            render.prompt_text,
            render.references,
            render.route,
            request.route,
            limit=request.prompt_limit,
        )
        copy = VideoRender(
            shot=shot,
            batch=batch,
            lane=lane,
            kind=VideoRender.Kind.GENERATION,
            mode=batch.mode,
            copy_of=render,
            requested_by=requester.user,
            requested_by_name=requester.name,
            prompt_text=reworded.text if reworded else render.prompt_text,
            prompt_tokens=reworded.tokens if reworded else render.prompt_tokens,
            references=render.references,
            dropped_references=render.dropped_references,
            warnings=_warnings_of_request(render),
            reference_type=render.reference_type,
            **request_fields(request),
        )
        for name, value in hashes_of(copy).items():
            setattr(copy, name, value)
        copy.save(force_insert=True)
        row = ShotPlan(shot, situation, decision, cause)
        batch.plan = [plan_record(row, copy.pk)]
        batch.save(update_fields=["plan"])
        resume_after_refusal(lane)
        wake_pump()
    return QueuedBatch(batch, ((row, copy.pk),), frozenset({copy.pk}))


def _check_references(render: VideoRender) -> None:
    for pick in render.references:
        try:
            load_reference(pick)
        except ReferencePictureError as error:
            raise RequestError(error.sentence, code=error.code) from error


def _situation_of(shot: Shot, request: RequestSettings) -> tuple[Situation, VideoRender | None]:
    """Where the shot stands; RequestError where the mode table allows it no new take."""
    found = find_situations(Shot.objects.filter(pk=shot.pk), request.backend)
    situation, cause = found.get(shot.pk, (Situation.NOTHING, None))
    decision = decide(situation, Mode.OVERRIDE)
    if decision.action != Action.GENERATE:
        raise RequestError(f"Nothing was queued: {decision.reason}.", code="not_now")
    return situation, cause


def _warnings_of_request(render: VideoRender) -> list[str]:
    """Without what was said of its video, and of what there was when it was asked for."""
    warnings = without_repeats(render.warnings)
    if render.state != State.DONE:
        return warnings
    of_video = surprises(render, render.video_seconds or 0, bool(render.has_audio))
    return [each for each in warnings if each not in of_video]


def _named(render: VideoRender) -> str:
    if render.take:
        return f"take {render.take}"
    is_rehearsal = render.kind == VideoRender.Kind.REHEARSAL
    return f"{'rehearsal' if is_rehearsal else 'render'} {render.pk}"
