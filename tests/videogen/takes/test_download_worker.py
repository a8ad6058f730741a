from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.factories import State, make_render, make_shot
from videogen.common.errors import DownloadError
from videogen.models import VideoRender
from videogen.takes.download_worker import Downloads

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


@pytest.fixture
def render():
    """A clip that another process has taken over meanwhile."""
    return make_render(
        make_shot(),
        State.DOWNLOADING,
        download_uri="http://127.0.0.1:9/v",
        downloader="another process",
        download_lease_until=timezone.now() + timedelta(seconds=30),
    )


def test_the_failure_of_a_slow_downloader_does_not_end_its_successors_row(render):
    downloads = Downloads([render.lane])

    downloads._fail(render, DownloadError("gone", code="http_404", permanent=True))

    assert VideoRender.objects.get(pk=render.pk).state == State.DOWNLOADING


def test_a_clip_that_another_process_downloads_is_left_alone(render):
    downloads = Downloads([render.lane])

    assert downloads.tick(seconds=0) is False
    assert VideoRender.objects.get(pk=render.pk).downloader == "another process"
