from __future__ import annotations

import fcntl
import gzip
import hashlib
import time
import zlib
from datetime import timedelta
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from django.utils import timezone
from PIL import Image

from storybook.models import Scenelet, Shot, Story
from tests.support.factories import force, make_render, make_shot
from tests.support.far_end import KEY, NOWHERE
from videogen.common.errors import DownloadError
from videogen.common.processes import this_process
from videogen.models import VideoRender
from videogen.providers.download_targets import download_target
from videogen.takes.boxes import is_faststart
from videogen.takes.download_worker import Downloads
from videogen.takes.fetch import fetch_clip, new_client
from videogen.takes.storage import discard, kept_file, partial_folder, store_clip, take_path
from videogen.takes.video_file import inspect_video

State = VideoRender.State

RENDER = 7
MODEL = "veo-3.1-generate-preview"


@pytest.fixture
def client(settings):
    with new_client() as client:
        yield client


@pytest.fixture
def uri(simulator):
    """The link of a finished video."""
    simulator.change_settings({"latency": 0.0})
    with httpx.Client(base_url=simulator.url, headers={"x-goog-api-key": KEY}) as http:
        body = {"instances": [{"prompt": "A fox."}], "parameters": {"resolution": "1080p"}}
        name = http.post(f"/v1beta/models/{MODEL}:predictLongRunning", json=body).json()["name"]
        while not (operation := http.get(f"/v1beta/{name}").json()).get("done"):
            time.sleep(0.01)
    samples = operation["response"]["generateVideoResponse"]["generatedSamples"]
    return samples[0]["video"]["uri"]


@pytest.fixture
def whole(uri):
    """The video's bytes as the far end has them."""
    return httpx.get(uri, headers={"x-goog-api-key": KEY}).content


@pytest.fixture
def clip_file(tmp_path):
    """A function that writes a playable file: index at the end, as encoders do by default."""

    def write(*, faststart=False, with_sound=True, frames=24):
        path = tmp_path / "clip.mp4"
        options = {"movflags": "faststart"} if faststart else {}
        with av.open(str(path), "w", options=options) as out:
            video = out.add_stream("libx264", rate=24)
            video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
            sound = out.add_stream("aac", rate=48_000, layout="stereo") if with_sound else None
            for number in range(frames):
                image = np.full((36, 64, 3), 40 + number * 4, np.uint8)
                out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            out.mux(video.encode(None))
            if sound:
                samples = np.zeros((2, 2000 * frames), np.float32)
                frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
                frame.sample_rate = 48_000
                out.mux(sound.encode(frame))
                out.mux(sound.encode(None))
        return path.read_bytes()

    return write


def fetch(client, uri):
    return fetch_clip(client, uri, RENDER)


def failure(client, uri):
    with pytest.raises(DownloadError) as caught:
        fetch(client, uri)
    return caught.value


def files(settings):
    """Every file below MEDIA_ROOT."""
    root = Path(settings.MEDIA_ROOT)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def counts(log):
    (operation,) = log()["operations"].values()
    return operation


# -- packed ------------------------------------------------------------------------------------


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", lambda data: gzip.compress(data[:999]) + gzip.compress(data[999:])),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
    ],
)
def test_a_packed_video_is_unpacked(client, settings, far_end, clip_file, encoding, pack):
    settings.VIDEO_API_BASE_URL = far_end.url
    data = clip_file(faststart=True)
    far_end.answer(200, pack(data), Content_Encoding=encoding, ETag='"a-tag"')

    assert fetch(client, f"{far_end.url}/clip").video.read_bytes() == data


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br"])
def test_how_a_video_is_packed_that_cannot_be_unpacked_is_said(client, settings, far_end, encoding):
    settings.VIDEO_API_BASE_URL = far_end.url
    far_end.answer(200, b"packed", Content_Encoding=encoding)

    error = failure(client, f"{far_end.url}/clip")

    assert (error.code, error.permanent) == ("packed", False)
    assert encoding in error.sentence


def test_a_packed_file_of_which_the_server_says_nothing_is_named(client, settings, far_end):
    settings.VIDEO_API_BASE_URL = far_end.url
    far_end.answer(200, gzip.compress(b"x" * 5000))

    assert "packed (gzip)" in failure(client, f"{far_end.url}/clip").sentence


