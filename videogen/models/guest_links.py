"""A link for people without an account, and the notes that they leave.

A link's address has a token of 256 bits. Only its hash is stored, so nobody can read the address
out of the database, and it is shown once: to the person who makes the link.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from storybook.models import Shot, Story

from .films import Film
from .renders import VideoRender

# Whoever has the link can guess so many passphrases in that time, from wherever they come.
MOST_TRIES = 10
TRIES_WINDOW = timedelta(minutes=15)
MOST_NOTES = 200
MOST_NOTES_A_MINUTE = 6


def token_sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class GuestLinkQuerySet(models.QuerySet["GuestLink"]):
    def open(self) -> GuestLinkQuerySet:
        """The links that are neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())

    def find_open(self, token: str) -> GuestLink | None:
        """Return the link of this token; None for a wrong, an expired and a revoked one."""
        digest = token_sha256(token)
        links = self.open().select_related("story", "film__ending")
        link = links.filter(token_sha256=digest).first()
        return link if link and hmac.compare_digest(link.token_sha256, digest) else None

    def make(self, *, passphrase: str = "", **values: Any) -> tuple[GuestLink, str]:
        """Store a link and return it with its token, which nobody can find out afterwards."""
        token = secrets.token_urlsafe(32)
        link = self.create(
            token_sha256=token_sha256(token),
            passphrase=make_password(passphrase) if passphrase else "",
            **values,
        )
        return link, token

    make.alters_data = True  # type: ignore[attr-defined]


class GuestLink(models.Model):
    """What somebody without an account may watch: a story, or one film of it."""

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="guest_links")
    film = models.ForeignKey(
        Film,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="guest_links",
        help_text="Without one, the link leads to the story's page Watch.",
    )
    token_sha256 = models.CharField(max_length=64, unique=True)
    passphrase = models.CharField(max_length=128, blank=True, help_text="Hashed.")
    allows_notes = models.BooleanField(default=False)
    allows_download = models.BooleanField(default=False)
    takes = models.CharField(
        max_length=10, default="best", help_text="Which takes may stand for their shots."
    )
    is_frozen = models.BooleanField(
        default=False, help_text="The takes, or the film, are those of the day the link was made."
    )
    frozen_takes = models.JSONField(
        default=dict, help_text="The primary keys of the takes, by those of their shots."
    )
    frozen_file = models.CharField(
        max_length=1000, blank=True, help_text="Of the film, relative to MEDIA_ROOT."
    )

    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_opened_at = models.DateTimeField(null=True, blank=True)
    openings = models.PositiveIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(
        default=0, help_text="Passphrases that were tried since `tries_since`."
    )
    tries_since = models.DateTimeField(null=True, blank=True)

    objects = GuestLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return f"Link of {self.made_at:%Y-%m-%d} to {self.film or self.story}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def film_file(self) -> str:
        """The file that the link shows, relative to MEDIA_ROOT; "" if there is none."""
        if self.film is None:
            return ""
        return self.frozen_file if self.is_frozen else self.film.file

    def revoke(self) -> bool:
        """End the link at once. Return False if somebody did so before."""
        return bool(self._row.filter(revoked_at=None).update(revoked_at=timezone.now()))

    revoke.alters_data = True  # type: ignore[attr-defined]

    def count_opening(self) -> None:
        self._row.update(openings=F("openings") + 1, last_opened_at=timezone.now())

    count_opening.alters_data = True  # type: ignore[attr-defined]

    def take_try(self) -> bool:
        """Count a passphrase before it is looked at, so that many at once are counted, too. Return
        False if there were too many: then it must not be looked at."""
        now = timezone.now()
        is_over = Q(tries_since=None) | Q(tries_since__lte=now - TRIES_WINDOW)
        if self._row.filter(is_over).update(tries=1, tries_since=now):
            return True
        return bool(self._row.filter(tries__lt=MOST_TRIES).update(tries=F("tries") + 1))

    take_try.alters_data = True  # type: ignore[attr-defined]

    def accepts(self, passphrase: str) -> bool:
        """Whether it is the link's passphrase. One that fits gives its try back, so that people who
        know it do not keep each other out."""
        if not check_password(passphrase, self.passphrase):
            return False
        self._row.filter(tries__gt=0).update(tries=F("tries") - 1)
        return True

    accepts.alters_data = True  # type: ignore[attr-defined]

    def add_note(self, **values: Any) -> GuestNote | None:
        """Store a note. Return None if there are too many, or too many of the last minute."""
        with transaction.atomic():
            # The lock keeps two at once from counting the same.
            GuestLink.objects.select_for_update(no_key=True).get(pk=self.pk)
            last_minute = timezone.now() - timedelta(minutes=1)
            counts = self.notes.aggregate(
                all=models.Count("pk"), new=models.Count("pk", filter=Q(made_at__gt=last_minute))
            )
            if counts["all"] >= MOST_NOTES or counts["new"] >= MOST_NOTES_A_MINUTE:
                return None
            return GuestNote.objects.create(link=self, **values)

    add_note.alters_data = True  # type: ignore[attr-defined]

    @property
    def _row(self) -> GuestLinkQuerySet:
        return GuestLink.objects.filter(pk=self.pk)


class GuestNote(models.Model):
    """What a guest says about a shot or a film. It is advice: nothing is sent or decided by it."""

    link = models.ForeignKey(GuestLink, on_delete=models.CASCADE, related_name="notes")
    shot = models.ForeignKey(
        Shot, on_delete=models.CASCADE, null=True, blank=True, related_name="guest_notes"
    )
    render = models.ForeignKey(
        VideoRender,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The take that the guest saw.",
    )
    seconds = models.FloatField(null=True, blank=True, help_text="Into the clip or the film.")
    name = models.CharField(max_length=60, blank=True, help_text="As the guest gave it.")
    text = models.TextField(max_length=2000)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["made_at", "pk"]

    def __str__(self) -> str:
        return f"Note of {self.made_at:%Y-%m-%d}"
