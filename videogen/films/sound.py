"""Measures and changes the loudness of sound, by the filters of FFmpeg (EBU R 128)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import AudioFrame
    from av.filter import Graph

RATE = 48_000
TARGET_LUFS = -16.0
# The encoder's errors add up to a decibel to a peak: what is limited here ends below -1 dBTP.
PEAK_DB = -2.5
# Quieter than this is noise and room: raising it would only make noise of it.
SILENCE_LUFS = -55.0
# True peaks lie between the samples; four times as many samples show them.
_OVERSAMPLED = 4 * RATE


@dataclass(frozen=True)
class Loudness:
    """`lufs`: the integrated loudness. `peak_db`: the true peak in dBTP."""

    lufs: float
    peak_db: float

    @property
    def is_silent(self) -> bool:
        return self.lufs < SILENCE_LUFS


def measure(frames: Iterable[AudioFrame]) -> Loudness:
    """Return how loud the sound is. Takes stereo frames of one format at 48 kHz."""
    lufs, peak = -math.inf, 0.0
    for frame in filtered(frames, [("ebur128", "metadata=1:peak=true")]):
        data = frame.metadata
        lufs = _number(data.get("lavfi.r128.I"), lufs)
        peak = max(peak, _number(data.get("lavfi.r128.true_peak"), 0.0))
    return Loudness(lufs, 20 * math.log10(peak) if peak > 0 else -math.inf)


def levelling(loudness: Loudness, target: float = TARGET_LUFS) -> list[tuple[str, str]]:
    """Return the filters that bring the sound to `target` LUFS with its peaks below PEAK_DB."""
    if loudness.is_silent:
        return []
    gain = target - loudness.lufs
    if loudness.peak_db + gain <= PEAK_DB:
        return [("volume", f"{gain:.3f}dB")]
    return [
        ("aresample", str(_OVERSAMPLED)),
        ("volume", f"{gain:.3f}dB"),
        ("alimiter", f"limit={10 ** (PEAK_DB / 20):.5f}:attack=5:release=80:level=disabled"),
        ("aresample", str(RATE)),
    ]


def filtered(
    frames: Iterable[AudioFrame], filters: Iterable[tuple[str, str]]
) -> Iterator[AudioFrame]:
    """Yield the frames after the filters. Takes frames of one format, rate and layout."""
    import av

    filters = list(filters)
    if not filters:
        yield from frames
        return

    def graph_for(frame: AudioFrame) -> Graph:
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=frame.time_base,
            ),
            *(graph.add(name, options) for name, options in filters),
            graph.add("abuffersink"),
        ).configure()
        return graph

    yield from through_graph(frames, graph_for)


def through_graph(frames: Iterable[Any], graph_for: Callable[[Any], Graph]) -> Iterator[Any]:
    """Yield the frames as they come out of a filter graph, which is made for the first frame."""
    graph = None
    for frame in frames:
        graph = graph or graph_for(frame)
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _pulled(graph: Graph) -> Iterator[Any]:
    """Yield the frames that a filter graph has ready."""
    import av

    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return


def _number(text: str | None, otherwise: float) -> float:
    try:
        number = float(text or "")
    except ValueError:
        return otherwise
    return number if math.isfinite(number) else otherwise
