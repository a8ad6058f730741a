"""What `run_task` asks of a task, and what the task answers: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from videogen.models.people import Requester

from .wait import Listener


@dataclass(frozen=True)
class TaskRequest:
    """What a person asked for. Nothing of it has been checked against the story yet."""

    story_id: str
    requester: Requester
    mode: str = "default"
    scenelet_id: str | None = None
    shot_index: int | None = None
    video_download_link: str | None = None
    priority: int = 0
    model: str = ""
    over_budget: str = "fit"
    # Whether to render duplicates again. None: the person did not say, so the mode decides.
    repeat: bool | None = None
    # Whom to tell while the task waits for its renders. None: only queue them.
    listener: Listener | None = None


@dataclass(frozen=True)
class TaskResult:
    """What came of a task."""

    # One object for each targeted shot, and the summary, as the JSON contract has them.
    rows: list[dict[str, Any]]
    summary: dict[str, Any]
    # How many renders are still queued or in flight.
    still_open: int
    # Whether everything asked for was done or skipped. The command's exit code says the same.
    is_as_asked: bool
    # What the budgets had no room for, and what would be cheaper. Empty if all of it fits.
    note: str = ""
