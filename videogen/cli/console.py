"""What the commands show on a terminal: progress on stderr, results as a line a shot."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from django.conf import settings
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from videogen.models import VideoRender
from videogen.models.states import ENDED
from videogen.planning.modes import Action

from .wait import Listener
from .wait import Progress as RenderProgress
from .workflow import TaskResult

State = VideoRender.State

_STYLES = {
    "done": "green",
    "rehearsed": "green",
    "failed": "red",
    "blocked": "red",
    "unknown": "magenta",
    "interrupted": "yellow",
    "not_downloaded": "yellow",
}


class ConsoleListener(Listener):
    """`progress` gets a bar (a line per change where it is no terminal), `links` the links."""

    def __init__(self, *, progress: Console, links: Console) -> None:
        super().__init__(self._tell_link, self._tell_progress, self._tell_note)
        # The base class is frozen: these are this listener's own state.
        vars(self).update(_out=progress, _links=links, _bar=None, _last="", _at=0.0)

    def __enter__(self) -> ConsoleListener:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def _tell_link(self, render: VideoRender) -> None:
        self._links.print(f"{render.shot}: download link {render.download_uri}", markup=False)

    def _tell_note(self, sentence: str) -> None:
        self._out.print(sentence, markup=False)

    def _tell_progress(self, progress: RenderProgress) -> None:
        words = ", ".join(
            f"{count} {State(state).label}" for state, count in sorted(progress.counts.items())
        )
        if progress.note:
            words += f" – {progress.note}"
        ended = sum(progress.counts.get(state, 0) for state in ENDED)
        if self._out.is_terminal:
            if self._bar is None:
                vars(self)["_bar"] = Progress(
                    BarColumn(),
                    MofNCompleteColumn(),
                    TimeElapsedColumn(),
                    TextColumn("{task.description}"),
                    console=self._out,
                    transient=True,
                )
                self._bar.start()
                self._bar.add_task("", total=progress.total)
            self._bar.update(self._bar.task_ids[0], completed=ended, description=escape(words))
        elif words != self._last and time.monotonic() - self._at > 1:
            self._out.print(f"{ended}/{progress.total}: {words}", markup=False)
            vars(self).update(_last=words, _at=time.monotonic())


def print_result(console: Console, result: TaskResult) -> None:
    """One line a shot, never broken: paths in it can be copied, whatever the terminal's width."""
    files = [row["video_file"] for row in result.rows if row["video_file"]]
    # …/<scenelet>/shot-1/take-1.mp4: what all of them share is said once, below.
    folder = os.path.commonpath([str(Path(file).parents[1]) for file in files]) if files else ""
    lines = [_line(row, folder) for row in result.rows]
    shots, words = (max((len(line[at]) for line in lines), default=0) for at in (0, 1))
    for shot, word, what in lines:
        line = Text(f"{shot:<{shots}}  ")
        line.append(f"{word:<{words}}  ", _STYLES.get(word.replace(" ", "_"), ""))
        line.append(what)
        console.print(line, soft_wrap=True)
    summary = result.summary
    counts = {
        **{key: summary[key] for key in ("generated", "rehearsed", "skipped", "blocked", "failed")},
        "queued": result.still_open,
    }
    words = ", ".join(f"{count} {key}" for key, count in counts.items() if count)
    console.print(f"{summary['targeted']} shots: {words}. Cost: ${summary['estimated_cost_usd']}.")
    if files:
        console.print(f"Videos are below {Path(settings.MEDIA_ROOT) / folder}", markup=False)


def _line(row: dict[str, Any], folder: str) -> tuple[str, str, str]:
    """The shot, how it stands, and its video or what happened."""
    shot = f"{row['scenelet_id']} / {row['shot_index']}"
    if row["decision"] in (Action.SKIP, Action.BLOCKED):
        return shot, f"{row['decision']}", row["reason"]
    video = os.path.relpath(row["video_file"], folder) if row["video_file"] else ""
    what = row["error"] or video or "; ".join(row["warnings"] or ())
    return shot, (row["status"] or row["decision"]).replace("_", " "), what
