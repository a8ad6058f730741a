"""The map of a story's branches: a row for each scenelet, with the lines that lead to it.

A row is as high as ROW, and its lines reach from its upper to its lower edge, so that rows below
each other make one drawing. The places of all lines are numbers in attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storybook.models import Scenelet

ROW = 32
_LANE = 14
# Further branchings share the last lane, so that names keep their room.
_MOST_LANES = 5


@dataclass(frozen=True)
class BranchNode:
    """A scenelet in the map, at `x`."""

    scenelet: Scenelet
    x: int
    # Lines that pass by, from edge to edge.
    passing: Sequence[int]
    # The line that comes from the scenelet before; empty at a beginning.
    way_in: str
    # Whether a line goes on to a scenelet that follows.
    goes_on: bool
    width: int

    @property
    def number(self) -> str:
        return f"{self.scenelet.place:02d}"


def branch_nodes(scenelets: Sequence[Scenelet]) -> list[BranchNode]:
    """Return a node for each scenelet, in the order of the tree."""
    ordered = in_tree_order(scenelets)
    places = {each.pk: place for place, each in enumerate(ordered)}
    # Wrong data may make a circle of parents. A line only leads from above.
    parents = {
        each.pk: each.parent_id
        for each in ordered
        if each.parent_id in places and places[each.parent_id] < places[each.pk]
    }
    branches: dict[int, list[int]] = {}
    for each in ordered:
        if (parent := parents.get(each.pk)) is not None:
            branches.setdefault(parent, []).append(each.pk)
    lanes: dict[int, int] = {}
    for each in ordered:
        parent = parents.get(each.pk)
        lane = 0 if parent is None else lanes[parent] + (len(branches[parent]) > 1)
        lanes[each.pk] = min(lane, _MOST_LANES - 1)
    width = _LANE * (max(lanes.values(), default=0) + 1)
    # The lines that stay open below a branching, by its scenelet, and the place at which they end.
    last = {parent: places[own[-1]] for parent, own in branches.items() if len(own) > 1}
    return [
        BranchNode(
            each,
            _x(lanes[each.pk]),
            _passing(places[each.pk], lanes, places, last, lanes[each.pk]),
            _way_in(each.pk, parents, lanes),
            each.pk in branches,
            width,
        )
        for each in ordered
    ]


def _passing(
    place: int,
    lanes: Mapping[int, int],
    places: Mapping[int, int],
    last: Mapping[int, int],
    own: int,
) -> list[int]:
    open_lanes = {lanes[each] for each, end in last.items() if places[each] < place < end}
    return [_x(lane) for lane in sorted(open_lanes - {own})]


def _way_in(key: int, parents: Mapping[int, int | None], lanes: Mapping[int, int]) -> str:
    parent = parents.get(key)
    if parent is None:
        return ""
    start, end, middle = _x(lanes[parent]), _x(lanes[key]), ROW // 2
    return f"M{start} 0C{start} {middle} {start} {middle} {end} {middle}"


def _x(lane: int) -> int:
    return lane * _LANE + _LANE // 2


def in_tree_order(scenelets: Iterable[Scenelet]) -> list[Scenelet]:
    """Sort the scenelets so that each branch comes right after the scenelet that it leaves.

    Each scenelet is returned once, even if wrong data makes a circle of parents.
    """
    scenelets = list(scenelets)
    known = {each.pk for each in scenelets}
    branches: dict[int | None, list[Scenelet]] = {}
    for each in scenelets:
        parent = each.parent_id if each.parent_id in known else None
        branches.setdefault(parent, []).append(each)
    ordered: dict[int, Scenelet] = {}
    # A stack and no recursion: stories can be longer than Python's recursion is deep.
    for start in [*branches.get(None, []), *scenelets]:
        waiting = [start]
        while waiting:
            each = waiting.pop()
            if each.pk not in ordered:
                ordered[each.pk] = each
                waiting += reversed(branches.get(each.pk, []))
    return list(ordered.values())