def test_a_few_bytes_that_unpack_to_very_many_are_refused(client, settings, far_end):
    settings.VIDEO_API_BASE_URL = far_end.url
    settings.VIDEO_DOWNLOAD_MAX_BYTES = 2 * 1024**2
    far_end.answer(200, gzip.compress(bytes(30 * 1024**2)), Content_Encoding="gzip")

    error = failure(client, f"{far_end.url}/clip")

    assert (error.code, error.permanent) == ("too_large", True)
    assert (
        max((path.stat().st_size for path in partial_folder().iterdir()), default=0) < 3 * 1024**2
    )


@pytest.mark.parametrize("cut", [slice(0, -20), slice(0, 40)])
def test_a_packed_video_that_ends_early_is_asked_for_again(
    client, settings, far_end, clip_file, cut
):
    settings.VIDEO_API_BASE_URL = far_end.url
    data = clip_file()
    far_end.answer(200, gzip.compress(data)[cut], Content_Encoding="gzip", ETag='"a-tag"')
    far_end.answer(200, data)

    error = failure(client, f"{far_end.url}/clip")
    fetch(client, f"{far_end.url}/clip")

    assert (error.code, error.permanent) == ("truncated", False)
    assert "range" not in far_end.requests[-1][2]


# -- one download ------------------------------------------------------------------------------


def test_a_video_arrives_whole_and_is_described(client, uri, whole):
    clip = fetch(client, uri)

    assert clip.video.read_bytes() == whole
    assert vars(clip.facts) == {
        "container": "mp4",
        "video_codec": "h264",
        "pixel_format": "yuv420p",
        "audio_codec": "aac",
        "width": 320,
        "height": 180,
        "seconds": pytest.approx(8, abs=0.1),
        "fps": 24.0,
        "byte_size": len(whole),
        "sha256": hashlib.sha256(whole).hexdigest(),
        "unknown_codecs": (),
    }


def test_the_poster_is_a_jpeg_of_the_video(client, uri):
    clip = fetch(client, uri)

    with Image.open(clip.poster) as poster:
        assert poster.format == "JPEG"
        assert poster.size == (320, 180)
        darkest, brightest = poster.convert("L").getextrema()
        assert brightest - darkest > 100, "something is on it"


def test_a_stored_clip_has_its_name_and_its_poster_beside_it(settings, client, uri, whole):
    store_clip(fetch(client, uri), Path("story/shots/opening/shot-1/take-1.mp4"))

    assert files(settings) == [
        "story/shots/opening/shot-1/take-1.jpg",
        "story/shots/opening/shot-1/take-1.mp4",
    ]
    assert Path(settings.MEDIA_ROOT, "story/shots/opening/shot-1/take-1.mp4").read_bytes() == whole


# fault → the error's code, is it permanent, words of its sentence
FAILURES = {
    "403": ("forbidden", "http_403", True, "HTTP 403"),
    "404": ("not_found", "http_404", False, "HTTP 404"),
    "429": ("quota", "http_429", False, "HTTP 429"),
    "500": ("internal", "http_500", False, "HTTP 500"),
    "503": ("unavailable", "http_503", False, "HTTP 503"),
    "a web page": ("html_200", "not_a_video", False, "web page"),
    "JSON": ("json_200", "not_a_video", False, "JSON"),
    "no byte": ("empty", "empty", False, "empty"),
    "cut short": ("truncated", "broken_off", False, "ended before the file was complete"),
    "cut short, announced so": ("short", "truncated", False, "cut short"),
    "no answer": ("hang", "broken_off", False, "ended before the file was complete"),
    "cut off": ("drop", "broken_off", False, "ended before the file was complete"),
    "cut off midway": ("drop_midway", "broken_off", False, "ended before the file was complete"),
    "a redirect for ever": ("redirect_loop", "too_many_redirects", True, "more than 5 times"),
    "a redirect to a file": ("redirect_file_scheme", "bad_link", True, "web server"),
    "a picture": ("wrong_jpeg", "not_a_video", False, "picture"),
    "only sound": ("wrong_audio_only", "no_video_stream", False, "no video in it"),
}


