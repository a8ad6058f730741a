"""What `run_task` asks of a task, and what the task answers: plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videogen.models.batches import CREATE_SHOT_VIDEO
from videogen.models.people import Requester
from videogen.planning.plan import Plan

if TYPE_CHECKING:
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
    # Empty: that of the story or of the settings.
    prompt_profile: str = ""
    over_budget: str = "fit"
    # How many videos a shot gets that gets one.
    takes_per_shot: int = 1
    # Whether to render duplicates again. None: the person did not say, so the mode decides.
    repeat: bool | None = None
    # Asked once before anything that costs money is queued; None: nobody is asked. Where it says
    # no, nothing is queued.
    confirm: Callable[[Plan], bool] | None = None
    # Told about a plan that costs money which no budget limits.
    warn: Callable[[str], None] | None = None
    # Whom to tell while the task waits for its renders. None: only queue them.
    listener: Listener | None = None

    @property
    def command(self) -> list[str]:
        """The arguments of `run_task` that choose the same shots, model and profile."""
        chosen = {
            "--task": CREATE_SHOT_VIDEO,
            "--story-id": self.story_id,
            "--scenelet-id": self.scenelet_id,
            "--shot-index": self.shot_index,
            "--model": self.model or None,
            "--prompt-profile": self.prompt_profile or None,
        }
        return [
            word
            for name, value in chosen.items()
            if value is not None
            for word in (name, str(value))
        ]


@dataclass(frozen=True)
class TaskResult:
    """What came of a task."""

    # One object for each targeted shot, or for each of its takes, and the summary, as the JSON
    # contract has them.
    rows: list[dict[str, Any]]
    summary: dict[str, Any]
    # How many renders are still queued or in flight.
    still_open: int
    # Whether everything asked for was done or skipped. The command's exit code says the same.
    is_as_asked: bool
    # What the budgets had no room for, and what would be cheaper. Empty if all of it fits.
    note: str = ""
    # How many shots there are and what happened to them, and what that costs, in words.
    outcomes: str = ""
    cost: str = ""
    # The commands that go on from here, each with what it does.
    next_commands: tuple[str, ...] = ()
