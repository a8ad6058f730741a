"""What the commands show on a terminal: progress on stderr, results as a table."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from django.conf import settings
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from .models import VideoRender
from .waiting import Listener
from .waiting import Progress as RenderProgress
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
        ended = sum(progress.counts.get(state, 0) for state in VideoRender.ENDED)
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
    if not console.is_terminal:
        console = Console(file=console.file, width=200, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Shot", "Decision", "Status", "Take", "Video / what happened"):
        table.add_column(column, overflow="fold")
    for row in result.rows:
        status = row["status"] or "–"
        style = _STYLES.get(status, "")
        what = row["error"] or row["video_file"] or "; ".join(row["warnings"] or ())
        table.add_row(
            escape(f"{row['scenelet_id']} / {row['shot_index']}"),
            escape(f"{row['decision']}: {row['reason']}"),
            f"[{style}]{status}[/]" if style else status,
            str(row["take"] or ""),
            escape(what),
        )
    console.print(table)
    summary = result.summary
    counts = {
        **{key: summary[key] for key in ("generated", "rehearsed", "skipped", "blocked", "failed")},
        "queued": result.still_open,
    }
    words = ", ".join(f"{count} {key}" for key, count in counts.items() if count)
    console.print(f"{summary['targeted']} shots: {words}. Cost: ${summary['estimated_cost_usd']}.")
    if any(row["video_file"] for row in result.rows):
        console.print(f"Videos are below {Path(settings.MEDIA_ROOT)}", markup=False)