@pytest.mark.parametrize(
    ("fault", "code", "permanent", "words"), FAILURES.values(), ids=FAILURES.keys()
)
def test_failures_are_told_and_the_next_try_gives_the_video(
    settings, fail, uri, whole, fault, code, permanent, words
):
    if fault == "hang":
        settings.VIDEO_DOWNLOAD_TIMEOUT_SECONDS = 0.3
    fail("download", fault)

    with new_client() as client:
        error = failure(client, uri)
        kept = files(settings)
        clip = fetch(client, uri)

    assert (error.code, error.permanent) == (code, permanent)
    assert words in error.sentence
    assert KEY not in f"{error} {error.sentence}"
    assert not any(name.endswith((".mp4", ".jpg")) for name in kept if "kept/" not in name)
    assert clip.video.read_bytes() == whole


@pytest.mark.parametrize("fault", ["html_200", "json_200", "empty", "wrong_jpeg"])
def test_what_is_no_video_is_not_kept(settings, fail, client, uri, fault):
    fail("download", fault)

    failure(client, uri)

    assert [name for name in files(settings) if not name.endswith(".etag")] == []


@pytest.mark.parametrize("fault", ["wrong_no_frames", "wrong_audio_only", "short"])
def test_what_cannot_become_a_take_is_kept_as_it_came(settings, fail, client, uri, fault):
    fail("download", fault)

    error = failure(client, uri)

    names = [name for name in files(settings) if not name.endswith(".etag")]
    assert names == [f"kept/render-{RENDER}.mp4"]
    assert error.sentence.endswith("The file is kept as it came.")


def test_of_two_that_cannot_become_a_take_the_larger_one_is_kept(settings, client, far_end):
    large, small = (b"\0\0\0\x08ftyp" + bytes(size) for size in (500, 100))
    for body in (small, large, small):
        far_end.answer(200, body)

    for _ in range(3):
        failure(client, f"{far_end.url}/clip")

    assert files(settings) == [f"kept/render-{RENDER}.mp4"]
    assert kept_file(f"render-{RENDER}").read_bytes() == large


def test_a_slow_video_arrives(fail, client, uri, whole):
    fail("download", "slow", bytes_per_second=len(whole) * 2)

    assert fetch(client, uri).video.read_bytes() == whole


def test_an_endless_video_ends_at_the_deadline(settings, fail, client, uri):
    settings.VIDEO_DOWNLOAD_DEADLINE_MINUTES = 0.3 / 60
    fail("download", "slow", bytes_per_second=5000)

    error = failure(client, uri)

    assert (error.code, error.permanent) == ("too_slow", False)


def test_a_file_that_is_too_large_is_not_kept(settings, client, uri, whole):
    settings.VIDEO_DOWNLOAD_MAX_BYTES = len(whole) - 1

    error = failure(client, uri)

    assert (error.code, error.permanent) == ("too_large", True)
    assert all((Path(settings.MEDIA_ROOT) / name).stat().st_size < 100 for name in files(settings))


@pytest.mark.parametrize(
    "link",
    ["file:///etc/passwd", "ftp://host/x", "//host/x", "host/x", "", "http://", "data:,x"],
)
def test_a_link_that_leads_to_no_web_server_is_not_opened(client, link):
    error = failure(client, link)

    assert (error.code, error.permanent) == ("bad_link", True)


@pytest.mark.parametrize("link", ["http://[::1", "http://127.0.0.1:port/x", "http://a b/x"])
def test_a_link_that_cannot_be_read_is_an_expected_failure(client, link):
    failure(client, link)


def test_a_server_that_is_away_may_come_back(client):
    error = failure(client, f"{NOWHERE}/x")

    assert (error.code, error.permanent) == ("broken_off", False)


