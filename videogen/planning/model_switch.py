"""Move queued renders to another model, for example when the account has lost theirs.

`plan_move` says what the move would cost and which renders stay; `move_queued` does exactly that,
once. A person chooses the model, because it decides the price. A render that may have been sent is
never moved.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone
from django.utils.translation import ngettext

from storybook.models import Story
from videogen.billing.budgets import BudgetImpact, find_budget_impacts, lock_budgets
from videogen.catalog.capabilities import Capability
from videogen.catalog.missing_models import missing_model
from videogen.catalog.options import RequestSettings
from videogen.catalog.prices import keep_price
from videogen.common.errors import RequestError
from videogen.common.task_queue import wake_pump
from videogen.lanes.pauses import get_lane, resume_lane
from videogen.lanes.quota import window_problem
from videogen.models import Lane, RenderBatch, Submission, VideoRender
from videogen.models.people import Requester
from videogen.models.problems import Problem, ProblemCode
from videogen.models.render_queries import RenderQuerySet
from videogen.models.render_warnings import OF_THE_MODEL, RenderWarning, WarningCode
from videogen.models.routes import Route, not_set_up, other_backend, served_backends
from videogen.prompts.fingerprints import hashes_of
from videogen.prompts.omni_prompt import stored_prompt
from videogen.prompts.prompt import Prompt, limit_warning

from .enqueue import request_fields
from .plan import no_price

State = VideoRender.State

CHANGED = "changed"


@dataclass(frozen=True)
class RenderMove:
    """One render that shall move to another model."""

    render: VideoRender
    request: RequestSettings
    # Why it stays.
    problems: tuple[Problem, ...] = ()

    @property
    def goes(self) -> bool:
        return not self.problems

    @property
    def price_was(self) -> Decimal:
        return self.render.price_estimate_usd

    @property
    def more_usd(self) -> Decimal:
        return (self.request.price_usd or Decimal(0)) - self.price_was

    @property
    def references(self) -> str:
        """How many of its reference pictures the model takes, by the table of models."""
        capability, resolution = self.request.capability, self.render.resolution
        return references_in_words(capability, resolution, len(self.render.references))

    @property
    def notes(self) -> tuple[RenderWarning, ...]:
        """What changes beside the model and the price."""
        notes = self.request.notes
        if self.prompt:
            route = {"route": self._route_in_words}
            notes = (*notes, RenderWarning(WarningCode.WORDS_OF_ROUTE, route))
        return (*notes, self.over_limit) if self.over_limit else notes

    @property
    def over_limit(self) -> RenderWarning | None:
        """What is said of a prompt that is longer than the model reads."""
        tokens = self.prompt.tokens if self.prompt else self.render.prompt_tokens
        limit = self.request.prompt_limit
        return limit_warning(tokens, limit) if tokens > limit else None

    @property
    def _route_in_words(self) -> str:
        return str(Route(self.request.route).label)

    @cached_property
    def prompt(self) -> Prompt | None:
        """The reworded prompt, where the new route needs other words."""
        render, request = self.render, self.request
        return stored_prompt(
            render.prompt_text,
            render.references,
            render.route,
            request.route,
            limit=request.prompt_limit,
        )

    @cached_property
    def changes(self) -> dict[str, Any]:
        """The columns that change, without the lane."""
        changes = request_fields(self.request) | {"prompt_limit": self.request.prompt_limit}
        # A free render never becomes a paid one in this way, nor the other way round.
        del changes["is_simulated"]
        if self.prompt:
            changes |= {"prompt_text": self.prompt.text, "prompt_tokens": self.prompt.tokens}
        moved = copy.copy(self.render)
        for name, value in changes.items():
            setattr(moved, name, value)
        return changes | hashes_of(moved)

    def warnings(self, moved: RenderWarning) -> list[RenderWarning]:
        """The warnings of the moved render. `moved` is the one about the move."""
        old = OF_THE_MODEL | {WarningCode.REPEAT}
        kept = [each for each in self.render.warnings if each.code not in old]
        return [*kept, *self.notes, moved]


@dataclass(frozen=True)
class Move:
    """A move to the model of `capability`: of all rows that can go, or of none if it is refused."""

    capability: Capability
    rows: tuple[RenderMove, ...]

    @property
    def model(self) -> str:
        return self.capability.name

    @property
    def route(self) -> str:
        return Route(self.capability.route).label

    @cached_property
    def going(self) -> tuple[RenderMove, ...]:
        return tuple(row for row in self.rows if row.goes)

    @cached_property
    def staying(self) -> tuple[RenderMove, ...]:
        return tuple(row for row in self.rows if not row.goes)

    @property
    def is_simulated(self) -> bool:
        return all(row.request.is_simulated for row in self.rows)

    @property
    def was_usd(self) -> Decimal:
        """What the renders that move cost as they are queued now."""
        return sum((row.price_was for row in self.going), Decimal(0))

    @property
    def more_usd(self) -> Decimal:
        return sum((row.more_usd for row in self.going), Decimal(0))

    @property
    def cost_usd(self) -> Decimal:
        return self.was_usd + self.more_usd

    @cached_property
    def budget_impacts(self) -> list[BudgetImpact]:
        """What the move means for each budget, the tightest first. Empty where nothing becomes more
        expensive. It makes queries."""
        dearer = any(row.more_usd > 0 for row in self.going)
        if not dearer:
            return []
        return find_budget_impacts((row.render, row.more_usd) for row in self.going)

    @property
    def refusal(self) -> str:
        """Why nothing is moved at all, or ""."""
        if not self.rows:
            return "Nothing is queued that could be moved."
        if not self.going:
            return f"Nothing can be moved: {self.rows[0].problems[0].sentence}"
        short = next((each for each in self.budget_impacts if not each.fits), None)
        return f"Nothing is moved: {short.sentence}" if short else ""

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that would be sent, paid or left out."""
        facts = [
            [
                row.render.pk,
                row.render.model,
                str(row.price_was),
                str(row.request.price_usd),
                row.changes["request_sha256"] if row.goes else _codes(row.problems),
            ]
            for row in self.rows
        ]
        text = json.dumps([self.model, self.capability.route, facts])
        return hashlib.sha256(text.encode()).hexdigest()


