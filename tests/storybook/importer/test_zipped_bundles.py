from __future__ import annotations

import stat
import struct
import sys
import unicodedata
import zipfile
import zlib

import pytest

from storybook.errors import BundleError, PictureProblem
from storybook.importer.bundles import open_bundle
from storybook.importer.image_folders import ImageFolder
from tests.support.bundles import SHEET, picture, zip_bundle


def problems_of(zipped):
    with pytest.raises(BundleError) as refusal, open_bundle(zipped):
        pass
    return "\n".join(refusal.value.problems)


@pytest.mark.parametrize("prefix", ["", "my-story/", "a/b/", "./my-story/"])
def test_the_story_may_lie_in_a_folder(tmp_path, prefix):
    zipped = zip_bundle(tmp_path / "b.zip", prefix)

    with open_bundle(zipped) as bundle:
        assert bundle.story_id == "my-story"
        assert ImageFolder(bundle.folder).read(SHEET)
        folder = bundle.folder

    assert not folder.exists()


def test_what_operating_systems_leave_is_ignored(tmp_path):
    clutter = {
        "__MACOSX/my-story/story.json": b"",
        "my-story/._story.json": b"",
        ".git/story.json": b"",
        "my-story/images/": b"",
        "my-story/images/story.json": b"",
    }

    with open_bundle(zip_bundle(tmp_path / "b.zip", entries=clutter)) as bundle:
        assert bundle.story_id == "my-story"


def test_names_as_macos_writes_them(tmp_path):
    # UTF-8, decomposed, and without the flag that says so.
    name = "my-story/images/" + unicodedata.normalize("NFD", "modèle.png")
    placeholder = "my-story/images/" + "x" * len(name.encode()[16:])
    zipped = zip_bundle(tmp_path / "b.zip", entries={placeholder: b"data"})
    zipped.write_bytes(zipped.read_bytes().replace(placeholder.encode(), name.encode()))

    with open_bundle(zipped) as bundle:
        assert ImageFolder(bundle.folder).read("modèle.png") == b"data"


def linked(name):
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def piped(name):
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFIFO | 0o777) << 16
    return entry


def unusual(name):
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_LZMA
    return entry


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("../evil.png", "../evil.png: the path leads out"),
        ("my-story/../../evil.png", "leads out"),
        ("/etc/evil.png", "leads out"),
        ("C:/evil.png", "leads out"),
        ("..\\evil.png", "leads out"),
        ("\\evil.png", "leads out"),
        ("__MACOSX/../evil.png", "leads out"),
        (linked("my-story/images/x.png"), "a symbolic link"),
        (piped("my-story/images/x.png"), "not a file"),
        (unusual("my-story/images/x.png"), "unusual way"),
        ("other/story.json", "several: my-story/story.json, other/story.json"),
        ("my-story/images", "cannot be unpacked"),
    ],
)
def test_a_hostile_entry_refuses_the_whole_zip(tmp_path, entry, problem):
    zipped = zip_bundle(tmp_path / "b.zip", entries={entry: b"data"})

    assert problem in problems_of(zipped)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("again", ["my-story/story.json", "./my-story//story.json"])
def test_a_name_that_is_there_twice(tmp_path, again):
    zipped = zip_bundle(tmp_path / "b.zip", entries={again: b"{}"})

    assert "my-story/story.json: twice in the zip" in problems_of(zipped)


