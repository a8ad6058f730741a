"""What a batch would do: (shots, mode) → one decision with its reason per shot.

The mode table of the product is `DECISIONS`; command line, admin and queueing all come here. A
plan is a picture of the moment: queueing.py looks at the shots' states once more before it acts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from storybook.models import Shot, Story

from .errors import RequestError
from .fingerprints import content_sha256, request_sha256
from .material import Material
from .models import RenderBatch, VideoRender
from .money import SIMULATOR, budget_left_usd, price_of
from .prompts import Prompt, build_prompt
from .references import Selection, list_candidates, pick_references
from .repeats import in_words, takes_like
from .situations import Situation, find_situations

Mode = RenderBatch.Mode


class Action(StrEnum):
    GENERATE = "generate"
    RESUME = "resume"
    DOWNLOAD = "download"
    REHEARSE = "rehearse"
    SKIP = "skip"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Decision:
    action: Action
    reason: str


def _always(action: Action, reason: str) -> dict[str, Decision]:
    return {mode: Decision(action, reason) for mode in (Mode.DEFAULT, Mode.RESUME, Mode.OVERRIDE)}


_RESUME_FIRST = {
    Mode.DEFAULT: Decision(Action.SKIP, "resume it"),
    Mode.OVERRIDE: Decision(Action.SKIP, "resume it first"),
}

DECISIONS: dict[Situation, dict[str, Decision]] = {
    Situation.IN_FLIGHT: _always(Action.SKIP, "already running"),
    Situation.UNKNOWN: _always(Action.SKIP, "a person must decide"),
    Situation.INTERRUPTED: {
        **_RESUME_FIRST,
        Mode.RESUME: Decision(Action.RESUME, "go on polling that operation"),
    },
    Situation.NOT_DOWNLOADED: {
        **_RESUME_FIRST,
        Mode.RESUME: Decision(Action.DOWNLOAD, "download only"),
    },
    Situation.APPROVED: {
        **_always(Action.SKIP, "approved"),
        Mode.OVERRIDE: Decision(Action.SKIP, "approved, unlock it first"),
    },
    Situation.VIDEO: {
        **_always(Action.SKIP, "exists"),
        Mode.OVERRIDE: Decision(Action.GENERATE, "generate a new take, keep the old ones"),
    },
    Situation.WITHOUT_VIDEO: _always(Action.GENERATE, Situation.WITHOUT_VIDEO.value),
    Situation.NOTHING: _always(Action.GENERATE, Situation.NOTHING.value),
}
for _situation, _by_mode in DECISIONS.items():
    _by_mode[Mode.DRY_RUN] = Decision(Action.REHEARSE, _situation.value)


def decide(situation: Situation, mode: str, impossible: Sequence[str] = ()) -> Decision:
    """The mode table. `impossible`: sentences that name what makes the shot impossible."""
    if impossible:
        return Decision(Action.BLOCKED, " ".join(impossible))
    return DECISIONS[situation][mode]


@dataclass(frozen=True)
class RequestSettings:
    """What is asked of the API beside prompt and references; one per plan."""

    backend: str
    model: str
    aspect_ratio: str
    resolution: str
    duration_seconds: int

    @classmethod
    def current(cls) -> RequestSettings:
        return cls(
            backend=settings.VIDEO_BACKEND,
            model=settings.VIDEO_MODEL,
            aspect_ratio=settings.VIDEO_ASPECT_RATIO,
            resolution=settings.VIDEO_RESOLUTION,
            duration_seconds=settings.VIDEO_DURATION_SECONDS,
        )

    @property
    def is_simulated(self) -> bool:
        return self.backend == SIMULATOR

    @property
    def price_usd(self) -> Decimal | None:
        return price_of(self.backend, self.model, self.resolution, self.duration_seconds)

    def sha256_with(self, row: ShotPlan) -> str:
        """Equal for rows of which exactly the same is sent."""
        return request_sha256(
            content_of(row),
            model=self.model,
            aspect_ratio=self.aspect_ratio,
            resolution=self.resolution,
            duration_seconds=self.duration_seconds,
        )

    def cost_of(self, videos: int) -> Decimal:
        """What so many videos cost; 0 where no price is known, for then none is sent."""
        return (self.price_usd or Decimal(0)) * videos


@dataclass(frozen=True)
class ShotPlan:
    """One shot's row of a plan. `cause` is the render that led to the decision, if any; `same` a
    take of the very request that the row would send."""

    shot: Shot
    situation: Situation
    decision: Decision
    cause: VideoRender | None = None
    prompt: Prompt | None = None
    selection: Selection = field(default_factory=Selection)
    warnings: tuple[str, ...] = ()
    impossible: tuple[str, ...] = ()
    same: VideoRender | None = None

    @property
    def is_new(self) -> bool:
        """Whether a render row comes of it."""
        return self.decision.action in (Action.GENERATE, Action.REHEARSE)


def content_of(row: ShotPlan) -> str:
    """A content_sha256; "" where no prompt was put together."""
    if row.prompt is None:
        return ""
    return content_sha256(row.prompt.text, (pick.sha256 for pick in row.selection.picks))


@dataclass(frozen=True)
class Plan:
    story: Story
    mode: str
    request: RequestSettings
    rows: tuple[ShotPlan, ...]

    def count(self, *actions: Action) -> int:
        return sum(row.decision.action in actions for row in self.rows)

    @property
    def counts(self) -> dict[str, int]:
        return {action.value: self.count(action) for action in Action if self.count(action)}

    @property
    def cost_usd(self) -> Decimal:
        """What confirming the plan costs."""
        return self.request.cost_of(self.count(Action.GENERATE))

    @property
    def cost_if_sent_usd(self) -> Decimal:
        """As above, and with its rehearsals as if they were sent."""
        return self.request.cost_of(self.count(Action.GENERATE, Action.REHEARSE))

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that would be sent, paid or left out."""
        facts = [
            [
                row.shot.pk,
                row.decision.action,
                row.decision.reason,
                row.cause.pk if row.cause else None,
                row.same.pk if row.same else None,
                row.prompt.text if row.prompt else None,
                [[pick.kind, pick.id, pick.sha256] for pick in row.selection.picks],
            ]
            for row in self.rows
        ]
        request = [*astuple(self.request), str(self.request.price_usd)]
        text = json.dumps([self.story.pk, self.mode, request, facts])
        return hashlib.sha256(text.encode()).hexdigest()


