"""What a batch would do: (shots, mode) → one decision with its reason per shot.

The mode table is in modes.py. The command line, the admin, the API and enqueue.py all come here.
`plan_shots` makes a plan, and `within_budgets` blocks what the budgets have no room for. A plan is
a picture of the moment, so it is not queued as it is: under the locks of `lock_planning`, a draft
or a retake is planned once more (drafts.py, retakes.py), and any other plan is brought up to date
by `plan_as_of_now`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from storybook.findings import check_payload, find_embedded_files
from storybook.models import Shot, Story
from videogen.billing.affordability import Shortage, Wanted, fit, shortage
from videogen.billing.budgets import Limit, limits_for, lock_budgets
from videogen.catalog.options import ChosenFormat, RequestSettings
from videogen.catalog.prices import PriceList, keep_price
from videogen.common.errors import RequestError
from videogen.common.formats import usd
from videogen.models import RenderBatch, VideoRender
from videogen.models.batches import MOST_TAKES_PER_SHOT
from videogen.models.people import Person
from videogen.models.problems import Problem, ProblemCode
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.routes import Route, served_backends
from videogen.prompts.fingerprints import content_sha256, request_sha256
from videogen.prompts.omni_prompt import bound_instructions
from videogen.prompts.prompt import Prompt, build_prompt, limit_warning
from videogen.prompts.references import BrokenPin, Selection, list_candidates, pick_references
from videogen.prompts.sources import Material
from videogen.prompts.speech import check_speech

from .duplicates import find_takes_by_request, warn_of_repeat
from .modes import Action, Decision, Reason, decide
from .shot_status import Situation, find_resumable, find_situations, situation_of

Mode = RenderBatch.Mode

_NEW = (Action.GENERATE, Action.REHEARSE)


@dataclass(frozen=True)
class ShotPlan:
    """One shot's row of a plan."""

    shot: Shot
    situation: Situation
    decision: Decision
    # The render that led to the decision, if any.
    cause: VideoRender | None = None
    # None where nothing new is sent.
    prompt: Prompt | None = None
    selection: Selection = field(default_factory=Selection)
    warnings: tuple[RenderWarning, ...] = ()
    # Everything that makes the shot impossible.
    impossible: tuple[Problem, ...] = ()
    # Why the model would refuse a new request, whether the row sends one or not.
    not_taken: tuple[Problem, ...] = ()
    is_over_budget: bool = False
    # The shot is no longer in the story's bundle, and nobody has named it.
    is_gone: bool = False
    # A take of the very request that the row would send.
    same: VideoRender | None = None
    # Counts the renders that the plan makes of the shot at once, from 1: each has a row.
    slot: int = 1
    # The take whose request is sent again, where the plan promotes drafts.
    copy_of: VideoRender | None = None

    @property
    def is_new(self) -> bool:
        """Whether the row makes a new render."""
        return self.decision.action in _NEW

    def impossible_in(self, mode: str) -> tuple[Problem, ...]:
        """What makes the shot impossible in that mode. What the model refuses does not matter where
        a render is resumed: that one was asked for with settings of its own."""
        others = tuple(each for each in self.impossible if not each.is_of_model)
        is_new = decide(self.situation, mode, is_gone=self.is_gone).action in _NEW
        return (*others, *self.not_taken) if is_new else others


def content_of(row: ShotPlan) -> str:
    """The content_sha256 of the row's request; "" where it has no prompt."""
    if row.prompt is None:
        return ""
    return content_sha256(row.prompt.text, (pick.sha256 for pick in row.selection.picks))


