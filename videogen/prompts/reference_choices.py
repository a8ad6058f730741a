"""What a person chose for the reference pictures of one shot, as it is stored."""

from __future__ import annotations

from collections.abc import Sequence

from storybook.models import Shot
from videogen.models import ReferenceChoice

from .references import LEFT_OUT, PINNED

# Kind and id of a reference.
Key = tuple[str, str]


def store_choices(shot: Shot, pins: Sequence[Key], left_out: Sequence[Key]) -> None:
    """Keep exactly these choices: the pinned references in their order, and those left out. Call it
    in a transaction that holds the lock of the shot."""
    wanted = {key: (PINNED, place) for place, key in enumerate(pins, start=1)}
    wanted |= dict.fromkeys(left_out, (LEFT_OUT, 1))
    for each in ReferenceChoice.objects.filter(shot=shot):
        if (each.kind, each.reference_id) not in wanted:
            each.delete()
    for (kind, reference_id), (choice, position) in wanted.items():
        ReferenceChoice.objects.update_or_create(
            shot=shot,
            kind=kind,
            reference_id=reference_id,
            defaults={"choice": choice, "position": position},
        )
