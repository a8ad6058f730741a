"""Plans: what a batch would do, why, what it would cost, and the exact requests. Nothing is stored
or sent."""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from storybook.models import Shot, Story
from videogen.billing.affordability import Shortage
from videogen.catalog.options import ChosenFormat, RequestSettings, extras_of
from videogen.common.errors import RequestError
from videogen.models import RenderBatch
from videogen.models.batches import MOST_TAKES_PER_SHOT
from videogen.models.people import Requester
from videogen.models.problems import Problem
from videogen.models.prompt_profiles import PromptProfile
from videogen.models.render_warnings import RenderWarning
from videogen.planning.modes import Action
from videogen.planning.plan import Plan, ShotPlan, plan_shots
from videogen.planning.targets import check_format, check_model, find_shots, find_story
from videogen.prompts.references import Dropped, Pick

from .access import READ, SEE_BATCHES, requester_of, rights
from .fields import In, Json, Key, Money, Name, Out, money, money_or_none

router = Router(tags=["plans"])

MOST_SHOTS = 5000

Mode = RenderBatch.Mode
OverBudget = RenderBatch.OverBudget


class PlanRequest(In):
    """Which shots, and how. Without a filter: all shots of the story."""

    story_id: Name
    scenelet_id: Name | None = None
    shot_index: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    shots: list[Key] | None = Field(
        None, min_length=1, max_length=MOST_SHOTS, description="Only these, by their ids."
    )
    mode: Mode = Mode.DEFAULT
    model: Name | None = Field(None, description="Another one than that of the story.")
    resolution: Name | None = Field(None, description="Such as 720p. Null: that of the story.")
    aspect_ratio: Name | None = Field(None, description="Such as 9:16. Null: the usual one.")
    duration_seconds: Annotated[int, Field(ge=1, le=600)] | None = Field(
        None, description="Null: the usual one. The model has to make all three together."
    )
    prompt_profile: PromptProfile | None = Field(
        None, description="How prompts are put together. Null: as the story has it."
    )
    over_budget: OverBudget = Field(
        OverBudget.FIT, description="As many as the budgets have room for, or all or nothing."
    )
    skip_repeats: bool = Field(
        False, description="Leave out shots that have a take of the very same request."
    )
    takes_per_shot: int = Field(1, ge=1, le=MOST_TAKES_PER_SHOT)


class PlanQuery(In):
    requests: bool = Field(True, description="With the exact request of each row.")


class CodedOut(Out):
    code: str
    message: str


class ReferenceOut(Out):
    kind: str
    id: str
    path: str
    # Renders that are older than these members have none.
    mime_type: str | None = None
    bytes: int | None = None
    sha256: str | None = None


class DroppedOut(Out):
    kind: str
    id: str
    path: str
    reason: str


class RequestOut(Out):
    """What would be sent, exactly."""

    model: str
    aspect_ratio: str
    resolution: str
    duration_seconds: int
    options: Json = Field(description="Such as a seed; only those that are sent.")
    prompt_text: str
    prompt_tokens: int = Field(description="Estimated.")
    references: list[ReferenceOut]
    dropped_references: list[DroppedOut]


class PlanRowOut(Out):
    shot_id: int
    scenelet_id: str
    shot_index: int
    code: str
    slot: int = Field(description="Counts the takes that are asked for of the shot, from 1.")
    decision: Action
    reason_code: str
    reason: str
    render_id: int | None = Field(description="The render that led to the decision.")
    blockers: list[CodedOut]
    warnings: list[CodedOut]
    estimated_cost_usd: Money | None
    request: RequestOut | None


class BudgetOut(Out):
    name: str
    limit_usd: Money
    spent_usd: Money
    reserved_usd: Money
    left_usd: Money


class CheaperOut(Out):
    words: str
    videos: int
    cost_usd: Money
    model: str | None
    resolution: str | None
    fits: bool


class ShortageOut(Out):
    """What the budgets have no room for, and what would be cheaper."""

    videos: int
    costs_usd: Money
    left_usd: Money
    budget: str
    videos_that_fit: int
    cheaper: list[CheaperOut]


class PlanOut(Out):
    story_id: str
    mode: str
    model: str
    aspect_ratio: str
    resolution: str
    duration_seconds: int
    prompt_profile: PromptProfile
    takes_per_shot: int
    fingerprint: str = Field(description="Changes with anything that would be sent or paid.")
    shots: int
    counts: dict[str, int] = Field(description="How many shots have which decision.")
    cost_usd: Money = Field(description="Of what a batch made from this plan generates.")
    cost_if_sent_usd: Money = Field(description="With the rehearsals, as if they were sent.")
    price_usd: Money | None = Field(description="Of one video; null where no price is known.")
    is_simulated: bool
    budgets: list[BudgetOut]
    shortage: ShortageOut | None
    notes: list[CodedOut]
    rows: list[PlanRowOut]


@router.post("/plans", response=PlanOut, **rights(READ, SEE_BATCHES))
def make_plan(request: HttpRequest, body: PlanRequest, query: Query[PlanQuery]) -> PlanOut:
    """Plan a batch: decisions, price, blockers and the exact requests. It writes nothing and costs
    nothing. To queue exactly this, make a batch with the same body and the `fingerprint`."""
    return plan_out(plan_of(body, requester_of(request)), with_requests=query.requests)


