"""What a request asks for beside prompt and references. It comes from the batch, its story and the
settings, as far as the model takes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings

from storybook.models import Story
from videogen.models import RenderBatch, StorySettings, VideoRender
from videogen.models.problems import Problem
from videogen.models.prompt_profiles import PromptProfile
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.routes import SIMULATOR, account_of, not_set_up
from videogen.models.video_models import MAX_REFERENCES

from .capabilities import PROMPT_LIMIT_TOKENS, Capability, ModelTable, RequestedVideo
from .prices import KnownPrice, PriceList

# A seed is a number of 32 bits.
SEEDS = 2**32


@dataclass(frozen=True)
class ChosenFormat:
    """What somebody chose of a video's format. What is empty is as the story or the settings have
    it."""

    resolution: str = ""
    aspect_ratio: str = ""
    duration_seconds: int | None = None

    @classmethod
    def of(cls, batch: RenderBatch) -> ChosenFormat:
        return cls(batch.resolution, batch.aspect_ratio, batch.duration_seconds)

    @property
    def columns(self) -> dict[str, Any]:
        """By the names of a batch's columns."""
        return asdict(self)


@dataclass(frozen=True)
class Preset:
    """A choice of model and resolution that a story has a name for."""

    name: str
    model: str
    resolution: str


DRAFT, FINAL = "draft", "final"


