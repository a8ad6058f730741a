"""Inspect a video file: is it whole and playable, what is it, and what does it show? Move its index
to the front. Works on paths and in constant memory, without the database.

Whatever bytes the file has, these functions return, or raise VideoFileError or OSError.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from videogen.common.errors import VideoFileError

from .boxes import check_boxes, codec_names

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

logger = logging.getLogger(__name__)

POSTER_WIDTH = 960
# The poster of a video that is much higher than wide is narrower.
POSTER_HEIGHT = 1920
# 8k; a picture larger than that is not decoded, because a few bytes can ask for gigabytes.
MOST_PIXELS = 8192 * 8192
LONGEST_SIDE = 16_384
# FFmpeg's name of what every browser decodes: 8 bits, 4:2:0. The second differs in its range only.
PLAIN_PIXELS = frozenset({"yuv420p", "yuvj420p"})
PLAYED_EVERYWHERE = frozenset({"h264", "vp9", "av1"})
_CHUNK = 1 << 20
# So many packets are tried until one gives a picture: the first ones may be damaged.
_MOST_PACKETS = 240
# What the libraries cannot do because of the disk says nothing about the file.
OF_THE_DISK = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.ENOENT, errno.EMFILE}
)


@dataclass(frozen=True)
class VideoFacts:
    """What a video is. Width and height are those of the picture as it is displayed. `seconds` and
    `fps` are what the container says; `audio_codec` is empty if the video has no sound."""

    container: str
    video_codec: str
    pixel_format: str
    audio_codec: str
    width: int
    height: int
    seconds: float
    fps: float
    byte_size: int
    sha256: str
    # The codecs of tracks of sound that cannot be decoded here.
    unknown_codecs: tuple[str, ...] = ()

    @property
    def has_audio(self) -> bool:
        return bool(self.audio_codec)

    @property
    def uncommon_format(self) -> str:
        """What keeps some browsers from playing the picture, such as "h264, 10 bits, 4:2:0"; empty
        if all of them play it."""
        is_plain = self.pixel_format in PLAIN_PIXELS
        if is_plain and self.video_codec in PLAYED_EVERYWHERE:
            return ""
        return self.video_codec if is_plain else f"{self.video_codec}, {_in_words(self)}"


def _in_words(facts: VideoFacts) -> str:
    import av

    try:
        pixels = av.VideoFormat(facts.pixel_format)
    except ValueError:
        return facts.pixel_format or "unknown pixels"
    bits = max((each.bits for each in pixels.components), default=8)
    chroma = {(50, 50): "4:2:0", (50, 100): "4:2:2", (100, 100): "4:4:4"}
    share = (pixels.chroma_width(100), pixels.chroma_height(100))
    if pixels.is_rgb or len(pixels.components) < 3 or share not in chroma:
        return f"{bits} bits, {facts.pixel_format}"
    return f"{bits} bits, {chroma[share]}"


def inspect_video(path: Path, *, poster: Path | None = None) -> VideoFacts:
    """Return what the video is. Raises VideoFileError if it is not a whole, playable MP4.

    poster: where to write a JPEG of the picture after one second, or of the first one, as a player
    shows it: 960 pixels wide, or less if the picture is smaller or that would be too high.
    """
    import av

    size = path.stat().st_size
    if size == 0:
        raise VideoFileError("The file is empty.", code="empty")
    with path.open("rb") as file:
        head = file.read(512)
    if head[4:8] != b"ftyp":
        raise VideoFileError(f"The file is not an MP4 video: {_what(head)}.", code="not_a_video")
    check_boxes(path, size)
    with opened_video(path, "unreadable", "The video cannot be read") as container:
        video = video_of(container, path)
        seconds = container.duration / av.time_base if container.duration else 0.0
        if seconds <= 0 or not video.codec_context.width or not video.codec_context.height:
            raise VideoFileError("The video has no duration or no picture.", code="no_duration")
        sounds = _sounds_of(container, path)
        frame, shown = _first_frame_and_end(container, video)
        width, height = displayed_size(video, frame)
        facts = VideoFacts(
            container="mp4",
            video_codec=video.codec_context.codec.canonical_name,
            pixel_format=video.codec_context.pix_fmt or "",
            audio_codec=next(iter(sounds), ""),
            width=width,
            height=height,
            seconds=round(seconds, 3),
            fps=round(float(video.average_rate or 0), 3),
            byte_size=size,
            sha256=sha256_of(path),
            unknown_codecs=tuple(name for name, is_known in sounds.items() if not is_known),
        )
        if shown < 0.9 * facts.seconds - 0.5:
            raise VideoFileError(
                f"The video is cut short: {shown:.1f} of {facts.seconds:.1f} seconds are there.",
                code="truncated",
            )
        if poster:
            if seconds > 2:
                container.seek(av.time_base, backward=True)
                frame = _first_frame(container, video)
            _draw_poster(video, frame, poster)
    return facts


@contextmanager
def opened_video(source: Path | IO[bytes], code: str, words: str) -> Iterator[InputContainer]:
    """Open the file as MP4 and as nothing else: FFmpeg would also read a description of streams
    (SDP) and follow it into the network. Whatever the libraries raise is a VideoFileError."""
    import av

    try:
        opened: Any = str(source) if isinstance(source, Path) else source
        with av.open(opened, format="mp4", metadata_errors="replace") as container:
            yield container
    except VideoFileError:
        raise
    except av.FFmpegError as error:
        if error.errno in OF_THE_DISK:
            raise OSError(error.errno, error.strerror) from error
        raise VideoFileError(f"{words}: {error.strerror}", code=code) from error
    except OSError:
        raise
    except Exception as error:
        # The bindings were written for files as they should be. What is odd about this one must
        # not be an error of ours: it may be paid for.
        logger.exception("%s broke the video libraries", Path(source.name).name)
        raise VideoFileError(
            f"{words}: the libraries break on it ({type(error).__name__})", code=code
        ) from error


def video_of(container: InputContainer, path: Path | None) -> VideoStream:
    """Return the first track with pictures. Raises VideoFileError if there is none, if nothing here
    can decode it, or if its pictures are too large to be decoded."""
    video = next(iter(container.streams.video), None)
    if video is None:
        raise VideoFileError("The file has no video in it.", code="no_video_stream")
    context = video.codec_context
    if context is None:
        name = next(iter(codec_names(path, b"vide")), "") if path else ""
        raise VideoFileError(
            f"Nothing here can decode its picture{f' ({name})' if name else ''}.",
            code="no_decoder",
        )
    width, height = context.width or 0, context.height or 0
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise VideoFileError(
            f"Its picture is too large to be decoded: {width} × {height}.", code="too_many_pixels"
        )
    # The stream may still say something larger than the index does.
    context.options = {"max_pixels": str(MOST_PIXELS)}
    return video


def _sounds_of(container: InputContainer, path: Path) -> dict[str, bool]:
    """Return the codecs of the tracks of sound in their order, and whether each can be decoded
    here. One that cannot be is called as the file calls it."""
    sounds: dict[str, bool] = {}
    for number, audio in enumerate(container.streams.audio):
        if audio.codec_context is not None:
            sounds.setdefault(audio.codec_context.codec.canonical_name, True)
        else:
            names = codec_names(path, b"soun")
            sounds.setdefault(names[number] if number < len(names) else "unknown", False)
    return sounds


def _first_frame(container: InputContainer, video: VideoStream) -> VideoFrame:
    for number, packet in enumerate(container.demux(video)):
        if (frame := _frame_in(packet)) is not None:
            return frame
        if number == _MOST_PACKETS:
            break
    raise VideoFileError("No picture of the video can be decoded.", code="no_frame")


def _first_frame_and_end(container: InputContainer, video: VideoStream) -> tuple[VideoFrame, float]:
    """Return the first picture, and up to which second there are packets of the video. The whole
    file is read once."""
    frame: VideoFrame | None = None
    end = 0
    for number, packet in enumerate(container.demux(video)):
        if frame is None and number <= _MOST_PACKETS:
            frame = _frame_in(packet)
        if packet.pts is not None:
            end = max(end, packet.pts + (packet.duration or 0))
    if frame is None:
        raise VideoFileError("No picture of the video can be decoded.", code="no_frame")
    return frame, float(end * (video.time_base or 0))


def _frame_in(packet: Packet) -> VideoFrame | None:
    """Return the picture that the decoder has after this packet, if it has one."""
    import av

    try:
        return next((each for each in packet.decode() if each.width and each.height), None)
    except av.InvalidDataError:
        return None


def displayed_size(video: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    """Return width and height as a player shows them: pixels that are not square are stretched, and
    a turned video is turned."""
    shape = video.sample_aspect_ratio or Fraction(1)
    width = frame.width
    if Fraction(1, 4) <= shape <= 4:
        width = max(1, min(LONGEST_SIDE, round(width * shape)))
    return (frame.height, width) if quarter_turns(frame) % 2 else (width, frame.height)


def quarter_turns(frame: VideoFrame) -> int:
    """Return by how many quarters a player turns the picture, counterclockwise."""
    turn = frame.rotation
    return round(turn / 90) % 4 if turn and math.isfinite(turn) else 0


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def make_faststart(path: Path, target: Path) -> None:
    """Write the same streams to `target`, with the index at the front. They are not encoded again.
    Raises VideoFileError; its code is "unknown_track" if nothing here knows the kind of a track, so
    that it cannot be written, although the file may be fine."""
    import av

    words = "The video cannot be rewritten"
    with opened_video(path, "remux", words) as source:
        tracks = [each for each in source.streams if each.type in ("video", "audio")]
        if any(track.codec_context is None for track in tracks):
            raise VideoFileError(
                f"{words}: one of its tracks is of no known kind.", code="unknown_track"
            )
        with av.open(str(target), "w", format="mp4", options={"movflags": "faststart"}) as out:
            try:
                streams = {each.index: out.add_stream_from_template(each) for each in tracks}
            except ValueError as error:
                # Formats of studios, such as ProRes in QuickTime.
                raise VideoFileError(
                    f"It does not fit into an MP4 file: {error}.", code="remux"
                ) from error
            for packet in source.demux():
                if packet.dts is not None and packet.stream.index in streams:
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)


def _draw_poster(video: VideoStream, frame: VideoFrame, target: Path) -> None:
    from PIL import Image

    width, height = _poster_size(*displayed_size(video, frame))
    turns = quarter_turns(frame)
    drawn = (height, width) if turns % 2 else (width, height)
    (plane,) = frame.reformat(width=drawn[0], height=drawn[1], format="rgb24").planes
    # Not `to_image`, which copies each line of the picture in Python.
    layout = ("raw", "RGB", plane.line_size, 1)
    picture = Image.frombuffer("RGB", drawn, bytes(plane), *layout)
    if turns:
        quarter = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180)
        picture = picture.transpose([*quarter, Image.Transpose.ROTATE_270][turns - 1])
    picture.save(target, "JPEG", quality=85)


def picture_seconds(file: IO[bytes]) -> float:
    """Return when the picture of a video ends, by its index and counted from the file's beginning:
    where the picture begins late, the sound is heard before it. The sound may last longer. Raises
    VideoFileError."""
    import av

    with opened_video(file, "unreadable", "The video cannot be read") as container:
        video = video_of(container, None)
        if video.duration is None or video.time_base is None:
            return float((container.duration or 0) / av.time_base)
        return float((max(0, video.start_time or 0) + video.duration) * video.time_base)


def _poster_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of the poster: even numbers, as chroma planes want them."""
    scale = min(1.0, POSTER_WIDTH / width, POSTER_HEIGHT / height)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def is_other_kind(path: Path) -> bool:
    """Whether the first bytes are plainly those of something else than a video, such as a page that
    asks for a password."""
    with path.open("rb") as file:
        return bool(_other_kind(file.read(512)))


def _what(head: bytes) -> str:
    return _other_kind(head) or "its first bytes are of no known kind"


def _other_kind(head: bytes) -> str:
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page"
    if text.startswith((b"{", b"[")):
        return "it is a JSON answer"
    if text.startswith((b"\xff\xd8\xff", b"\x89png")):
        return "it is a picture"
    return ""
