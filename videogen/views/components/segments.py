"""Bars of segments: how many there are of each status, each in its colour, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from videogen.models.states import OPEN, State

from .badges import Badge, badge_of_state


@dataclass(frozen=True)
class Slice:
    """One colour of a bar. Start and width are percentages of the bar."""

    badge: Badge
    number: int
    start: float
    width: float


def slices_of(counts: Iterable[tuple[Badge, int]]) -> list[Slice]:
    """Return the slices of a bar, in this order, without the empty ones."""
    counted = [(badge, number) for badge, number in counts if number]
    total = sum(number for _, number in counted)
    found, start = [], 0.0
    for badge, number in counted:
        width = 100 * number / total
        found.append(Slice(badge, number, round(start, 3), round(width, 3)))
        start += width
    return found


# From what there is to what is missing and what is still to come.
_IN_ORDER = (
    State.DONE,
    State.REHEARSED,
    State.NOT_DOWNLOADED,
    State.INTERRUPTED,
    State.UNKNOWN,
    State.BLOCKED,
    State.FAILED,
    State.CANCELLED,
    State.DOWNLOADING,
    State.RUNNING,
    State.SUBMITTING,
    State.QUEUED,
)
# What waits has no colour yet, and what has ended without a clip must not look like it.
_TONES = {State.QUEUED: "grey", State.REHEARSED: "ended", State.CANCELLED: "ended"}


@dataclass(frozen=True)
class RenderProgress:
    """What became of the renders of a batch: their number by status."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def open(self) -> int:
        return sum(self.counts.get(state, 0) for state in OPEN)

    @property
    def ended(self) -> int:
        return self.total - self.open

    @property
    def made(self) -> int:
        """Those that have come to what was asked for."""
        return self.counts.get(State.DONE, 0) + self.counts.get(State.REHEARSED, 0)

    @property
    def slices(self) -> list[Slice]:
        return slices_of(
            (Badge(_TONES.get(state, badge_of_state(state).tone), state.label, state.value), number)
            for state in _IN_ORDER
            if (number := self.counts.get(state, 0))
        )

    @property
    def words(self) -> str:
        """Each outcome by its name, such as "10 not downloaded, 1 failed"."""
        return _joined(self.slices)

    @property
    def sentence(self) -> str:
        """How it stands or ended: "2 of 5 done, 1 to go, 2 failed." An end without anything made
        is said to be one."""
        made = "rehearsed" if self.counts.get(State.REHEARSED) else "done"
        rest = [each for each in self.slices if each.badge.word not in _SAID]
        if self.total and not self.open and not self.made:
            return f"Nothing was made: {_joined(rest)}."
        parts = [f"{self.made} of {self.total} {made}"]
        if self.open:
            parts.append(f"{self.open} to go")
        if rest:
            parts.append(_joined(rest))
        return ", ".join(parts) + "."


_SAID = {state.label for state in (State.DONE, State.REHEARSED, *OPEN)}


def _joined(slices: Iterable[Slice]) -> str:
    return ", ".join(f"{each.number} {each.badge.word}" for each in slices)