@dataclass(frozen=True)
class Plan:
    story: Story
    mode: str
    request: RequestSettings
    rows: tuple[ShotPlan, ...]
    limits: tuple[Limit, ...] = ()
    over_budget: str = RenderBatch.OverBudget.FIT.value
    uses_key_frames: bool | None = None
    takes_per_shot: int = 1

    def count(self, *actions: Action) -> int:
        """How many rows have such a decision. Each video that is made has a row."""
        return sum(row.decision.action in actions for row in self.rows)

    @property
    def shots(self) -> int:
        return len({row.shot.pk for row in self.rows})

    @property
    def counts(self) -> dict[str, int]:
        """How many shots have such a decision. If only some takes of a shot fit the budget, the
        shot counts twice."""
        shots = {(row.decision.action, row.shot.pk) for row in self.rows}
        counts = Counter(action for action, _ in shots)
        return {action.value: counts[action] for action in Action if counts[action]}

    @property
    def notes(self) -> list[RenderWarning]:
        """What to know about the model and the options, whichever shots are selected."""
        return [*self.request.capability.notes, *self.request.notes]

    @property
    def most_references(self) -> int:
        return max((len(row.selection.picks) for row in self.rows), default=0)

    @property
    def cost_usd(self) -> Decimal:
        """What confirming the plan costs, all takes of a shot included."""
        return self.request.cost_of(self.count(Action.GENERATE))

    @property
    def cost_if_sent_usd(self) -> Decimal:
        """The same, with the rehearsals as if they were sent."""
        return self.request.cost_of(self._videos_if_sent)

    @property
    def _videos_if_sent(self) -> int:
        # One rehearsal stands for all takes of its shot: they would be sent the same.
        return self.count(Action.GENERATE) + self.takes_per_shot * self.count(Action.REHEARSE)

    @property
    def price_in_words(self) -> str:
        """What the videos cost, where that is not simply the sum: "free here; $19.20 with
        veo-3.1-generate-preview" with the simulator, and what a rehearsal would cost if it were
        sent. Empty where nothing new is made or no price is known."""
        videos = self._videos_if_sent
        price = self.request.live_price_usd
        if not videos or price is None:
            return ""
        live = f"{usd(price * videos)} with {self.request.model}"
        if self.request.is_simulated:
            return f"free here; {live}"
        return f"free; {live} if sent" if self.count(Action.REHEARSE) else ""

    @property
    def has_no_budget(self) -> bool:
        """Whether it costs money that no budget limits."""
        return self.cost_usd > 0 and not self.limits

    @cached_property
    def shortage(self) -> Shortage | None:
        """What the budgets have no room for, and what would be cheaper. None where all fits."""
        over = sum(row.is_over_budget for row in self.rows)
        if not over:
            return None
        request = self.request
        wanted = Wanted(
            videos=over + self.count(Action.GENERATE),
            backend=request.backend,
            model=request.model,
            asked=request.asked(self.most_references),
        )
        return shortage(self.limits, request.prices, request.table, wanted, self.over_budget)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that would be sent, paid or left out."""
        facts = [
            [
                row.shot.pk,
                row.decision.action,
                row.decision.code,
                row.decision.params,
                row.cause.pk if row.cause else None,
                row.same.pk if row.same else None,
                row.slot,
                row.copy_of.pk if row.copy_of else None,
                row.prompt.text if row.prompt else None,
                [[pick.kind, pick.id, pick.sha256] for pick in row.selection.picks],
            ]
            for row in self.rows
        ]
        request = self.request.sent | {
            "route": self.request.route,
            "backend": self.request.backend,
            "price": str(self.request.price_usd),
        }
        options = [self.mode, str(self.over_budget), self.takes_per_shot]
        text = json.dumps([self.story.pk, *options, request, facts])
        return hashlib.sha256(text.encode()).hexdigest()


def plan_shots(
    story: Story,
    shots: QuerySet[Shot],
    mode: str,
    *,
    model: str = "",
    person: Person | None = None,
    over_budget: str = RenderBatch.OverBudget.FIT.value,
    skip_repeats: bool = False,
    use_key_frames: bool | None = None,
    are_named: bool | None = False,
    takes_per_shot: int = 1,
    prompt_profile: str = "",
    chosen: ChosenFormat | None = None,
) -> Plan:
    """The decision on each of the story's `shots`. A fixed number of queries; writes nothing.

    model: another one than that of the story or of the settings. person: whose daily budget
    counts. over_budget: what happens if the budgets have no room for the whole batch.
    skip_repeats: a shot that has a take of the very same request is skipped; otherwise there
    is only a warning. use_key_frames: by default, what VIDEO_USE_KEY_FRAMES says. are_named:
    somebody asks for these very shots, so those that are no longer in the story's bundle are
    planned like the others; None: this holds if all of the shots are such. takes_per_shot: how many
    videos a shot gets that gets one; RequestError where it is not from 1 to 4. prompt_profile,
    chosen: another profile or format than that of the story or of the settings.
    """
    if not 1 <= takes_per_shot <= MOST_TAKES_PER_SHOT:
        raise RequestError(
            f"A batch asks for 1 to {MOST_TAKES_PER_SHOT} takes of a shot at once.",
            code="takes_per_shot",
        )
    if use_key_frames is None:
        use_key_frames = settings.VIDEO_USE_KEY_FRAMES
    request = RequestSettings.current(story, model, chosen, prompt_profile)
    rows = list(shots.select_related("scenelet"))
    material = Material.of(story, shots)
    situations = find_situations(shots, request.backend)
    general = _impossible_for_all(story, material.documents)
    if are_named is None:
        are_named = all(shot.gone_since for shot in rows)
    plans = []
    for shot in rows:
        situation, cause = situations.get(shot.pk, (Situation.NOTHING, None))
        is_gone = shot.gone_since is not None and not are_named
        decision = decide(situation, mode, is_gone=is_gone)
        row = ShotPlan(shot, situation, decision, cause, is_gone=is_gone)
        plans.append(_plan_shot(row, mode, request, material, general, use_key_frames))
    plans = with_slots_and_repeats(plans, request, takes_per_shot, skip_repeats=skip_repeats)
    if mode == RenderBatch.Mode.RESUME:
        plans = _with_others_to_resume(plans, request.backend)
    plan = Plan(
        story,
        mode,
        request,
        tuple(plans),
        over_budget=over_budget,
        uses_key_frames=use_key_frames,
        takes_per_shot=takes_per_shot,
    )
    return within_budgets(plan, person)


def plan_unsaved_shot(shot: Shot) -> ShotPlan:
    """What a render of the shot would send, whether or not a batch would make one now. The shot may
    hold a storyboard that is not saved. A fixed number of queries; writes nothing."""
    story = shot.scenelet.story
    material = Material.of(story, Shot.objects.filter(pk=shot.pk))
    decision = decide(Situation.NOTHING, Mode.DRY_RUN)
    return _plan_shot(
        ShotPlan(shot, Situation.NOTHING, decision),
        Mode.DRY_RUN,
        RequestSettings.current(story),
        material,
        _impossible_for_all(story, material.documents),
        settings.VIDEO_USE_KEY_FRAMES,
    )


def _plan_shot(
    row: ShotPlan,
    mode: str,
    request: RequestSettings,
    material: Material,
    general: Sequence[Problem],
    use_key_frames: bool,
) -> ShotPlan:
    payload = row.shot.storyboard_payload
    impossible = list(general)
    if not payload:
        impossible.append(Problem(ProblemCode.NO_STORYBOARD))
    if impossible or not payload:
        return _decided(row, mode, impossible)
    visual, audio = material.documents["visual"], material.documents["audio"]
    key_frames = material.key_frames.get(row.shot.pk, [])
    candidates, warnings = list_candidates(visual, payload, key_frames, material.pictures)
    choices = material.choices.get(row.shot.pk, [])
    selection = pick_references(candidates, choices, use_key_frames=use_key_frames)
    impossible += map(_broken, selection.broken)
    is_new = decide(row.situation, mode, is_gone=row.is_gone).action in _NEW
    not_taken = tuple(request.problems(len(selection.picks)))
    if is_new:
        impossible += not_taken
    if not impossible and not is_new and not settings.VIDEO_PROMPT_LIMIT_BLOCKS:
        return _decided(row, mode, not_taken=not_taken)
    bound = bound_instructions(selection.picks) if request.route == Route.OMNI else ()
    prompt = build_prompt(
        visual,
        audio,
        payload,
        limit=request.prompt_limit,
        directions=material.directions_of(row.shot),
        instructions=bound,
        profile=request.prompt_profile,
    )
    findings = [
        *check_payload(payload, material.ids),
        *find_embedded_files(_written_by_people(prompt), ""),
    ]
    ignored = [RenderWarning.of(finding) for finding in findings]
    warnings = [*ignored, *warnings, *selection.warnings, *request.notes]
    if prompt.is_over_limit:
        warning = limit_warning(prompt.tokens, prompt.limit)
        warnings.append(warning)
        if settings.VIDEO_PROMPT_LIMIT_BLOCKS:
            impossible.append(Problem(ProblemCode.OVER_TOKEN_LIMIT, warning.params))
    if speech := check_speech(payload, request.duration_seconds):
        warnings.append(speech)
    if not selection.picks:
        warnings.append(RenderWarning(WarningCode.NO_REFERENCE))
    if row.is_gone and mode == RenderBatch.Mode.DRY_RUN:
        # A dry run shows what would be sent for every shot, also for one that no batch would send.
        warnings.append(RenderWarning(WarningCode.SHOT_GONE))
    return _decided(
        row,
        mode,
        impossible,
        not_taken=not_taken,
        prompt=prompt,
        selection=selection,
        warnings=tuple(warnings),
    )


def _written_by_people(prompt: Prompt) -> dict[str, Any]:
    return {key: part for key, part in prompt.document.items() if key != "critical_instruction"}


def with_slots_and_repeats(
    rows: Sequence[ShotPlan], request: RequestSettings, takes_per_shot: int, *, skip_repeats: bool
) -> list[ShotPlan]:
    """The rows, with one for each video of a shot that gets several, and with the takes that there
    are of the very same requests."""
    return _with_repeats(_with_slots(rows, takes_per_shot), request, skip=skip_repeats)


def request_of(row: ShotPlan, request: RequestSettings) -> RequestSettings:
    """The request of one row of a plan. The prompt of a promoted draft has the draft's profile."""
    request = request.of_slot(row.slot)
    profile = row.prompt.profile if row.prompt else request.prompt_profile
    if profile == request.prompt_profile:
        return request
    return replace(request, prompt_profile=profile)


