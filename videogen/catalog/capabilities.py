"""What each video model takes, by the table of video models, and why it would refuse a request.

Nothing is checked for a model that is not in the table, so the API may refuse the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

from django.utils import timezone

from videogen.common.formats import either
from videogen.models import VideoFormat, VideoModel
from videogen.models.problems import Problem, ProblemCode
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.routes import Route, default_route
from videogen.models.video_models import MAX_REFERENCES

# On the other routes google-genai refuses a seed before anything is sent.
SEED_ROUTES = frozenset({Route.VERTEX.value})
# The limit of Veo, used if neither a setting nor the table says how long a prompt may be.
PROMPT_LIMIT_TOKENS = 1024


@dataclass(frozen=True)
class Format:
    """What a model makes at one resolution, with and without reference pictures. Durations are in
    seconds."""

    resolution: str
    aspect_ratios: tuple[str, ...]
    durations: tuple[int, ...]
    reference_aspect_ratios: tuple[str, ...]
    reference_durations: tuple[int, ...]


@dataclass(frozen=True)
class RequestedVideo:
    """The part of a request that a model may refuse."""

    aspect_ratio: str
    resolution: str
    seconds: int
    # The number of reference pictures.
    references: int = 0
    person_generation: str = ""


@dataclass(frozen=True)
class Capability:
    """A model as the table describes it."""

    name: str
    route: str
    max_references: int = MAX_REFERENCES
    # None if it is unknown.
    prompt_limit_tokens: int | None = None
    takes_seed: bool = True
    takes_negative_prompt: bool = True
    # The values that it takes; None if they are unknown.
    person_generation: tuple[str, ...] | None = None
    reference_person_generation: tuple[str, ...] = ()
    shuts_down_on: date | None = None
    formats: tuple[Format, ...] = ()
    # Of its row; None if it has none.
    pk: int | None = None
    # If it may be gone, the models that can stand in for it, the nearest first.
    successors: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        return self.pk is not None

    def format(self, resolution: str) -> Format | None:
        return next((each for each in self.formats if each.resolution == resolution), None)

    @property
    def route_words(self) -> str:
        return str(Route(self.route).label)

    @property
    def notes(self) -> list[RenderWarning]:
        """What people should know before they pay for this model, whatever the request is."""
        if not self.is_known:
            return [RenderWarning(WarningCode.MODEL_NOT_KNOWN, {"model": self.name})]
        return [note] if (note := self.shutdown_note) else []

    @property
    def may_be_gone(self) -> bool:
        """Whether the day has come from which on the model may be gone."""
        return self.shuts_down_on is not None and self.shuts_down_on <= timezone.localdate()

    @property
    def shutdown_note(self) -> RenderWarning | None:
        """Say since when the model may be gone and what to move to; None if it is not."""
        day = self.shuts_down_on
        if day is None or not self.may_be_gone:
            return None
        params = {
            "model": self.name,
            "day": day.isoformat(),
            "successors": list(self.successors),
        }
        return RenderWarning(WarningCode.MODEL_SHUTS_DOWN, params)

    def on_references(self, resolution: str) -> str:
        """Return a sentence on which reference pictures the model takes at the resolution."""
        found = self.format(resolution)
        if not self.is_known or not self.formats:
            return f"Whether {self.name} takes reference pictures is not known."
        if not self.max_references or found is None or not found.reference_durations:
            return f"{self.name} takes no reference pictures at {resolution}."
        return (
            f"{self.name} takes up to {self.max_references} reference pictures at {resolution}: "
            f"{either(found.reference_aspect_ratios)}, "
            f"{either(found.reference_durations)} seconds."
        )

    def problems(self, asked: RequestedVideo) -> list[Problem]:
        """Return why the API would refuse the request. Empty if it would not, or if nothing is
        known about the model."""
        if not self.is_known or not self.formats:
            return []
        found = self.format(asked.resolution)
        if found is None:
            known = [each.resolution for each in self.formats]
            return [self._problem(ProblemCode.RESOLUTION_NOT_MADE, asked, known=known)]
        return [
            *self._problems_with_references(found, asked),
            *self._problems_with_format(found, asked),
            *self._problems_with_people(asked),
        ]

    def _problems_with_references(self, found: Format, asked: RequestedVideo) -> Iterator[Problem]:
        if not asked.references:
            return
        if not self.max_references:
            yield self._problem(ProblemCode.NO_REFERENCES, asked)
        elif not found.reference_durations:
            yield self._problem(ProblemCode.NO_REFERENCES_AT_RESOLUTION, asked)
        elif asked.references > self.max_references:
            params = {"most": self.max_references, "references": asked.references}
            yield self._problem(ProblemCode.TOO_MANY_REFERENCES, asked, **params)

    def _problems_with_format(self, found: Format, asked: RequestedVideo) -> Iterator[Problem]:
        ratios, durations = found.aspect_ratios, found.durations
        with_references = bool(asked.references and found.reference_durations)
        if with_references:
            ratios, durations = found.reference_aspect_ratios, found.reference_durations
        if asked.aspect_ratio not in ratios:
            yield self._problem(
                ProblemCode.ASPECT_RATIO_NOT_MADE,
                asked,
                aspect_ratio=asked.aspect_ratio,
                with_references=with_references,
                known=list(ratios),
            )
        if asked.seconds not in durations:
            yield self._problem(
                ProblemCode.DURATION_NOT_MADE,
                asked,
                seconds=asked.seconds,
                with_references=with_references,
                known=list(durations),
            )

    def _problems_with_people(self, asked: RequestedVideo) -> Iterator[Problem]:
        known, word = self.reference_person_generation, asked.person_generation
        if asked.references and word and known and word not in known:
            code = ProblemCode.PERSON_GENERATION_NOT_TAKEN
            yield self._problem(code, asked, asked=word, known=list(known))

    def _problem(self, code: ProblemCode, video: RequestedVideo, **params: Any) -> Problem:
        shared = {"model": self.name, "resolution": video.resolution}
        return Problem(code, shared | params)


class ModelTable:
    """The table as it is now. It makes two queries, so it is made anew for every page or plan."""

    def find(self, model: str) -> Capability:
        return self._known.get(model) or _unknown(model)

    def names(self, route: str | None = None) -> list[str]:
        return [name for name, each in self._known.items() if route in (None, each.route)]

    def all(self) -> list[Capability]:
        """Return all models, sorted by route and name."""
        return list(self._known.values())

    @cached_property
    def _known(self) -> dict[str, Capability]:
        rows = VideoModel.objects.prefetch_related("formats")
        found = [capability_of(row) for row in rows]
        return {each.name: _with_successors(each, found) for each in found}


# How many models are named in the place of one that may be gone.
MOST_SUCCESSORS = 3


def _with_successors(model: Capability, models: Sequence[Capability]) -> Capability:
    if not model.may_be_gone:
        return model
    resolutions = {each.resolution for each in model.formats}

    def distance(other: Capability) -> tuple[int, bool, str]:
        # Of the same family first (veo-3.1-fast-generate-preview and veo-3.1-fast-generate-001).
        ours, others = model.name.split("-"), other.name.split("-")
        alike = sum(a == b for a, b in zip(ours, others, strict=False))
        return -alike, other.route != model.route, other.name

    fit = [
        other
        for other in models
        if not other.may_be_gone
        and other.max_references >= model.max_references
        and resolutions & {each.resolution for each in other.formats}
    ]
    nearest = sorted(fit, key=distance)[:MOST_SUCCESSORS]
    return replace(model, successors=tuple(each.name for each in nearest))


def _unknown(model: str) -> Capability:
    """Return the capability of a model that is not in the table: it is asked for everything that
    its route has a field for."""
    route = default_route()
    is_veo = route != Route.OMNI
    return Capability(
        model,
        route,
        takes_seed=route in SEED_ROUTES,
        takes_negative_prompt=is_veo,
        person_generation=None if is_veo else (),
    )


def capability_of(row: VideoModel) -> Capability:
    route = Route(row.route).value
    return Capability(
        pk=row.pk,
        name=row.name,
        route=route,
        max_references=min(row.max_references, MAX_REFERENCES),
        prompt_limit_tokens=row.prompt_limit_tokens,
        takes_seed=row.takes_seed and route in SEED_ROUTES,
        takes_negative_prompt=row.takes_negative_prompt,
        person_generation=_split(row.person_generation),
        reference_person_generation=_split(row.reference_person_generation),
        shuts_down_on=row.shuts_down_on,
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
