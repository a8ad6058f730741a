"""Who asks for renders, and who pays for them."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User


@dataclass(frozen=True)
class Person:
    """Who asks: an account, or from the command line a name only. An account of that name is the
    same person."""

    user_id: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Requester:
    """Who asks, and through which door."""

    door: str
    user: User | None = None
    name: str = ""

    @property
    def person(self) -> Person:
        return Person(self.user.pk if self.user else None, self.name)
