from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from storybook.models import Shot
from tests.support.clips import with_odd_name, with_unknown_sound, write_clip
from tests.support.factories import force, make_render, make_shot, picture_bytes
from videogen.common.errors import RequestError, ReviewError
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.planning.plan import plan_shots
from videogen.takes.boxes import is_faststart
from videogen.takes.storage import take_path
from videogen.takes.uploads import upload_take

pytestmark = pytest.mark.django_db

State = VideoRender.State
REQUESTER = Requester("admin", name="mira")


@pytest.fixture
def shot():
    return make_shot(pictures={})


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", faststart=True)


def upload(shot, data, name="my cut.mp4"):
    return upload_take(shot, SimpleUploadedFile(name, data, "video/mp4"), REQUESTER)


def refusal(shot, data, name="my cut.mp4"):
    with pytest.raises(RequestError) as caught:
        upload(shot, data, name)
    return caught.value


def files(settings):
    """Every file below MEDIA_ROOT."""
    root = Path(settings.MEDIA_ROOT)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_an_uploaded_video_is_a_take(settings, shot, clip):
    render = upload(shot, clip)

    stored = VideoRender.objects.get(pk=render.pk)
    assert (stored.kind, stored.state, stored.take, stored.review) == (
        "upload",
        "done",
        1,
        "unreviewed",
    )
    assert stored.price_estimate_usd == Decimal(0)
    assert stored.sha256 == hashlib.sha256(clip).hexdigest()
    assert (stored.width, stored.height, stored.has_audio) == (64, 36, True)
    assert (stored.requested_by_name, stored.ended_at) == ("mira", stored.downloaded_at)
    assert not stored.is_simulated
    assert not stored.submissions.exists()
    assert files(settings) == [
        "the-lamp/shots/opening/shot-1/take-1.jpg",
        "the-lamp/shots/opening/shot-1/take-1.mp4",
    ]
    assert Path(settings.MEDIA_ROOT, stored.video_file).read_bytes() == clip
    with Image.open(Path(settings.MEDIA_ROOT, stored.poster_file)) as poster:
        assert poster.format == "JPEG"


def test_its_batch_says_where_it_comes_from(shot, clip):
    render = upload(shot, clip)

    batch = RenderBatch.objects.get()
    assert render.batch == batch
    assert (batch.status, batch.counts, batch.requested_by_name) == (
        "confirmed",
        {"upload": 1},
        "mira",
    )
    assert batch.filters["upload"] == "my cut.mp4"


def test_the_index_is_moved_to_the_front(settings, shot, tmp_path):
    data = write_clip(tmp_path / "clip.mp4")

    render = upload(shot, data)

    path = Path(settings.MEDIA_ROOT, render.video_file)
    assert is_faststart(path)
    assert render.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_silent_one_is_taken_with_a_warning(shot, tmp_path):
    render = upload(shot, write_clip(tmp_path / "clip.mp4", with_sound=False))

    assert render.warnings == ["The video has no sound."]


def test_one_that_browsers_do_not_play_is_taken_with_a_warning(shot, tmp_path):
    render = upload(shot, write_clip(tmp_path / "clip.mp4", codec="mpeg4"))

    assert render.warnings == [
        "Not every browser plays this video (mpeg4): H.264 with 8 bits and 4:2:0 is safe."
    ]


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv444p"])
def test_h264_that_browsers_do_not_play_is_taken_with_a_warning(shot, tmp_path, pix_fmt):
    render = upload(shot, write_clip(tmp_path / "clip.mp4", pix_fmt=pix_fmt))

    assert [each.code for each in render.warnings] == ["uncommon_codec"]


def test_a_turned_one_has_the_size_that_is_displayed(settings, shot, tmp_path):
    render = upload(shot, write_clip(tmp_path / "clip.mp4", turn=-90))

    assert (render.width, render.height) == (36, 64)
    with Image.open(Path(settings.MEDIA_ROOT, render.poster_file)) as poster:
        assert poster.height > poster.width


# Its index cannot be moved to the front: nobody here knows how to write such a track.
@pytest.mark.parametrize("faststart", [True, False])
def test_one_with_sound_that_nobody_knows(settings, shot, tmp_path, faststart):
    data = with_unknown_sound(write_clip(tmp_path / "clip.mp4", faststart=faststart))

    render = upload(shot, data)

    assert [each.code for each in render.warnings] == ["unknown_sound"]
    assert "(ac-4)" in render.warnings[0]
    assert Path(settings.MEDIA_ROOT, render.video_file).read_bytes() == data


@pytest.mark.parametrize("faststart", [True, False])
def test_one_with_odd_metadata_is_taken(shot, tmp_path, faststart):
    data = with_odd_name(write_clip(tmp_path / "clip.mp4", faststart=faststart))

    assert upload(shot, data).warnings == []


