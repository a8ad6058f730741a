"""One batch against one API, and what each shot of it was expected to become."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from tests.support.installations import Installation, wait_until

from .judging import OPEN, Render, Tally, judge, renders_of


@dataclass(frozen=True)
class Expectation:
    """ends: the states in which its render may end; submissions: how many may reach the API (at
    least, at most); is_charged: what the books say, None where both are right."""

    scenario: str
    ends: frozenset[str]
    submissions: tuple[int, int] = (1, 1)
    is_charged: bool | None = None
    ended_by_api: bool = False


def shot_of(number: int) -> str:
    """As `renders_of` names the shot that `write_story` gives that number (from 0)."""
    return f"scenelet-{number // 6 + 1}/{number % 6 + 1}"


def run_batch(
    installation: Installation, story: str, seconds: float, *, ends: frozenset[str] = frozenset()
) -> float:
    """Queue the whole story, wait until nothing is open or all are in `ends`; how long it took."""
    started = time.monotonic()
    installation.run_task(story, "--no-wait")
    wait_for_end(installation, story, seconds, ends=ends)
    return time.monotonic() - started


def wait_for_end(
    installation: Installation, story: str, seconds: float, *, ends: frozenset[str] = frozenset()
) -> None:
    """In vain, too: what is still open is counted by the judge."""

    def is_over() -> bool:
        states = {render.state for render in renders_of(installation, story)}
        return bool(states) and (not states & OPEN or bool(ends and states <= ends))

    with suppress(AssertionError):
        wait_until(is_over, seconds)


def compare(
    installation: Installation,
    expectation: Expectation,
    renders: list[Render],
    accepted: Mapping[str, str],
    submitted: Counter[str],
    seconds: float,
) -> Tally:
    """submitted: how often the API was asked, by prompt."""
    ended = set(accepted) if expectation.ended_by_api else set()
    tally = judge(
        expectation.scenario,
        installation,
        renders,
        accepted,
        ended_by_api=ended,
        may_be_open=bool(expectation.ends & OPEN),
    )
    tally.seconds = seconds
    least, most = expectation.submissions
    if not renders:
        tally.wrong.append("there is no render")
    for render in renders:
        if render.state not in expectation.ends:
            tally.wrong.append(
                f"{render.state} instead of {' or '.join(sorted(expectation.ends))}: "
                f"{render.sentence[:200]}"
            )
        asked = submitted[render.prompt_sha256]
        if not least <= asked <= most:
            tally.wrong.append(f"{asked} submissions instead of {least} to {most}")
        if expectation.is_charged not in (None, render.is_charged):
            tally.wrong.append(f"the books say {', '.join(render.submissions) or 'nothing'}")
    states = Counter(render.state for render in renders)
    tally.note = ", ".join(
        f"{state} {count}" if count > 1 else state for state, count in states.items()
    )
    return tally