def test_a_second_process_does_not_write_into_the_same_file(client, uri):
    partial_folder().mkdir(parents=True)
    with (partial_folder() / f"render-{RENDER}.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        error = failure(client, uri)

    assert (error.code, error.permanent) == ("busy", False)
    assert fetch(client, uri)


def test_only_what_one_render_left_is_discarded(settings, client, uri):
    fetch_clip(client, uri, 1)
    fetch_clip(client, uri, 12)

    discard(VideoRender(pk=1))

    assert files(settings) == [".partial/render-12.jpg", ".partial/render-12.mp4"]


# -- going on with what is there -------------------------------------------------------------------


def test_a_video_cut_off_midway_goes_on_by_range(fail, log, client, uri, whole):
    fail("download", "drop_midway")
    failure(client, uri)

    clip = fetch(client, uri)

    assert clip.video.read_bytes() == whole
    assert counts(log)["range_downloads"] == 1


def test_a_video_cut_off_again_and_again_goes_on_where_it_was(fail, log, client, uri, whole):
    fail("download", "drop_midway", times=3)
    sizes = []
    for _ in range(3):
        failure(client, uri)
        sizes.append((partial_folder() / f"render-{RENDER}.part").stat().st_size)

    clip = fetch(client, uri)

    assert sizes == sorted(set(sizes)), "every try brought more"
    assert clip.video.read_bytes() == whole
    assert counts(log)["range_downloads"] == 3


def test_what_is_continued_is_bounded_as_a_whole(settings, far_end, client, clip_file):
    """Not each part for itself."""
    data = clip_file()
    half, size = len(data) // 2, len(data)
    settings.VIDEO_DOWNLOAD_MAX_BYTES = size - 1
    far_end.answer(200, data[:half], ETag='"a"', Content_Length=str(size), Connection="close")
    span = f"bytes {half}-{size - 1}/{size}"
    far_end.answer(206, data[half:], ETag='"a"', Content_Range=span)

    codes = []
    for _ in range(2):
        with pytest.raises(DownloadError) as caught:
            fetch_clip(client, f"{far_end.url}/clip", RENDER)
        codes.append(caught.value.code)

    assert codes == ["broken_off", "too_large"]


def test_a_server_that_knows_no_ranges_sends_the_whole_file_again(fail, client, uri, whole):
    fail("download", "drop_midway")
    failure(client, uri)
    fail("download", "no_range")

    assert fetch(client, uri).video.read_bytes() == whole


def test_a_file_that_was_replaced_is_fetched_as_a_whole(client, far_end, clip_file):
    old, new = clip_file(frames=24), clip_file(frames=36)
    far_end.answer(200, old[:500], ETag='"old"', Content_Length=str(len(old)), Connection="close")
    far_end.answer(200, new, ETag='"new"')
    failure(client, f"{far_end.url}/clip")

    clip = fetch(client, f"{far_end.url}/clip")

    _, (_, _, headers, _) = far_end.requests
    assert headers["range"] == "bytes=500-"
    assert headers["if-range"] == '"old"'
    assert clip.facts.seconds == pytest.approx(1.5, abs=0.1)


def test_a_part_of_another_version_is_not_continued(client, far_end, clip_file):
    """A server that pays no heed to If-Range."""
    old, new = clip_file(frames=24), clip_file(frames=36)
    far_end.answer(200, old[:500], ETag='"old"', Content_Length=str(len(old)), Connection="close")
    span = f"bytes 500-{len(new) - 1}/{len(new)}"
    far_end.answer(206, new[500:], ETag='"new"', Content_Range=span)
    far_end.answer(200, new, ETag='"new"')
    failure(client, f"{far_end.url}/clip")

    error = failure(client, f"{far_end.url}/clip")
    clip = fetch(client, f"{far_end.url}/clip")

    assert (error.code, error.permanent) == ("range", False)
    assert clip.facts.seconds == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}], ids=["no tag", "a weak tag"])
def test_without_a_strong_tag_nothing_is_continued(client, far_end, clip_file, headers):
    data = clip_file()
    far_end.answer(200, data[:500], Content_Length=str(len(data)), Connection="close", **headers)
    far_end.answer(200, data, **headers)
    failure(client, f"{far_end.url}/clip")

    clip = fetch(client, f"{far_end.url}/clip")

    assert all("range" not in asked for _, _, asked, _ in far_end.requests)
    assert clip.facts.has_audio


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (206, {"Content_Range": "bytes 10-99/100"}),
        (206, {"Content_Range": "nonsense"}),
        (206, {}),
        (416, {"Content_Range": "bytes */400"}),
    ],
)
def test_a_range_that_does_not_fit_starts_afresh(client, far_end, clip_file, status, answer):
    data = clip_file()
    far_end.answer(200, data[:500], ETag='"a"', Content_Length=str(len(data)), Connection="close")
    far_end.answer(status, data[10:100], **answer)
    far_end.answer(200, data, ETag='"a"')
    failure(client, f"{far_end.url}/clip")

    error = failure(client, f"{far_end.url}/clip")
    clip = fetch(client, f"{far_end.url}/clip")

    assert (error.code, error.permanent) == ("range", False)
    assert "range" not in far_end.requests[2][2]
    assert clip.facts.seconds == pytest.approx(1, abs=0.1)