def _with_slots(rows: Sequence[ShotPlan], takes_per_shot: int) -> list[ShotPlan]:
    """The rows, with one for each video of a shot that gets several."""
    return [
        row if slot == row.slot else replace(row, slot=slot)
        for row in rows
        for slot in range(1, 1 + (takes_per_shot if row.decision.action == Action.GENERATE else 1))
    ]


def _with_others_to_resume(rows: Sequence[ShotPlan], backend: str) -> list[ShotPlan]:
    """The rows, each followed by one for every other interrupted render of its shot, where several
    takes were asked for at once. Otherwise a shot has one row, by the mode table."""
    causes = {row.cause.pk for row in rows if row.cause}
    others: dict[int, list[VideoRender]] = {}
    for render in find_resumable([row.shot.pk for row in rows if row.cause], backend):
        if render.pk not in causes:
            others.setdefault(render.shot_id, []).append(render)
    told = []
    for row in rows:
        told.append(row)
        for number, render in enumerate(others.get(row.shot.pk, ()), start=row.slot + 1):
            other = ShotPlan(
                row.shot,
                situation_of(render),
                decide(situation_of(render), RenderBatch.Mode.RESUME),
                render,
                is_gone=row.is_gone,
                slot=number,
            )
            told.append(_decided(other, RenderBatch.Mode.RESUME))
    return told


