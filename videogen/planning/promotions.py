"""Promoting drafts: the requests of cheap takes, sent again as final takes.

Of each shot one take is promoted: the approved one, else the selected one, else the newest that is
not rejected. Prompt and pictures stay as they were sent; model, format and options are those of the
plan. An approved draft locks its shot against everything else, not against its own final take.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from django.db.models import QuerySet

from storybook.models import Shot, Story
from videogen.catalog.options import ChosenFormat, RequestSettings
from videogen.catalog.prices import PriceList
from videogen.models import RenderBatch, VideoRender, is_attempt
from videogen.models.people import Person
from videogen.models.render_warnings import OF_THE_MODEL, OF_THE_VIDEO, WarningCode
from videogen.models.routes import SIMULATOR
from videogen.prompts.lean import LeftOut
from videogen.prompts.omni_prompt import stored_prompt
from videogen.prompts.prompt import Prompt, limit_warning
from videogen.prompts.references import Dropped, Pick, Selection

from .modes import Action, Decision, Reason, decide
from .plan import Plan, ShotPlan, with_slots_and_repeats, within_budgets
from .shot_status import Situation, find_situations

State = VideoRender.State
Review = VideoRender.Review
Mode = RenderBatch.Mode

# What was said of the draft's video, of its model, or of what there was when it was asked for.
NOT_OF_A_COPY = OF_THE_VIDEO | {WarningCode.REPEAT}
_NOT_OF_ANOTHER_MODEL = NOT_OF_A_COPY | OF_THE_MODEL
_RANK = {Review.APPROVED: 0, Review.SELECTED: 1, Review.UNREVIEWED: 2}


def is_draft(render: VideoRender, prices: PriceList, model: str, resolution: str) -> bool:
    """Whether the render is a take that is cheaper by the second than a final one with that model
    and resolution. False where one of the prices is not known."""
    draft = prices.per_second(render.model, render.resolution)
    final = prices.per_second(model, resolution)
    is_cheaper = draft is not None and final is not None and draft < final
    return render.state == State.DONE and bool(render.prompt_text) and is_cheaper


def approved_drafts(story: Story, backend: str) -> list[int]:
    """The shots of the story whose approved take is a draft. Three queries."""
    request = RequestSettings.current(story)
    takes = VideoRender.objects.filter(
        shot__scenelet__story=story, review=Review.APPROVED, state=State.DONE
    ).exclude(prompt_text="")
    cheaper = {
        (model, resolution)
        for price, model, resolution in request.prices.all()
        if (final := request.prices.per_second(request.model, request.resolution)) is not None
        and price < final
    }
    counts = backend == SIMULATOR
    rows = takes.order_by("shot").values_list("shot", "model", "resolution", "is_simulated")
    return [
        shot
        for shot, model, resolution, is_simulated in rows
        if (model, resolution) in cheaper and (counts or not is_simulated)
    ]


def is_final_of(take: VideoRender, approved: VideoRender, prices: PriceList) -> bool:
    """Whether the take was promoted from the approved take, which is a draft, and waits for its
    verdict: an approval settles what came before it."""
    return (
        take.copy_of_id == approved.pk
        and (approved.reviewed_at is None or approved.reviewed_at < take.state_since)
        and is_draft(approved, prices, take.model, take.resolution)
    )


def plan_promotions(
    story: Story,
    shots: QuerySet[Shot],
    *,
    model: str = "",
    chosen: ChosenFormat | None = None,
    person: Person | None = None,
    over_budget: str = RenderBatch.OverBudget.FIT.value,
    skip_repeats: bool = True,
    takes_per_shot: int = 1,
    prompt_profile: str = "",
) -> Plan:
    """What promoting the shots' drafts would do. A fixed number of queries; writes nothing. By
    default, a draft that was promoted before is left out. prompt_profile: that of the batch; each
    prompt stays as its draft had it."""
    request = RequestSettings.current(story, model, chosen, prompt_profile)
    situations = find_situations(shots, request.backend)
    takes = _takes_of(shots, request)
    rows = []
    for shot in shots.select_related("scenelet"):
        situation, cause = situations.get(shot.pk, (Situation.NOTHING, None))
        row = ShotPlan(shot, situation, decide(situation, Mode.OVERRIDE), cause)
        rows.append(_promoted(row, takes.get(shot.pk), request))
    rows = with_slots_and_repeats(rows, request, takes_per_shot, skip_repeats=skip_repeats)
    plan = Plan(
        story,
        Mode.OVERRIDE.value,
        request,
        tuple(rows),
        over_budget=over_budget,
        takes_per_shot=takes_per_shot,
    )
    return within_budgets(plan, person)


def _takes_of(shots: QuerySet[Shot], request: RequestSettings) -> dict[int, VideoRender]:
    """By shot: the take that may be promoted, with its whole request. Two queries."""
    counts = request.backend == SIMULATOR
    takes = VideoRender.objects.filter(shot__in=shots.order_by(), state=State.DONE)
    takes = takes.exclude(review=Review.REJECTED).exclude(prompt_text="")
    best: dict[int, VideoRender] = {}
    for take in takes.without_heavy_columns().order_by("-pk"):
        if not is_attempt(take, counts_simulated=counts):
            continue
        other = best.get(take.shot_id)
        if other is None or _RANK[Review(take.review)] < _RANK[Review(other.review)]:
            best[take.shot_id] = take
    whole = VideoRender.objects.in_bulk([take.pk for take in best.values()])
    return {take.shot_id: take for take in whole.values()}


def _promoted(row: ShotPlan, take: VideoRender | None, request: RequestSettings) -> ShotPlan:
    """The row, with the take's request where that may be sent now."""
    is_own_lock = row.situation == Situation.APPROVED and row.cause == take
    if row.decision.action != Action.GENERATE and not is_own_lock:
        return row
    if take is None or not is_draft(take, request.prices, request.model, request.resolution):
        return replace(row, decision=Decision(Action.SKIP, Reason.NO_DRAFT))
    if (take.aspect_ratio, take.duration_seconds) != (
        request.aspect_ratio,
        request.duration_seconds,
    ):
        params = {"number": take.take, "shape": take.aspect_ratio, "seconds": take.duration_seconds}
        return replace(row, decision=Decision(Action.SKIP, Reason.OTHER_FORMAT, params))
    selection = Selection(tuple(_picks(take.references)), tuple(_dropped(take)))
    not_taken = tuple(request.problems(len(selection.picks)))
    prompt = _prompt_of(take, request)
    warnings = [each for each in take.warnings if each.code not in _NOT_OF_ANOTHER_MODEL]
    warnings += request.notes
    if prompt.is_over_limit:
        warnings.append(limit_warning(prompt.tokens, prompt.limit))
    params = {"of": "take", "number": take.take, "model": request.model}
    decision = Decision(Action.GENERATE, Reason.COPY, params)
    return replace(
        row,
        decision=decide(row.situation, Mode.OVERRIDE, not_taken) if not_taken else decision,
        copy_of=take,
        prompt=prompt,
        selection=selection,
        warnings=tuple(warnings),
        impossible=not_taken,
        not_taken=not_taken,
    )


def _prompt_of(take: VideoRender, request: RequestSettings) -> Prompt:
    limit = request.prompt_limit
    reworded = stored_prompt(
        take.prompt_text, take.references, take.route, request.route, limit=limit
    )
    if reworded:
        return reworded
    try:
        document = json.loads(take.prompt_text)
    except ValueError:
        document = {}
    document = document if isinstance(document, dict) else {}
    return Prompt(
        document,
        document,
        take.prompt_text,
        take.prompt_tokens,
        limit,
        take.prompt_profile,
        tuple(LeftOut.read(each) for each in take.prompt_left_out),
    )


def _picks(references: Iterable[Mapping[str, Any]]) -> list[Pick]:
    names = [field.name for field in fields(Pick)]
    return [Pick(**{name: each.get(name, "") for name in names}) for each in references]


def _dropped(take: VideoRender) -> list[Dropped]:
    return [Dropped.read(each) for each in take.dropped_references]
