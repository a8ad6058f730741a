from __future__ import annotations

import os
import unicodedata

import pytest

from storybook.errors import PictureProblem
from storybook.importer.image_folders import ImageFolder
from tests.support.bundles import picture, write_bundle


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "bundle" / "images").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x.png").write_bytes(b"secret")
    return tmp_path / "bundle"


def test_a_file_below_the_folder_is_read(bundle):
    (bundle / "images" / "a b").mkdir()
    (bundle / "images" / "a b" / "夜.png").write_bytes(b"data")

    assert ImageFolder(bundle).read("a b/夜.png") == b"data"


@pytest.mark.parametrize(
    "path", ["gone.png", "gone/x.png", "é.png", "x" * 300, "file/x.png", "a" * 900]
)
def test_a_missing_file_is_a_problem(bundle, path):
    (bundle / "images" / "file").write_bytes(b"data")

    with pytest.raises(PictureProblem, match="no such file"):
        ImageFolder(bundle).read(path)


def test_links_that_lead_out_are_refused(bundle, tmp_path):
    images = bundle / "images"
    (images / "file.png").symlink_to(tmp_path / "secret" / "x.png")
    (images / "folder").symlink_to(tmp_path / "secret")
    (images / "chain.png").symlink_to(images / "file.png")
    (images / "neighbour.png").symlink_to(bundle / "story.json")
    (bundle / "story.json").write_text("{}")

    for path in ("file.png", "folder/x.png", "chain.png", "neighbour.png", "folder/é.png"):
        with pytest.raises(PictureProblem):
            ImageFolder(bundle).read(path)


def test_an_images_folder_that_is_itself_a_link_out_is_refused(bundle, tmp_path):
    (bundle / "images").rmdir()
    (bundle / "images").symlink_to(tmp_path / "secret")

    with pytest.raises(PictureProblem, match="leads out"):
        ImageFolder(bundle).read("x.png")


def test_a_link_in_a_circle_is_a_problem(bundle):
    (bundle / "images" / "x.png").symlink_to(bundle / "images" / "x.png")

    with pytest.raises(PictureProblem):
        ImageFolder(bundle).read("x.png")


def test_links_that_stay_inside_are_followed(bundle):
    images = bundle / "images"
    (images / "real").mkdir()
    (images / "real" / "x.png").write_bytes(b"data")
    (images / "folder").symlink_to("real")
    (images / "file.png").symlink_to("folder/x.png")

    assert ImageFolder(bundle).read("folder/x.png") == b"data"
    assert ImageFolder(bundle).read("file.png") == b"data"


@pytest.mark.parametrize(("on_disk", "in_document"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_accents_may_be_spelled_in_either_way(bundle, on_disk, in_document):
    path = "zoë/modèle.png"
    file = bundle / "images" / unicodedata.normalize(on_disk, path)
    file.parent.mkdir()
    file.write_bytes(b"data")

    assert ImageFolder(bundle).read(unicodedata.normalize(in_document, path)) == b"data"


def test_folders_and_pipes_are_not_opened(bundle):
    os.mkfifo(bundle / "images" / "pipe.png")
    (bundle / "images" / "folder.png").mkdir()

    for path in ("pipe.png", "folder.png"):
        with pytest.raises(PictureProblem, match="not a file"):
            ImageFolder(bundle).read(path)


def test_a_refused_path_is_not_opened(bundle):
    with pytest.raises(PictureProblem, match="leads out"):
        ImageFolder(bundle).read("../../secret/x.png")


# -- near misses: only said, never used ------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("sheets/PIM.png", "but there is sheets/pim.png: only the case differs."),
        ("Sheets/pim.PNG", "but there is sheets/pim.png: only the case differs."),
        ("images/sheets/pim.png", "sheets/pim.png: only images/ in front is too much."),
        ("paper-boat/sheets/pim.png", "sheets/pim.png: only paper-boat/ in front is too much."),
        ("sheets/Big%20Pim.png", "sheets/Big Pim.png: only the codes with % differ."),
        ("sheets/big%20pim.png", "sheets/Big Pim.png: only the codes with % differ."),
        ("sheets/Big+Pim.png", "sheets/Big Pim.png: only + stands for a space."),
        ("sheets/C%231.png", "sheets/C#1.png: only the codes with % differ."),
        ("sheets/Zo%C3%AB.png", "sheets/Zoë.png: only the codes with % differ."),
        ("sheets/pim.png?v=3", "sheets/pim.png: only ?v=3 at the end is too much."),
        ("sheets/pim.png#top", "sheets/pim.png: only #top at the end is too much."),
        ("sheets/pim.png ", "sheets/pim.png: only a space at an end differs."),
        ("sheets/pi\u200bm.png", "sheets/pim.png: only case, spaces or signs that cannot be seen"),
        ("sheets/pim.jpg", "sheets/pim.png: only the suffix differs."),
        ("sheets/pim", "sheets/pim.png: only the suffix differs."),
        ("pim.png", "sheets/pim.png: only the folder differs."),
        ("characters/pim/pim.png", "sheets/pim.png: only the folder differs."),
        (
            "https:/cdn.example.org/story/sheets/pim.png",
            "an address on the web is not loaded: save the picture",
        ),
        ("file:/home/me/sheets/pim.png", "an address of a file is not opened"),
        ("data:image/png,…0123abcd", "a picture inside the document: save it as a file"),
        ("C:/Users/me/images/sheets/pim.png", "In that folder there is sheets/pim.png: only"),
        ("../images/sheets/pim.png", "In that folder there is sheets/pim.png: only"),
    ],
)
def test_the_file_that_is_meant_is_named(tmp_path, path, words):
    names = ("pim.png", "Big Pim.png", "C#1.png", "Zoë.png", ".hidden.png")
    folder = ImageFolder(
        write_bundle(tmp_path / "b", images={f"sheets/{name}": picture() for name in names})
    )

    with pytest.raises(PictureProblem) as problem:
        folder.read(path)

    assert words in str(problem.value)
    assert len(str(problem.value)) < 500


def test_a_name_that_is_like_nothing_there_gets_no_hint(tmp_path):
    folder = ImageFolder(write_bundle(tmp_path / "b", images={"sheets/pim.png": picture()}))

    with pytest.raises(PictureProblem, match=r"images folder\. Export the picture"):
        folder.read("sheets/ola.png")


def test_two_files_that_may_be_meant_are_no_hint(tmp_path):
    images = {"a/pim.png": picture(), "b/pim.png": picture()}
    folder = ImageFolder(write_bundle(tmp_path / "b", images=images))

    with pytest.raises(PictureProblem, match=r"images folder\. Export the picture"):
        folder.read("c/pim.png")


@pytest.mark.parametrize(
    ("name", "words"),
    [("Images", "there is Images: rename it to images"), ("pictures", "put the pictures into one")],
)
def test_an_images_folder_under_another_name(tmp_path, name, words):
    bundle = write_bundle(tmp_path / "b")
    (bundle / "images").rename(bundle / name)

    with pytest.raises(PictureProblem, match=words):
        ImageFolder(bundle).read("a.png")
