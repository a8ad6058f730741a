"""The JSON objects of `run_task --json`, made of plan rows and their renders without a query."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import ngettext

from videogen.catalog.options import extras_of
from videogen.common.formats import usd
from videogen.models import RenderBatch, VideoRender
from videogen.models.states import OPEN_IN_ORDER, RESUMABLE, STUCK
from videogen.planning.modes import WORK, Action
from videogen.planning.plan import ShotPlan
from videogen.prompts.references import Dropped

State = VideoRender.State
Mode = RenderBatch.Mode

# A render of this run that ended in one of these states makes the exit code 1.
NOT_AS_ASKED = frozenset(
    {State.FAILED, State.BLOCKED, State.INTERRUPTED, State.NOT_DOWNLOADED, State.UNKNOWN}
)


def describe_row(row: ShotPlan, render: VideoRender | None) -> dict[str, Any]:
    """Return the object of one shot, or of one of several takes that were asked for at once. Keys
    that do not apply are None."""
    described = {
        "scenelet_id": row.shot.scenelet.scenelet_id,
        "shot_index": row.shot.shot_index,
        "code": row.shot.code,
        "decision": row.decision.action.value,
        "reason": row.decision.reason,
        "render_id": None,
        "status": None,
        "take": None,
        "prompt": None,
        "prompt_tokens": None,
        "references": None,
        "dropped_references": None,
        "warnings": list(row.warnings),
        "request": None,
        "estimated_cost_usd": None,
        "operation_name": None,
        "download_uri": None,
        "video_file": None,
        "error": None,
    }
    return described if render is None else described | _describe_render(render)


def _describe_render(render: VideoRender) -> dict[str, Any]:
    error = render.error_message
    if render.state == State.QUEUED:
        error = render.lane.pause_reason or render.lane.wait_reason or error
    return {
        "render_id": render.pk,
        "status": str(render.status),
        "take": render.take,
        "prompt": json.loads(render.prompt_text) if render.prompt_text else None,
        "prompt_tokens": render.prompt_tokens or None,
        "references": render.references,
        "dropped_references": [_describe_dropped(each) for each in render.dropped_references],
        "warnings": render.warnings,
        "request": {
            "model": render.model,
            "aspect_ratio": render.aspect_ratio,
            "resolution": render.resolution,
            "duration_seconds": render.duration_seconds,
            # Options such as a seed appear only if they are sent.
            **extras_of(render),
        },
        "estimated_cost_usd": f"{render.price_estimate_usd:.2f}",
        "operation_name": render.operation_name or None,
        "download_uri": render.download_uri or None,
        "video_file": render.video_file or None,
        "error": error or None,
    }


def _describe_dropped(stored: Mapping[str, Any]) -> dict[str, Any]:
    dropped = Dropped.read(stored)
    return {
        "kind": dropped.kind,
        "id": dropped.id,
        "path": dropped.path,
        "reason": dropped.reason,
    }


@dataclass(frozen=True)
class RunCost:
    """What a run costs: what was planned, what of it was charged by now, and what may still be.

    A render that the run resumed was paid for, or may have been, before. It counts as charged only
    if its cost was open when the run began.
    """

    planned_usd: Decimal
    charged_usd: Decimal
    open_usd: Decimal

    @classmethod
    def of(cls, planned_usd: Decimal, rows: Iterable[tuple[ShotPlan, VideoRender]]) -> RunCost:
        charged = still_open = Decimal(0)
        for row, render in rows:
            if render.actual_cost_usd is None:
                still_open += render.price_estimate_usd
            elif row.is_new or (row.cause and row.cause.actual_cost_usd is None):
                charged += render.actual_cost_usd
        return cls(planned_usd, charged, still_open)

    @property
    def sentence(self) -> str:
        """For example "Charged $32.00 of $44.80 planned, $6.40 still open."."""
        of = f" of {usd(self.planned_usd)} planned" if self.planned_usd else ""
        left = f"{usd(self.open_usd)} still open" if self.open_usd else "nothing still open"
        return f"Charged {usd(self.charged_usd)}{of}, {left}."


def summarise(rows: Iterable[dict[str, Any]], cost: RunCost) -> dict[str, Any]:
    """Count what became of the shots, and say what the run costs.

    "targeted", "skipped" and "blocked" count shots, the others renders. A render that the API
    blocked counts as failed. "blocked" are shots that are blocked in the plan, for which nothing
    could be asked, or not all takes.
    """
    rows = list(rows)
    worked = [row for row in rows if row["decision"] in WORK]
    return {
        "targeted": number_of_shots(rows),
        "generated": sum(row["status"] == State.DONE for row in worked),
        "rehearsed": sum(row["status"] == State.REHEARSED for row in worked),
        "skipped": _decided(rows, Action.SKIP),
        "blocked": _decided(rows, Action.BLOCKED),
        "failed": sum(row["status"] in NOT_AS_ASKED for row in worked),
        "estimated_cost_usd": f"{cost.planned_usd:.2f}",
        "charged_usd": f"{cost.charged_usd:.2f}",
        "open_usd": f"{cost.open_usd:.2f}",
    }


def number_of_shots(rows: Iterable[dict[str, Any]]) -> int:
    """How many shots the objects are about: one that gets several takes has several."""
    return len({(row["scenelet_id"], row["shot_index"]) for row in rows})


def _decided(rows: Iterable[dict[str, Any]], action: Action) -> int:
    return number_of_shots(row for row in rows if row["decision"] == action)


def outcomes_in_words(rows: Iterable[dict[str, Any]]) -> str:
    """How many shots there are, and each outcome by its name, such as "12 shots: 10 not downloaded,
    1 failed, 1 skipped". Where a shot has several renders, it is said which of both is counted."""
    rows = list(rows)
    worked = [row for row in rows if row["decision"] in WORK]
    counts = Counter(_outcome_of(row) for row in worked)
    ranked = sorted(counts, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    told = [f"{counts[name]} {name}" for name in ranked]
    shots = number_of_shots(rows)
    has_several = len(rows) > shots
    for action, words in _PLANNED_WORDS.items():
        if number := _decided(rows, action):
            what = ngettext("%d shot", "%d shots", number) if has_several else "%d"
            told.append(f"{what % number} {words}")
    all_of_them = ngettext("%d shot", "%d shots", shots) % shots
    if has_several:
        all_of_them += ", " + ngettext("%d render", "%d renders", len(worked)) % len(worked)
    return f"{all_of_them}: {', '.join(told)}"


def _outcome_of(row: dict[str, Any]) -> str:
    status = State(row["status"])
    return _OUTCOME_WORDS.get(status, str(status.label))


_PLANNED_WORDS = {Action.SKIP: "skipped", Action.BLOCKED: "blocked in the plan"}
_OUTCOME_WORDS = {State.DONE: "generated", State.BLOCKED: "blocked by the API"}
# First what there is, then what is missing.
_ORDER = (
    "generated",
    *(str(State(each).label) for each in (State.REHEARSED, *OPEN_IN_ORDER, *sorted(STUCK))),
    "blocked by the API",
    str(State.FAILED.label),
    str(State.CANCELLED.label),
)


def next_commands(rows: Iterable[dict[str, Any]], mode: str, command: Sequence[str]) -> list[str]:
    """What to type next, with what it does: one line for each kind of shot that is not done.

    command: the arguments of `run_task`, without a mode, that choose the same shots.
    """
    counts = Counter(row["status"] for row in rows if row["decision"] in WORK)

    def total(*states: str) -> int:
        return sum(counts[state] for state in states)

    again = f"manage.py run_task {shlex.join(command)}"
    lines = []
    if number := total(*RESUMABLE):
        lines.append(f"To fetch {_these(number)}, without paying again: {again} --mode resume")
    if number := total(State.UNKNOWN):
        lines.append(f"To ask the API what became of {_these(number)}: manage.py reconcile")
    # With override, the same command would also pay for the shots that succeeded once more.
    if (number := total(State.FAILED, State.BLOCKED)) and mode != Mode.OVERRIDE:
        same_mode = f" --mode {mode}" if mode == Mode.DRY_RUN else ""
        lines.append(f"To try {_these(number)} without a video again: {again}{same_mode}")
    return lines


def _these(number: int) -> str:
    return ngettext("the one", "the {}", number).format(number)
