"""The tasks that `run_task` and the admin can run: a name, its options, its runner.

The next task (key frames, audio) is one more entry in TASKS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.module_loading import import_string

from videogen.models.batches import CREATE_SHOT_VIDEO
from videogen.models.people import Requester

from .wait import Listener


@dataclass(frozen=True)
class TaskRequest:
    """What a person asked for, not yet checked against the story. Without a listener the runner
    only queues. `repeat`: whether what there is already is rendered once more, None where nothing
    was said."""

    story_id: str
    requester: Requester
    mode: str = "default"
    scenelet_id: str | None = None
    shot_index: int | None = None
    video_download_link: str | None = None
    priority: int = 0
    model: str = ""
    over_budget: str = "fit"
    repeat: bool | None = None
    listener: Listener | None = None


@dataclass(frozen=True)
class TaskResult:
    """`rows` and `summary` as the JSON contract has them; `still_open` renders of it go on;
    `is_as_asked` is the exit code's bit; `note`: what the budgets had no room for, and what would
    be cheaper."""

    rows: list[dict[str, Any]]
    summary: dict[str, Any]
    still_open: int
    is_as_asked: bool
    note: str = ""


@dataclass(frozen=True)
class Task:
    """`runner` is the dotted name of a function from TaskRequest to TaskResult."""

    name: str
    summary: str
    options: frozenset[str]
    runner: str

    def run(self, request: TaskRequest) -> TaskResult:
        """Raises RequestError where nothing could be queued."""
        return import_string(self.runner)(request)


TASKS = {
    task.name: task
    for task in (
        Task(
            name=CREATE_SHOT_VIDEO,
            summary="One 8-second video per storyboard shot.",
            options=frozenset(
                {
                    "scenelet_id",
                    "shot_index",
                    "mode",
                    "video_download_link",
                    "priority",
                    "model",
                    "over_budget",
                    "repeat",
                }
            ),
            runner="videogen.cli.create_shot_videos.create_shot_videos",
        ),
    )
}
