"""Inspect a downloaded file: is it a whole, playable video, and what is it? Make its poster, and
move its index to the front. Works on paths and in constant memory, without the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videogen.common.errors import VideoFileError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

POSTER_WIDTH = 960
_CHUNK = 1 << 20


@dataclass(frozen=True)
class VideoFacts:
    """What a video is. `seconds` and `fps` are what the container says; `audio_codec` is empty if
    the video has no sound."""

    container: str
    video_codec: str
    audio_codec: str
    width: int
    height: int
    seconds: float
    fps: float
    byte_size: int
    sha256: str

    @property
    def has_audio(self) -> bool:
        return bool(self.audio_codec)


def inspect_video(path: Path) -> VideoFacts:
    """Return what the video is. Raises VideoFileError if it is not a whole, playable MP4."""
    import av

    size = path.stat().st_size
    if size == 0:
        raise VideoFileError("The file is empty.", code="empty")
    with path.open("rb") as file:
        head = file.read(512)
    if head[4:8] != b"ftyp":
        raise VideoFileError(f"The file is not an MP4 video: {_what(head)}.", code="not_a_video")
    _check_boxes(path, size)
    try:
        with av.open(str(path)) as container:
            video = next(iter(container.streams.video), None)
            if video is None:
                raise VideoFileError("The file has no video in it.", code="no_video_stream")
            audio = next(iter(container.streams.audio), None)
            seconds = container.duration / av.time_base if container.duration else 0.0
            facts = VideoFacts(
                container="mp4",
                video_codec=video.codec_context.name,
                audio_codec=audio.codec_context.name if audio else "",
                width=video.codec_context.width,
                height=video.codec_context.height,
                seconds=round(seconds, 3),
                fps=round(float(video.average_rate or 0), 3),
                byte_size=size,
                sha256="",
            )
            shown = _seconds_of_packets(container, video)
    except av.FFmpegError as error:
        raise VideoFileError(f"The video cannot be read: {error}", code="unreadable") from error
    if facts.seconds <= 0 or not facts.width or not facts.height:
        raise VideoFileError("The video has no duration or no picture.", code="no_duration")
    if shown < 0.9 * facts.seconds - 0.5:
        raise VideoFileError(
            f"The video is cut short: {shown:.1f} of {facts.seconds:.1f} seconds are there.",
            code="truncated",
        )
    return VideoFacts(**{**vars(facts), "sha256": sha256_of(path)})


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def is_faststart(path: Path) -> bool:
    """Whether the index (moov) lies before the data, so that a browser can start at once."""
    for name, _, _ in _boxes(path):
        if name in (b"moov", b"mdat"):
            return name == b"moov"
    return False


def make_faststart(path: Path, target: Path) -> None:
    """Write the same streams to `target`, with the index at the front. They are not encoded again.
    Raises VideoFileError."""
    import av

    try:
        with (
            av.open(str(path)) as source,
            av.open(str(target), "w", format="mp4", options={"movflags": "faststart"}) as out,
        ):
            streams = {
                stream.index: out.add_stream_from_template(stream)
                for stream in source.streams
                if stream.type in ("video", "audio")
            }
            for packet in source.demux():
                if packet.dts is not None and packet.stream.index in streams:
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
    except av.FFmpegError as error:
        raise VideoFileError(f"The video cannot be rewritten: {error}", code="remux") from error


def make_poster(path: Path, target: Path) -> None:
    """Write a JPEG, 960 pixels wide, of the picture after one second, or of the first one. Raises
    VideoFileError."""
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if container.duration and container.duration > 2 * av.time_base:
                container.seek(av.time_base, backward=True)
            frame = next(container.decode(stream), None)
            if frame is None:
                raise VideoFileError("No picture of the video can be decoded.", code="no_frame")
            height = max(2, round(frame.height * POSTER_WIDTH / frame.width / 2) * 2)
            picture = frame.reformat(width=POSTER_WIDTH, height=height, format="rgb24").to_image()
    except av.FFmpegError as error:
        raise VideoFileError(f"The video cannot be decoded: {error}", code="undecodable") from error
    picture.save(target, "JPEG", quality=85)


def picture_seconds(path: Path) -> float:
    """Return how long the picture of a video lasts, by its index. The sound may last longer. Raises
    VideoFileError."""
    import av

    try:
        with av.open(str(path), format="mov", metadata_errors="replace") as container:
            video = container.streams.video[0]
            if video.duration is None or video.time_base is None:
                return (container.duration or 0) / av.time_base
            return float(video.duration * video.time_base)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise VideoFileError(f"The video cannot be read: {error}", code="unreadable") from error


def _seconds_of_packets(container: InputContainer, video: VideoStream) -> float:
    """Return up to which second there are packets of the video. The whole file is read once."""
    end = 0.0
    for packet in container.demux(video):
        if packet.pts is not None and packet.time_base is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return end


def _boxes(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, offset, size) of the top-level boxes. The last one may reach past the end of the
    file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        offset = 0
        while offset + 8 <= size:
            file.seek(offset)
            header = file.read(16)
            length, name = int.from_bytes(header[:4]), header[4:8]
            if length == 1:
                length = int.from_bytes(header[8:16])
            elif length == 0:
                length = size - offset
            if length < 8:
                return
            yield name, offset, length
            offset += length


def _check_boxes(path: Path, size: int) -> None:
    """Raise VideoFileError if the file ends before its last box does. The server often announces
    the short length of a file that was cut short, but the container still knows."""
    names = set()
    for name, offset, length in _boxes(path):
        names.add(name)
        if offset + length > size:
            raise VideoFileError(
                f"The video is cut short: {size} bytes are there, {offset + length} belong to it.",
                code="truncated",
            )
    if b"moov" not in names:
        raise VideoFileError("The video has no index: it is cut short.", code="truncated")


def _what(head: bytes) -> str:
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page"
    if text.startswith((b"{", b"[")):
        return "it is a JSON answer"
    if text.startswith((b"\xff\xd8\xff", b"\x89png")):
        return "it is a picture"
    return "its first bytes are of no known kind"