@dataclass(frozen=True)
class RequestSettings:
    """Model, format and options of a request; every request of a plan has the same."""

    capability: Capability
    # The model and the resolution of the story's batches that choose none.
    default_model: str
    default_resolution: str
    aspect_ratio: str
    resolution: str
    duration_seconds: int
    seed: int | None = None
    negative_prompt: str = ""
    person_generation: str = ""
    prompt_profile: str = PromptProfile.FULL.value
    # The profile of the story's batches that choose none.
    default_profile: str = PromptProfile.FULL.value
    notes: tuple[RenderWarning, ...] = ()
    # What the story's settings say of drafts.
    draft_model: str = ""
    draft_resolution: str = ""
    table: ModelTable = field(default_factory=ModelTable, repr=False, compare=False)

    @classmethod
    def current(
        cls,
        story: Story,
        model: str = "",
        chosen: ChosenFormat | None = None,
        prompt_profile: str = "",
    ) -> RequestSettings:
        """Return the settings of the story's next batch, with another `model`, format or profile of
        the prompt if they are given."""
        chosen = chosen or ChosenFormat()
        own = StorySettings.objects.filter(story=story).first() or StorySettings()
        default_model = own.model or settings.VIDEO_MODEL
        default_profile = own.prompt_profile or settings.VIDEO_PROMPT_PROFILE
        table = ModelTable()
        capability = table.find(model or default_model)
        extras, notes = _extras(
            capability,
            seed=settings.VIDEO_SEED if own.seed is None else own.seed,
            negative_prompt=own.negative_prompt or settings.VIDEO_NEGATIVE_PROMPT,
            person_generation=own.person_generation or settings.VIDEO_PERSON_GENERATION,
        )
        return cls(
            capability=capability,
            default_model=default_model,
            default_resolution=own.resolution or settings.VIDEO_RESOLUTION,
            aspect_ratio=chosen.aspect_ratio or settings.VIDEO_ASPECT_RATIO,
            resolution=chosen.resolution or own.resolution or settings.VIDEO_RESOLUTION,
            duration_seconds=chosen.duration_seconds or settings.VIDEO_DURATION_SECONDS,
            prompt_profile=prompt_profile or default_profile,
            default_profile=default_profile,
            notes=notes,
            draft_model=own.draft_model,
            draft_resolution=own.draft_resolution,
            table=table,
            **extras,
        )

    @classmethod
    def of_render(
        cls, render: VideoRender, model: str = "", resolution: str = ""
    ) -> RequestSettings:
        """Return the settings of the render's request, with another `model` and another
        `resolution` if they are given."""
        table = ModelTable()
        capability = table.find(model or render.model)
        extras, notes = _extras(
            capability,
            seed=render.seed,
            negative_prompt=render.negative_prompt,
            person_generation=render.person_generation,
        )
        default_model, default_resolution = _defaults(story__scenelets__shots=render.shot_id)
        return cls(
            capability=capability,
            default_model=default_model,
            default_resolution=default_resolution,
            aspect_ratio=render.aspect_ratio,
            resolution=resolution or render.resolution,
            duration_seconds=render.duration_seconds,
            prompt_profile=render.prompt_profile,
            notes=notes,
            table=table,
            **extras,
        )

    @property
    def model(self) -> str:
        return self.capability.name

    @property
    def route(self) -> str:
        return self.capability.route

    @property
    def backend(self) -> str:
        return account_of(self.route)

    @property
    def is_simulated(self) -> bool:
        return self.backend == SIMULATOR

    @property
    def chosen_model(self) -> str:
        """The model if it is not the story's default, else ""."""
        return "" if self.model == self.default_model else self.model

    @property
    def chosen_profile(self) -> str:
        """The profile of the prompt if it is not the story's default, else ""."""
        return "" if self.prompt_profile == self.default_profile else self.prompt_profile

    @property
    def chosen_format(self) -> ChosenFormat:
        """The format where it is not the story's default."""
        seconds = self.duration_seconds
        return ChosenFormat(
            "" if self.resolution == self.default_resolution else self.resolution,
            "" if self.aspect_ratio == settings.VIDEO_ASPECT_RATIO else self.aspect_ratio,
            None if seconds == settings.VIDEO_DURATION_SECONDS else seconds,
        )

    @property
    def final(self) -> Preset:
        return Preset(FINAL, self.default_model, self.default_resolution)

    @cached_property
    def draft(self) -> Preset | None:
        """What the story's settings say of drafts, or else the cheapest model with a known price
        that takes what shots send. None where nothing is cheaper than the final."""
        if self.draft_model:
            resolution = self.draft_resolution or self.default_resolution
            return Preset(DRAFT, self.draft_model, resolution)
        final = self.prices.per_second(self.default_model, self.default_resolution)
        route = self.table.find(self.default_model).route
        cheaper = []
        for price, model, resolution in self.prices.all():
            if self.draft_resolution not in ("", resolution) or (final and price >= final):
                continue
            found = self.table.find(model)
            asked = RequestedVideo(
                settings.VIDEO_ASPECT_RATIO,
                resolution,
                settings.VIDEO_DURATION_SECONDS,
                MAX_REFERENCES,
            )
            is_served = account_of(found.route) == SIMULATOR or not not_set_up(found.route)
            if found.is_known and is_served and not found.problems(asked):
                cheaper.append((price, found.route != route, model, resolution))
        if not cheaper:
            return None
        *_, model, resolution = min(cheaper)
        return Preset(DRAFT, model, resolution)

    @cached_property
    def prices(self) -> PriceList:
        return PriceList()

    @cached_property
    def price(self) -> KnownPrice | None:
        return self.prices.find(self.backend, self.model, self.resolution, self.duration_seconds)

    @property
    def price_usd(self) -> Decimal | None:
        return None if self.price is None else self.price.usd

    @property
    def live_price_usd(self) -> Decimal | None:
        """The price of a video of Google's, also where the simulator stands in for it."""
        live = self.prices.find(self.route, self.model, self.resolution, self.duration_seconds)
        return None if live is None else live.usd

    @property
    def sent(self) -> dict[str, Any]:
        """The settings that distinguish requests, by the names of a render's columns."""
        return {
            "model": self.model,
            "aspect_ratio": self.aspect_ratio,
            "resolution": self.resolution,
            "duration_seconds": self.duration_seconds,
            "seed": self.seed,
            "negative_prompt": self.negative_prompt,
            "person_generation": self.person_generation,
            "prompt_profile": self.prompt_profile,
        }

    def of_slot(self, slot: int) -> RequestSettings:
        """The settings for the take in that slot of a shot. The same seed would make the same video
        again, so each slot has a seed of its own: the first one that was asked for, then the next
        ones."""
        if self.seed is None or slot == 1:
            return self
        return replace(self, seed=(self.seed + slot - 1) % SEEDS)

    @property
    def prompt_limit(self) -> int:
        """The longest prompt in tokens."""
        told = settings.VIDEO_PROMPT_LIMIT_TOKENS
        return told or self.capability.prompt_limit_tokens or PROMPT_LIMIT_TOKENS

    def cost_of(self, videos: int) -> Decimal:
        """Return what so many videos cost; 0 if the price is unknown, because then none is sent."""
        return (self.price_usd or Decimal(0)) * videos

    def asked(self, references: int) -> RequestedVideo:
        """Return what a model may refuse of a request with so many reference pictures."""
        return RequestedVideo(
            aspect_ratio=self.aspect_ratio,
            resolution=self.resolution,
            seconds=self.duration_seconds,
            references=references,
            person_generation=self.person_generation,
        )

    def problems(self, references: int) -> list[Problem]:
        """Return why the API would refuse a request with so many reference pictures."""
        return self.capability.problems(self.asked(references))


