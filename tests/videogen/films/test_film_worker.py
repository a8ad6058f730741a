"""Films, from takes to a file: what a machine can count of them."""

from __future__ import annotations

import os
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import av
import pytest
import time_machine
from django.utils import timezone

from storybook.models import KeyFrame, Scenelet
from tests.support.factories import make_story, shots_of
from tests.support.films import make_film_take, make_forked_story, work_on_films
from videogen import tasks
from videogen.films import film_worker
from videogen.films.film_requests import cancel_film, plan_films, request_films
from videogen.films.parts import FilmOptions, Manifest
from videogen.films.segments import FPS
from videogen.films.sound import filtered, measure
from videogen.films.stills import WIDTH
from videogen.models import Film, VideoRender
from videogen.models.films import FILM_LEASE
from videogen.takes.boxes import is_faststart
from videogen.takes.storage import partial_folder
from videogen.takes.video_file import sha256_of

pytestmark = pytest.mark.django_db

FAST = {"VIDEO_STILL_SECONDS": 0.25, "VIDEO_CARD_SECONDS": 0.25}


@pytest.fixture(autouse=True)
def short(settings):
    for name, value in FAST.items():
        setattr(settings, name, value)


@pytest.fixture
def story(settings):
    return make_forked_story()


def make(story, *endings, person=None, **options):
    wanted = FilmOptions(**options)
    films = request_films(plan_films(story, wanted, endings), wanted, person)
    work_on_films()
    return list(Film.objects.filter(pk__in=[film.pk for film in films]).order_by("ending__place"))


def file_of(film, settings):
    return Path(settings.MEDIA_ROOT) / film.file


def seconds_of(path):
    """How long picture and sound last, by their packets."""
    ends = {}
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0], container.streams.audio[0]):
            if packet.pts is not None:
                end = float((packet.pts + packet.duration) * packet.time_base)
                ends[packet.stream.type] = max(ends.get(packet.stream.type, 0), end)
    return ends["video"], ends["audio"]


def test_a_film_for_each_ending(story, settings):
    left, right = make(story)

    assert [film.ending.scenelet_id for film in (left, right)] == ["left", "right"]
    assert (left.status, left.shots, left.stills, left.cards_shown) == ("done", 2, 0, 1)
    assert (right.status, right.shots, right.stills, right.cards_shown) == ("done", 2, 1, 1)
    # The scenelet before the choice is encoded once for both.
    assert (left.segments_encoded, left.segments_reused) == (3, 0)
    assert (right.segments_encoded, right.segments_reused) == (2, 1)
    path = file_of(left, settings)
    assert (left.byte_size, left.sha256) == (path.stat().st_size, sha256_of(path))
    assert is_faststart(path)


def test_the_format(story, settings):
    [film] = make(story, "left", captions=True)

    with av.open(str(file_of(film, settings))) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.profile) == ("h264", "High")
        assert (video.codec_context.width, video.codec_context.height) == (1920, 1080)
        assert (video.codec_context.pix_fmt, video.average_rate) == ("yuv420p", 24)
        assert (audio.codec_context.name, audio.codec_context.sample_rate) == ("aac", 48_000)
        assert audio.codec_context.layout.name == "stereo"
        assert [each.codec_context.name for each in container.streams.subtitles] == ["mov_text"]
        assert [each["metadata"]["title"] for each in container.chapters()] == ["start", "left"]
        times = [frame.pts for frame in container.decode(video)]
    assert {after - before for before, after in zip(times, times[1:], strict=False)} == {
        times[1] - times[0]
    }


def test_picture_and_sound_end_together_and_the_length_is_the_sum(story, settings):
    [film] = make(story, "left")

    picture, sound = seconds_of(file_of(film, settings))
    assert abs(picture - (6 + 6 + 6) / FPS) <= 3 / FPS
    assert abs(picture - sound) <= 0.04
    assert film.seconds == pytest.approx(picture, abs=0.001)