def find_shots(
    story: Story, *, scenelet_id: str | None = None, shot_index: int | None = None
) -> QuerySet[Shot]:
    """The story's shots that the filters leave, in story order; RequestError where none is left."""
    shots = Shot.objects.filter(scenelet__story=story)
    if scenelet_id is not None:
        if not story.scenelets.filter(scenelet_id=scenelet_id).exists():
            raise RequestError(
                f"The story {story.story_id} has no scenelet {scenelet_id}.", code="no_scenelet"
            )
        shots = shots.filter(scenelet__scenelet_id=scenelet_id)
    if shot_index is not None:
        shots = shots.filter(shot_index=shot_index)
    if not shots.exists():
        raise RequestError("No shot matches these filters.", code="no_shot")
    return shots


def plan_shots(
    story: Story,
    shots: QuerySet[Shot],
    mode: str,
    *,
    ask_before_repeats: bool = False,
    use_key_frames: bool | None = None,
) -> Plan:
    """The decision on each of the story's `shots`. A fixed number of queries; writes nothing.

    ask_before_repeats: what there is a take of already is skipped, not only told of.
    use_key_frames: by default as VIDEO_USE_KEY_FRAMES says.
    """
    if use_key_frames is None:
        use_key_frames = settings.VIDEO_USE_KEY_FRAMES
    request = RequestSettings.current()
    rows = list(shots.select_related("scenelet"))
    material = Material.of(story, shots)
    situations = find_situations(shots, request.backend)
    general = _impossible_for_all(material.documents)
    plans = []
    for shot in rows:
        situation, cause = situations.get(shot.pk, (Situation.NOTHING, None))
        row = ShotPlan(shot, situation, Decision(Action.BLOCKED, ""), cause)
        plans.append(_plan_shot(row, mode, material, general, use_key_frames))
    plans = _with_repeats(plans, request, ask=ask_before_repeats)
    return Plan(story, mode, request, _within_budget(plans, request))


