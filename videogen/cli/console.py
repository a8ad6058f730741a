"""What the commands show on a terminal: progress, and one line for each shot at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from django.utils.translation import ngettext
from rich.markup import escape
from rich.text import Text

from storybook.media_store import media
from videogen.common.broken_output import OutputBroken
from videogen.common.terminal import PlainConsole
from videogen.common.untrusted_text import for_terminal
from videogen.models import VideoRender
from videogen.models.states import ENDED
from videogen.planning.modes import Action

from .report import number_of_shots
from .workflow import TaskResult

if TYPE_CHECKING:
    from rich.progress import Progress

    from .wait import WaitProgress

State = VideoRender.State

_STYLES = {
    "done": "green",
    "rehearsed": "green",
    "failed": "red",
    "blocked": "red",
    "unknown": "magenta",
    "interrupted": "magenta",
    "not_downloaded": "magenta",
}

# So many scenelets are named where many shots share a line.
_MOST_SCENELETS = 6


class ConsoleListener:
    """Tells a person at a terminal how the renders of a command get on; see `wait.Listener`.

    Progress is a bar on a terminal, and elsewhere a line for each change. Download links go to a
    console of their own: with --json nothing but JSON may reach standard output.
    """

    def __init__(self, *, progress: PlainConsole, links: PlainConsole) -> None:
        self._progress = progress
        self._links = links
        self._bar: Progress | None = None
        self._last_words = ""
        self._last_told_at = 0.0
        self._is_broken = False

    def __enter__(self) -> ConsoleListener:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            with suppress(OSError, OutputBroken):
                self._bar.stop()

    def on_link(self, render: VideoRender) -> None:
        self._say(self._links, f"{render.shot.code}: download link {render.download_uri}")

    def on_note(self, sentence: str) -> None:
        self._say(self._progress, sentence)

    def _say(self, console: PlainConsole, sentence: str) -> None:
        """Print the line. Raises OutputBroken once, and is silent from then on: what is paid for
        has to be put in order undisturbed."""
        if self._is_broken:
            return
        try:
            console.say(sentence)
        except OutputBroken:
            self._is_broken = True
            raise

    def on_progress(self, progress: WaitProgress) -> None:
        words = ", ".join(
            f"{count} {State(state).label}" for state, count in sorted(progress.counts.items())
        )
        if progress.note:
            words += f" – {progress.note}"
        ended = sum(progress.counts.get(state, 0) for state in ENDED)
        if self._progress.is_terminal:
            if self._bar is None:
                self._bar = self._started_bar(progress.total)
            words = escape(for_terminal(words))
            self._bar.update(self._bar.task_ids[0], completed=ended, description=words)
        elif words != self._last_words and time.monotonic() - self._last_told_at > 1:
            self._say(self._progress, f"{ended}/{progress.total}: {words}")
            self._last_words, self._last_told_at = words, time.monotonic()

    def _started_bar(self, total: int) -> Progress:
        # Commands that do not wait, or that wait without a terminal, show no bar.
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        bar = Progress(
            # A full bar says that all has ended, not that it went well: it does not turn green.
            BarColumn(finished_style="bar.complete"),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=self._progress,
            transient=True,
        )
        bar.start()
        bar.add_task("", total=total)
        return bar


def print_result(console: PlainConsole, result: TaskResult, *, is_verbose: bool = False) -> None:
    """Print what became of the shots, and a summary.

    Shots of which the same is said share a line, unless `is_verbose`. Lines are never wrapped, so
    that a path can be copied whatever the terminal's width is.
    """
    files = [row["video_file"] for row in result.rows if row["video_file"]]
    # Paths look like …/<scenelet>/shot-1/take-1.mp4. The part that all of them share is printed
    # once, at the end.
    folder = os.path.commonpath([str(Path(file).parents[1]) for file in files]) if files else ""
    lines = [
        tuple(map(for_terminal, line))
        for line in _lines(result.rows, folder, is_verbose=is_verbose)
    ]
    shots, statuses = (max((len(line[at]) for line in lines), default=0) for at in (0, 1))
    for shot, status, what in lines:
        text = Text(f"{shot:<{shots}}  ")
        text.append(f"{status:<{statuses}}  ", _STYLES.get(status.replace(" ", "_"), ""))
        text.append(what)
        console.print(text, soft_wrap=True)
    console.say(f"{result.outcomes}. {result.cost}")
    if files:
        where = "MEDIA_STORE_URL" if media.is_remote else "MEDIA_ROOT"
        console.say(f"Videos are in {where}, below {folder}")
    for line in result.next_commands:
        console.say(line)


def _lines(
    rows: Iterable[dict[str, Any]], folder: str, *, is_verbose: bool
) -> list[tuple[str, str, str]]:
    """Return for each line the shot or the number of shots, the status, and what is said."""
    groups: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for number, row in enumerate(rows):
        said = _status_and_words(row, folder)
        groups.setdefault((number, *said) if is_verbose else said, []).append(row)
    lines = []
    for group in groups.values():
        status, words = _status_and_words(group[0], folder)
        shots = number_of_shots(group)
        takes = f", {len(group)} takes" if len(group) > shots else ""
        if shots == 1:
            lines.append(("{code} {scenelet_id}".format(**group[0]) + takes, status, words))
        else:
            where = _shots_in_words(group)
            words = f"{words} ({where})" if words else where
            lines.append((f"{shots} shots{takes}", status, words))
    return lines


def _status_and_words(row: dict[str, Any], folder: str) -> tuple[str, str]:
    """Return the shot's status, and its video or the reason why there is none."""
    if row["decision"] in (Action.SKIP, Action.BLOCKED):
        return str(row["decision"]), row["reason"]
    video = os.path.relpath(row["video_file"], folder) if row["video_file"] else ""
    words = row["error"] or video or "; ".join(row["warnings"] or ())
    return (row["status"] or row["decision"]).replace("_", " "), words


def _shots_in_words(rows: Iterable[dict[str, Any]]) -> str:
    """Return the shots' codes by their scenelets: "S01-01 to S01-03, S01-05; S02-01"."""
    by_scenelet: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_scenelet.setdefault(row["scenelet_id"], []).append(row)
    told = [_ranges(shots) for shots in islice(by_scenelet.values(), _MOST_SCENELETS)]
    if more := len(by_scenelet) - len(told):
        words = ngettext("and %d more scenelet", "and %d more scenelets", more) % more
        told.append(f"{words}, which --verbose lists")
    return "; ".join(told)


def _ranges(rows: Iterable[dict[str, Any]]) -> str:
    """Return the codes of a scenelet's shots, in their order, in short."""
    ranges: list[list[dict[str, Any]]] = []
    for row in rows:
        last = ranges[-1][-1]["shot_index"] if ranges else None
        if last is not None and row["shot_index"] == last + 1:
            ranges[-1] = [ranges[-1][0], row]
        elif row["shot_index"] != last:
            ranges.append([row])
    return ", ".join(" to ".join(row["code"] for row in each) for each in ranges)
