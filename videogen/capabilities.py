"""The table of video models: what each is known to take, and what a request asks too much of it.

A model that the table does not have is asked for what the request says: the API may refuse it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .models import VideoFormat, VideoModel
from .routes import Route, default_route

# Ours, whatever a model takes: see product.md.
MOST_REFERENCES = 3
# Where neither a setting nor the table says how long a prompt may be: Veo's.
PROMPT_LIMIT_TOKENS = 1024


@dataclass(frozen=True)
class Format:
    """What goes together at one resolution. Durations in seconds."""

    resolution: str
    aspect_ratios: tuple[str, ...]
    durations: tuple[int, ...]
    reference_aspect_ratios: tuple[str, ...]
    reference_durations: tuple[int, ...]


@dataclass(frozen=True)
class Capability:
    """A model, as the table has it. `prompt_limit_tokens`: None where it is not known."""

    name: str
    route: str
    max_references: int = MOST_REFERENCES
    prompt_limit_tokens: int | None = None
    takes_seed: bool = True
    takes_negative_prompt: bool = True
    person_generation: tuple[str, ...] | None = None
    formats: tuple[Format, ...] = ()
    is_known: bool = True

    def format(self, resolution: str) -> Format | None:
        return next((each for each in self.formats if each.resolution == resolution), None)

    def problems(
        self, *, aspect_ratio: str, resolution: str, duration_seconds: int, references: int
    ) -> list[str]:
        """Why the API would refuse such a request, each with what to change; empty where it would
        not, or where nothing is known of the model."""
        if not self.is_known or not self.formats:
            return []
        found = self.format(resolution)
        if found is None:
            known = _list([each.resolution for each in self.formats])
            return [
                f"{self.name} does not make {resolution}: set VIDEO_RESOLUTION to {known}, or "
                "choose another model."
            ]
        problems = []
        if references > self.max_references or references and not found.reference_durations:
            most = self.max_references if found.reference_durations else 0
            problems.append(
                f"{self.name} takes no reference pictures"
                f"{f' at {resolution}' if self.max_references else ''}: choose another model."
                if not most
                else f"{self.name} takes at most {most} reference pictures, this shot has "
                f"{references}: leave some out."
            )
        ratios, durations, when = found.aspect_ratios, found.durations, ""
        if references and found.reference_durations:
            ratios, durations = found.reference_aspect_ratios, found.reference_durations
            when = " with reference pictures"
        if aspect_ratio not in ratios:
            problems.append(
                f"{self.name} makes no {aspect_ratio} at {resolution}{when}: set "
                f"VIDEO_ASPECT_RATIO to {_list(ratios)}."
            )
        if duration_seconds not in durations:
            problems.append(
                f"{self.name} makes no {duration_seconds} seconds at {resolution}{when}: set "
                f"VIDEO_DURATION_SECONDS to {_list(durations)}."
            )
        return problems


class ModelTable:
    """The table as it is now. Two queries, however much is asked of it; made anew for every page
    or plan."""

    def find(self, model: str) -> Capability:
        return self._known.get(model) or Capability(model, default_route(), is_known=False)

    def names(self, route: str | None = None) -> list[str]:
        return [name for name, each in self._known.items() if route in (None, each.route)]

    @cached_property
    def _known(self) -> dict[str, Capability]:
        rows = VideoModel.objects.prefetch_related("formats")
        return {row.name: capability_of(row) for row in rows}


def capability_of(row: VideoModel) -> Capability:
    return Capability(
        name=row.name,
        route=Route(row.route).value,
        max_references=min(row.max_references, MOST_REFERENCES),
        prompt_limit_tokens=row.prompt_limit_tokens,
        takes_seed=row.takes_seed,
        takes_negative_prompt=row.takes_negative_prompt,
        person_generation=_split(row.person_generation),
        formats=tuple(_format_of(each) for each in row.formats.all()),
    )


def _format_of(row: VideoFormat) -> Format:
    return Format(
        resolution=row.resolution,
        aspect_ratios=_split(row.aspect_ratios),
        durations=_numbers(row.durations),
        reference_aspect_ratios=_split(row.reference_aspect_ratios),
        reference_durations=_numbers(row.reference_durations),
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for each in text.split(",") if (part := each.strip()))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in _split(text))


def _list(values: Sequence[object]) -> str:
    *most, last = map(str, values)
    return f"{', '.join(most)} or {last}" if most else last
