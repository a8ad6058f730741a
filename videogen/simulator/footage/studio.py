"""Paints clips in the background and in other processes, so that the server keeps answering.

Every painter is a thread that sends jobs, one on a line, to one child process of low priority
(`videogen.simulator.footage.worker`). A child ends when its pipe is closed, so none outlives the
simulator. Quick clips need no child.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, cast

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Job:
    """A clip to paint. The file `path` appears when it is complete."""

    seed: str
    prompt: str
    references: tuple[str, ...]
    path: str
    quick: bool = False
    megabytes: int = 0


class Studio:
    """A bounded pool of painters. `order` returns at once; `failure` says why a clip failed.

    paints_quick: quick clips will be ordered. What all of them share is made at once, so that the
    first ones are not late.
    """

    def __init__(self, painters: int, *, paints_quick: bool = False) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ordered: set[str] = set()
        self._failures: dict[str, str] = {}
        self._children: set[subprocess.Popen[str]] = set()
        self._stopping = threading.Event()
        self._painters = max(1, painters)
        self._threads: list[threading.Thread] = []
        self._paints_quick = paints_quick
        if paints_quick:
            self._start_painters()

    def order(self, job: Job) -> None:
        """Queues the clip, once per path."""
        with self._lock:
            if job.path in self._ordered or self._stopping.is_set():
                return
            self._ordered.add(job.path)
            if not self._threads:
                self._start_painters()
        self._jobs.put(job)

    def failure(self, path: Path) -> str:
        """Return why painting this file failed, or ""."""
        with self._lock:
            return self._failures.get(str(path), "")

    def waiting(self) -> int:
        return self._jobs.qsize()

    def forget(self) -> None:
        """Drop the queued jobs. Clips that are being painted are finished, but not used."""
        with self._lock:
            with suppress(queue.Empty):
                while True:
                    self._jobs.get_nowait()
            self._ordered.clear()
            self._failures.clear()

    def stop(self) -> None:
        self._stopping.set()
        self.forget()
        with self._lock:
            children = list(self._children)
        for _ in self._threads:
            self._jobs.put(None)
        for child in children:
            child.terminate()
        for thread in self._threads:
            thread.join(timeout=5)

    def _start_painters(self) -> None:
        self._threads = [
            threading.Thread(target=self._paint_for_ever, name=f"painter-{n}", daemon=True)
            for n in range(self._painters)
        ]
        for thread in self._threads:
            thread.start()

    def _paint_for_ever(self) -> None:
        if self._paints_quick:
            # If that fails, each job fails as well, and says so.
            with suppress(Exception):
                get_ready()
        child: subprocess.Popen[str] | None = None
        while (job := self._jobs.get()) is not None:
            try:
                if job.quick:
                    paint(job)
                else:
                    if child is None or child.poll() is not None:
                        child = self._hire()
                    self._hand_over(child, job)
            except Exception as error:
                if self._stopping.is_set():
                    break
                logger.exception("A clip could not be painted")
                with self._lock:
                    self._failures[job.path] = f"{type(error).__name__}: {error}"
        if child is not None:
            self._dismiss(child)

    def _hire(self) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "videogen.simulator.footage.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            # Ctrl-C in the terminal reaches the simulator alone, which then ends its painters.
            start_new_session=True,
        )
        with self._lock:
            self._children.add(child)
        return child

    def _hand_over(self, child: subprocess.Popen[str], job: Job) -> None:
        to_child, from_child = _pipes(child)
        to_child.write(json.dumps(asdict(job)) + "\n")
        to_child.flush()
        answer = from_child.readline()
        if not answer:
            self._dismiss(child)
            raise RuntimeError(f"the painter's process ended with {child.returncode}")
        if message := json.loads(answer)["error"]:
            raise RuntimeError(message)

    def _dismiss(self, child: subprocess.Popen[str]) -> None:
        child.terminate()
        child.wait(timeout=5)
        for pipe in _pipes(child):
            pipe.close()
        with self._lock:
            self._children.discard(child)


def _pipes(child: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    """Its standard input and output: `_hire` opened both."""
    return cast("IO[str]", child.stdin), cast("IO[str]", child.stdout)


def get_ready() -> None:
    """Make what all quick clips share."""
    from videogen.simulator.footage.clips import make_quick_clip

    make_quick_clip()


def paint(job: Job) -> None:
    """Paint one clip in this process. Raises what the painter raises."""
    # PyAV and numpy take a while to import and are not needed to answer HTTP.
    from videogen.simulator.footage.clips import pad_clip
    from videogen.simulator.footage.painter import paint_clip

    path = Path(job.path)
    part = path.with_name(path.name + ".part")
    references = [Path(name).read_bytes() for name in job.references]
    paint_clip(prompt=job.prompt, references=references, seed=job.seed, path=part, quick=job.quick)
    if job.megabytes:
        pad_clip(part, job.megabytes)
    os.replace(part, path)