def test_what_is_continued_is_counted_against_the_whole_length(client, far_end, clip_file):
    data = clip_file()
    far_end.answer(200, data[:500], ETag='"a"', Content_Length=str(len(data)), Connection="close")
    far_end.answer(206, data[500:], Content_Range=f"bytes 500-{len(data) - 1}/{len(data)}")
    failure(client, f"{far_end.url}/clip")

    clip = fetch(client, f"{far_end.url}/clip")

    assert clip.facts.seconds == pytest.approx(1, abs=0.1)


# -- redirects and the key -------------------------------------------------------------------------


def test_a_redirect_on_the_same_host_takes_the_key_along(fail, log, client, uri, whole):
    fail("download", "redirect")

    assert fetch(client, uri).video.read_bytes() == whole
    assert log()["violations"] == []


def test_a_redirect_to_another_host_leaves_the_key_behind(fail, log, client, uri, whole):
    fail("download", "redirect_other_host")

    assert fetch(client, uri).video.read_bytes() == whole
    assert counts(log)["mirror_downloads"] == 1
    assert log()["violations"] == []


def test_what_is_said_on_the_way_to_another_host(settings, client, start_far_end, clip_file):
    api, elsewhere = start_far_end(), start_far_end()
    settings.VIDEO_API_BASE_URL = api.url
    api.answer(302, Location=f"{elsewhere.url}/one")
    api.answer(200, clip_file())
    elsewhere.answer(307, Location="/two")
    elsewhere.answer(302, Location=f"{api.url}/back")

    fetch(client, f"{api.url}/v1beta/files/x:download?alt=media")

    keys = {
        path: headers.get("x-goog-api-key")
        for _, path, headers, _ in api.requests + elsewhere.requests
    }
    assert keys == {
        "/v1beta/files/x:download?alt=media": KEY,
        "/one": None,
        "/two": None,
        "/back": KEY,
    }
    assert not any(KEY in path for path in keys)


def test_a_redirect_that_repeats_the_key_leaves_it_behind(settings, start_far_end, client):
    api, elsewhere = start_far_end(), start_far_end()
    settings.VIDEO_API_BASE_URL = api.url
    api.answer(302, Location=f"{elsewhere.url}/clip?key={KEY}&part=1")
    elsewhere.answer(404)

    failure(client, f"{api.url}/v1beta/files/x:download?alt=media")

    ((_, path, headers, _),) = elsewhere.requests
    assert path == "/clip?part=1"
    assert KEY not in str(headers)


@pytest.mark.parametrize(("hops", "arrives"), [(5, True), (6, False)])
def test_five_redirects_are_followed_and_not_more(fail, client, uri, hops, arrives):
    fail("download", "redirect", times=hops, url=uri)

    if arrives:
        assert fetch(client, uri)
    else:
        assert failure(client, uri).code == "too_many_redirects"


@pytest.mark.parametrize("status", [300, 304, 302])
def test_a_redirect_to_nowhere_is_an_expected_failure(client, far_end, status):
    far_end.answer(status)

    assert failure(client, f"{far_end.url}/clip").code == f"http_{status}"


API = "https://generativelanguage.googleapis.com"


@pytest.mark.parametrize(
    ("link", "is_told"),
    [
        (f"{API}/v1beta/files/x:download?alt=media", True),
        (f"{API}:443/v1beta/files/x", True),
        ("https://GenerativeLanguage.GoogleAPIs.com/x", True),
        ("http://generativelanguage.googleapis.com/x", False),
        (f"{API}:8443/x", False),
        (f"{API}.example.org/x", False),
        ("https://example.org/generativelanguage.googleapis.com", False),
        ("https://generativelanguage.googleapis.com@example.org/x", False),
        ("https://example.org/#@generativelanguage.googleapis.com", False),
        ("https://storage.googleapis.com/x", False),
    ],
)
def test_the_key_goes_to_the_apis_own_host_only(settings, link, is_told):
    settings.VIDEO_API_BASE_URL = API

    assert download_target(link).headers == ({"x-goog-api-key": KEY} if is_told else {})