_CHANGED = (
    "Nothing was moved: the queue, a price or the table of models changed after you saw the page. "
    "Look at it once more."
)


def movable(lane: Lane) -> dict[str, int]:
    """By model: how many renders the lane has queued. One query."""
    queued = VideoRender.objects.queued_in(lane)
    counted = queued.order_by().values_list("model").annotate(number=Count("pk"))
    return dict(sorted(counted))


def renders_to_move(lane: Lane, model: str) -> RenderQuerySet:
    """The lane's queued renders on that model, in the order in which they would be sent."""
    queued = VideoRender.objects.queued_in(lane).filter(model=model).in_claim_order()
    return queued.select_related("shot__scenelet__story", "batch")


def plan_move(renders: Iterable[VideoRender], model: str) -> Move:
    """What moving these queued renders would do. Writes nothing. Three queries for each different
    combination of options."""
    requests: dict[tuple[object, ...], RequestSettings] = {}
    rows = []
    for render in renders:
        asked = (
            render.aspect_ratio,
            render.resolution,
            render.duration_seconds,
            render.seed,
            render.negative_prompt,
            render.person_generation,
            render.prompt_profile,
        )
        if asked not in requests:
            requests[asked] = RequestSettings.of_render(render, model)
        row = RenderMove(render, requests[asked])
        rows.append(replace(row, problems=tuple(_problems(row))))
    if not rows:
        return Move(RequestSettings.of_render(VideoRender(), model).capability, ())
    return Move(rows[0].request.capability, tuple(rows))


