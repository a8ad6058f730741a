"""Encodes one part of a film to a segment: a file with the picture as the film has it, and with its
sound as it is, not compressed.

The picture of all segments is encoded alike, so a film takes it over as it is. The sound is
compressed only over the whole film: compressed sound begins and ends in blocks that fit no picture,
and segments of it would click and drift at every joint.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from storybook.media_store import MediaStoreError, media
from videogen.common.errors import VideoFileError
from videogen.takes.video_file import quarter_turns

from .parts import Part
from .sound import RATE, filtered, levelling, measure, through_graph
from .stills import HEIGHT, WIDTH, draw_card, draw_still

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.filter import Graph

FPS = 24
SAMPLES = RATE // FPS  # of a frame's time
_BLOCK = SAMPLES * FPS  # one second of silence at a time
_X264 = {
    "preset": "veryfast",
    "crf": "18",
    "profile": "high",
    # Every segment begins with a key frame, and none looks beyond its end.
    "g": "48",
    "x264-params": "open-gop=0:force-cfr=1",
}
_FIT = (
    f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=decrease:force_divisible_by=2"
    ":out_color_matrix=bt709:out_range=tv"
)


def encode_segment(part: Part, target: Path, beat: Callable[[], None] = lambda: None) -> None:
    """Encode the part and write it to `target` at once, or not at all.

    beat: called about once for each second of the part. Raises VideoFileError if the part's file
    cannot be read as it has to be, and MediaStoreError if the store that has it is away.
    """
    import av

    target.parent.mkdir(parents=True, exist_ok=True)
    # Not the process's number: two containers may have the same, and the same disk.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with av.open(str(temporary), "w", format="mov") as out:
            writer = _Writer(out, beat)
            if part.kind == "take":
                with _lent(part) as path:
                    _encode_take(part, path, writer)
            else:
                _encode_still(part, writer)
            writer.close()
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except av.FFmpegError as error:
        raise VideoFileError(
            f"The video of {part.shot} cannot be read ({error.strerror}).", code="unreadable"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


class _Writer:
    """Writes frames at 24 a second, and the sound that lasts exactly as long."""

    def __init__(self, out: OutputContainer, beat: Callable[[], None]) -> None:
        self._out = out
        self._beat = beat
        self._video = out.add_stream("libx264", rate=FPS, options=_X264)
        self._video.width, self._video.height = WIDTH, HEIGHT
        self._video.pix_fmt = "yuv420p"
        context = self._video.codec_context
        context.time_base = Fraction(1, FPS)
        # BT.709, limited range: what a player assumes of HD video, said aloud.
        context.color_primaries = context.color_trc = context.colorspace = 1
        context.color_range = 1
        self._audio = out.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        self.frames = 0
        self._samples = 0

    def add_picture(self, frame: VideoFrame) -> None:
        frame.pts = self.frames
        frame.time_base = Fraction(1, FPS)
        frame.pict_type = 0
        if self.frames % FPS == 0:
            self._beat()
        self.frames += 1
        self._out.mux(self._video.encode(frame))

    def add_sound(self, frames: Iterable[AudioFrame]) -> None:
        """Add sound up to the end of the picture, and silence where it is shorter."""
        end = self.frames * SAMPLES
        for frame in frames:
            data = frame.to_ndarray()[:, : 2 * (end - self._samples)]
            if not data.size:
                break
            self._mux_sound(data)
        while self._samples < end:
            self._mux_sound(np.zeros((1, 2 * min(_BLOCK, end - self._samples)), np.int16))

    def _mux_sound(self, data: np.ndarray) -> None:
        from av import AudioFrame

        frame = AudioFrame.from_ndarray(np.ascontiguousarray(data), format="s16", layout="stereo")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = self._samples
        self._samples += frame.samples
        self._out.mux(self._audio.encode(frame))

    def close(self) -> None:
        self._out.mux(self._video.encode())
        self._out.mux(self._audio.encode())


@contextmanager
def _lent(part: Part) -> Iterator[Path]:
    """Lend the part's take as a file on this host. Raises VideoFileError if there is none."""
    try:
        with media.local(part.file) as path:
            yield path
    except FileNotFoundError as error:
        raise VideoFileError(
            f"The file {Path(part.file).name} cannot be opened ({error.strerror}).", code="missing"
        ) from error


def _encode_still(part: Part, writer: _Writer) -> None:
    from av import VideoFrame
    from av.video.reformatter import ColorRange, Colorspace

    if part.kind == "card":
        picture = draw_card(part.title, part.text)
    else:
        try:
            with media.local(part.file) if part.file else nullcontext() as file:
                picture = draw_still(file, part.text, part.title)
        except MediaStoreError:
            raise
        except (OSError, SyntaxError, ValueError) as error:  # What Pillow raises on broken files.
            raise VideoFileError(
                f"The key frame of {part.shot} cannot be read.", code="key_frame"
            ) from error
    image = VideoFrame.from_image(picture).reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    for _ in range(max(1, round(part.seconds * FPS))):
        # The encoder keeps its frames for a while, so each is its own.
        frame = VideoFrame.from_ndarray(image.to_ndarray(), format="yuv420p")
        writer.add_picture(frame)
    writer.add_sound(())


def _encode_take(part: Part, path: Path, writer: _Writer) -> None:
    with _open(path) as container:
        for frame in _pictures(container):
            writer.add_picture(frame)
    if not writer.frames:
        raise VideoFileError(f"No picture of {part.shot} can be decoded.", code="no_frame")
    filters: list[tuple[str, str]] = []
    if part.is_levelled:
        with _open(path) as container:
            filters = levelling(measure(_sound(container, "flt")))
    with _open(path) as container:
        sound = filtered(_sound(container, "flt"), filters)
        writer.add_sound(filtered(sound, [("aformat", "sample_fmts=s16:channel_layouts=stereo")]))


def _open(path: Path) -> InputContainer:
    import av

    try:
        return av.open(str(path), format="mov", metadata_errors="replace")
    except OSError as error:
        raise VideoFileError(
            f"The file {path.name} cannot be opened ({error.strerror}).", code="missing"
        ) from error


def _pictures(container: InputContainer) -> Iterator[VideoFrame]:
    """Yield the video's pictures at 24 a second, upright, whole, in the film's size."""
    import av

    stream = container.streams.video[0]
    stream.thread_type = "AUTO"

    def graph_for(frame: VideoFrame) -> Graph:
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_buffer(template=stream, time_base=frame.time_base),
            *(graph.add(*each.split("=", 1)) for each in _filters(frame)),
            graph.add("buffersink"),
        ).configure()
        return graph

    yield from through_graph(container.decode(stream), graph_for)


def _filters(frame: VideoFrame) -> list[str]:
    turned = [[], ["transpose=cclock"], ["hflip=", "vflip="], ["transpose=clock"]]
    return [
        f"fps={FPS}:start_time=0",
        "scale=iw*sar:ih",
        *turned[quarter_turns(frame)],
        _FIT,
        f"pad={WIDTH}:{HEIGHT}:-1:-1:black",
        "setsar=1",
        "format=yuv420p",
    ]


def _sound(container: InputContainer, sample_format: str) -> Iterator[AudioFrame]:
    """Yield the sound as stereo at 48 kHz from the start of the film on; nothing if there is none
    that can be decoded."""
    stream = next((each for each in container.streams.audio if each.codec_context), None)
    if stream is None:
        return
    yield from filtered(
        container.decode(stream),
        [
            ("aresample", f"{RATE}:async=1:first_pts=0"),
            ("aformat", f"sample_fmts={sample_format}:channel_layouts=stereo"),
        ],
    )
