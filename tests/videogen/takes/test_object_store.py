"""Media in an object store: a real one, on loopback."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import RequestFactory
from PIL import Image

from storybook import object_store as module
from storybook.media_store import MediaFolder, MediaStoreError, is_offered, media
from storybook.models import Picture
from storybook.pictures import PictureStore
from storybook.store_address import read_store_address
from storybook.thumbnails import thumbnail_url
from tests.support.admin_clients import browser_of
from tests.support.clips import write_clip
from tests.support.factories import (
    State,
    force,
    make_render,
    make_shot,
    make_story,
    picture_bytes,
    shots_of,
)
from tests.support.far_end import FarEndHandler
from tests.support.films import make_forked_story, work_on_films
from tests.support.installations import ROOT, Installation
from tests.support.object_stores import SECRET
from videogen.common.errors import VeoError
from videogen.common.untrusted_text import for_terminal
from videogen.exports.story_export import plan_export
from videogen.films.film_requests import plan_films, request_films
from videogen.films.parts import FilmOptions
from videogen.models import Film, VideoRender
from videogen.models.people import Requester
from videogen.ops.doctor.run import examine
from videogen.prompts.payload import load_reference
from videogen.takes.download_worker import Downloads
from videogen.takes.storage import kept_file, partial_folder, remove_leftovers
from videogen.takes.uploads import upload_take
from videogen.views.media import Delivery, send_file

pytestmark = pytest.mark.django_db

BODY = bytes(range(256)) * 4096
TAKE = "the-lamp/shots/opening/shot-1/take-1.mp4"


@pytest.fixture
def stored(object_store):
    media.put_bytes(TAKE, BODY)
    return TAKE


@pytest.fixture
def away(settings):
    """Calling it takes the store away; it returns what brings it back."""

    def take():
        before = settings.STORAGES
        options = {**before["default"]["OPTIONS"], "endpoint_url": "http://127.0.0.1:9"}
        settings.STORAGES = {**before, "default": {**before["default"], "OPTIONS": options}}
        return lambda: setattr(settings, "STORAGES", before)

    return take


# -- What a store of media does ----------------------------------------------------------------


def test_what_is_put_is_there_and_verified(object_store, tmp_path):
    file = tmp_path / "clip.mp4"
    file.write_bytes(BODY)

    media.put(TAKE, file)

    assert not file.exists()
    assert media.exists(TAKE) and media.size(TAKE) == len(BODY)
    assert media.sha256(TAKE) == hashlib.sha256(BODY).hexdigest()
    assert [each.name for each in media.files()] == [TAKE]
    assert media.folders() == ["the-lamp"]
    with media.open(TAKE) as found:
        assert found.read(10) == BODY[:10]
        assert found.seek(-10, io.SEEK_END) and found.read() == BODY[-10:]
    with media.local(TAKE) as path:
        assert path.read_bytes() == BODY and path.parent == partial_folder()
    assert not path.exists()
    media.delete(TAKE)
    assert not media.exists(TAKE)
    media.delete(TAKE)
    with pytest.raises(FileNotFoundError):
        media.open(TAKE)


def test_what_arrives_damaged_is_refused(object_store, tmp_path):
    file = tmp_path / "clip.mp4"
    file.write_bytes(BODY)

    with pytest.raises(MediaStoreError):
        media.put(TAKE, file, sha256="0" * 64)

    assert file.exists() and not media.exists(TAKE)


def test_a_large_file_goes_in_parts_and_is_read_back(object_store, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 1 << 20)
    file = tmp_path / "film.mp4"
    file.write_bytes(BODY * 12)

    media.put("a/films/b.mp4", file)

    assert media.size("a/films/b.mp4") == 12 * len(BODY)


@pytest.mark.parametrize(
    ("url", "environment", "origin"),
    [
        (
            "s3://films",
            {"AWS_REGION": "eu-central-1"},
            "https://films.s3.eu-central-1.amazonaws.com",
        ),
        ("s3://films.of/a/b", {}, "https://s3.us-east-1.amazonaws.com"),
        (
            "s3://films/",
            {"AWS_ENDPOINT_URL_S3": "https://s.example:9000/"},
            "https://s.example:9000",
        ),
    ],
)
def test_browsers_get_the_files_from_the_one_host_that_the_policy_names(
    object_store, url, environment, origin
):
    address = read_store_address(url, environment)
    store = module.ObjectStore(**address.options)

    assert address.origin == origin
    assert store.signed_url("a.mp4", {}).startswith(f"{origin}/")


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://bucket", ""),
        ("s3://", ""),
        ("s3://bucket/../x", ""),
        ("s3://bucket/.x", ""),
        ("s3://bucket", "https://key:secret@host"),
        ("s3://bucket", "https://host/path"),
        ("s3://bucket", "https://host; script-src *"),
    ],
)
def test_what_is_no_place_in_a_store_is_refused(url, endpoint):
    with pytest.raises(ValueError):
        read_store_address(url, {"AWS_ENDPOINT_URL_S3": endpoint})


def in_a_process(code, **environment):
    installation = Installation(Path(environment.pop("folder")), **environment)
    return subprocess.run(
        [sys.executable, "-c", f"import django, sys; django.setup(); {code}"],
        cwd=ROOT,
        env={**installation.environment, "DJANGO_SETTINGS_MODULE": "storybook.settings"},
        text=True,
        capture_output=True,
    )


def test_the_sdk_is_imported_only_for_a_store(tmp_path, store_server):
    code = "import videogen.urls; print('boto3' in sys.modules, 'storages' in sys.modules)"
    assert in_a_process(code, folder=tmp_path).stdout == "False False\n"

    code = (
        "from django.conf import settings; from storybook.media_store import media; "
        "print(settings.CONTENT_SECURITY_POLICY); print(media.exists('a'))"
    )
    told = in_a_process(code, folder=tmp_path, **store_server.environment())
    assert told.stdout.endswith("False\n"), told.stderr
    for name in ("img-src", "media-src"):
        assert f"{name} 'self' {store_server.url}" in told.stdout
    through = {**store_server.environment(), "MEDIA_STORE_THROUGH_APP": "1"}
    assert store_server.url not in in_a_process(code, folder=tmp_path, **through).stdout


def test_a_store_that_was_not_reached_is_left_alone_for_a_moment(object_store, away):
    """A page with a hundred files would wait for each."""
    away()
    with pytest.raises(MediaStoreError, match="EndpointConnectionError"):
        media.exists(TAKE)

    with pytest.raises(MediaStoreError, match="does not answer$"):
        media.exists(TAKE)

    media._wrapped._away_until = 0.0
    with pytest.raises(MediaStoreError, match="EndpointConnectionError"):
        media.exists(TAKE)


# -- What browsers get --------------------------------------------------------------------------


def test_who_may_see_a_take_gets_a_short_lived_address_of_the_store(stored, store_server):
    browser = browser_of("videogen.view_videorender")

    response = browser.get(f"/media/{stored}", headers={"Range": "bytes=5-9"})

    assert response.status_code == 302
    assert response["Cache-Control"] == "private, no-cache"
    address = response["Location"]
    assert address.startswith(store_server.url) and SECRET not in address
    assert int(parse_qs(urlsplit(address).query)["X-Amz-Expires"][0]) <= 900
    part = httpx.get(address, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, BODY[5:10])
    assert part.headers["content-type"] == "video/mp4"
    assert not store_server.is_public(address)


def test_head_and_download_and_what_is_not_there(stored):
    browser = browser_of("videogen.view_videorender")

    head = browser.head(f"/media/{stored}")["Location"]
    assert httpx.head(head).headers["content-length"] == str(len(BODY))
    download = httpx.get(browser.get(f"/media/{stored}?download=S01-01")["Location"])
    assert "S01-01 opening take-1.mp4" in download.headers["content-disposition"]
    for name in ("the-lamp/nothing.mp4", ".partial/render-1.mp4", "a/../b.mp4", "a\0b"):
        assert browser.get(f"/media/{name}").status_code == 404


def test_who_may_not_see_it_gets_no_address(stored):
    response = browser_of().get(f"/media/{stored}")

    assert response.status_code == 403 and "Location" not in response


def test_the_application_hands_it_on_where_browsers_cannot_reach_the_store(stored, settings):
    settings.MEDIA_STORE_THROUGH_APP = True
    browser = browser_of("videogen.view_videorender")

    part = browser.get(f"/media/{stored}", headers={"Range": "bytes=1000000-1000009"})
    whole = browser.get(f"/media/{stored}")

    assert part.status_code == 206 and part.getvalue() == BODY[1000000:1000010]
    assert part["Content-Range"] == f"bytes 1000000-1000009/{len(BODY)}"
    assert whole.status_code == 200 and whole.getvalue() == BODY
    again = browser.get(f"/media/{stored}", headers={"If-None-Match": whole["ETag"]})
    assert again.status_code == 304


def test_what_a_guest_sees_ends_with_the_link(stored):
    """A signed address would outlive it."""
    request = RequestFactory().get("/")

    response = send_file(request, stored, Delivery("private", may_go_on=lambda: True))

    assert response.status_code == 200 and response.getvalue() == BODY


def test_a_page_says_that_the_store_is_away(stored, away):
    away()

    response = browser_of("videogen.view_videorender").get(f"/media/{stored}")

    assert response.status_code == 503 and response["Retry-After"]


def test_a_thumbnail_is_made_when_somebody_wants_it(object_store):
    file = io.BytesIO()
    Image.new("RGB", (960, 540), "teal").save(file, "PNG")
    name = PictureStore("s").store("a.png", file.getvalue(), "0" * 64)

    response = browser_of("storybook.view_picture").get(thumbnail_url(name))

    assert httpx.get(response["Location"]).content.startswith(b"\xff\xd8\xff")


# -- What becomes a take -------------------------------------------------------------------------


@pytest.fixture
def waiting(object_store, far_end, tmp_path):
    """A clip that nobody downloads yet."""
    data = write_clip(tmp_path / "clip.mp4", faststart=True)
    far_end.answer(200, data)
    shot = make_shot(story_id="waiting")
    return make_render(shot, State.DOWNLOADING, download_uri=f"{far_end.url}/clip")


def download(render):
    downloads = Downloads([render.lane])
    while downloads.tick():
        pass
    downloads.close()
    render.refresh_from_db()


def test_a_take_is_in_the_store_before_its_row_says_done(waiting):
    download(waiting)

    assert waiting.state == State.DONE
    assert media.sha256(waiting.video_file) == waiting.sha256
    assert media.size(waiting.video_file) == waiting.byte_size
    assert is_offered(waiting.poster_file) and media.exists(waiting.poster_file)
    assert list(partial_folder().iterdir()) == []


def test_a_store_that_is_away_is_waited_for(waiting, away, far_end):
    back = away()
    download(waiting)

    assert (waiting.state, waiting.error_code) == (State.DOWNLOADING, "store_away")
    assert "object store" in waiting.error_message
    assert waiting.download_uri, "it is still at the API"
    assert (partial_folder() / f"render-{waiting.pk}.mp4").exists()

    back()
    VideoRender.objects.filter(pk=waiting.pk).update(not_before=None)
    download(waiting)

    assert waiting.state == State.DONE and waiting.error_code == ""
    assert media.sha256(waiting.video_file) == waiting.sha256
    assert len(far_end.requests) == 1, "it was not fetched again"


class HeldStore(FarEndHandler):
    """An object store that has nothing, and answers to what it is to take once it is let go."""

    def do_HEAD(self):
        self.send_response(404)
        self.end_headers()

    def do_PUT(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.is_let_go.wait(30)
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def held_store():
    server = ThreadingHTTPServer(("127.0.0.1", 0), HeldStore)
    server.is_let_go = threading.Event()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.is_let_go.set()
        server.shutdown()
        server.server_close()


def test_while_clips_are_stored_as_many_others_are_fetched_and_no_more(
    object_store, settings, far_end, tmp_path
):
    """The network must not be idle, nor the disk of the host fill."""
    settings.VIDEO_DOWNLOADS_AT_ONCE = 2
    far_end.answer(200, write_clip(tmp_path / "clip.mp4", faststart=True))
    shots = list(shots_of(make_story("held", shots=6)))
    for shot in shots:
        make_render(shot, State.DOWNLOADING, download_uri=f"{far_end.url}/clip")
    downloads = Downloads([VideoRender.objects.first().lane])

    def tick_until(are_fetched):
        end = time.monotonic() + 20
        while len(far_end.requests) < are_fetched and time.monotonic() < end:
            downloads.tick(seconds=0.05)

    with held_store() as server:
        default = settings.STORAGES["default"]
        options = {
            **default["OPTIONS"],
            "endpoint_url": f"http://127.0.0.1:{server.server_port}",
        }
        settings.STORAGES = {**settings.STORAGES, "default": {**default, "OPTIONS": options}}
        tick_until(4)
        for _ in range(10):
            downloads.tick(seconds=0.05)
        fetched = len(far_end.requests)
        server.is_let_go.set()
        tick_until(6)
    downloads.close()

    assert fetched == 4
    assert len(far_end.requests) == 6


def test_a_clip_that_was_stored_and_not_written_down_is_taken(waiting, tmp_path):
    force(waiting, take=1)
    media.put_bytes(
        f"waiting/shots/{waiting.shot.scenelet.scenelet_id}/shot-1/take-1.mp4",
        (tmp_path / "clip.mp4").read_bytes(),
    )
    waiting.refresh_from_db()

    download(waiting)

    assert waiting.state == State.DONE and media.exists(waiting.video_file)


def test_an_upload_is_stored_before_the_lock_is_taken(object_store, tmp_path, monkeypatch):
    data = write_clip(tmp_path / "clip.mp4", faststart=True)
    shot = make_shot(pictures={})
    outside = connection.in_atomic_block, len(connection.savepoint_ids)
    seen = []
    put = module.ObjectStore.put

    def noting(self, *args, **kwargs):
        seen.append((connection.in_atomic_block, len(connection.savepoint_ids)))
        put(self, *args, **kwargs)

    monkeypatch.setattr(module.ObjectStore, "put", noting)

    take = upload_take(
        shot, SimpleUploadedFile("cut.mp4", data, "video/mp4"), Requester("admin", name="mira")
    )

    assert take.take == 1 and media.sha256(take.video_file) == take.sha256
    assert set(seen) == {outside}


def test_what_is_kept_goes_to_the_store_with_the_next_sweep(object_store):
    kept_file("render-7").parent.mkdir(parents=True)
    kept_file("render-7").write_bytes(b"paid")

    remove_leftovers()

    assert not kept_file("render-7").exists() and media.size("kept/render-7.mp4") == 4


def test_a_reference_that_cannot_be_had_keeps_the_render_waiting(object_store, away):
    data = picture_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    name = PictureStore("s").store("a.png", data, sha256)
    pick = {"path": name, "sha256": sha256, "mime_type": "image/png"}
    assert load_reference(pick).data == data

    away()
    with pytest.raises(VeoError) as caught:
        load_reference(pick)

    assert caught.value.code == "store_away"
    assert not caught.value.permanent and not caught.value.maybe_accepted


def test_a_film_and_an_export_are_made_of_what_is_in_the_store(object_store, settings):
    settings.VIDEO_STILL_SECONDS = settings.VIDEO_CARD_SECONDS = 0.25
    story = make_forked_story()
    for file in Path(settings.MEDIA_ROOT).glob("*.mp4"):
        media.put(file.name, file)
    request_films(plan_films(story, FilmOptions(), ["left"]), FilmOptions())
    work_on_films()

    film = Film.objects.get()
    assert (film.status, film.error_message) == ("done", "")
    assert media.sha256(film.file) == film.sha256 and media.size(film.file) == film.byte_size
    export = {each.name: b"".join(each.chunks()) for each in plan_export(story).files()}
    assert sum(name.endswith(".mp4") for name in export) == 2
    assert all(shot.take for shot in plan_export(story, endings=["left"]).shots)


# -- The move ------------------------------------------------------------------------------------


def move(*options):
    call_command("move_media", *options)


@pytest.fixture
def folder(store_server, settings, monkeypatch):
    """A folder with media, and the variables of a store beside it."""
    for name, value in store_server.environment().items():
        if name != "MEDIA_STORE_URL":
            monkeypatch.setenv(name, value)
    store = MediaFolder()
    store.put_bytes(TAKE, BODY)
    store.put_bytes("s/pictures/0/a.png", b"picture")
    store.put_bytes("s/films/segments/a.mov", b"made again")
    Path(settings.MEDIA_ROOT, ".partial").mkdir()
    Path(settings.MEDIA_ROOT, ".partial", "render-1.part").write_bytes(b"half")
    shot = make_shot(pictures={})
    make_render(shot, State.DONE, video_file=TAKE, poster_file="", take=1)
    return Path(settings.MEDIA_ROOT)


@pytest.fixture
def place(store_server):
    return store_server.environment()["MEDIA_STORE_URL"]


def names_at(place, store_server):
    store = module.ObjectStore(**read_store_address(place, store_server.environment()).options)
    return sorted(each.name for each in store.files())


def test_a_dry_run_of_the_move_copies_nothing(folder, place, store_server, capsys):
    move("--to", place, "--dry-run")

    assert "2 to copy" in capsys.readouterr().out
    assert names_at(place, store_server) == []


def test_the_move_copies_and_verifies_and_can_go_on(folder, place, store_server, capsys):
    MediaFolder().delete("s/pictures/0/a.png")
    move("--to", place)
    MediaFolder().put_bytes("s/pictures/0/a.png", b"picture")
    capsys.readouterr()

    move("--to", place)

    told = capsys.readouterr().out
    assert "1 copied" in told and "1 there already" in told and f"MEDIA_STORE_URL={place}" in told
    assert names_at(place, store_server) == ["s/pictures/0/a.png", TAKE]
    assert (folder / TAKE).read_bytes() == BODY


def test_a_half_copy_is_made_whole(folder, place, store_server):
    store = module.ObjectStore(**read_store_address(place, store_server.environment()).options)
    store.put_bytes(TAKE, BODY[:100])

    move("--to", place)

    assert store.size(TAKE) == len(BODY)


def test_a_row_without_its_file_is_named(folder, place, capsys):
    Picture.objects.create(
        story=make_shot(story_id="x").scenelet.story, path="p", file="x/lost.png"
    )

    with pytest.raises(CommandError, match="not to be changed"):
        move("--to", place)

    assert "x/lost.png" in capsys.readouterr().out


def test_nothing_is_deleted_before_the_settings_name_the_new_place(folder, place, settings):
    with pytest.raises(CommandError, match="Nothing is deleted") as caught:
        move("--to", place, "--delete-verified")

    assert caught.value.returncode == 2 and (folder / TAKE).exists()


def test_only_what_is_verified_is_deleted(folder, object_store, settings, capsys):
    media.put_bytes("s/pictures/0/a.png", b"another picture")

    with pytest.raises(CommandError):
        move("--to", settings.MEDIA_STORE_URL, "--delete-verified")

    assert "Different in both places, left as it is: s/pictures/0/a.png" in capsys.readouterr().out
    assert not (folder / TAKE).exists() and media.size(TAKE) == len(BODY)
    assert (folder / "s/pictures/0/a.png").read_bytes() == b"picture"
    assert media.size("s/pictures/0/a.png") == len(b"another picture")
    assert (folder / ".partial/render-1.part").exists()


def test_the_way_back(stored, tmp_path):
    move("--to", str(tmp_path / "back"))

    assert (tmp_path / "back" / TAKE).read_bytes() == BODY


# -- What is told --------------------------------------------------------------------------------


def test_the_doctor_knows_the_store(object_store, away):
    def finding():
        return next(each for each in examine(is_offline=True) if each.key == "store")

    assert finding().level == "ok"
    away()
    assert finding().level == "failure" and "does not answer" in finding().sentence


def test_the_secret_of_the_store_reaches_no_log(object_store):
    assert SECRET not in for_terminal(f"It says {SECRET}.")