def _with_repeats(
    rows: Sequence[ShotPlan], request: RequestSettings, *, skip: bool
) -> list[ShotPlan]:
    """The rows, each with the take that was made of the very same request, if there is one. With
    `skip`, such rows are skipped; otherwise they get a warning."""
    new = [row for row in rows if row.decision.action == Action.GENERATE]
    requests = {
        (row.shot.pk, row.slot): request_sha256(content_of(row), **request_of(row, request).sent)
        for row in new
    }
    takes = find_takes_by_request(
        ((shot, sha) for (shot, _), sha in requests.items()), request.backend
    )
    told = []
    for row in rows:
        sha = requests.get((row.shot.pk, row.slot), "")
        if take := takes.get((row.shot.pk, sha)):
            warning = warn_of_repeat(take, row.shot)
            row = replace(row, same=take)
            if skip:
                cause = take if take.shot_id == row.shot.pk else row.cause
                decision = Decision(Action.SKIP, Reason.REPEAT, warning.params)
                row = replace(row, cause=cause, decision=decision)
            else:
                row = replace(row, warnings=(*row.warnings, warning))
        told.append(row)
    return told


def _decided(
    row: ShotPlan, mode: str, impossible: Sequence[Problem] = (), **found: Any
) -> ShotPlan:
    """The row with the decision on it, and with what else was found of it."""
    decision = decide(row.situation, mode, impossible, is_gone=row.is_gone)
    resumes = decision.action in (Action.RESUME, Action.DOWNLOAD)
    if resumes and row.cause and row.cause.backend not in served_backends():
        params = {"backend": row.cause.backend}
        decision = Decision(Action.SKIP, Reason.OTHER_BACKEND, params)
    return replace(row, decision=decision, impossible=tuple(impossible), **found)