EXTRAS = {
    "seed": "seed",
    "negative_prompt": "negative prompt",
    "person_generation": "person generation",
}


# Those that distinguish requests, beside the options that a model may not take.
_EXTRAS_IN_WORDS = {**EXTRAS, "prompt_profile": "prompt profile"}


def extras_of(asked: RequestSettings | VideoRender) -> dict[str, Any]:
    """Return the options by name, without those that are None or empty, which are never sent,
    and without the usual profile of the prompt."""
    values = {name: getattr(asked, name) for name in EXTRAS}
    if asked.prompt_profile != PromptProfile.FULL:
        values["prompt_profile"] = asked.prompt_profile
    return {name: value for name, value in values.items() if value not in (None, "")}


def extras_in_words(asked: RequestSettings | VideoRender) -> list[tuple[str, str]]:
    """Return the options as pairs of name and value, for the screens."""
    return [(_EXTRAS_IN_WORDS[name], str(value)) for name, value in extras_of(asked).items()]


def asked_of(render: VideoRender) -> RequestedVideo:
    """Return what a model may refuse of the render's request."""
    return RequestedVideo(
        aspect_ratio=render.aspect_ratio,
        resolution=render.resolution,
        seconds=render.duration_seconds,
        references=len(render.references),
        person_generation=render.person_generation,
    )


def default_model_of(story: Story) -> str:
    """Return the model of the story's batches that choose none."""
    return defaults_of(story)[0]


def defaults_of(story: Story) -> tuple[str, str]:
    """Return the model and the resolution of the story's batches that choose none: those of its
    final takes."""
    return _defaults(story=story)


def _defaults(**story: object) -> tuple[str, str]:
    found = StorySettings.objects.filter(**story).values_list("model", "resolution").first()
    model, resolution = found or ("", "")
    return model or settings.VIDEO_MODEL, resolution or settings.VIDEO_RESOLUTION


def _extras(
    capability: Capability, *, seed: int | None, negative_prompt: str, person_generation: str
) -> tuple[dict[str, Any], tuple[RenderWarning, ...]]:
    """Return the options that the model takes, and what people are told about the others."""
    taken: dict[str, Any] = {}
    notes = []
    people = capability.person_generation
    for name, value, is_taken in (
        ("seed", seed, capability.takes_seed),
        ("negative_prompt", negative_prompt, capability.takes_negative_prompt),
        ("person_generation", person_generation, people is None or person_generation in people),
    ):
        if value in (None, ""):
            continue
        if is_taken:
            taken[name] = value
        elif name == "person_generation" and people:
            params = {"model": capability.name, "asked": value, "known": ", ".join(people)}
            notes.append(RenderWarning(WarningCode.PERSON_GENERATION_NOT_TAKEN, params))
        else:
            params = {"model": capability.name, "option": EXTRAS[name]}
            notes.append(RenderWarning(WarningCode.OPTION_NOT_TAKEN, params))
    return taken, tuple(notes)
