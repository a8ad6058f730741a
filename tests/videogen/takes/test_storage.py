from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.support.clips import write_clip
from videogen.common.errors import DownloadError
from videogen.takes.storage import exclusive, keep, make_clip, partial_folder, store_clip

TAKE = Path("story/shots/opening/shot-1/take-1.mp4")


@pytest.fixture
def clip():
    partial_folder().mkdir(parents=True)
    part = partial_folder() / "render-1.part"
    write_clip(part, faststart=True)
    return make_clip(part, is_paid=True)


@pytest.fixture
def final(settings):
    return Path(settings.MEDIA_ROOT) / TAKE


def test_a_take_has_its_poster_before_it_has_its_name(clip, final):
    clip.poster.unlink()

    with pytest.raises(OSError):
        store_clip(clip, TAKE)

    assert not final.exists()
    assert clip.video.exists(), "it can be stored again"


def test_a_take_is_on_the_disk_before_it_has_its_name(clip, final, monkeypatch):
    inode = clip.video.stat().st_ino
    seen = []

    def fsync(descriptor):
        facts = os.fstat(descriptor)
        what = "folder" if stat.S_ISDIR(facts.st_mode) else "clip" if facts.st_ino == inode else ""
        seen.append((what, final.exists()))

    monkeypatch.setattr("os.fsync", fsync)

    store_clip(clip, TAKE)

    # Before them, the poster.
    assert seen[-2:] == [("clip", False), ("folder", True)]


def test_a_disk_that_is_gone_gets_no_folders_in_its_place(clip, final):
    clip.video.unlink()

    with pytest.raises(FileNotFoundError):
        store_clip(clip, TAKE)

    assert not final.parent.exists()


def test_one_file_is_written_by_one_process_at_a_time(clip):
    part = partial_folder() / "render-7.part"

    with exclusive(part), pytest.raises(DownloadError) as caught, exclusive(part):
        pass

    assert (caught.value.code, caught.value.permanent) == ("busy", False)
    with exclusive(part):
        pass


def test_what_cannot_be_moved_stays_where_it_is(settings, clip):
    part = partial_folder() / "render-7.part"
    part.write_bytes(b"half a clip")
    (Path(settings.MEDIA_ROOT) / "kept").write_text("a file where the folder should be")

    assert keep(part) is False
    assert part.read_bytes() == b"half a clip"