def _impossible_for_all(story: Story, documents: Mapping[str, dict[str, Any]]) -> list[Problem]:
    archived = [Problem(ProblemCode.STORY_ARCHIVED)] if story.is_archived else []
    return archived + [
        Problem(ProblemCode.NO_DOCUMENT, {"kind": kind})
        for kind in ("visual", "audio")
        if not documents.get(kind)
    ]


def _broken(pin: BrokenPin) -> Problem:
    params = {"reference": pin.words}
    if not pin.problem:
        return Problem(ProblemCode.PIN_MISSING, params)
    return Problem(ProblemCode.PIN_UNUSABLE, {**params, "problem": pin.problem})


def plan_as_of_now(plan: Plan, person: Person | None) -> Plan:
    """The plan as of now, under the locks of the story and of the budgets, which the transaction
    of the caller keeps until its end: what this plan generates may be queued and paid.

    Of two people who plan the same shot at the same moment, the second one's row becomes "already
    running". What the plan did not show, such as a price or a prompt, is not done either.
    """
    lock_planning(plan.story.pk)
    return within_budgets(_with_situations_of_now(plan), person)


def lock_planning(story: int) -> None:
    """Hold off everybody else who queues for the story or spends money, until the end of the
    transaction. A plan that is made under these locks needs no `plan_as_of_now`. RequestError where
    the story is archived: nothing is queued for it."""
    locked = Story.objects.select_for_update(no_key=True).get(pk=story)
    check_not_archived(locked)
    lock_budgets()


def check_not_archived(story: Story) -> None:
    """RequestError where the story is archived."""
    if story.is_archived:
        problem = Problem(ProblemCode.STORY_ARCHIVED)
        raise RequestError(f"Nothing was queued. {problem.sentence}", code=problem.code.value)