# Frames, and what else a clip has; how long it lasts in seconds.
MIXTURE = [
    ({"frames": 12, "size": (1280, 720), "level": 0.5}, 0.5),
    ({"frames": 4, "size": (3840, 2160)}, 4 / 24),
    ({"frames": 12, "size": (360, 640), "level": 0.01}, 0.5),
    ({"frames": 12, "turn": 90}, 0.5),
    ({"frames": 12, "shape": Fraction(4, 3)}, 0.5),
    ({"frames": 10, "rate": 25, "level": 0.9}, 0.4),
    ({"frames": 15, "rate": 30, "layout": "mono", "level": 0.3}, 0.5),
    ({"frames": 12, "rate": Fraction(24_000, 1001)}, 0.5005),
    ({"frames": 6, "times": (0, 30, 200, 210, 400, 420), "level": 0.1}, 0.42),
    ({"frames": 12, "with_sound": False}, 0.5),
    ({"frames": 6, "codec": "mpeg4"}, 0.25),
    ({"frames": 6, "pix_fmt": "yuv444p"}, 0.25),
]


def test_a_mixture_of_clips_joins(settings):
    """720p, 4k, vertical, turned, with pixels that are no squares, of several rates and of none,
    mono, without sound, of other codecs; generated and uploaded."""
    story = make_story(shots=len(MIXTURE))
    kinds = (VideoRender.Kind.GENERATION, VideoRender.Kind.UPLOAD)
    for number, (shot, (clip, _)) in enumerate(zip(shots_of(story), MIXTURE, strict=True)):
        make_film_take(
            shot, frames=clip["frames"], clip=without(clip, "frames"), kind=kinds[number % 2]
        )

    [film] = make(story)

    assert (film.status, film.stills) == ("done", 0)
    path = file_of(film, settings)
    picture, sound = seconds_of(path)
    assert abs(picture - sum(seconds for _, seconds in MIXTURE)) <= len(MIXTURE) / FPS
    assert abs(picture - sound) <= 0.04
    lengths = [segment_frames(settings, part) for part in Manifest.from_json(film.manifest).parts]
    for (clip, seconds), frames in zip(MIXTURE, lengths, strict=True):
        assert abs(frames - seconds * FPS) <= 1, clip
    assert round(picture * FPS) == sum(lengths)
    loudness = loudness_of(path)
    assert abs(loudness.lufs + 16) <= 1
    assert loudness.peak_db <= -1


def test_parts_of_a_frame_or_two_join(settings):
    """Each has another delay of its decoder than a longer one."""
    lengths = (1, 12, 2, 5, 1, 1, 3, 12)
    story = make_story(shots=len(lengths))
    for shot, frames in zip(shots_of(story), lengths, strict=True):
        make_film_take(shot, frames=frames)

    [film] = make(story)

    assert film.status == "done"
    with av.open(str(file_of(film, settings))) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    assert times == pytest.approx([number / FPS for number in range(sum(lengths))])


def without(values, name):
    return {key: value for key, value in values.items() if key != name}


def segment_frames(settings, part):
    folder = Path(settings.MEDIA_ROOT) / "the-lamp" / "films" / "segments"
    with av.open(str(folder / f"{part.key[:32]}.mov")) as container:
        return container.streams.video[0].frames


