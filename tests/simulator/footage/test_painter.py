from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.simulator_calls import link
from videogen.simulator.footage.clips import wrong_content
from videogen.simulator.footage.painter import paint_clip
from videogen.simulator.footage.planes import Canvas
from videogen.simulator.footage.slate import Slate
from videogen.simulator.footage.sound import compose
from videogen.simulator.footage.storyboard import read_prompt

PROMPT = json.dumps(
    {
        "global_aesthetic": {"master_color_palette": ["#1E1E2F", "#4A90E2", "#F5A623"]},
        "character_designs": [{"character_id": "maren"}],
        "environment_designs": [{"environment_id": "quay"}],
        "storyboard_payload": {
            "framingAndAngle": "Wide shot",
            "characterActionAndEmotion": "Maren lifts her lantern.",
            "cameraDynamics": "Slow pan to the left along the quay.",
            "audioAndNarrative": [
                {"source": "narrator", "line": "On the third night the tide forgot to come home."},
                {"source": "maren", "line": "潮水 forgot 🌊 us."},
            ],
        },
    },
    ensure_ascii=False,
)


def scene(colour: str) -> bytes:
    image = Image.new("RGB", (960, 540), colour)
    for n in range(40):
        ImageDraw.Draw(image).ellipse((n * 24, 100 + n * 7, n * 24 + 60, 160 + n * 7), fill="white")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def frames(path: Path, *numbers: int) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [
            frame.to_ndarray(format="rgb24").astype(int)
            for number, frame in enumerate(container.decode(video=0))
            if number in numbers
        ]


def loudness(path: Path) -> tuple[float, float]:
    """Mean and peak of the sound."""
    with av.open(str(path)) as container:
        samples = np.concatenate(
            [frame.to_ndarray() for frame in container.decode(audio=0)], axis=1
        )
    return float(np.sqrt((samples**2).mean())), float(np.abs(samples).max())


@pytest.fixture(scope="module")
def painted(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "full.mp4"
    started = time.process_time()
    paint_clip(
        prompt=PROMPT,
        references=[scene("teal"), scene("orange"), scene("navy")],
        seed="one",
        path=path,
    )
    size = path.stat().st_size / 1e6
    sys.stderr.write(f"\npainted in {time.process_time() - started:.1f} s CPU, {size:.1f} MB\n")
    return path


def assert_is_a_clip(path: Path, size: tuple[int, int]) -> None:
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert abs(container.duration / av.time_base - 8) <= 0.05
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height) == size
        assert video.codec_context.pix_fmt == "yuv420p"
        assert (video.average_rate, video.frames) == (24, 192)
        assert (audio.rate, audio.channels) == (48_000, 2)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_full_clip_is_what_the_service_delivers(painted):
    assert_is_a_clip(painted, (1920, 1080))
    assert painted.stat().st_size < 20_000_000


@pytest.mark.slow
def test_a_full_clip_moves_and_can_be_heard(painted):
    early, later, last = frames(painted, 110, 140, 191)
    mean, peak = loudness(painted)

    assert np.abs(early[:700] - later[:700]).mean() > 2
    assert np.abs(later[:700] - last[:700]).mean() > 2
    assert 0.01 < mean < 0.2
    assert peak < 0.7


def test_a_quick_clip_is_a_clip_and_its_own(tmp_path):
    for seed in ("one", "two"):
        paint_clip(prompt="x", references=[], seed=seed, path=tmp_path / f"{seed}.mp4", quick=True)

    assert_is_a_clip(tmp_path / "one.mp4", (320, 180))
    assert (tmp_path / "one.mp4").read_bytes() != (tmp_path / "two.mp4").read_bytes()


def test_any_prompt_and_a_broken_reference_make_a_clip(tmp_path):
    path = tmp_path / "clip.mp4"

    paint_clip(prompt="狐狸 🦊\u2028\u0000", references=[b"no"], seed="three", path=path)

    assert_is_a_clip(path, (1920, 1080))


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "[1, 2]",
        "[" * 5000,
        '{"storyboard_payload": {"audioAndNarrative": "?", "cameraDynamics": 3}}',
        '{"storyboard_payload": [], "character_designs": {"a": 1}, "global_aesthetic": 7}',
        '{"storyboard_payload": {"audioAndNarrative": [1, {"line": "?"}, {"source": "a"}]}}',
        "word " * 20_000,
    ],
)
def test_a_strange_prompt_makes_a_plainer_board(prompt):
    board = read_prompt(prompt, "seed")
    canvas = Canvas()

    Slate(board).lay(canvas, 100)

    assert board.move
    assert canvas.luma.any()


@pytest.mark.parametrize(
    ("camera", "move", "is_forward"),
    [
        ("Slow dolly in toward Rhea while branches drift.", "push", None),
        ("Pulls back to reveal the harbour", "pull", None),
        ("Pan left across the quay", "pan", False),
        ("Slow lateral drift from left to right", "pan", True),
        ("Slow tilt down from her face", "tilt", False),
        ("Slow crane up from the pair", "tilt", True),
        ("Locked-off; only lanterns sway.", "hold", None),
    ],
)
def test_the_camera_does_what_the_prompt_says(camera, move, is_forward):
    board = read_prompt(json.dumps({"storyboard_payload": {"cameraDynamics": camera}}), "seed")

    assert board.move == move
    assert is_forward is None or board.is_forward is is_forward


def test_lines_share_the_time_and_do_not_overlap():
    first, second = read_prompt(PROMPT, "seed").lines

    assert 0 < first.start < first.end < second.start < second.end < 8
    assert first.end - first.start > second.end - second.start


def test_the_sound_never_clips():
    sound = compose(read_prompt(PROMPT, "seed"), "seed")

    assert sound.shape == (2, 384_000)
    assert np.abs(sound).max() <= 0.46


@pytest.mark.parametrize(
    ("kind", "streams"),
    [("wrong_audio_only", ["audio"]), ("wrong_too_short", ["video", "audio"])],
)
def test_wrong_clips_are_wrong_in_one_way(kind, streams):
    with av.open(io.BytesIO(wrong_content(kind))) as container:
        assert [stream.type for stream in container.streams] == streams
        assert (container.duration > 7_900_000) is (kind == "wrong_audio_only")


def test_an_empty_clip_has_no_frame():
    with (
        pytest.raises((av.FFmpegError, IndexError, StopIteration)),
        av.open(io.BytesIO(wrong_content("wrong_no_frames"))) as container,
    ):
        next(container.decode(video=0))


@pytest.mark.slow
def test_other_processes_paint_and_two_operations_of_one_prompt_differ(start):
    caller = start(clips="full", painters=2)
    names = [caller.submit(PROMPT).json()["name"] for _ in range(2)]

    clips = [caller.http.get(link(caller.wait(name))).content for name in names]

    assert clips[0] != clips[1]
    for clip in clips:
        with av.open(io.BytesIO(clip)) as container:
            assert container.streams.video[0].width == 1920


def test_the_painters_process_outlives_a_job_that_fails():
    worker = subprocess.run(
        [sys.executable, "-m", "videogen.simulator.footage.worker"],
        input='{"nonsense": 1}\n{"nonsense": 2}\n',
        capture_output=True,
        text=True,
        check=True,
    )

    errors = [json.loads(line)["error"] for line in worker.stdout.splitlines()]
    assert len(errors) == 2
    assert all(error.startswith(("TypeError", "KeyError")) for error in errors)
