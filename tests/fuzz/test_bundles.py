"""Whatever a bundle holds: it is imported, or refused with sentences; nothing else happens."""

from __future__ import annotations

import io
import stat
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from storybook.errors import BundleError
from storybook.importer.bundles import read_bundle
from storybook.importer.story import import_bundle, import_story
from storybook.importer.zipped_bundles import unpack
from storybook.models import Story
from tests.support.bundles import SHEET, files_below, picture, story, write_bundle, zip_bundle

from .mutations import always, as_bytes, changed, changes, forms

pytestmark = pytest.mark.django_db

DOCUMENTS = 1_800
ZIPS = 300
# Every so manieth bundle that can be read is imported as well: that takes longer.
IMPORTED = 5


@pytest.fixture
def place(settings, tmp_path):
    """Where things lie: what is to be imported, the media root, and what is nobody's business."""
    settings.MEDIA_ROOT = str(tmp_path / "inside" / "media")
    (tmp_path / "inside" / "media").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(picture())
    return tmp_path


def assert_sentences(error):
    """For a person: a line a problem, each with its place, none endless."""
    assert error.problems
    for problem in error.problems:
        assert problem.strip() and "\n" not in problem and "\r" not in problem
        assert "Traceback" not in problem and "Error(" not in problem
        assert len(problem) < 1_000
        problem.encode()


@pytest.mark.slow
def test_no_document_does_more_than_being_imported_or_refused(place):
    folder = write_bundle(place / "inside" / "bundle")
    before = files_below(place / "outside")
    counts = {"inputs": 0, "refused": 0, "read": 0, "imported": 0}

    @hypothesis_settings(always, max_examples=DOCUMENTS)
    @given(changes, forms)
    def check(drawn, form):
        counts["inputs"] += 1
        (folder / "story.json").write_bytes(as_bytes(changed(story(), drawn), form))
        try:
            bundle = read_bundle(folder / "story.json")
        except BundleError as error:
            assert_sentences(error)
            counts["refused"] += 1
            return
        counts["read"] += 1
        if counts["read"] % IMPORTED:
            return
        with transaction.atomic():
            report = import_bundle(bundle)
            assert Story.objects.get().story_id == report.story_id
            transaction.set_rollback(True)
        counts["imported"] += 1

    check()

    assert counts["inputs"] >= DOCUMENTS
    assert counts["refused"] > 400 and counts["imported"] > 80, counts
    assert files_below(place / "outside") == before
    assert not [file for file in files_below(place) if "escaped" in file and "media" not in file]
    assert {file.split("/")[0] for file in files_below(place / "inside")} <= {"bundle", "media"}


NAMES = [
    "my-story/images/a.png",
    "my-story/images/A.PNG",
    "my-story/story.json",
    "story.json",
    "other/story.json",
    "../../escaped.png",
    "my-story/../../../escaped.png",
    "my-story/images/../../../../escaped.png",
    "/tmp/escaped.png",
    "//escaped",
    "C:\\escaped.png",
    "..\\..\\escaped.png",
    "my-story/images/",
    "my-story/images/a.png/b.png",
    "my-story/images/con\x1b[2J.png",
    "my-story/images/new\nline.png",
    "my-story/images/" + "long" * 100 + ".png",
    "my-story/images/" + "deep/" * 60 + "x.png",
    "__MACOSX/._a",
    ".",
    "..",
    " ",
]
entries = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from([f"my-story/images/{number}.png" for number in range(40)]),
            st.sampled_from(NAMES),
            st.text(max_size=20),
        ),
        st.sampled_from(["file"] * 6 + ["link out", "link", "pipe", "folder", "bomb", "device"]),
    ),
    max_size=4,
)
# (place, byte) of single bytes that are changed afterwards.
damage = st.one_of(
    *[st.just([])] * 3,
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=3),
)
_modes = {"pipe": stat.S_IFIFO, "folder": stat.S_IFDIR, "device": stat.S_IFCHR}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_zip_does_more_than_being_unpacked_or_refused(settings, place):
    settings.STORY_ZIP_MAX_BYTES = 8 * 1024**2
    bomb = b"\0" * 2 * 1024**2
    before = files_below(place / "outside")
    counts = {"inputs": 0, "refused": 0, "unpacked": 0}

    @hypothesis_settings(always, max_examples=ZIPS)
    @given(entries, damage)
    def check(drawn, bytes_changed):
        counts["inputs"] += 1
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(zip_template, "my-story/story.json")
            for name, kind in drawn:
                entry = zipfile.ZipInfo("x")
                entry.filename = name.encode("utf-8", "replace").decode()
                entry.compress_type = zipfile.ZIP_DEFLATED
                content = picture() if kind == "file" else b"x"
                if kind.startswith("link"):
                    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
                    out = str(place / "outside" / "secret.png")
                    content = out.encode() if kind == "link out" else b"../../escaped"
                elif kind in _modes:
                    entry.external_attr = (_modes[kind] | 0o777) << 16
                elif kind == "bomb":
                    content = bomb
                archive.writestr(entry, content)
        data = bytearray(file.getvalue())
        for at, value in bytes_changed:
            data[at % len(data)] = value
        path = place / "inside" / "bundle.zip"
        path.write_bytes(data)
        with tempfile.TemporaryDirectory(dir=place / "inside") as target:
            try:
                unpack(path, Path(target))
            except BundleError as error:
                assert_sentences(error)
                counts["refused"] += 1
            else:
                counts["unpacked"] += 1
            assert not any(each.is_symlink() for each in Path(target).rglob("*"))

    zip_template = place / "story.json"
    zip_template.write_bytes(as_bytes(story(), "plain"))
    check()

    assert counts["inputs"] >= ZIPS
    assert counts["refused"] > 100 and counts["unpacked"] > 15, counts
    assert files_below(place / "outside") == before
    assert not [file for file in files_below(place) if "escaped" in file]
    assert not Path("/tmp/escaped.png").exists()


def test_the_valid_ones_are_imported(place):
    """What the others are made of: otherwise every refusal would prove nothing."""
    assert import_story(write_bundle(place / "inside" / "bundle")).title == "My story"
    assert import_story(zip_bundle(place / "inside" / "b.zip")).title == "My story"


def test_a_picture_that_unfolds_in_the_memory_is_refused(place):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")

    report = import_story(write_bundle(place / "inside" / "bundle", images={SHEET: bomb}))

    [problem] = [each.problem for each in report.picture_warnings if each.path == SHEET]
    assert "50000 × 50000 pixels" in problem


def test_a_document_of_a_hundred_megabytes_is_refused(place):
    folder = write_bundle(place / "inside" / "bundle", b'{"title": "' + b"a" * 100 * 1024**2)

    with pytest.raises(BundleError) as caught:
        import_story(folder)

    [problem] = caught.value.problems
    assert "larger than 50 MB" in problem
