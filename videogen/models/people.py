"""The people behind requests and budgets."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User


@dataclass(frozen=True)
class Person:
    """A person whose daily budget counts: a user account, or only a name if the request came from
    the command line. A name and the account of that name are the same person."""

    user_id: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Requester:
    """Who asks for renders, and through which door: one of `RenderBatch.Door`."""

    door: str
    user: User | None = None
    name: str = ""

    @property
    def person(self) -> Person:
        return Person(self.user.pk if self.user else None, self.name)