def test_an_encrypted_entry(tmp_path):
    zipped = zip_bundle(tmp_path / "b.zip")
    data = bytearray(zipped.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    zipped.write_bytes(data)

    assert "without a password" in problems_of(zipped)


def test_a_bomb_is_recognised_by_its_ratio(tmp_path):
    zipped = zip_bundle(tmp_path / "b.zip", entries={"my-story/images/x": bytes(8 * 1024**2)})

    assert "more than 200 times its size" in problems_of(zipped)


def test_the_total_is_limited(tmp_path, settings):
    settings.STORY_ZIP_MAX_BYTES = 1024**2
    zipped = zip_bundle(tmp_path / "b.zip", entries={"my-story/images/x": bytes(1024**2)})

    assert "STORY_ZIP_MAX_MEGABYTES (1) is the limit" in problems_of(zipped)


def test_the_number_of_files_is_limited(tmp_path, settings):
    settings.STORY_ZIP_MAX_FILES = 3

    assert "holds 4 entries" in problems_of(zip_bundle(tmp_path / "b.zip"))


def test_a_size_that_lies_is_found_out(tmp_path):
    zipped = zip_bundle(tmp_path / "b.zip", entries={"my-story/images/x": bytes(4000)})
    data = zipped.read_bytes()
    zipped.write_bytes(data.replace(struct.pack("<L", 4000), struct.pack("<L", 40)))

    assert "damaged" in problems_of(zipped)


def test_damaged_content_is_found_out(tmp_path):
    zipped = tmp_path / "b.zip"
    with zipfile.ZipFile(zip_bundle(zipped), "a") as opened:
        opened.writestr("my-story/images/x.png", b"the content")
    zipped.write_bytes(zipped.read_bytes().replace(b"the content", b"the cOntent"))

    assert "damaged" in problems_of(zipped)


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all", picture()])
def test_something_else_is_no_zip(tmp_path, data):
    (tmp_path / "b.zip").write_bytes(data)

    assert problems_of(tmp_path / "b.zip").startswith("b.zip: not a zip")


def test_a_zip_without_a_story(tmp_path):
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as zipped:
        zipped.writestr("readme.txt", "hello")

    assert problems_of(tmp_path / "b.zip") == "story.json: missing in the zip"


# -- names in a code page --------------------------------------------------------------------------

IMAGES = "my-story/images/"


def zip_with_name(file, name, extra=b""):
    """A zip whose entry has these bytes as its name below the images folder, without any flag."""
    placeholder = "x" * len(name)
    entry = zipfile.ZipInfo(IMAGES + placeholder)
    entry.extra = extra
    zipped = zip_bundle(file, entries={entry: b"data"})
    zipped.write_bytes(zipped.read_bytes().replace(placeholder.encode(), name))
    return zipped


def unicode_path(raw, name, *, crc=None, version=1):
    """The extra field 0x7075 of an entry with this raw name."""
    crc = zlib.crc32(raw) if crc is None else crc
    data = struct.pack("<BL", version, crc) + name.encode()
    return struct.pack("<HH", 0x7075, len(data)) + data


GBK = "皮姆与纸船.png".encode("gbk")
BROKEN_FIELD = struct.pack("<HH", 0x7075, 3) + b"\x01ab"


@pytest.mark.parametrize("before", [b"", struct.pack("<HHB", 0x5455, 1, 0)])
def test_the_unicode_path_of_an_entry_is_its_name(tmp_path, before):
    extra = before + unicode_path(IMAGES.encode() + GBK, f"{IMAGES}皮姆与纸船.png")

    with open_bundle(zip_with_name(tmp_path / "b.zip", GBK, extra)) as bundle:
        assert ImageFolder(bundle.folder).read("皮姆与纸船.png") == b"data"
        assert bundle.doubtful_names == ()


@pytest.mark.parametrize(
    "field",
    [
        b"",
        unicode_path(IMAGES.encode() + GBK, f"{IMAGES}皮姆与纸船.png", crc=7),
        unicode_path(IMAGES.encode() + GBK, f"{IMAGES}皮姆与纸船.png", version=2),
        pytest.param(
            BROKEN_FIELD,
            marks=pytest.mark.skipif(
                sys.version_info >= (3, 12), reason="zipfile refuses it: see the next test"
            ),
        ),
    ],
)
def test_a_name_in_an_unknown_code_page_is_told(tmp_path, field):
    with open_bundle(zip_with_name(tmp_path / "b.zip", GBK, field)) as bundle:
        (found,) = bundle.doubtful_names
        folder = ImageFolder(bundle.folder, bundle.doubtful_names)
        with pytest.raises(PictureProblem) as problem:
            folder.read("皮姆与纸船.png")
        with pytest.raises(PictureProblem, match="Export the picture"):
            folder.read("ascii-names-have-no-code-page.png")

    words = "the zip's names are in an unknown code page: make it with UTF-8 names"
    assert words in str(problem.value)
    assert str(problem.value).endswith(f"reads {found.removeprefix(IMAGES)}.")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="zipfile does not read the field")
def test_a_broken_unicode_path_is_told(tmp_path):
    with (
        pytest.raises(BundleError, match="0x7075"),
        open_bundle(zip_with_name(tmp_path / "b.zip", GBK, BROKEN_FIELD)),
    ):
        pass


def test_a_unicode_path_leads_out_as_little_as_a_name(tmp_path):
    extra = unicode_path(IMAGES.encode() + GBK, "../../../outside.png")

    assert "leads out of the bundle" in problems_of(zip_with_name(tmp_path / "b.zip", GBK, extra))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"my-story/Story.JSON": b"{}"}, "there is my-story/Story.JSON: rename it to story.json"),
        ({"export/tree.json": b"{}", "a.txt": b""}, "it holds export/tree.json"),
        ({"my-story.zip": b"PK"}, "it holds my-story.zip"),
    ],
)
def test_what_the_zip_holds_instead_of_a_story_is_told(tmp_path, entries, words):
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as zipped:
        for name, content in entries.items():
            zipped.writestr(name, content)

    assert problems_of(tmp_path / "b.zip") == f"story.json: missing in the zip; {words}"


def test_problems_of_a_zip_are_bounded(tmp_path):
    entries = {f"../{number}": b"" for number in range(500)}

    with (
        pytest.raises(BundleError) as refusal,
        open_bundle(zip_bundle(tmp_path / "b.zip", entries=entries)),
    ):
        pass

    assert (len(refusal.value.problems), refusal.value.more) == (200, 300)