# -- an index at the front ---------------------------------------------------------------------


@pytest.mark.parametrize("with_sound", [True, False])
def test_an_index_at_the_end_is_moved_to_the_front(client, far_end, clip_file, with_sound):
    far_end.answer(200, clip_file(with_sound=with_sound))

    clip = fetch(client, f"{far_end.url}/clip")

    assert is_faststart(clip.video)
    assert clip.facts == inspect_video(clip.video)
    assert clip.facts.has_audio is with_sound
    assert (clip.facts.width, clip.facts.height, clip.facts.fps) == (64, 36, 24)
    assert clip.facts.seconds == pytest.approx(1, abs=0.1)


def test_a_file_with_its_index_at_the_front_stays_as_it_is(client, far_end, clip_file):
    data = clip_file(faststart=True)
    far_end.answer(200, data)

    clip = fetch(client, f"{far_end.url}/clip")

    assert clip.video.read_bytes() == data


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("faststart", [True, False])
def test_a_file_cut_anywhere_is_refused(client, far_end, clip_file, faststart, kept):
    data = clip_file(faststart=faststart)
    far_end.answer(200, data[: int(len(data) * kept)])

    assert failure(client, f"{far_end.url}/clip").code == "truncated"


# -- names of takes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story_id", "scenelet_id"),
    [
        ("the-lamp", "opening"),
        ("../../etc", ".."),
        ("/etc/passwd", "a/b\\c"),
        ("灯塔 🏮", "scène\u2028un\0"),
        (".hidden", "CON"),
        ("x" * 200, "灯" * 200),
    ],
)
def test_a_takes_file_lies_below_the_media_folder(settings, story_id, scenelet_id):
    story = Story(story_id=story_id)
    shot = Shot(scenelet=Scenelet(story=story, scenelet_id=scenelet_id), shot_index=3)

    path = take_path(VideoRender(shot=shot), 2)

    root = Path(settings.MEDIA_ROOT).resolve()
    assert (root / path).resolve().is_relative_to(root)
    assert path.parts[1] == "shots"
    assert path.parts[3:] == ("shot-3", "take-2.mp4")
    assert len(path.parts) == 5
    assert not any(part.startswith(".") or len(part.encode()) > 255 for part in path.parts)


@pytest.mark.parametrize(
    ("one", "other"), [("a/b", "a-b"), ("a b", "a_b"), ("é", "e"), ("x" * 150, "x" * 151)]
)
def test_two_scenelets_never_share_a_folder(one, other):
    story = Story(story_id="story")

    paths = {
        take_path(
            VideoRender(shot=Shot(scenelet=Scenelet(story=story, scenelet_id=each), shot_index=1)),
            1,
        )
        for each in (one, other)
    }

    assert len(paths) == 2


# -- rows ------------------------------------------------------------------------------------------


@pytest.fixture
def render(db, uri):
    return make_render(make_shot(), State.DOWNLOADING, download_uri=uri)


def work(render, *, rounds=1):
    """Downloads what is due, as often as that; waits between the rounds are left out."""
    downloads = Downloads([render.lane])
    for _ in range(rounds):
        VideoRender.objects.filter(pk=render.pk).update(not_before=None)
        while downloads.tick():
            pass
    downloads.close()
    render.refresh_from_db()


def test_a_download_becomes_the_first_take(settings, render, whole):
    work(render)

    path = "the-lamp/shots/opening/shot-1/take-1.mp4"
    assert (render.state, render.take, render.video_file) == (State.DONE, 1, path)
    assert render.poster_file == path.replace(".mp4", ".jpg")
    assert (render.width, render.height, render.fps, render.has_audio) == (320, 180, 24.0, True)
    assert (render.container, render.video_codec, render.audio_codec) == ("mp4", "h264", "aac")
    assert render.byte_size == len(whole)
    assert render.sha256 == hashlib.sha256(whole).hexdigest()
    assert render.downloaded_at and render.ended_at
    assert render.downloader == ""
    assert (Path(settings.MEDIA_ROOT) / path).read_bytes() == whole
    assert not any(name.startswith(".partial") for name in files(settings))


def test_a_second_video_of_a_shot_is_its_second_take(render):
    older = make_render(render.shot, State.DONE)

    work(render)

    assert (older.take, render.take) == (1, 2)


