"""What an editor gets: every file that is named is there, and other programs read the timelines."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import opentimelineio as otio
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from storybook.models import Scenelet
from tests.support.factories import make_story, shots_of
from tests.support.films import make_film_take
from videogen.exports import story_export
from videogen.exports.files import ExportError, OutFile, write_export, zip_chunks
from videogen.exports.names import portable_name, unique_names
from videogen.exports.story_export import plan_export
from videogen.films.parts import Part
from videogen.films.segments import encode_segment
from videogen.models import VideoRender
from videogen.takes.chosen_takes import TakeRule
from videogen.takes.video_file import sha256_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(settings):
    """One beginning, two endings; the shot of the second ending has no take."""
    story = make_story("the-lamp", scenelets=("start", "Left side", "CON"))
    start, *others = story.scenelets.order_by("place")
    Scenelet.objects.filter(pk__in=[each.pk for each in others]).update(parent=start)
    for shot in shots_of(story).exclude(scenelet__scenelet_id="CON"):
        make_film_take(shot, frames=24)
    return story


def export(story, output, *options):
    """Run the command and return its manifest and the files by name."""
    out = io.StringIO()
    call_command(
        "export_story", "--story-id", story.story_id, "--output", str(output), "--json", *options,
        stdout=out,
    )  # fmt: skip
    return json.loads(out.getvalue())


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_everything_that_is_named_is_there(story, tmp_path):
    manifest = export(story, tmp_path / "out")

    folder = tmp_path / "out" / "the-lamp"
    assert json.loads((folder / "manifest.json").read_text()) == manifest
    assert manifest["format"] == "videogen-export/1"
    assert [each["code"] for each in manifest["clips"]] == ["S01-01", "S02-01"]
    for clip in manifest["clips"]:
        data = (folder / clip["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (clip["bytes"], clip["sha256"])
        assert clip["seconds"] == 1.0
    assert manifest["missing"] == [
        {"code": "S03-01", "scenelet_id": "CON", "shot_index": 1, "reason": "no_take"}
    ]
    for path in manifest["paths"]:
        assert (folder / path["otio"]).is_file()
        assert (folder / path["edl"]).is_file()
    assert [path["missing"] for path in manifest["paths"]] == [[], ["S03-01"]]


def test_the_names_speak_and_are_valid_everywhere(story, tmp_path):
    export(story, tmp_path / "out")

    names = files_in(tmp_path / "out")
    assert "the-lamp/clips/S02-01_Left-side_take-1.mp4" in names
    assert "the-lamp/timelines/_CON.otio" in names
    assert len({name.casefold() for name in names}) == len(names)
    assert not any(set(name) & set('<>:"\\|?* ') for name in names)


def test_the_timelines_read_back_exactly(story, tmp_path):
    manifest = export(story, tmp_path / "out")

    folder = tmp_path / "out" / "the-lamp"
    path = manifest["paths"][0]
    timeline = otio.adapters.read_from_file(str(folder / path["otio"]))
    clips = timeline.video_tracks()[0].find_clips()
    assert [each.name for each in clips] == ["S01-01", "S02-01"]
    for clip in clips:
        assert (folder / clip.media_reference.target_url).is_file()
        assert clip.source_range.duration == otio.opentime.RationalTime(24, 24)
    assert timeline.duration().to_seconds() == path["seconds"] == 2.0
    cut = otio.adapters.read_from_file(str(folder / path["edl"]), rate=24)
    edited = cut.video_tracks()[0].find_clips()
    assert [each.name for each in edited] == ["S01-01", "S02-01"]
    assert [each.source_range for each in edited] == [each.source_range for each in clips]


@pytest.mark.parametrize(
    ("rate", "fps"), [(24, 24.0), (25, 25.0), (Fraction(24_000, 1001), 23.976)]
)
def test_other_programs_read_the_timelines(tmp_path, rate, fps):
    """PyAV reads every file that they name, and otioconvert converts and collects them."""
    story = make_story("the-lamp", shots=2)
    for shot in shots_of(story):
        make_film_take(shot, frames=12, clip={"rate": rate}, fps=fps)
    [path] = export(story, tmp_path / "out")["paths"]
    folder = tmp_path / "out" / "the-lamp"

    for name, text in (("converted.edl", path["otio"]), ("collected.otioz", path["otio"])):
        program = Path(sys.executable).with_name("otioconvert")
        # Relative names are looked for where the program runs.
        command = [program, "-i", text, "-o", name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    for name in (path["otio"], path["edl"], "converted.edl"):
        options = {} if name.endswith("otio") else {"rate": float(rate)}
        timeline = otio.adapters.read_from_file(str(folder / name), **options)
        clips = timeline.video_tracks()[0].find_clips()
        assert [clip.name for clip in clips] == ["S01-01", "S01-02"]
        for clip in clips:
            with av.open(str(folder / clip.media_reference.target_url)) as container:
                picture = container.streams.video[0]
                assert picture.average_rate == rate
                frames = sum(1 for _ in container.decode(picture))
            assert clip.source_range.duration == otio.opentime.RationalTime(frames, float(rate))
    with zipfile.ZipFile(folder / "collected.otioz") as archive:
        collected = {Path(name).name for name in archive.namelist()}
    assert {path.name for path in (folder / "clips").iterdir()} < collected


def test_a_shot_without_a_take_leaves_a_gap(story, tmp_path, settings):
    settings.VIDEO_STILL_SECONDS = 2.0
    manifest = export(story, tmp_path / "out")

    folder = tmp_path / "out" / "the-lamp"
    timeline = otio.adapters.read_from_file(str(folder / manifest["paths"][1]["otio"]))
    first, gap = timeline.video_tracks()[0]
    assert isinstance(gap, otio.schema.Gap)
    assert gap.duration().to_seconds() == 2.0


def test_the_same_story_makes_the_same_bytes(story, tmp_path):
    for name in ("one.zip", "two.zip"):
        export(story, tmp_path / name)

    assert sha256_of(tmp_path / "one.zip") == sha256_of(tmp_path / "two.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.testzip() is None
        # Two zips of the same two seconds would have the same time of day, too.
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_prompts_have_no_links_and_no_paths(story, tmp_path, settings):
    picked = {"kind": "character", "id": "ada", "path": "inside/ada.png", "sha256": "0" * 64}
    VideoRender.objects.update(download_uri="https://secret.example/files/x", references=[picked])
    export(story, tmp_path / "out")

    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and path.suffix != ".mp4":
            text = path.read_text()
            assert "secret.example" not in text
            assert "inside/" not in text
            assert str(settings.MEDIA_ROOT) not in text
    request = json.loads((tmp_path / "out/the-lamp/prompts/S01-01.json").read_text())
    assert request["prompt"] == '{"storyboard_payload": {}}'
    assert request["references"] == [{"kind": "character", "id": "ada", "sha256": "0" * 64}]


def test_captions_and_table(story, tmp_path):
    export(story, tmp_path / "out")

    folder = tmp_path / "out" / "the-lamp"
    assert (folder / "captions/S01-01.vtt").read_text() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nWho lit the lamp?\n"
    )
    assert "00:00:01,000" in (folder / "captions/S01-01.srt").read_text()
    rows = list(csv.DictReader(io.StringIO((folder / "shots.csv").read_text("utf-8-sig"))))
    assert [row["code"] for row in rows] == ["S01-01", "S02-01", "S03-01"]


def test_only_some_endings(story, tmp_path):
    manifest = export(story, tmp_path / "out", "--ending", "CON")

    assert [path["ending"] for path in manifest["paths"]] == ["CON"]
    assert [clip["code"] for clip in manifest["clips"]] == ["S01-01"]


def test_a_file_that_is_gone_is_missing(story, tmp_path, settings):
    take = VideoRender.objects.get(shot__scenelet__scenelet_id="start")
    (Path(settings.MEDIA_ROOT) / take.video_file).unlink()

    manifest = export(story, tmp_path / "out")

    assert manifest["missing"][0]["code"] == "S01-01"
    assert manifest["missing"][0]["reason"] == "file_missing"


def test_a_file_that_is_broken_is_missing(story, tmp_path, settings):
    take = VideoRender.objects.get(shot__scenelet__scenelet_id="start")
    (Path(settings.MEDIA_ROOT) / take.video_file).write_bytes(b"broken")

    manifest = export(story, tmp_path / "out")

    assert manifest["missing"][0]["code"] == "S01-01"
    assert manifest["missing"][0]["reason"] == "unreadable"
    assert [clip["code"] for clip in manifest["clips"]] == ["S02-01"]


def test_a_story_without_shots(tmp_path):
    manifest = export(make_story("empty", shots=0), tmp_path / "out")

    [path] = manifest["paths"]
    assert (path["seconds"], path["missing"]) == (0, [])
    assert (tmp_path / "out" / "empty" / path["edl"]).is_file()


def test_a_shot_that_is_gone_is_left_out(story):
    shots_of(story).filter(scenelet__scenelet_id="CON").update(gone_since=timezone.now())

    manifest = plan_export(story).manifest()

    assert manifest["missing"] == []
    assert [path["ending"] for path in manifest["paths"]] == ["Left side"]


def test_the_rule_decides(story):
    assert len(plan_export(story, TakeRule.APPROVED).manifest()["clips"]) == 0
    assert len(plan_export(story, TakeRule.BEST).manifest()["clips"]) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--story-id", "nowhere"], "There is no story nowhere."),
        (["--story-id", "The-Lamp"], "Did you mean the-lamp?"),
        (["--story-id", "the-lamp", "--ending", "start"], "start is no ending"),
    ],
)
def test_wrong_usage(story, tmp_path, options, words):
    with pytest.raises(CommandError, match=words) as caught:
        call_command("export_story", *options, "--output", str(tmp_path / "x.zip"))
    assert caught.value.returncode == 2
    assert not list(tmp_path.glob("*.zip*"))


# -- files -----------------------------------------------------------------------------------------


def test_a_folder_that_is_used_is_left_alone(tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("mine")

    with pytest.raises(ExportError) as caught:
        write_export([OutFile("a", b"1")], tmp_path / "used")
    assert caught.value.code == "output"
    assert files_in(tmp_path) == {"used/mine.txt"}


def test_a_refusal_names_the_path_that_was_given(tmp_path, monkeypatch):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ExportError) as caught:
        write_export([OutFile("a", b"1")], Path("used"))
    assert caught.value.sentence.startswith("used is not empty")


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_what_breaks_leaves_nothing(tmp_path, name):
    files = [OutFile("a", b"1"), OutFile("b", source="missing")]

    with pytest.raises(ExportError):
        write_export(files, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_what_a_killed_export_left_is_removed_by_the_next(tmp_path, name):
    killed = tmp_path / f".{name}.0123abcd"
    if name == "out":
        killed.mkdir()
        (killed / "half").write_text("half")
    else:
        killed.write_text("half")
    others = {f".{name}.mine", ".another.0123abcd"}
    for other in others:
        (tmp_path / other).write_text("mine")

    write_export([OutFile("a", b"1")], tmp_path / name)

    assert {path.name for path in tmp_path.iterdir()} == {name, *others}


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_an_export_that_still_writes_is_left_alone(tmp_path, name):
    """Both write to the same name: the second is not the first one's end."""

    def files():
        yield OutFile("a", b"1")
        if not nested:
            nested.append(True)
            write_export([OutFile("a", b"2")], tmp_path / name)
            if name == "out":
                (tmp_path / "out" / "a").unlink()
        yield OutFile("b", b"1")

    nested = []
    write_export(files(), tmp_path / name)

    assert [path.name for path in tmp_path.iterdir()] == [name]
    if name == "out":
        assert files_in(tmp_path / "out") == {"a", "b"}