def test_a_vertical_clip_is_shown_whole(settings):
    shot = shots_of(make_story()).get()
    make_film_take(shot, clip={"size": (360, 640), "band": True})

    [film] = make(shot.scenelet.story)

    with av.open(str(file_of(film, settings))) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray")
    # 9 to 16 of 1080 lines is 608 columns in the middle. The band is the clip's first rows.
    lit = picture[4] > 200
    assert abs(int(lit.sum()) - 608) <= 8
    assert lit[WIDTH // 2]
    assert picture[:, :600].max() < 30
    assert picture[:, -600:].max() < 30


def test_what_is_unchanged_is_not_made_again(story, settings):
    make(story, "left")
    before = file_of(Film.objects.get(), settings).stat()
    [planned] = plan_films(story, FilmOptions(), ["left"])
    assert planned.is_current

    [film] = make(story, "left")

    assert film.status == "done"
    assert os.stat(file_of(film, settings)).st_mtime_ns == before.st_mtime_ns


def test_a_replaced_take_costs_one_segment(story, settings):
    [first] = make(story, "left")
    shot = shots_of(story).get(scenelet__scenelet_id="left")
    make_film_take(shot, frames=9)
    [planned] = plan_films(story, FilmOptions(), ["left"])
    assert planned.is_out_of_date
    assert not planned.is_current

    [film] = make(story, "left")

    assert (film.segments_encoded, film.segments_reused) == (1, 2)
    assert film.manifest_sha256 != first.manifest_sha256
    assert film.file != first.file


def test_the_same_takes_make_the_same_bytes(story, settings):
    [film] = make(story, "left")
    Film.objects.all().delete()
    for path in (Path(settings.MEDIA_ROOT) / "the-lamp" / "films").rglob("*.*"):
        path.unlink()

    [again] = make(story, "left")

    assert again.sha256 == film.sha256


def test_a_take_that_is_gone_is_named(story, settings):
    take = VideoRender.objects.filter(shot__scenelet__scenelet_id="left").get()
    (Path(settings.MEDIA_ROOT) / take.video_file).unlink()

    [film] = make(story, "left")

    assert (film.status, film.error_code, film.file) == ("failed", "missing", "")
    assert take.video_file in film.error_message


@pytest.mark.parametrize("data", [None, b"broken", b"\x89PNG\r\n\x1a\nbroken"])
def test_a_key_frame_that_is_gone_or_broken_is_named(story, settings, data):
    shot = shots_of(story).get(scenelet__scenelet_id="right")
    path = Path(settings.MEDIA_ROOT) / KeyFrame.objects.get(shot=shot).picture.file
    path.unlink()
    if data:
        path.write_bytes(data)

    [film] = make(story, "right")

    assert (film.status, film.error_code, film.file) == ("failed", "key_frame", "")
    assert shot.code in film.error_message


def test_a_path_without_shots_fails(settings):
    story = make_story(shots=0)

    [film] = make(story)

    assert (film.status, film.error_code) == ("failed", "no_shots")


def test_words_that_the_font_lacks_are_named(story):
    Scenelet.objects.filter(scenelet_id="left").update(choice_label="窗户 left")

    [film] = make(story, "left")

    assert film.warnings == [{"code": "not_lettered", "shot": "", "characters": "窗户"}]


def test_without_a_key_frame_there_is_a_slate(story):
    KeyFrame.objects.all().delete()

    [film] = make(story, "right")

    assert (film.status, film.stills) == ("done", 1)


# -- whose film it is ------------------------------------------------------------------------------


def request(story, *endings):
    wanted = FilmOptions()
    return request_films(plan_films(story, wanted, endings), wanted)


def test_a_film_that_somebody_makes_is_left_alone(story):
    [film] = request(story, "left")
    Film.objects.update(
        status="rendering", worker="elsewhere|boot|1|1", lease_until=timezone.now() + FILM_LEASE
    )

    assert film_worker.run_slice() is False
    film.refresh_from_db()
    assert (film.status, film.worker) == ("rendering", "elsewhere|boot|1|1")

    with time_machine.travel(timezone.now() + 2 * FILM_LEASE):
        work_on_films()
    film.refresh_from_db()
    assert film.status == "done"


def test_a_slice_ends_between_two_parts_and_the_next_goes_on(story, settings):
    [film] = request(story, "left")

    assert film_worker.run_slice(seconds=0.0001)
    film.refresh_from_db()
    assert (film.status, film.worker, film.parts_done) == ("rendering", "", 1)

    work_on_films()
    film.refresh_from_db()
    assert (film.status, film.segments_encoded, film.segments_reused) == ("done", 3, 0)


def test_a_cancelled_film_is_not_made(story):
    [film] = request(story, "left")

    assert cancel_film(film)
    film_worker.run_slice()

    film.refresh_from_db()
    assert (film.status, film.file) == ("cancelled", "")
    assert not cancel_film(film)


def test_who_loses_a_film_while_making_it_writes_nothing(story, settings, monkeypatch):
    [film] = request(story, "left")
    encode, encoded = film_worker.encode_segment, []

    def encode_and_lose(part, target, beat):
        encode(part, target, beat)
        encoded.append(target)
        cancel_film(film)

    monkeypatch.setattr(film_worker, "encode_segment", encode_and_lose)
    film_worker.run_slice()

    film.refresh_from_db()
    assert (film.status, film.parts_done, film.file) == ("cancelled", 0, "")
    assert len(encoded) == 1
    assert not list(Path(settings.MEDIA_ROOT).glob("*/films/*.mp4"))


def test_who_takes_over_writes_to_a_file_of_its_own(story, monkeypatch):
    """The first may only have slept, and goes on writing to the file that it has open."""
    [film] = request(story, "left")
    partial_folder().mkdir(parents=True)
    killed = partial_folder() / f"film-{film.pk}-0123.mp4"
    killed.write_bytes(b"half")
    join, targets = film_worker.join, []

    def join_and_lose(manifest, segments, target, beat):
        seconds = join(manifest, segments, target, beat)
        targets.append(target)
        if len(targets) == 1:
            Film.objects.filter(pk=film.pk).update(worker="", lease_until=None)
        return seconds

    monkeypatch.setattr(film_worker, "join", join_and_lose)
    work_on_films()

    film.refresh_from_db()
    assert film.status == "done"
    first, second = targets
    assert first != second
    assert not list(partial_folder().iterdir())


# -- what is swept ---------------------------------------------------------------------------------


def test_only_old_files_that_no_film_needs_are_removed(story, settings):
    [film] = make(story, "left")
    folder = Path(settings.MEDIA_ROOT) / "the-lamp" / "films"
    takes = set(Path(settings.MEDIA_ROOT).glob("*.mp4"))
    used = set(folder.rglob("*.m*"))
    gone = folder / "nobody-needs-it.mp4"
    young = folder / "young.mp4"
    half = folder / "segments" / ".half.mov.123"
    for path in (gone, young, half):
        path.write_bytes(b"x")
    old = 1_000_000_000
    for path in (*used, *takes, gone, half):
        os.utime(path, (old, old))

    film_worker.remove_unused()

    assert not gone.exists()
    assert not half.exists()
    assert young.exists()
    assert all(path.exists() for path in used | takes)
    assert file_of(film, settings).exists()


def test_leftovers_are_swept_every_hour_though_no_film_is_made(settings):
    half = partial_folder() / "film-1-0123.mp4"
    partial_folder().mkdir(parents=True)
    for is_left in (False, True):
        half.write_bytes(b"half")
        os.utime(half, (1_000_000_000, 1_000_000_000))
        tasks.sweep()
        assert half.exists() is is_left

    with time_machine.travel(timezone.now() + timedelta(seconds=film_worker.SWEEP_SECONDS + 1)):
        tasks.sweep()

    assert not half.exists()


# -- loudness --------------------------------------------------------------------------------------


def test_the_film_is_as_loud_as_it_should_be(settings, tmp_path):
    story = make_story(shots=2)
    for shot, level in zip(shots_of(story), (0.9, 0.02), strict=True):
        make_film_take(shot, frames=48, clip={"level": level})

    [film] = make(story)

    loudness = loudness_of(file_of(film, settings))
    assert abs(loudness.lufs + 16) <= 1
    assert loudness.peak_db <= -1


def loudness_of(path):
    with av.open(str(path)) as container:
        sound = container.decode(container.streams.audio[0])
        return measure(filtered(sound, [("aformat", "sample_fmts=fltp")]))