def test_a_file_that_is_there_already_is_never_overwritten(settings, render):
    folder = Path(settings.MEDIA_ROOT) / "the-lamp/shots/opening/shot-1"
    folder.mkdir(parents=True)
    (folder / "take-1.mp4").write_bytes(b"somebody's clip")

    work(render)

    assert render.take == 2
    assert (folder / "take-1.mp4").read_bytes() == b"somebody's clip"
    assert (folder / "take-2.mp4").exists()


def test_a_file_that_was_moved_before_a_kill_is_not_downloaded_again(settings, log, render, whole):
    path = Path(settings.MEDIA_ROOT) / "the-lamp/shots/opening/shot-1/take-4.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(whole)
    before = counts(log)["downloads"]
    force(render, take=4)

    work(render)

    assert (render.state, render.take) == (State.DONE, 4)
    assert counts(log)["downloads"] == before


def test_a_passing_failure_waits_longer_every_time_and_then_keeps_the_link(
    settings, fail, render, uri
):
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 3
    fail("download", "unavailable", times=-1)
    waits = []
    for _ in range(2):
        work(render)
        assert render.state == State.DOWNLOADING
        assert render.downloader == ""
        waits.append((render.not_before - timezone.now()).total_seconds())

    work(render)

    assert waits[0] < waits[1]
    assert (render.state, render.download_uri) == (State.NOT_DOWNLOADED, uri)
    assert render.error_code == "http_503"
    assert render.ended_at


def made(render, **ago):
    moment = timezone.now() - timedelta(**ago)
    VideoRender.objects.filter(pk=render.pk).update(rendered_at=moment, claimed_at=moment)


def test_a_permanent_failure_is_not_tried_again(fail, log, render):
    made(render, hours=48, minutes=1)
    fail("download", "forbidden", times=-1)

    work(render, rounds=3)

    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "http_403")
    assert counts(log)["downloads"] == 1


NOT_ACTIVE = "The File f0001 is not in an ACTIVE state and usage is not allowed."


@pytest.mark.parametrize(
    ("status", "word", "message"),
    [
        (400, "FAILED_PRECONDITION", NOT_ACTIVE),
        (403, "PERMISSION_DENIED", "You do not have permission to access the File f0001."),
        (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    ],
)
def test_a_refusal_of_a_young_clip_may_pass(
    settings, far_end, render, clip_file, status, word, message
):
    made(render, hours=47)
    settings.VIDEO_API_BASE_URL = far_end.url
    link = f"{far_end.url}/v1beta/files/f0001:download?alt=media"
    VideoRender.objects.filter(pk=render.pk).update(download_uri=link)
    error = {"error": {"code": status, "message": message, "status": word}}
    far_end.answer(status, error, Content_Type="application/json")
    far_end.answer(status, error, Content_Type="application/json")
    far_end.answer(200, clip_file(), Content_Type="video/mp4")

    for attempts in (1, 2):
        work(render)
        assert (render.state, render.error_code) == (State.DOWNLOADING, "not_yet")
        assert message in render.error_message
        assert render.download_attempts == attempts
    work(render)

    assert (render.state, render.take, render.error_message) == (State.DONE, 1, "")


def test_a_refusal_by_another_host_is_final(settings, far_end, start_far_end, render):
    made(render, hours=1)
    far_end.answer(403, b"")
    settings.VIDEO_API_BASE_URL = f"http://127.0.0.1:{start_far_end().server_port}"
    VideoRender.objects.filter(pk=render.pk).update(download_uri=f"{far_end.url}/x")

    work(render, rounds=2)

    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "http_403")
    assert len(far_end.requests) == 1


def test_a_404_of_a_clip_that_should_be_there_is_tried_again(fail, log, render):
    made(render, hours=47)
    fail("download", "not_found", times=2)

    for attempts in (1, 2):
        work(render)
        assert (render.state, render.error_code) == (State.DOWNLOADING, "http_404")
        assert render.download_attempts == attempts
        assert render.not_before > timezone.now()
    work(render)

    assert (render.state, render.take, render.error_message) == (State.DONE, 1, "")
    assert counts(log)["downloads"] == 3


