"""Joins segments to a film: the picture as it is, the sound levelled and compressed over the whole,
a chapter for each scenelet, captions where they are wanted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storybook.captions import Cue, SpokenLine, cues, shifted

from .parts import Manifest
from .segments import FPS, SAMPLES
from .sound import RATE, TARGET_LUFS, filtered, levelling, measure

if TYPE_CHECKING:
    from av import AudioFrame, Packet
    from av.container import OutputContainer

_MILLISECONDS = Fraction(1, 1000)
_FRAME = Fraction(1, FPS)
# A film that is this near to the target is not levelled once more.
_NEAR_LUFS = 0.3


def join(
    manifest: Manifest,
    segments: Sequence[Path],
    target: Path,
    beat: Callable[[], None] = lambda: None,
) -> float:
    """Write the film of these segments, one for each part, to `target`, and return its length in
    seconds. The caller moves the file to its name: until this returns, it is not a whole film.

    beat: called once for each segment that is read or written.
    """
    import av

    lengths = [_count_frames(each) for each in segments]
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    total = sum(lengths)
    filters = _levelling(segments, beat) if manifest.levelling else []
    options = {"movflags": "faststart"}
    with av.open(str(target), "w", format="mp4", options=options) as out:
        out.metadata["title"] = manifest.title
        with av.open(str(segments[0])) as first:
            video = out.add_stream_from_template(first.streams.video[0])
        audio = out.add_stream("aac", rate=RATE, layout="stereo", options={"b": "192k"})
        audio.codec_context.bit_rate = 192_000
        shown = _captions(manifest, starts, lengths)
        text = out.add_mux_stream("mov_text") if shown else None
        out.set_chapters(_chapters(manifest, starts, total))
        sound = filtered(_sound(segments), filters)
        last: int | None = None
        for number, path in enumerate(segments):
            beat()
            with av.open(str(path)) as segment:
                for packet in segment.demux(segment.streams.video[0]):
                    if packet.dts is not None:
                        _shift(packet, starts[number], last)
                        last = packet.dts
                        packet.stream = video
                        out.mux(packet)
            end = (starts[number] + lengths[number]) * SAMPLES
            _mux_sound(out, audio, sound, end)
        for frame in sound:
            out.mux(audio.encode(frame))
        out.mux(audio.encode())
        for cue in shown:
            out.mux(_text_packet(text, cue))
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return total / FPS


def _count_frames(path: Path) -> int:
    import av

    with av.open(str(path)) as container:
        return container.streams.video[0].frames


def _shift(packet: Packet, frames: int, last: int | None) -> None:
    """Move the packet by so many frames, and have it decoded after `last`. Segments of a frame or
    two are decoded with less delay than those that follow, which would begin before they end."""
    by = int(frames * _FRAME / packet.time_base)
    dts = (packet.dts or 0) + by
    packet.dts = dts if last is None else max(dts, last + 1)
    packet.pts = (packet.pts or 0) + by


def _sound(
    segments: Sequence[Path], beat: Callable[[], None] = lambda: None
) -> Iterator[AudioFrame]:
    """Yield the sound of all segments, one after the other without a gap, as floating-point
    numbers: the filters want one format."""
    import av

    samples = 0
    for path in segments:
        beat()
        with av.open(str(path)) as container:
            decoded = container.decode(container.streams.audio[0])
            for frame in filtered(decoded, [("aformat", "sample_fmts=fltp")]):
                frame.pts, frame.time_base = samples, Fraction(1, RATE)
                samples += frame.samples
                yield frame


def _levelling(segments: Sequence[Path], beat: Callable[[], None]) -> list[tuple[str, str]]:
    """Return the filters that bring the whole film to its loudness. A limiter takes some of what
    the gain gives, so the result is measured and corrected."""
    first = measure(_sound(segments, beat))
    filters = levelling(first)
    asked = TARGET_LUFS
    for _ in range(3):
        if not filters:
            break
        off = TARGET_LUFS - measure(filtered(_sound(segments, beat), filters)).lufs
        if abs(off) <= _NEAR_LUFS:
            break
        asked += off
        filters = levelling(first, asked)
    return filters


def _mux_sound(out: OutputContainer, audio: Any, sound: Iterator[AudioFrame], end: int) -> None:
    """Encode sound until `end`, in samples, so that picture and sound lie side by side."""
    for frame in sound:
        out.mux(audio.encode(frame))
        if frame.pts is not None and frame.pts + frame.samples >= end:
            return


def _chapters(manifest: Manifest, starts: Sequence[int], total: int) -> list[Any]:
    begins: dict[str, int] = {}
    for part, start in zip(manifest.parts, starts, strict=True):
        begins.setdefault(part.scenelet, start)
    found = [(begins[name], title) for name, title in manifest.chapters if name in begins]
    ends = [start for start, _ in found[1:]] + [total]
    return [
        {
            "id": number,
            "start": round(1000 * start / FPS),
            "end": round(1000 * end / FPS),
            "time_base": _MILLISECONDS,
            "metadata": {"title": title},
        }
        for number, ((start, title), end) in enumerate(zip(found, ends, strict=True))
    ]


def _captions(manifest: Manifest, starts: Sequence[int], lengths: Sequence[int]) -> list[Cue]:
    if not manifest.captions:
        return []
    found: list[Cue] = []
    for part, start, length in zip(manifest.parts, starts, lengths, strict=True):
        lines = [SpokenLine("", text) for text in part.lines]
        found += shifted(cues(lines, length / FPS), round(1000 * start / FPS))
    return found


def _text_packet(stream: Any, cue: Cue) -> Packet:
    from av import Packet

    text = cue.text.encode()[:65_535]
    packet = Packet(len(text).to_bytes(2, "big") + text)
    packet.stream = stream
    packet.time_base = _MILLISECONDS
    packet.pts = packet.dts = cue.start
    packet.duration = cue.end - cue.start
    return packet
