"""Which renders are unresolved, and which of them cannot wait."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.factories import make_render, make_shot
from videogen.models import VideoRender
from videogen.recovery.unresolved import most_urgent_first, unresolved_renders

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State


def test_the_clip_that_expires_first_comes_first():
    now = timezone.now()
    renders = {
        hours: make_render(
            make_shot(story_id=f"story-{hours}"),
            State.NOT_DOWNLOADED,
            rendered_at=now - timedelta(hours=hours),
            submitted_at=now - timedelta(hours=hours),
        )
        for hours in (5, 40, 1, 20)
    }

    found = most_urgent_first(unresolved_renders())

    assert found == [renders[hours] for hours in (40, 20, 5, 1)]