def test_takes_are_numbered_on(shot, clip):
    make_render(shot, State.DONE)

    assert upload(shot, clip).take == 2
    assert upload(shot, clip).take == 3


def test_a_file_that_no_row_knows_is_not_overwritten(settings, shot, clip):
    path = Path(settings.MEDIA_ROOT, take_path(VideoRender(shot=shot), 1))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody's clip")

    assert upload(shot, clip).take == 2
    assert path.read_bytes() == b"somebody's clip"


def test_a_number_that_somebody_else_took_meanwhile_is_passed_over(shot, clip, monkeypatch):
    make_render(shot, State.DONE)
    numbers = iter([1, 2])
    monkeypatch.setattr(
        "videogen.takes.uploads.next_take", lambda render, skips_files: next(numbers)
    )

    assert upload(shot, clip).take == 2
    assert RenderBatch.objects.filter(counts__contains="upload").count() == 1


def test_the_upload_is_a_video_to_the_plan(settings, shot, clip):
    settings.VIDEO_BACKEND = "gemini"
    upload(shot, clip)

    (row,) = plan_shots(shot.scenelet.story, Shot.objects.all(), "default").rows

    assert row.decision.reason == "exists"


NO_VIDEOS = {
    "empty": (lambda path: b"", "The file is empty."),
    "a picture": (lambda path: picture_bytes(), "it is a picture"),
    "a web page": (lambda path: b"<!doctype html><p>Sign in</p>", "it is a web page"),
    "text": (lambda path: b"hello" * 100, "of no known kind"),
    "cut short": (lambda path: write_clip(path)[:-200], "cut short"),
    "the head only": (lambda path: write_clip(path)[:300], "cut short"),
    "sound only": (lambda path: write_clip(path, with_picture=False), "no video in it"),
    "a studio format": (
        lambda path: write_clip(
            path, container="mov", codec="prores_ks", pix_fmt="yuv422p10le", with_sound=False
        ),
        "does not fit into an MP4 file",
    ),
    "noise in a box": (lambda path: b"\0\0\0\x10ftypisom" + bytes(range(256)) * 9, "cut short"),
}


@pytest.mark.parametrize(("make", "words"), NO_VIDEOS.values(), ids=NO_VIDEOS.keys())
def test_what_is_no_video_leaves_nothing_behind(settings, shot, tmp_path, make, words):
    error = refusal(shot, make(tmp_path / "clip.mp4"))

    assert error.sentence.startswith("The file my cut.mp4 is not a usable video. ")
    assert words in error.sentence
    assert files(settings) == []
    assert not VideoRender.objects.exists()
    assert not RenderBatch.objects.exists()


def test_a_file_that_is_too_large_is_refused(settings, shot, clip):
    settings.VIDEO_DOWNLOAD_MAX_BYTES = len(clip) - 1

    error = refusal(shot, clip)

    assert error.code == "too_large"
    assert files(settings) == []


def test_where_the_file_cannot_be_stored_there_is_no_row(settings, shot, clip):
    folder = Path(settings.MEDIA_ROOT, take_path(VideoRender(shot=shot), 1)).parent
    folder.parent.mkdir(parents=True)
    folder.write_bytes(b"a file where the folder should be")

    error = refusal(shot, clip)

    assert error.code == "storage"
    assert not VideoRender.objects.exists()
    assert not RenderBatch.objects.exists()
    assert files(settings) == ["the-lamp/shots/opening/shot-1"]


# -- a locked shot ---------------------------------------------------------------------------------


class Slow(SimpleUploadedFile):
    """While it is received, somebody approves another take."""

    def __init__(self, data, approved):
        super().__init__("my cut.mp4", data, "video/mp4")
        self.approved = approved

    def chunks(self, chunk_size=None):
        yield from super().chunks(chunk_size)
        force(self.approved, review="approved")


@pytest.mark.parametrize("is_approved_before", [True, False])
def test_an_approved_shot_takes_no_upload(settings, shot, clip, is_approved_before):
    review = "approved" if is_approved_before else "unreviewed"
    approved = make_render(shot, State.DONE, review=review)
    file = SimpleUploadedFile("my cut.mp4", clip) if is_approved_before else Slow(clip, approved)

    with pytest.raises(ReviewError) as caught:
        upload_take(shot, file, REQUESTER)

    assert caught.value.sentence == "Take 1 is approved: unlock it first."
    assert VideoRender.objects.get() == approved
    assert RenderBatch.objects.get() == approved.batch
    assert files(settings) == []


@pytest.mark.parametrize("review", ["selected", "rejected", "unreviewed"])
def test_only_an_approval_locks(shot, clip, review):
    make_render(shot, State.DONE, review=review)

    assert upload(shot, clip).take == 2