def check_price(request: RequestSettings) -> None:
    """RequestError where somebody deleted or changed the price since the request was planned: the
    sum that people saw, and that the budgets were asked for, does not hold any more. Otherwise the
    price stays until the end of the transaction."""
    if not keep_price(request.price):
        raise RequestError(
            f"The price of {request.model} at {request.resolution} was deleted meanwhile, so "
            "nothing was queued under it. Plan again.",
            code="plan_changed",
        )
    now = PriceList().find(
        request.backend, request.model, request.resolution, request.duration_seconds
    )
    if (now and now.usd) != request.price_usd:
        costs = f"costs {usd(now.usd)} now" if now else "has no known price now"
        raise RequestError(
            f"Nothing was queued: a video with {request.model} at {request.resolution} {costs}, "
            f"and was planned for {usd(request.price_usd or Decimal(0))}. Plan again.",
            code="plan_changed",
        )


def no_price(request: RequestSettings) -> Problem | None:
    """Why nothing new may be sent, where the price of the request is not known."""
    if request.price is not None:
        return None
    params = {"model": request.model, "resolution": request.resolution}
    return Problem(ProblemCode.NO_PRICE, params)


def within_budgets(plan: Plan, person: Person | None) -> Plan:
    """The plan as the budgets are now: a render whose price is not known, or for which they have no
    room, is blocked."""
    limits = limits_for(plan.story.pk, person)
    plan = replace(plan, limits=limits)
    if unpriced := no_price(plan.request):
        blocked = Decision(Action.BLOCKED, Reason.NO_PRICE, unpriced.params)
        return _blocked(plan, _NEW, 0, blocked)
    price = plan.request.price_usd or Decimal(0)
    room = fit(limits, price, plan.count(Action.GENERATE), plan.over_budget)
    if room.overrun is None:
        return plan
    over = Decision(Action.BLOCKED, Reason.OVER_BUDGET, room.overrun.as_params())
    plan = _blocked(plan, (Action.GENERATE,), room.videos, over, is_over_budget=True)
    if plan.over_budget == RenderBatch.OverBudget.NONE:
        waits = Decision(Action.SKIP, Reason.ALL_OR_NOTHING)
        plan = _blocked(plan, (Action.RESUME, Action.DOWNLOAD), 0, waits)
    return plan


def _blocked(
    plan: Plan,
    actions: Sequence[Action],
    but: int,
    decision: Decision,
    *,
    is_over_budget: bool = False,
) -> Plan:
    """The plan with another decision on the rows of these actions, except for the first `but` of
    them. Every shot gets its first take before any gets a second one."""
    concerned = [row for row in plan.rows if row.decision.action in actions]
    concerned.sort(key=lambda row: row.slot)
    over = {(row.shot.pk, row.slot) for row in concerned[max(but, 0) :]}
    rows = tuple(
        replace(row, decision=decision, is_over_budget=is_over_budget)
        if (row.shot.pk, row.slot) in over
        else row
        for row in plan.rows
    )
    return replace(plan, rows=rows)


def _with_situations_of_now(plan: Plan) -> Plan:
    shots = Shot.objects.filter(scenelet__story=plan.story)
    if plan.shots == 1:
        shots = shots.filter(pk=plan.rows[0].shot.pk)
    situations = find_situations(shots, plan.request.backend)
    rows = []
    for row in plan.rows:
        situation, cause = situations.get(row.shot.pk, (row.situation, None))
        if row.slot > 1 and row.decision.action in (Action.RESUME, Action.DOWNLOAD):
            # It is about one render of several: `_resume` finds out whether somebody was faster.
            rows.append(row)
            continue
        if row.decision.action != Action.BLOCKED and situation != row.situation:
            decision = decide(situation, plan.mode, is_gone=row.is_gone)
            if situation == Situation.APPROVED and row.copy_of == cause:
                # An approved draft does not lock its shot against its own final take.
                decision = row.decision
            if decision.action != Action.SKIP and decision.action != row.decision.action:
                decision = Decision(Action.SKIP, Reason.CHANGED)
            row = replace(row, situation=situation, cause=cause, decision=decision)
        rows.append(row)
    return replace(plan, rows=tuple(rows))
