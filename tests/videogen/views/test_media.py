from __future__ import annotations

import hashlib
import io
import os
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from storybook.pictures import PictureStore
from storybook.thumbnails import thumbnail_name, thumbnail_url
from tests.support.admin_clients import browser_of
from tests.support.factories import picture_bytes
from videogen.views.media import Delivery, send_file

pytestmark = pytest.mark.django_db

BODY = bytes(range(256)) * 4
TAKE = "the-lamp/shots/opening/shot-1/take-1.mp4"
URL = f"/media/{TAKE}"


@pytest.fixture
def root(settings):
    folder = Path(settings.MEDIA_ROOT)
    take = folder / TAKE
    take.parent.mkdir(parents=True)
    take.write_bytes(BODY)
    os.utime(take, (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture
def browser():
    return browser_of("videogen.view_videorender")


def body_of(response):
    content = response.getvalue()
    response.close()
    return content


def ranged(browser, value, **headers):
    return browser.get(URL, headers={"Range": value, **headers})


def test_whole_file(browser, root):
    response = browser.get(URL)

    assert response.status_code == 200
    assert response["Content-Type"] == "video/mp4"
    assert response["Content-Length"] == str(len(BODY))
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-cache"
    assert "Content-Disposition" not in response
    assert body_of(response) == BODY


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, 1023),
        ("bytes=1000-99999999999999999999999999", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=-5000", 0, 1023),
        ("Bytes = 3 - 4", 3, 4),
    ],
)
def test_single_range(browser, root, asked, first, last):
    response = ranged(browser, asked)

    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {first}-{last}/1024"
    assert response["Content-Length"] == str(last - first + 1)
    assert body_of(response) == BODY[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_range_outside_of_the_file(browser, root, asked):
    response = ranged(browser, asked)

    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */1024"
    assert response.content == b""


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=5-4", "bytes=-", "bytes=x-", "lines=1-2", "bytes=٣-", ""]
)
def test_what_is_no_single_range_gets_the_whole_file(browser, root, asked):
    response = ranged(browser, asked.encode().decode("latin-1"))

    assert response.status_code == 200
    assert body_of(response) == BODY


def test_empty_file(browser, root):
    (root / TAKE).write_bytes(b"")

    assert body_of(browser.get(URL)) == b""
    assert ranged(browser, "bytes=0-").status_code == 416
    assert ranged(browser, "bytes=-5").status_code == 416


def test_if_range(browser, root):
    whole = browser.get(URL)
    whole.close()

    for same in (whole["ETag"], whole["Last-Modified"]):
        response = ranged(browser, "bytes=0-9", **{"If-Range": same})
        assert response.status_code == 206
        response.close()
    for other in ('"other"', f"W/{whole['ETag']}", "Mon, 01 Jan 2001 00:00:00 GMT", "nonsense"):
        response = ranged(browser, "bytes=0-9", **{"If-Range": other})
        assert response.status_code == 200
        assert body_of(response) == BODY


def test_unchanged_file_is_not_sent_again(browser, root):
    whole = browser.get(URL)
    whole.close()

    response = browser.get(URL, headers={"If-None-Match": whole["ETag"]})

    assert (response.status_code, response.content) == (304, b"")
    (root / TAKE).write_bytes(BODY + b"!")
    changed = browser.get(URL, headers={"If-None-Match": whole["ETag"]})
    assert changed.status_code == 200
    changed.close()


@pytest.mark.parametrize(("asked", "status", "length"), [("", 200, 1024), ("bytes=-4", 206, 4)])
def test_head_tells_the_same_without_a_body(browser, root, asked, status, length):
    response = browser.head(URL, headers={"Range": asked})

    assert response.status_code == status
    assert response["Content-Length"] == str(length)
    assert response["ETag"]
    assert not response.streaming and response.content == b""


def test_nothing_else_is_allowed(browser, root):
    assert browser.post(URL).status_code == 405


def test_slice_is_streamed_in_constant_memory(browser, root):
    with (root / TAKE).open("wb") as file:
        file.truncate(200 * 1024**2)

    response = ranged(browser, "bytes=1-")

    assert response.streaming
    tracemalloc.start()
    assert sum(len(chunk) for chunk in response) == 200 * 1024**2 - 1
    assert tracemalloc.get_traced_memory()[1] < 2 * 1024**2
    tracemalloc.stop()
    response.close()