def test_a_404_for_ever_keeps_the_link(fail, log, uri, render):
    made(render, hours=47)
    fail("download", "not_found", times=-1)

    work(render, rounds=9)

    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "http_404")
    assert render.download_uri == uri
    assert counts(log)["downloads"] == 3
    assert "although the API keeps it for two days" in render.error_message


def test_a_404_after_two_days_says_that_the_clip_is_lost(fail, log, uri, render):
    made(render, hours=48, minutes=1)
    fail("download", "not_found", times=-1)

    work(render, rounds=3)

    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "lost")
    assert render.download_uri == uri
    assert counts(log)["downloads"] == 1
    assert render.error_message.endswith("They are over, and the video is lost.")


def test_a_404_of_a_given_link_is_the_end_of_it(fail, log, render):
    VideoRender.objects.filter(pk=render.pk).update(is_link_given=True, warnings=[])
    fail("download", "not_found", times=-1)

    work(render, rounds=3)

    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "nothing_there")
    assert counts(log)["downloads"] == 1


def test_a_link_that_cannot_be_had_makes_a_failed_render_and_no_video(settings, fail, render):
    force(render, kind="link")
    fail("download", "html_200", times=-1)

    work(render, rounds=3)

    assert (render.state, render.take, render.video_file) == (State.FAILED, None, "")
    assert not any(name.endswith(".mp4") for name in files(settings))


def test_a_folder_that_cannot_be_written_is_told(render):
    partial_folder().parent.mkdir(parents=True, exist_ok=True)
    partial_folder().write_text("in the way")

    work(render)

    assert render.state == State.DOWNLOADING, "it is tried again"
    assert render.error_code == "storage"
    assert "MEDIA_ROOT" in render.error_message


GONE = this_process().rpartition("|")[0] + "|1.00"


@pytest.mark.parametrize(
    ("holder", "seconds", "is_taken"),
    [
        ("", None, True),
        ("another-host|boot|1|1.0", 20, False),
        ("another-host|boot|1|1.0", -1, True),
        (GONE, 20, True),
        (GONE, -1, True),
    ],
    ids=["nobody", "a living one", "expired", "a dead one", "a dead one, expired"],
)
def test_a_lease_is_respected_while_its_holder_may_live(render, holder, seconds, is_taken):
    until = None if seconds is None else timezone.now() + timedelta(seconds=seconds)
    VideoRender.objects.filter(pk=render.pk).update(downloader=holder, download_lease_until=until)

    work(render)

    assert (render.state == State.DONE) is is_taken


def test_what_is_not_due_yet_is_left_alone(log, render):
    later = timezone.now() + timedelta(seconds=60)
    VideoRender.objects.filter(pk=render.pk).update(not_before=later)
    downloads = Downloads([render.lane])

    assert downloads.tick() is False
    assert "downloads" not in counts(log)


def test_only_the_rows_of_its_scope_are_taken(render):
    other = make_render(
        make_shot(story_id="another"), State.DOWNLOADING, download_uri=render.download_uri
    )
    downloads = Downloads([render.lane], scope=[other.pk])

    while downloads.tick():
        pass
    downloads.close()

    render.refresh_from_db()
    other.refresh_from_db()
    assert (render.state, other.state) == (State.DOWNLOADING, State.DONE)


def test_what_is_under_way_is_given_back_at_the_end(fail, render):
    fail("download", "hang")
    downloads = Downloads([render.lane])
    downloads.tick(seconds=0.1)
    render.refresh_from_db()
    assert render.downloader == this_process()

    downloads.close()

    render.refresh_from_db()
    assert (render.state, render.downloader) == (State.DOWNLOADING, "")


def test_several_clips_come_at_once(simulator, fail, render):
    story = render.shot.scenelet.story
    for index in range(2, 5):
        shot = Shot.objects.create(
            scenelet=render.shot.scenelet, shot_index=index, storyboard_payload={"a": 1}
        )
        make_render(shot, State.DOWNLOADING, download_uri=render.download_uri)
    fail("download", "slow", times=4, bytes_per_second=100_000)
    started = time.monotonic()

    work(render)

    seconds = time.monotonic() - started
    done = VideoRender.objects.filter(shot__scenelet__story=story, state=State.DONE)
    assert done.count() == 4
    clip_seconds = done.first().byte_size / 100_000
    assert seconds < 3 * clip_seconds + 1