def plan_of(body: PlanRequest, requester: Requester) -> Plan:
    story, shots = targets_of(body)
    return plan_shots(
        story,
        shots,
        body.mode.value,
        **options_of(body, story),
        person=requester.person,
        over_budget=body.over_budget.value,
        skip_repeats=body.skip_repeats,
        # As a draft is planned: see plan_draft.
        are_named=None,
        takes_per_shot=body.takes_per_shot,
    )


def targets_of(body: PlanRequest) -> tuple[Story, QuerySet[Shot]]:
    story = find_story(body.story_id)
    shots = find_shots(story, scenelet_id=body.scenelet_id, shot_index=body.shot_index)
    if body.shots is None:
        return story, shots
    chosen = shots.filter(pk__in=body.shots)
    if missing := sorted(set(body.shots) - set(chosen.values_list("pk", flat=True))):
        raise RequestError(
            f"The story {story.story_id} has no shot {missing[0]} that matches these filters.",
            code="no_shot",
        )
    return story, chosen


def options_of(body: PlanRequest, story: Story) -> dict[str, Any]:
    """Return model, format and profile by the names that `plan_shots` and `set_options` have for
    them, as a batch stores them: empty where they are the story's own. Raises RequestError for a
    model or a format that the table of video models does not have."""
    model = body.model or ""
    check_model(story, model)
    chosen = ChosenFormat(body.resolution or "", body.aspect_ratio or "", body.duration_seconds)
    request = RequestSettings.current(story, model, chosen, str(body.prompt_profile or ""))
    check_format(request, chosen)
    return {
        "model": request.chosen_model,
        "chosen": request.chosen_format,
        "prompt_profile": request.chosen_profile,
    }


def plan_out(plan: Plan, *, with_requests: bool) -> PlanOut:
    return PlanOut(
        story_id=plan.story.story_id,
        mode=plan.mode,
        model=plan.request.model,
        aspect_ratio=plan.request.aspect_ratio,
        resolution=plan.request.resolution,
        duration_seconds=plan.request.duration_seconds,
        prompt_profile=PromptProfile(plan.request.prompt_profile),
        takes_per_shot=plan.takes_per_shot,
        fingerprint=plan.fingerprint,
        shots=plan.shots,
        counts=plan.counts,
        cost_usd=money(plan.cost_usd),
        cost_if_sent_usd=money(plan.cost_if_sent_usd),
        price_usd=money_or_none(plan.request.price_usd),
        is_simulated=plan.request.is_simulated,
        budgets=[
            BudgetOut(
                name=each.words,
                limit_usd=money(each.limit_usd),
                spent_usd=money(each.spent_usd),
                reserved_usd=money(each.reserved_usd),
                left_usd=money(each.left_usd),
            )
            for each in plan.limits
        ],
        shortage=shortage_out(plan.shortage),
        notes=list(map(coded, plan.notes)),
        rows=[_row_out(plan, row, with_request=with_requests) for row in plan.rows],
    )


def shortage_out(shortage: Shortage | None) -> ShortageOut | None:
    if shortage is None:
        return None
    return ShortageOut(
        videos=shortage.videos,
        costs_usd=money(shortage.cost_usd),
        left_usd=money(shortage.limit.left_usd),
        budget=shortage.limit.words,
        videos_that_fit=shortage.room,
        cheaper=[
            CheaperOut(
                words=each.words,
                videos=each.videos,
                cost_usd=money(each.cost_usd),
                model=each.model or None,
                resolution=each.resolution or None,
                fits=each.fits,
            )
            for each in shortage.choices
        ],
    )


def coded(what: RenderWarning | Problem) -> CodedOut:
    return CodedOut(code=str(what.code.value), message=str(what))


def _row_out(plan: Plan, row: ShotPlan, *, with_request: bool) -> PlanRowOut:
    return PlanRowOut(
        shot_id=row.shot.pk,
        scenelet_id=row.shot.scenelet.scenelet_id,
        shot_index=row.shot.shot_index,
        code=row.shot.code,
        slot=row.slot,
        decision=row.decision.action,
        reason_code=row.decision.code.value,
        reason=row.decision.reason,
        render_id=row.cause.pk if row.cause else None,
        blockers=list(map(coded, row.impossible)),
        warnings=list(map(coded, row.warnings)),
        estimated_cost_usd=money_or_none(plan.request.price_usd) if row.is_new else None,
        request=_request_out(row, plan.request.of_slot(row.slot)) if with_request else None,
    )


def _request_out(row: ShotPlan, request: RequestSettings) -> RequestOut | None:
    if row.prompt is None:
        return None
    return RequestOut(
        model=request.model,
        aspect_ratio=request.aspect_ratio,
        resolution=request.resolution,
        duration_seconds=request.duration_seconds,
        options=extras_of(request),
        prompt_text=row.prompt.text,
        prompt_tokens=row.prompt.tokens,
        references=[_reference_out(each) for each in row.selection.picks],
        dropped_references=[dropped_out(each) for each in row.selection.dropped],
    )


def _reference_out(pick: Pick) -> ReferenceOut:
    return ReferenceOut(**pick.as_dict())


def dropped_out(dropped: Dropped) -> DroppedOut:
    return DroppedOut(
        kind=dropped.kind, id=dropped.id, path=dropped.path, reason=str(dropped.reason)
    )
