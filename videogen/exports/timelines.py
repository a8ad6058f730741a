"""The takes on a path as a timeline: OpenTimelineIO and EDL (CMX 3600)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_RATE = 24.0
# A take's rate is kept with three digits.
_ROUNDED = 0.001


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
            track.append(clip)
    text = otio.adapters.write_to_string(timeline, "otio_json", indent=2)
    # An EDL of CMX 3600 has one track of pictures.
    del timeline.tracks[1]
    edl = f"TITLE: {title}\n"
    if shots:
        edl = otio.adapters.write_to_string(timeline, "cmx_3600", rate=rate)
    return Timeline(text + "\n", edl, frames / rate)


def _timecode_rate(fps: float) -> float:
    """Return the exact rate that a take's rounded one stands for: 24000/1001 for 23.976. What has
    no timecode, such as 12 or 120 frames a second, is cut at 24."""
    import opentimelineio as otio

    rate = float(otio.opentime.RationalTime.nearest_smpte_timecode_rate(fps))
    return rate if abs(rate - fps) < _ROUNDED else DEFAULT_RATE