def test_a_server_that_lets_the_system_send_files_gets_the_range_and_no_more(rf, root):
    request = rf.get(URL, headers={"Range": "bytes=100-199"})

    response = send_file(request, TAKE, Delivery("no-store"))

    slice_of_file = response.file_to_stream  # what Django hands to `wsgi.file_wrapper`
    assert os.lseek(slice_of_file.fileno(), 0, os.SEEK_CUR) == 100
    assert response["Content-Length"] == "100"
    assert [slice_of_file.read(64), slice_of_file.read(64), slice_of_file.read(64)] == [
        BODY[100:164],
        BODY[164:200],
        b"",
    ]
    response.close()


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("S03-01", "S03-01 opening take-1.mp4"),
        ("1", "opening shot-1 take-1.mp4"),
        ("../S03-01", "opening shot-1 take-1.mp4"),
    ],
)
def test_download_is_named_after_its_shot(browser, root, asked, name):
    response = browser.get(f"{URL}?download={asked}")

    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    response.close()


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "none"])
def test_what_could_act_in_a_browser_is_only_downloaded(browser, root, name):
    (root / name).write_text("<script>alert(1)</script>")

    response = browser.get(f"/media/{name}")

    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment")
    response.close()


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "the-lamp/../../secret.png",
        "%2e%2e/secret.png",
        "..%2fsecret.png",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "linked.png",
        "linked/secret.png",
        "a%00b.png",
        "the-lamp",
        "the-lamp/",
        "missing.png",
        "pipe.png",
        "x" * 5000,
        ".partial/render-1.part",
        "the-lamp/.hidden.png",
    ],
)
def test_no_path_leaves_the_folder(browser, root, path):
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    (root.parent / "secret.png").write_bytes(b"secret")
    (root / "linked.png").symlink_to(outside / "secret.png")
    (root / "linked").symlink_to(outside)
    (root / ".partial").mkdir()
    (root / ".partial" / "render-1.part").write_bytes(b"half")
    (root / "the-lamp" / ".hidden.png").write_bytes(b"half")
    os.mkfifo(root / "pipe.png")

    assert browser.get(f"/media/{path}").status_code == 404


def test_a_media_folder_behind_a_link_works(browser, root, settings):
    link = root.parent / "link"
    link.symlink_to(root)
    settings.MEDIA_ROOT = str(link)

    assert body_of(browser.get(URL)) == BODY


@pytest.mark.parametrize("permission", ["videogen.view_videorender", "storybook.view_picture"])
def test_either_permission_opens_the_files(root, permission):
    response = browser_of(permission).get(URL)

    assert response.status_code == 200
    response.close()


def test_strangers_are_sent_to_the_login(client, root):
    assert client.get(URL).url == f"/admin/login/?next={URL}"


def test_others_are_refused(root):
    view = "videogen.view_videorender"

    assert browser_of("storybook.view_shot").get(URL).status_code == 403
    assert browser_of(view, is_staff=False).get(URL).status_code == 403
    assert browser_of().get("/media/missing.png").status_code == 403


# -- a web server that sends the files


@pytest.fixture
def accelerated(settings):
    settings.VIDEO_ACCEL_PREFIX = "/internal-media/"


def test_the_web_server_is_told_what_to_send(browser, root, accelerated):
    response = ranged(browser, "bytes=0-9")

    assert (response.status_code, response.content) == (200, b"")
    assert response["X-Accel-Redirect"] == f"/internal-media/{TAKE}"
    assert response["Content-Type"] == "video/mp4"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-cache"
    for name in ("ETag", "Last-Modified", "Content-Range", "Content-Disposition"):
        assert name not in response


def test_its_name_is_quoted_and_free_of_links(browser, root, accelerated):
    (root / "größe 50% ?.html").write_text("<script>")
    (root / "linked.mp4").symlink_to(root / TAKE)

    response = browser.get("/media/gr%C3%B6%C3%9Fe%2050%25%20%3F.html?download=1")

    assert response["X-Accel-Redirect"] == "/internal-media/gr%C3%B6%C3%9Fe%2050%25%20%3F.html"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment")
    assert browser.get("/media/linked.mp4")["X-Accel-Redirect"] == f"/internal-media/{TAKE}"


def test_the_web_server_is_told_of_nothing_forbidden(browser, client, root, accelerated):
    (root.parent / "secret.png").write_bytes(b"secret")
    (root / "linked.png").symlink_to(root.parent / "secret.png")

    for path in ("../secret.png", "linked.png", "missing.png", "the-lamp"):
        response = browser.get(f"/media/{path}")
        assert response.status_code == 404
        assert "X-Accel-Redirect" not in response
    refused = browser_of("storybook.view_shot").get(URL)
    assert refused.status_code == 403 and "X-Accel-Redirect" not in refused
    assert "X-Accel-Redirect" not in client.get(URL)


# -- thumbnails


def test_a_thumbnail_is_made_when_it_is_first_asked_for(browser, root):
    data = picture_bytes(size=(1920, 1080))
    sha256 = hashlib.sha256(data).hexdigest()
    name = PictureStore("the-lamp").store("visuals/sheet.png", data, sha256)

    first = browser.get(thumbnail_url(name))

    assert first["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(body_of(first))).size == (480, 270)
    made = (root / thumbnail_name(name)).stat()
    browser.get(thumbnail_url(name)).close()
    assert (root / thumbnail_name(name)).stat() == made


def test_a_thumbnail_of_nothing(browser, root):
    for name in ("the-lamp/thumbnails/0123456789abcdef.jpg", "the-lamp/thumbnails/x.jpg"):
        assert browser.get(f"/media/{name}").status_code == 404

    assert not (root / "the-lamp/thumbnails").exists()
