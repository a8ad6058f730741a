"""Which rows belong to a story, in the order in which they are restored.

Every model that refers to a story, directly or not, stands here: in `TABLES`, or in `LEFT_OUT` with
the reason. A test walks the relations of all models, so a model that is added later is decided on.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet

from storybook.models import DesignDocument, KeyFrame, Picture, Scenelet, Shot, Story
from videogen.models import (
    Budget,
    Candidate,
    Direction,
    Film,
    GuestLink,
    GuestNote,
    Notice,
    OutgoingEvent,
    ReferenceChoice,
    RenderBatch,
    ShotStanding,
    StorySettings,
    Submission,
    TakeCheck,
    TakeNote,
    VideoRender,
)
from videogen.models.states import OPEN


@dataclass(frozen=True)
class Table:
    """One kind of row.

    of_story: the way from a row to its story. only: which of them an archive has. without: the
    columns that it does not have, each with what a restored row gets. stays: a wipe does not remove
    the rows, it only takes the story from them.
    """

    model: type[models.Model]
    of_story: str
    only: Q = field(default_factory=Q)
    without: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    stays: bool = False

    @property
    def label(self) -> str:
        return self.model._meta.label_lower

    @property
    def columns(self) -> list[models.Field[Any, Any]]:
        """The columns that an archive has, without the primary key that the database gives."""
        return [
            each
            for each in self.model._meta.concrete_fields
            if each.name not in self.without
            and not (each.primary_key and isinstance(each, models.AutoField))
        ]

    @cached_property
    def lists(self) -> list[models.ManyToManyField[Any, Any]]:
        return list(self.model._meta.many_to_many)

    def all_rows(self, story: int) -> QuerySet[Any]:
        """All rows of the story, also those that an archive leaves out. Plain querysets: nothing
        that is derived follows, and no signal is sent."""
        return models.QuerySet(self.model).filter(**{self.of_story: story})

    def rows(self, story: int) -> QuerySet[Any]:
        """The rows that an archive has, in the order in which they were made."""
        return self.all_rows(story).filter(self.only).order_by(*self._order)

    @property
    def _order(self) -> tuple[str, ...]:
        # A token is random, and the order has to be the same after a restore.
        return ("claimed_at", "token") if self.model is Submission else ("pk",)


_ENDED = ~Q(state__in=sorted(OPEN))
_OF_ENDED = ~Q(render__state__in=sorted(OPEN))
_OF_SHOT = "shot__scenelet__story"
_OF_RENDER = f"render__{_OF_SHOT}"


def _nothing() -> None:
    return None


TABLES: tuple[Table, ...] = (
    Table(Story, "pk"),
    Table(DesignDocument, "story"),
    Table(Scenelet, "story"),
    Table(Shot, "scenelet__story"),
    Table(Picture, "story"),
    Table(KeyFrame, _OF_SHOT),
    Table(StorySettings, "story"),
    Table(Budget, "story"),
    Table(Direction, "story"),
    Table(ReferenceChoice, _OF_SHOT),
    Table(RenderBatch, "story", Q(status=RenderBatch.Status.CONFIRMED)),
    Table(VideoRender, _OF_SHOT, _ENDED),
    Table(Submission, _OF_RENDER, _OF_ENDED),
    # What the API lists is a fact of the account: it stays known while the story is away.
    Table(Candidate, _OF_RENDER, _OF_ENDED, stays=True),
    Table(TakeNote, _OF_RENDER, _OF_ENDED),
    # A check without a result is being made now; after a restore, it is made anew.
    Table(
        TakeCheck,
        _OF_RENDER,
        _OF_ENDED & ~Q(result=""),
        without={"worker": str, "lease_until": _nothing},
    ),
    Table(Film, "story", without={"worker": str, "lease_until": _nothing}),
    # Nobody may find out an address or a passphrase from an archive. The link comes back as a
    # revoked one, with its notes.
    Table(
        GuestLink,
        "story",
        without={
            "token_sha256": lambda: secrets.token_hex(32),
            "passphrase": str,
            "frozen_takes": dict,
            "frozen_file": str,
            "tries": int,
            "tries_since": _nothing,
        },
    ),
    Table(GuestNote, "link__story"),
    # Without the time of the next attempt, nothing is sent because a story was restored.
    Table(Notice, "story", without={"next_attempt_at": _nothing}),
    Table(OutgoingEvent, "story", without={"next_attempt_at": _nothing}),
)
TABLE_OF = {each.model: each for each in TABLES}

# Models that refer to a story and are in no archive, and why.
LEFT_OUT: dict[type[models.Model], str] = {
    ShotStanding: "It is derived from the renders, and made again.",
}
