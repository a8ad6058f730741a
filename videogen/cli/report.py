"""The JSON objects of `run_task --json`, made of plan rows and their renders without a query."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from videogen.catalog.options import extras_of
from videogen.models import VideoRender
from videogen.planning.modes import Action
from videogen.planning.plan import ShotPlan
from videogen.prompts.references import Dropped

State = VideoRender.State

# A render of this run that ended in one of these states makes the exit code 1.
NOT_AS_ASKED = frozenset(
    {State.FAILED, State.BLOCKED, State.INTERRUPTED, State.NOT_DOWNLOADED, State.UNKNOWN}
)


def describe_row(row: ShotPlan, render: VideoRender | None) -> dict[str, Any]:
    """Return the object of one shot. Keys that do not apply are None."""
    described = {
        "scenelet_id": row.shot.scenelet.scenelet_id,
        "shot_index": row.shot.shot_index,
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


def summarise(rows: Iterable[dict[str, Any]], cost_usd: Decimal) -> dict[str, Any]:
    """Count the objects of the shots.

    A render that the API blocked counts as failed. "blocked" counts shots that are blocked in the
    plan, for which nothing could be asked.
    """
    rows = list(rows)
    decisions = Counter(row["decision"] for row in rows)
    worked = [row for row in rows if row["decision"] in _WORKED]
    return {
        "targeted": len(rows),
        "generated": sum(row["status"] == State.DONE for row in worked),
        "rehearsed": sum(row["status"] == State.REHEARSED for row in worked),
        "skipped": decisions[Action.SKIP],
        "blocked": decisions[Action.BLOCKED],
        "failed": sum(row["status"] in NOT_AS_ASKED for row in worked),
        "estimated_cost_usd": f"{cost_usd:.2f}",
    }


_WORKED = frozenset({Action.GENERATE, Action.RESUME, Action.DOWNLOAD, Action.REHEARSE})