@pytest.fixture
def large(settings):
    """A large media file."""
    file = Path(settings.MEDIA_ROOT) / "large.bin"
    file.parent.mkdir()
    file.touch()
    os.truncate(file, 20 << 20)
    return file.name


def test_a_zip_is_made_piece_by_piece(large):

    chunks = zip_chunks([OutFile("a", source=large), OutFile("b", source=large)])

    assert max(len(chunk) for chunk in chunks) <= 1 << 20


def test_a_zip_of_large_clips_holds_one_piece_in_memory(large):
    chunks = zip_chunks(OutFile(f"clip-{number}", source=large) for number in range(15))
    next(chunks)

    tracemalloc.start()
    try:
        written = sum(map(len, chunks))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert written > 15 * (20 << 20)
    assert peak < 8 << 20


def test_the_first_bytes_wait_for_one_clip(story, monkeypatch):
    looked = []
    look = story_export.picture_seconds
    monkeypatch.setattr(
        story_export, "picture_seconds", lambda path: looked.append(path) or look(path)
    )

    chunks = zip_chunks(plan_export(story).files())

    assert looked == []
    next(chunks)
    assert len(looked) == 1
    list(chunks)
    assert len(looked) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("home", "home"),
        ("aux", "_aux"),
        ("LPT1.x", "_LPT1.x"),
        ("two words", "two-words"),
        ("début-纸", "début-纸"),
    ],
)
def test_portable_names(text, name):
    assert portable_name(text) == name


def test_names_that_differ_by_case_alone_are_numbered():
    assert unique_names(["home", "Home", "HOME"]) == {
        "home": "home",
        "Home": "Home-2",
        "HOME": "HOME-3",
    }


def test_a_picture_that_begins_late_is_as_long_as_in_the_film(story, settings, tmp_path):
    """The film holds the first picture while the sound goes on, and so does a timeline that cuts
    nothing away."""
    late, *_ = shots_of(story)
    take = make_film_take(late, frames=24, clip={"late": 12}, take=2)
    part = Part("take", "start", file=take.video_file)
    encode_segment(part, tmp_path / "segment.mov")

    manifest = export(story, tmp_path / "out")

    folder = tmp_path / "out" / "the-lamp"
    with av.open(str(tmp_path / "segment.mov")) as segment:
        frames = segment.streams.video[0].frames
    assert frames == 36
    for kind in ("otio", "edl"):
        read = otio.adapters.read_from_file(str(folder / manifest["paths"][0][kind]))
        first, second = read.video_tracks()[0].find_clips()
        assert first.source_range.start_time.value == 0
        assert first.source_range.duration.value == frames
        assert second.range_in_parent().start_time.value == frames
    assert manifest["clips"][0]["seconds"] == pytest.approx(1.5)
