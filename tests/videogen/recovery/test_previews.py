from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.clips import with_unknown_pictures, with_unknown_sound, write_clip
from tests.support.factories import make_lane
from videogen.models import Candidate
from videogen.recovery import previews
from videogen.recovery.candidates import preview_path
from videogen.takes.storage import kept_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate(far_end):
    return make_candidate(download_uri=f"{far_end.url}/clip")


def make_candidate(**values):
    values = {"source": Candidate.Source.GENERATED_FILES, "name": "files/a", **values}
    return Candidate.objects.create(lane=make_lane(), is_done=True, **values)


def test_an_odd_clip_is_a_preview(far_end, candidate, tmp_path):
    far_end.answer(200, with_unknown_sound(write_clip(tmp_path / "clip.mp4")))

    previews.fetch([candidate])

    assert previews.has_preview(candidate)


def test_one_that_cannot_be_shown_is_kept_and_not_fetched_again(far_end, candidate, tmp_path):
    data = with_unknown_pictures(write_clip(tmp_path / "clip.mp4"))
    far_end.answer(200, data)

    for _ in range(2):
        previews.fetch([candidate])

    assert kept_file(f"candidate-{candidate.pk}").read_bytes() == data
    assert len(far_end.requests) == 1


@pytest.mark.parametrize(
    ("status", "is_kept"), [("proposed", True), ("dismissed", False), ("taken", False)]
)
def test_an_old_preview_stays_until_somebody_has_decided(candidate, status, is_kept):
    Candidate.objects.filter(pk=candidate.pk).update(status=status)
    path = Path(settings.MEDIA_ROOT) / preview_path(candidate)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"clip")
    os.utime(path, (0, 0))

    previews.remove_old()

    assert path.exists() is is_kept
