"""A clip that was paid for is kept, whatever is odd about it."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.support.clips import (
    with_odd_name,
    with_unknown_pictures,
    with_unknown_sound,
    write_clip,
)
from tests.support.factories import State, force, make_render, make_shot
from videogen.models import VideoRender
from videogen.models.people import Requester
from videogen.recovery.decisions import attach_link
from videogen.takes.boxes import is_faststart
from videogen.takes.download_worker import Downloads
from videogen.takes.storage import (
    LEFTOVER_SECONDS,
    kept_file,
    partial_folder,
    remove_leftovers,
    set_aside,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def render(far_end):
    return make_render(make_shot(), State.DOWNLOADING, download_uri=f"{far_end.url}/clip")


def work(render):
    downloads = Downloads([render.lane])
    VideoRender.objects.filter(pk=render.pk).update(not_before=None)
    while downloads.tick():
        pass
    downloads.close()
    render.refresh_from_db()


def kept(render):
    file = kept_file(f"render-{render.pk}")
    return file.read_bytes() if file.exists() else None


@pytest.mark.parametrize("faststart", [True, False])
@pytest.mark.parametrize(
    ("make", "codes"),
    [(with_unknown_sound, ["unknown_sound"]), (with_odd_name, [])],
    ids=["sound that nobody knows", "metadata that is not UTF-8"],
)
def test_an_odd_clip_becomes_a_take(settings, far_end, render, tmp_path, make, codes, faststart):
    data = make(write_clip(tmp_path / "clip.mp4", faststart=faststart))
    # As long as it is, and of no size that was asked for.
    force(render, duration_seconds=1, resolution="")
    far_end.answer(200, data)

    work(render)

    assert (render.state, render.take) == (State.DONE, 1)
    assert [each.code for each in render.warnings] == codes
    file = Path(settings.MEDIA_ROOT, render.video_file)
    # What cannot be rewritten stays as it came.
    assert (file.read_bytes() == data) is (faststart or make is with_unknown_sound)
    assert is_faststart(file) is (file.read_bytes() != data or faststart)
    assert Path(settings.MEDIA_ROOT, render.poster_file).stat().st_size
    assert kept(render) is None


def test_a_clip_that_nothing_can_decode_is_kept_and_offered(
    settings, far_end, render, tmp_path, admin_client
):
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 1
    data = with_unknown_pictures(write_clip(tmp_path / "clip.mp4"))
    far_end.answer(200, data)

    work(render)

    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "no_decoder")
    assert kept(render) == data
    for page in (
        reverse("admin:storybook_shot_takes", args=[render.shot_id]),
        reverse("admin:videogen_unresolved"),
    ):
        assert b"data-kept" in admin_client.get(page).content, page
    answer = admin_client.get(f"/media/kept/render-{render.pk}.mp4?download=1")
    assert b"".join(answer) == data
    assert answer["Content-Disposition"].startswith("attachment")


def test_what_is_kept_goes_when_the_clip_is_here(far_end, render, tmp_path):
    far_end.answer(200, write_clip(tmp_path / "clip.mp4")[:-50])
    far_end.answer(200, write_clip(tmp_path / "clip.mp4"))

    work(render)
    first = kept(render)
    work(render)

    assert first
    assert (render.state, kept(render)) == (State.DONE, None)


def test_the_clip_of_a_given_link_does_not_replace_what_was_paid_for(far_end, render, tmp_path):
    force(render, is_link_given=True)
    far_end.answer(200, with_unknown_pictures(write_clip(tmp_path / "clip.mp4")))
    far_end.answer(200, write_clip(tmp_path / "clip.mp4"))

    work(render)
    first = kept(render)
    work(render)

    assert render.state == State.DONE
    assert kept(render) == first


def test_what_a_given_link_brings_does_not_replace_what_was_kept(
    settings, far_end, render, tmp_path
):
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 1
    paid = with_unknown_pictures(write_clip(tmp_path / "clip.mp4"))
    larger = paid + (4096).to_bytes(4, "big") + b"free" + bytes(4088)
    far_end.answer(200, paid)
    far_end.answer(200, larger)
    work(render)
    attach_link(render, f"{far_end.url}/another", Requester("admin", name="mira"))

    work(render)

    assert render.state == State.NOT_DOWNLOADED
    assert kept(render) == paid


def test_what_is_left_of_a_given_link_does_not_replace_what_was_kept(render):
    force(render, state=State.NOT_DOWNLOADED, ended_at=timezone.now(), is_link_given=True)
    kept_file(f"render-{render.pk}").parent.mkdir(parents=True)
    kept_file(f"render-{render.pk}").write_bytes(b"paid")
    left = leave(render)

    remove_leftovers()

    assert not left.exists()
    assert kept(render) == b"paid"


def test_half_a_clip_of_which_the_rest_is_lost_is_kept(far_end, render, tmp_path):
    data = write_clip(tmp_path / "clip.mp4")
    far_end.answer(200, data[:900], ETag='"a"', Content_Length=str(len(data)), Connection="close")
    far_end.answer(404)
    long_ago = timezone.now() - timedelta(days=3)
    force(render, rendered_at=long_ago, claimed_at=long_ago)

    work(render)
    work(render)

    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "lost")
    assert kept(render) == data[:900]


def test_half_a_clip_of_a_former_link_is_kept(tmp_path):
    render = make_render(make_shot(), State.NOT_DOWNLOADED)
    left = leave(render, data=write_clip(tmp_path / "clip.mp4")[:900])

    attach_link(render, "https://storage.googleapis.com/x", Requester("admin", name="mira"))

    assert not left.exists()
    assert kept(render)


# -- what processes left that were killed ----------------------------------------------------------


def leave(render, *, data=b"\0\0\0\x08ftyp" + b"x" * 99, seconds=LEFTOVER_SECONDS + 60):
    partial_folder().mkdir(parents=True, exist_ok=True)
    path = partial_folder() / f"render-{render.pk}.part"
    path.write_bytes(data)
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_a_leftover_that_can_never_become_a_take_is_kept(render):
    force(render, state=State.NOT_DOWNLOADED, ended_at=timezone.now())
    left = leave(render)
    data = left.read_bytes()

    remove_leftovers()

    assert not left.exists()
    assert kept(render) == data


def test_a_leftover_with_which_a_download_may_go_on_stays(render):
    left = leave(render, seconds=LEFTOVER_SECONDS - 60)

    remove_leftovers()

    assert left.exists()
    assert kept(render) is None


def test_a_leftover_of_a_render_that_has_its_video_is_removed():
    render = make_render(make_shot(), State.DONE)
    left = leave(render)

    remove_leftovers()

    assert not left.exists()
    assert kept(render) is None


@pytest.mark.parametrize("name", ["upload-0123.part", "candidate-7.part", "render-x.part"])
def test_other_leftovers_are_removed(name):
    partial_folder().mkdir(parents=True)
    path = partial_folder() / name
    path.write_bytes(b"x")
    os.utime(path, (0, 0))

    remove_leftovers()

    assert not path.exists()


def test_nothing_is_kept_of_no_bytes_or_a_web_page(render):
    for data in (b"", b"<!doctype html>", b'{"error": 1}'):
        leave(render, data=data)
        set_aside(render.pk)

    assert kept(render) is None
    assert list(partial_folder().iterdir()) == []
