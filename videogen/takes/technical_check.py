"""The technical check of a clip: one pass over picture and sound, on a path, without the database.

The picture is looked at in a few thousand points of each frame, the sound in tenths of a second. So
it costs little beside the decoding, and its memory hardly grows with the clip.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from videogen.common.errors import VideoFileError
from videogen.models import FindingKind, TakeFinding

from . import check_thresholds as limits
from .boxes import check_boxes, codec_names
from .video_file import OF_THE_DISK, PLAIN_PIXELS, displayed_size, opened_video, video_of

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame
    from numpy.typing import NDArray

    Luma = NDArray[np.uint8]

# The points of a frame that are looked at, and the fields of 5 × 5 of them whose means are kept.
_POINTS = (160, 90)
_FIELDS = (32, 18)
_MOMENTS = 8
_RATE = 48_000
_CHUNK = _RATE // 10


@dataclass(frozen=True)
class Asked:
    """What the clip was to be. What is None or empty was not asked for, and is not checked."""

    size: tuple[int, int] | None = None
    shape: str = ""
    fps: float | None = None
    seconds: int | None = None
    # Whether lines or sounds were asked for. Without them, a clip may be silent.
    sound: bool = False


@dataclass(frozen=True)
class Checked:
    findings: list[TakeFinding]
    # Small pictures of moments of the clip, to compare takes by.
    signature: bytes


class DamagedClip(VideoFileError):
    """The file can be read up to `at_seconds`."""

    def __init__(self, error: VideoFileError, at_seconds: float) -> None:
        super().__init__(error.sentence, code=error.code)
        self.at_seconds = at_seconds


def check_clip(path: Path, asked: Asked) -> Checked:
    """Return what is odd about the clip. Raises OSError, and VideoFileError if it cannot be read as
    a whole."""
    check_boxes(path, path.stat().st_size)
    with opened_video(path, "unreadable", "The video cannot be read") as container:
        video = video_of(container, path)
        video.codec_context.thread_count = 1
        # What is damaged is told; otherwise the decoder would paint over it.
        video.codec_context.options = {**video.codec_context.options, "err_detect": "explode"}
        audio = next(iter(container.streams.audio), None)
        if audio is not None and audio.codec_context is None:
            name = next(iter(codec_names(path, b"soun")), "unknown")
            raise VideoFileError(f"Its sound ({name}) cannot be decoded here.", code="no_decoder")
        fps = float(video.average_rate or 0)
        length = float((container.duration or 0) / 1_000_000)
        picture, sound = _Picture(), _Sound()
        tracks = [video] if audio is None else [video, audio]
        try:
            for packet in container.demux(tracks):
                looked_at: Any = picture if packet.stream is video else sound
                for frame in packet.decode():
                    looked_at.add(frame)
        except Exception as error:
            raise DamagedClip(_words_of(error), picture.end) from error
        size = picture.size(video)
    if not picture.times:
        raise VideoFileError("No picture of the video can be decoded.", code="no_frame")
    if picture.end < 0.9 * length - 0.5:
        words = f"It is cut short: {picture.end:.1f} of {length:.1f} seconds are there."
        raise DamagedClip(VideoFileError(words, code="truncated"), picture.end)
    sound.close()
    length = length or picture.end
    findings = [
        *_against_what_was_asked(asked, size, fps, length),
        *picture.findings(),
        *sound.findings(length, is_asked=asked.sound),
    ]
    return Checked(findings, picture.signature())


def _words_of(error: Exception) -> VideoFileError:
    import av

    if isinstance(error, av.FFmpegError) and error.errno not in OF_THE_DISK:
        return VideoFileError(f"The video is damaged: {error.strerror}.", code="undecodable")
    raise error


def _against_what_was_asked(
    asked: Asked, size: tuple[int, int], fps: float, length: float
) -> Iterator[TakeFinding]:
    make = TakeFinding.make
    width, height = size
    if asked.size and (width, height) != asked.size:
        ratio = (width / height) / (asked.size[0] / asked.size[1])
        if abs(ratio - 1) > limits.SHAPE_OFF.value:
            yield make(FindingKind.SHAPE, width=width, height=height, asked=asked.shape)
        else:
            wide, high = asked.size
            params = {"asked_width": wide, "asked_height": high}
            yield make(FindingKind.SIZE, width=width, height=height, **params)
    if asked.fps and abs(fps - asked.fps) > limits.FRAME_RATE_OFF.value:
        yield make(FindingKind.FRAME_RATE, fps=round(fps, 2), asked=asked.fps)
    if asked.seconds and abs(length - asked.seconds) > limits.LENGTH_OFF.value:
        yield make(FindingKind.LENGTH, length=round(length, 2), asked=asked.seconds)


# -- the picture -----------------------------------------------------------------------------------


class _Picture:
    """What the frames look like, one after the other."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.end = 0.0
        self._fields: list[Luma] = []
        self._is_black: list[bool] = []
        # Whether each frame looks like the first one of the run that it is in.
        self._is_still: list[bool] = []
        self._anchor: Luma | None = None
        self._frame: VideoFrame | None = None

    def add(self, frame: VideoFrame) -> None:
        if not (frame.width and frame.height):
            return
        points = _points_of(frame)
        dark = np.count_nonzero(points <= limits.BLACK_LUMA.value)
        is_black = bool(dark >= limits.BLACK_SHARE.value * points.size)
        is_still = self._anchor is not None and not is_black and _is_same(self._anchor, points)
        if not is_still:
            self._anchor = None if is_black else points
        began = float(frame.time or 0.0)
        self.times.append(began)
        duration = float((frame.duration or 0) * (frame.time_base or 0))
        self.end = max(self.end, began + (duration or 1 / limits.FRAMES_PER_SECOND.value))
        self._fields.append(_fields_of(points))
        self._is_black.append(is_black)
        self._is_still.append(is_still)
        self._frame = frame

    def size(self, video: Any) -> tuple[int, int]:
        """The size as players show it."""
        return displayed_size(video, self._frame) if self._frame is not None else (0, 0)

    def findings(self) -> Iterator[TakeFinding]:
        for kind, flags, least, lead in (
            (FindingKind.BLACK, self._is_black, limits.BLACK_SECONDS.value, 0),
            # The frame that is held comes before those that are like it.
            (FindingKind.FROZEN, self._is_still, limits.FROZEN_SECONDS.value, 1),
        ):
            for first, last in _runs(flags):
                begin, end = self.times[max(0, first - lead)], self._end_of(last)
                if end - begin >= least:
                    yield TakeFinding.make(kind, begin, end - begin)
        for at in self._cuts():
            yield TakeFinding.make(FindingKind.HARD_CUT, self.times[at])

    def signature(self) -> bytes:
        count = len(self._fields)
        moments = [self._fields[(2 * k + 1) * count // (2 * _MOMENTS)] for k in range(_MOMENTS)]
        return np.stack(moments).tobytes()

    def _end_of(self, frame: int) -> float:
        return self.times[frame + 1] if frame + 1 < len(self.times) else self.end

    def _cuts(self) -> Iterator[int]:
        fields = self._fields
        changes = [0.0] + [_change(a, b) for a, b in zip(fields, fields[1:], strict=False)]
        around = int(limits.CUT_AROUND.value)
        # Of a change in the last frames nobody can tell whether it is a flash.
        for at in range(1, len(fields) - around):
            change = changes[at]
            if change < limits.CUT_CHANGE.value or self._is_black[at] or self._is_black[at - 1]:
                continue
            beside = [*changes[max(1, at - around) : at], *changes[at + 1 : at + 1 + around]]
            if beside and change < limits.CUT_RATIO.value * float(np.median(beside)):
                continue
            before, after = fields[at - 1], fields[at]
            # A flash begins and ends at once, but the picture of before is back.
            back = min(
                _change(before, fields[at + around]), _change(fields[max(0, at - around)], after)
            )
            is_other = _likeness(before, after) <= limits.CUT_LIKENESS.value
            if is_other and back > change / 2:
                yield at


def _points_of(frame: VideoFrame) -> Luma:
    """Return the brightness of the points: 16 is black, also where the file counts from 0."""
    wide, high = _POINTS
    if frame.format.name in PLAIN_PIXELS and frame.width >= wide and frame.height >= high:
        plane = frame.planes[0]
        luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        # A copy: the frame's memory is used again.
        points = luma[_places(frame.height, high)][:, _places(frame.width, wide)].copy()
        if frame.format.name == "yuvj420p" or frame.color_range == _FULL_RANGE:
            points = (16 + points.astype(np.uint16) * 219 // 255).astype(np.uint8)
        return points
    grey = frame.reformat(width=wide, height=high, format="gray").to_ndarray()
    return (16 + grey.astype(np.uint16) * 219 // 255).astype(np.uint8)


def _places(length: int, count: int) -> Any:
    """Return which of `length` rows or columns are looked at. A slice copies nothing."""
    if length % count == 0:
        return slice(0, length, length // count)
    return np.arange(count) * length // count


# FFmpeg's number of "brightness counts from 0 to 255".
_FULL_RANGE = 2


def _fields_of(points: Luma) -> Luma:
    """Return the means of the fields. Rows first: few long sums take less time."""
    wide, high = _FIELDS
    down, across = points.shape[0] // high, points.shape[1] // wide
    rows = points.reshape(high, down, -1).sum(axis=1, dtype=np.uint16)
    sums = rows.reshape(high, wide, across).sum(axis=2, dtype=np.uint16)
    return (sums // (down * across)).astype(np.uint8)


def _is_same(anchor: Luma, points: Luma) -> bool:
    apart = np.maximum(anchor, points) - np.minimum(anchor, points)
    moved = np.count_nonzero(apart > limits.FROZEN_POINT.value)
    if moved > limits.FROZEN_SHARE.value * apart.size:
        return False
    return bool(apart.mean() <= limits.FROZEN_MEAN.value)


def _change(one: Luma, other: Luma) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


def _likeness(one: Luma, other: Luma) -> float:
    """Return the correlation of two pictures; 0 where one of them is plain."""
    a, b = one - one.mean(), other - other.mean()
    scale = math.sqrt(float((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > one.size else 0.0


def _runs(flags: Iterable[bool], gap: int = 0) -> list[tuple[int, int]]:
    """Return where flags are set, as first and last places. Runs that are at most `gap` places
    apart are one."""
    found: list[tuple[int, int]] = []
    for at, flag in enumerate(flags):
        if not flag:
            continue
        if found and at - found[-1][1] <= gap + 1:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found


def is_nearly_same(one: bytes, other: bytes) -> bool:
    """Whether two clips, by their signatures, are nearly the same."""
    if not one or len(one) != len(other):
        return False
    both = [np.frombuffer(each, np.uint8).reshape(_MOMENTS, -1) for each in (one, other)]
    apart = np.abs(both[0].astype(np.int16) - both[1])
    return bool(
        apart.mean(axis=1).max() <= limits.SAME_MEAN.value
        and np.percentile(apart, 98) <= limits.SAME_POINT.value
    )


# -- the sound -------------------------------------------------------------------------------------


class _Sound:
    """How the sound is, tenth of a second by tenth of a second, and its loudness as a whole."""

    def __init__(self) -> None:
        import av

        self._resampler = av.AudioResampler(
            format="fltp", layout="stereo", rate=_RATE, frame_size=_CHUNK
        )
        self._graph: Any = None
        self._begin: float | None = None
        self._is_silent: list[bool] = []
        self._is_clipped: list[bool] = []
        self._lufs = -math.inf

    def add(self, frame: AudioFrame) -> None:
        if self._begin is None:
            self._begin = max(0.0, float(frame.time or 0.0))
        self._take(self._resampler.resample(frame))

    def close(self) -> None:
        if self._begin is None:
            return
        self._take(self._resampler.resample(None))
        if self._graph is not None:
            self._graph.push(None)
            self._pull()

    def findings(self, length: float, *, is_asked: bool) -> Iterator[TakeFinding]:
        if self._begin is None:
            if is_asked:
                yield TakeFinding.make(FindingKind.SILENT, 0, length)
            return
        silent = 0.0
        for begin, seconds in self._places(self._is_silent, limits.SILENT_SECONDS.value):
            silent += seconds
            if is_asked:
                yield TakeFinding.make(FindingKind.SILENT, begin, seconds)
        gap = round(limits.CLIPPED_GAP.value * 10)
        for begin, seconds in self._places(self._is_clipped, limits.CLIPPED_SECONDS.value, gap):
            yield TakeFinding.make(FindingKind.CLIPPED, begin, seconds)
        lufs = {"lufs": round(self._lufs, 1)}
        if self._lufs > limits.LOUDEST_LUFS.value:
            yield TakeFinding.make(FindingKind.LOUDNESS, side="loud", **lufs)
        elif is_asked and self._lufs < limits.QUIETEST_LUFS.value and silent < length / 2:
            yield TakeFinding.make(FindingKind.LOUDNESS, side="quiet", **lufs)

    def _places(
        self, flags: list[bool], least: float, gap: int = 0
    ) -> Iterator[tuple[float, float]]:
        for first, last in _runs(flags, gap):
            seconds = (last - first + 1) / 10
            if seconds >= least:
                yield (self._begin or 0.0) + first / 10, seconds

    def _take(self, frames: list[AudioFrame]) -> None:
        import av

        for frame in frames:
            if self._graph is None:
                self._graph = av.filter.Graph()
                self._graph.link_nodes(
                    self._graph.add_abuffer(
                        sample_rate=_RATE,
                        format="fltp",
                        layout="stereo",
                        time_base=frame.time_base,
                    ),
                    self._graph.add("ebur128", "metadata=1"),
                    self._graph.add("abuffersink"),
                ).configure()
            self._look_at(frame.to_ndarray().astype(np.float32, copy=False))
            self._graph.push(frame)
            self._pull()

    def _look_at(self, chunk: NDArray[np.float32]) -> None:
        power = float(np.vdot(chunk, chunk)) / max(1, chunk.size)
        self._is_silent.append(power < 10 ** (limits.SILENT_DB.value / 10))
        at_limit = np.count_nonzero(np.abs(chunk) >= limits.CLIPPED_LEVEL.value, axis=1).max()
        self._is_clipped.append(bool(at_limit >= limits.CLIPPED_SHARE.value * chunk.shape[1]))

    def _pull(self) -> None:
        import av

        while True:
            try:
                told = self._graph.pull().metadata.get("lavfi.r128.I")
            except (av.BlockingIOError, av.EOFError):
                return
            if told and math.isfinite(float(told)):
                self._lufs = float(told)