def _plan_shot(
    row: ShotPlan, mode: str, material: Material, general: Sequence[str], use_key_frames: bool
) -> ShotPlan:
    payload = row.shot.storyboard_payload
    impossible = list(general)
    if not payload:
        impossible.append("The shot has no storyboard payload.")
    if impossible:
        return _decided(row, mode, impossible)
    visual, audio = material.documents["visual"], material.documents["audio"]
    key_frames = material.key_frames.get(row.shot.pk, [])
    candidates, warnings = list_candidates(visual, payload, key_frames, material.pictures)
    choices = material.choices.get(row.shot.pk, [])
    selection = pick_references(candidates, choices, use_key_frames=use_key_frames)
    impossible += selection.broken
    is_new = decide(row.situation, mode).action in _NEW
    if not impossible and not is_new and not settings.VIDEO_PROMPT_LIMIT_BLOCKS:
        return _decided(row, mode)
    prompt = build_prompt(visual, audio, payload, limit=settings.VIDEO_PROMPT_LIMIT_TOKENS)
    warnings += selection.warnings
    if prompt.is_over_limit:
        sentence = (
            f"The prompt has about {prompt.tokens} tokens, the model reads {prompt.limit}: "
            "what lies at its end may be ignored."
        )
        warnings.append(sentence)
        if settings.VIDEO_PROMPT_LIMIT_BLOCKS:
            impossible.append(sentence)
    if not selection.picks:
        warnings.append("No reference image goes along: the characters may look different.")
    row = replace(row, prompt=prompt, selection=selection, warnings=tuple(warnings))
    return _decided(row, mode, impossible)


_NEW = (Action.GENERATE, Action.REHEARSE)


def _with_repeats(
    rows: Sequence[ShotPlan], request: RequestSettings, *, ask: bool
) -> list[ShotPlan]:
    """The rows, each told of a take of its very request; `ask`: those are skipped."""
    new = [row for row in rows if row.decision.action == Action.GENERATE]
    takes = takes_like({row.shot.pk: request.sha256_with(row) for row in new}, request.backend)
    told = []
    for row in rows:
        if take := takes.get(row.shot.pk):
            sentence = in_words(take, row.shot.pk)
            row = replace(row, same=take)
            if ask:
                cause = take if take.shot_id == row.shot.pk else row.cause
                row = replace(row, cause=cause, decision=Decision(Action.SKIP, sentence))
            else:
                row = replace(row, warnings=(*row.warnings, sentence))
        told.append(row)
    return told


def _decided(row: ShotPlan, mode: str, impossible: Sequence[str] = ()) -> ShotPlan:
    decision = decide(row.situation, mode, impossible)
    resumes = decision.action in (Action.RESUME, Action.DOWNLOAD)
    if resumes and row.cause and row.cause.backend != settings.VIDEO_BACKEND:
        backend = row.cause.backend
        decision = Decision(
            Action.SKIP, f"started with {backend}: set VIDEO_BACKEND={backend} to resume it"
        )
    return replace(row, decision=decision, impossible=tuple(impossible))


def _impossible_for_all(documents: Mapping[str, dict[str, Any]]) -> list[str]:
    return [
        f"The story has no {words} design document: import it or write it in the admin."
        for kind, words in (("visual", "visual"), ("audio", "audio"))
        if not documents.get(kind)
    ]


UNPRICED = "No price is known"
OVER_BUDGET = "Over the budget"


def price_problem(request: RequestSettings, left: Decimal | None) -> str:
    """Why one video more is not sent, or "". left: of the budget, None without one."""
    price = request.price_usd
    if price is None:
        return (
            f"{UNPRICED} for {request.model} at {request.resolution}, and what has none is "
            "never sent: set VIDEO_PRICE_USD_PER_SECOND."
        )
    if price and left is not None and price > left:
        return f"{OVER_BUDGET}: it costs ${price:.2f}, ${max(left, Decimal(0)):.2f} is left."
    return ""


def _within_budget(rows: Iterable[ShotPlan], request: RequestSettings) -> tuple[ShotPlan, ...]:
    """The rows, those blocked whose price is unknown or that the budget has no room for."""
    price = request.price_usd
    if price is None:
        unpriced = Decision(Action.BLOCKED, price_problem(request, None))
        return tuple(
            replace(row, decision=unpriced) if row.decision.action in _NEW else row for row in rows
        )
    left = budget_left_usd(with_queued=True) if price else None
    fitting = []
    for row in rows:
        if row.decision.action == Action.GENERATE and left is not None:
            if sentence := price_problem(request, left):
                row = replace(row, decision=Decision(Action.BLOCKED, sentence))
            else:
                left -= price
        fitting.append(row)
    return tuple(fitting)
