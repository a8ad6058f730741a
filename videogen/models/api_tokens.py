"""Tokens of the API, and the answers that it keeps for those who ask twice.

A token has 256 bits. Only its hash is stored, so nobody can read a token out of the database, and
it is shown once: to the person who makes it. It has the right of its person, and never more.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils import timezone

PREFIX = "vg_"
LONGEST_DAYS = 366
USUAL_DAYS = 90
# How exactly it is known when a token was used last: not every request writes.
USED_EVERY = timedelta(minutes=1)
# How long the answer to a request is kept for those who send it again.
ANSWERS_KEPT_FOR = timedelta(hours=24)
MOST_AT_ONCE = 500


def token_sha256(token: str) -> str:
    # Without salt and in one round: there are 256 bits to guess.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def valid(self) -> ApiTokenQuerySet:
        """The tokens that open the API now."""
        return self.filter(
            revoked_at=None,
            expires_at__gt=timezone.now(),
            user__is_active=True,
            user__is_staff=True,
        )

    def find_valid(self, token: str) -> ApiToken | None:
        """Return the token, with its person; None for a wrong, an expired and a revoked one, and
        where the person may not log in any more. Makes one query.

        The database looks for the hash: how long that takes tells nothing about a token.
        """
        rows = self.valid().select_related("user")
        return rows.filter(token_sha256=token_sha256(token)).first()

    def make(self, *, user: User, days: int = USUAL_DAYS, **values: Any) -> tuple[ApiToken, str]:
        """Store a token and return it with its secret, which nobody can find out afterwards."""
        secret = PREFIX + secrets.token_urlsafe(32)
        token = self.create(
            user=user,
            token_sha256=token_sha256(secret),
            ending=secret[-4:],
            expires_at=timezone.now() + timedelta(days=days),
            **values,
        )
        return token, secret

    make.alters_data = True  # type: ignore[attr-defined]

    def revoke(self) -> int:
        """End these tokens at once. Return how many had not ended before."""
        return self.filter(revoked_at=None).update(revoked_at=timezone.now())

    revoke.alters_data = True  # type: ignore[attr-defined]


class ApiToken(models.Model):
    """What a program shows to do something in a person's name."""

    class Scope(models.TextChoices):
        """Each scope has the ones before it."""

        READ = "read", "read: look at everything"
        REVIEW = "review", "review: read, and change what costs nothing"
        SPEND = "spend", "spend: review, and render videos"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="api_tokens",
        verbose_name="person",
        help_text="In whose name it acts: it may do what this person may do.",
    )
    name = models.CharField(max_length=100, help_text="The program or machine that uses it.")
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.READ)
    token_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    ending = models.CharField(
        max_length=4, editable=False, help_text="Its last characters, to tell it from others."
    )
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at", "-pk"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} (…{self.ending})"

    def has_scope(self, scope: str) -> bool:
        """Whether the token's scope has that one, or is it."""
        order = list(self.Scope.values)
        return order.index(self.scope) >= order.index(scope)

    def note_use(self) -> None:
        """Remember that it was used, at most once a minute."""
        now = timezone.now()
        if self.last_used_at is None or self.last_used_at < now - USED_EVERY:
            old = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
            ApiToken.objects.filter(old, pk=self.pk).update(last_used_at=now)

    note_use.alters_data = True  # type: ignore[attr-defined]


class ApiAnswerQuerySet(models.QuerySet["ApiAnswer"]):
    def delete_old(self) -> int:
        """Delete answers that are not kept any more, some at a time. Return how many."""
        old = self.filter(made_at__lt=timezone.now() - ANSWERS_KEPT_FOR).order_by("made_at")
        ids = list(old.values_list("pk", flat=True)[:MOST_AT_ONCE])
        return self.filter(pk__in=ids).delete()[0] if ids else 0

    delete_old.alters_data = True  # type: ignore[attr-defined]


class ApiAnswer(models.Model):
    """A request with an Idempotency-Key, and what it was answered. The row is there before the work
    begins, so of many who send the same key one works."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_sha256 = models.CharField(max_length=64, help_text="Of the address and the body.")
    worker = models.CharField(max_length=200, help_text="The process that works on the request.")
    made_at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Empty: somebody is still at work."
    )
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)

    objects = ApiAnswerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_person_and_key")
        ]
        indexes = [
            # The minute sweep looks for old ones.
            models.Index(fields=["made_at"], name="api_answers_by_age"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def is_kept(self) -> bool:
        return self.made_at > self.kept_since()

    @staticmethod
    def kept_since() -> datetime:
        return timezone.now() - ANSWERS_KEPT_FOR