def _codes(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [each.as_dict() for each in problems]


def _problems(row: RenderMove) -> Iterable[Problem]:
    render, request = row.render, row.request
    if render.backend not in served_backends():
        yield other_backend(render.backend)
        return
    if missing := not_set_up(request.route):
        yield missing
    yield from request.problems(len(render.references))
    if unpriced := no_price(request):
        yield unpriced
    elif problem := window_problem(
        request.backend, request.price_usd or Decimal(0), model=request.model
    ):
        yield problem
    if settings.VIDEO_PROMPT_LIMIT_BLOCKS and row.over_limit:
        yield Problem(ProblemCode.OVER_TOKEN_LIMIT, row.over_limit.params)


def references_in_words(capability: Capability, resolution: str, number: int) -> str:
    if not number:
        return "no pictures"
    known = capability.format(resolution)
    if known is None:
        return _all_are_sent(number) if not capability.formats else "not known"
    most = capability.max_references if known.reference_durations else 0
    if number <= most:
        return _all_are_sent(number)
    return f"takes at most {most} of {number}" if most else f"takes none at {resolution}"


def _all_are_sent(number: int) -> str:
    return ngettext("it is sent", "all {} are sent", number).format(number)


def move_queued(lane: Lane, source: str, model: str, requester: Requester, *, seen: str) -> Move:
    """Move what the lane has queued on the model `source` to `model`.

    seen: the fingerprint of the plan that the person saw. RequestError, and nothing is moved, where
    the plan has changed since (with the code CHANGED) or is refused. A pause because of the missing
    model ends when nothing is queued on that model any more; any other pause stays.
    """
    with transaction.atomic():
        # The same order of locks as in queueing and claims.
        stories = renders_to_move(lane, source).order_by().values("batch__story")
        list(Story.objects.select_for_update(no_key=True).filter(pk__in=stories).order_by("pk"))
        lock_budgets()
        target = get_lane(RequestSettings.of_render(VideoRender(), model).backend)
        lanes = Lane.objects.select_for_update(no_key=True).filter(pk__in={lane.pk, target.pk})
        locked = {each.pk: each for each in lanes.order_by("pk")}
        renders_to_move(lane, source).lock()
        move = plan_move(renders_to_move(lane, source), model)
        if move.fingerprint != seen:
            raise RequestError(_CHANGED, code=CHANGED)
        if move.refusal:
            raise RequestError(move.refusal, code="refused")
        if not all(keep_price(price) for price in {row.request.price for row in move.going}):
            raise RequestError(_CHANGED, code=CHANGED)
        was_missing = missing_model(locked[lane.pk])
        for row in move.going:
            _move_one(row, target, requester)
        _keep_batches(move)
        if was_missing and not missing_model(locked[lane.pk]):
            resume_lane(lane)
        wake_pump()
    return move


def _move_one(row: RenderMove, target: Lane, requester: Requester) -> None:
    render = row.render
    moved = RenderWarning(
        WarningCode.MOVED,
        {
            "old": render.model,
            "new": row.request.model,
            "by": requester.name or "somebody",
            "day": timezone.localdate().isoformat(),
            "price_was": f"{row.price_was:.2f}",
            "price": f"{row.request.price_usd:.2f}",
        },
    )
    queued = VideoRender.objects.filter(
        pk=render.pk, state=State.QUEUED, kind=VideoRender.Kind.GENERATION, model=render.model
    )
    is_moved = queued.exclude(submissions__outcome=Submission.Outcome.CLAIMED).update(
        **row.changes,
        lane=target,
        warnings=row.warnings(moved),
        not_before=None,
        refusals=0,
        error_code="",
        error_message="",
    )
    if not is_moved:
        raise RequestError(
            f"Nothing was moved: {render.shot.code} is being sent at this moment.", code=CHANGED
        )


def _keep_batches(move: Move) -> None:
    """Correct the estimates of the batches, and the model of those that are on the new one as a
    whole. The cluster works moved renders, even if another process was to work the batch."""
    by_batch: dict[int, list[RenderMove]] = {}
    for row in move.going:
        by_batch.setdefault(row.render.batch_id, []).append(row)
    for pk, rows in by_batch.items():
        batch = RenderBatch.objects.filter(pk=pk)
        more = sum((row.more_usd for row in rows), Decimal(0))
        batch.update(estimated_cost_usd=F("estimated_cost_usd") + more, worked_by="")
        if not _on_other_models(pk, move.model):
            story = rows[0].render.shot.scenelet.story
            batch.update(model=RequestSettings.current(story, move.model).chosen_model)


def _on_other_models(batch: int, model: str) -> bool:
    renders = VideoRender.objects.filter(batch=batch, kind=VideoRender.Kind.GENERATION)
    return renders.exclude(model=model).exists()


def choices(
    renders: Sequence[VideoRender], models: Iterable[str], account: Sequence[str]
) -> list[tuple[Move, bool]]:
    """A move to each of these models, and whether the account is known to have the model. Those
    come first, then those to which most renders can move, then the cheaper ones."""
    moves = [(plan_move(renders, model), model in account) for model in models]
    return sorted(moves, key=lambda each: (not each[1], -len(each[0].going), each[0].cost_usd))
