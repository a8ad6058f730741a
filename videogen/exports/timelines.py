"""The takes on a path as a timeline: OpenTimelineIO and EDL (CMX 3600)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storybook.printable import printable

DEFAULT_RATE = 24.0
# A take's rate is kept with three digits.
_ROUNDED = 0.001


# An EDL has short lines. The whole words are in notes.csv.
_MOST_IN_EDL = 160
_MARKER_COLOR = "YELLOW"


@dataclass(frozen=True)
class TimelineNote:
    """A note on a take: the frame at the take's rate, and a point or a box in fractions of the
    picture, as (x, y) or (x, y, width, height)."""

    frame: int
    text: str
    author: str = ""
    area: tuple[float, ...] = ()


@dataclass(frozen=True)
class TimelineShot:
    """A shot on a timeline.

    file: relative to the export's folder. Where there is no take it is "", and a gap of `seconds`
    keeps what follows where it belongs.
    """

    code: str
    title: str
    file: str
    seconds: float
    rate: float
    notes: tuple[TimelineNote, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """Both documents, and how long the timeline is."""

    otio: str
    edl: str
    seconds: float


def make_timeline(title: str, shots: Sequence[TimelineShot]) -> Timeline:
    """Return the timeline of the shots, one after the other. Its rate is the takes', where all have
    the same and timecode knows it, else 24 frames a second."""
    import opentimelineio as otio

    # An EDL takes a line end of any kind for the end of the title.
    title = " ".join(title.split())
    rates = {_timecode_rate(each.rate) for each in shots if each.file and each.rate}
    rate = rates.pop() if len(rates) == 1 else DEFAULT_RATE
    timeline = otio.schema.Timeline(name=title)
    timeline.global_start_time = otio.opentime.RationalTime(0, rate)
    video = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
    audio = otio.schema.Track(name="A1", kind=otio.schema.TrackKind.Audio)
    timeline.tracks.extend([video, audio])
    frames = 0
    for shot in shots:
        length = max(1, round(shot.seconds * rate))
        frames += length
        whole = otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, rate), otio.opentime.RationalTime(length, rate)
        )
        for track in (video, audio):
            if not shot.file:
                track.append(otio.schema.Gap(source_range=whole))
                continue
            media = otio.schema.ExternalReference(target_url=shot.file, available_range=whole)
            clip = otio.schema.Clip(name=shot.code, media_reference=media, source_range=whole)
            clip.metadata["videogen"] = {"title": shot.title}
            if track is video:
                clip.markers.extend(_markers(shot, length, rate))
            track.append(clip)
    text = otio.adapters.write_to_string(timeline, "otio_json", indent=2)
    # An EDL of CMX 3600 has one track of pictures.
    del timeline.tracks[1]
    for clip in video.find_clips():
        _write_locators(clip, rate)
    edl = f"TITLE: {title}\n"
    if shots:
        edl = otio.adapters.write_to_string(timeline, "cmx_3600", rate=rate)
    return Timeline(text + "\n", edl, frames / rate)


def _markers(shot: TimelineShot, length: int, rate: float) -> list[Any]:
    """The notes as markers of the clip, each a frame long, at the timeline's rate."""
    import opentimelineio as otio

    markers = []
    for note in shot.notes:
        frame = round(note.frame * rate / _exact_rate(shot.rate or DEFAULT_RATE))
        told = {"author": note.author} | ({"area": list(note.area)} if note.area else {})
        marker = otio.schema.Marker(
            name=note.text,
            marked_range=otio.opentime.TimeRange(
                otio.opentime.RationalTime(min(frame, length - 1), rate),
                otio.opentime.RationalTime(1, rate),
            ),
            color=_MARKER_COLOR,
            metadata={"videogen": told},
        )
        markers.append(marker)
    return markers


def _write_locators(clip: Any, rate: float) -> None:
    """Replace the clip's markers by comments of an EDL, as editors read them. (What the adapter
    writes of a marker by itself is in capitals, and may have several lines.)"""
    import opentimelineio as otio

    comments = []
    for marker in clip.markers:
        timecode = otio.opentime.to_timecode(marker.marked_range.start_time, rate)
        words = printable(" ".join(marker.name.split()))
        words = words if len(words) <= _MOST_IN_EDL else f"{words[: _MOST_IN_EDL - 1]}…"
        comments.append(f"LOC: {timecode} {_MARKER_COLOR:7} {words}")
    del clip.markers[:]
    if comments:
        clip.metadata["cmx_3600"] = {"comments": comments}


def _timecode_rate(fps: float) -> float:
    """Return the rate at which a take is cut. What has no timecode, such as 12 or 120 frames a
    second, is cut at 24."""
    import opentimelineio as otio

    rate = _exact_rate(fps)
    return rate if otio.opentime.RationalTime.is_smpte_timecode_rate(rate) else DEFAULT_RATE


def _exact_rate(fps: float) -> float:
    """Return the exact rate that a take's rounded one stands for: 24000/1001 for 23.976."""
    import opentimelineio as otio

    rate = float(otio.opentime.RationalTime.nearest_smpte_timecode_rate(fps))
    return rate if abs(rate - fps) < _ROUNDED else fps
