"""A story whose links are opened by people without an account."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from videogen.models import GuestLink, VideoRender

from .factories import make_render

CLIP = bytes(range(256)) * 4


def make_link(story, **values):
    """A link that is open for two weeks, and its token."""
    values = {"story": story, "expires_at": timezone.now() + timedelta(days=14)} | values
    return GuestLink.objects.make(**values)


def make_stored_take(shot, body=CLIP, **values):
    """A take whose clip and poster are there, though nobody could play them."""
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    take = make_render(shot, VideoRender.State.DONE, **values)
    take.poster_file = f"{take.pk}.jpg"
    take.save(update_fields=["poster_file"])
    (root / take.video_file).write_bytes(body)
    (root / take.poster_file).write_bytes(b"poster")
    return take
