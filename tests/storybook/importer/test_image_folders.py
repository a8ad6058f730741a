from __future__ import annotations

import os
import unicodedata

import pytest

from storybook.errors import PictureProblem
from storybook.importer.image_folders import ImageFolder


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
