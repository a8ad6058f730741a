"""What a person may choose on the plan's page beside the shots: the mode, the model, what becomes
of a batch that the budgets have no room for, and whether shots that have a take of the very same
request are left out. Every choice is a plain link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.utils.http import urlencode

from videogen.billing.affordability import Cheaper, OverBudget, Shortage
from videogen.catalog.capabilities import Capability, ModelTable, RequestedVideo
from videogen.catalog.options import ChosenFormat, default_model_of, defaults_of
from videogen.catalog.prices import PriceList
from videogen.common.formats import usd
from videogen.models import RenderBatch
from videogen.models.batches import MOST_TAKES_PER_SHOT
from videogen.models.problems import Problem
from videogen.models.prompt_profiles import PromptProfile
from videogen.models.routes import Route, account_of, not_set_up
from videogen.planning.modes import Action
from videogen.planning.plan import Plan

# What a link need not name, in the order of the fields that `PlanOptions.chosen` gives.
_USUAL = {
    "model": "",
    "resolution": "",
    "shape": "",
    "length": "",
    "over_budget": OverBudget.FIT.value,
    "repeat": "1",
    "takes": "1",
    "profile": "",
}


def _flag(yes: bool) -> str:
    return "1" if yes else "0"


class PlanOptionsForm(forms.Form):
    """The options of a draft's plan, from a link or from a form.

    What is missing, or cannot be chosen, is as the draft has stored it: a link may be old, and
    looking at a plan never fails.
    """

    mode = forms.ChoiceField(choices=RenderBatch.Mode)
    model = forms.CharField(required=False, max_length=100)
    resolution = forms.CharField(required=False, max_length=10)
    shape = forms.CharField(required=False, max_length=10)
    length = forms.CharField(required=False, max_length=3)
    over_budget = forms.ChoiceField(choices=OverBudget)
    repeat = forms.TypedChoiceField(
        choices=[("0", "no"), ("1", "yes")], coerce=lambda each: each == "1"
    )
    takes = forms.IntegerField(min_value=1, max_value=MOST_TAKES_PER_SHOT)
    profile = forms.ChoiceField(required=False, choices=PromptProfile)

    def __init__(self, asked: Mapping[str, str], batch: RenderBatch) -> None:
        self._stored = {
            "mode": batch.mode,
            "model": batch.model,
            "resolution": batch.resolution,
            "shape": batch.aspect_ratio,
            "length": str(batch.duration_seconds or ""),
            "over_budget": batch.over_budget,
            "repeat": _flag(not batch.skips_repeats),
            "takes": str(batch.takes_per_shot),
            "profile": batch.prompt_profile,
        }
        given = {name: asked[name] for name in self._stored if name in asked}
        super().__init__({**self._stored, **given}, initial=self._stored)
        self._batch = batch

    def clean_model(self) -> str:
        model = str(self.cleaned_data["model"])
        if model not in ("", self._batch.model) and not PriceList().resolutions(model):
            raise forms.ValidationError("This model has no price.", code="no_price")
        return model

    def clean(self) -> None:
        """Only what the table of models allows can be chosen of a format."""
        names = ("resolution", "shape", "length")
        changed = [
            name
            for name in names
            if self.cleaned_data.get(name) not in (None, "", self._stored[name])
        ]
        if not changed:
            return
        model = self.cleaned_data.get("model") or default_model_of(self._batch.story)
        formats = ModelTable().find(model).formats
        known = {
            "resolution": {each.resolution for each in formats},
            "shape": {ratio for each in formats for ratio in each.aspect_ratios},
            "length": {str(seconds) for each in formats for seconds in each.durations},
        }
        for name in changed:
            if self.cleaned_data[name] not in known[name]:
                self.add_error(name, forms.ValidationError("Not in the table.", code="not_made"))

    @property
    def options(self) -> PlanOptions:
        self.full_clean()
        batch, chosen = self._batch, self.cleaned_data
        model = chosen.get("model", batch.model)
        default_model, default_resolution = defaults_of(batch.story)
        resolution = chosen.get("resolution", batch.resolution)
        shape = chosen.get("shape", batch.aspect_ratio)
        length = chosen.get("length", self._stored["length"])
        return PlanOptions(
            RenderBatch.Mode.OVERRIDE.value if batch.promotes else chosen.get("mode", batch.mode),
            "" if model == default_model else model,
            ChosenFormat(
                "" if resolution == default_resolution else resolution,
                "" if shape == settings.VIDEO_ASPECT_RATIO else shape,
                None if length in ("", str(settings.VIDEO_DURATION_SECONDS)) else int(length),
            ),
            chosen.get("over_budget", batch.over_budget),
            not chosen.get("repeat", not batch.skips_repeats),
            chosen.get("takes", batch.takes_per_shot),
            chosen.get("profile", batch.prompt_profile),
            stored={name: self._stored[name] for name in _USUAL},
        )


@dataclass(frozen=True)
class PlanOptions:
    """What is chosen on the plan's page, and the links that choose otherwise."""

    mode: str
    # Empty: the model of the story or of the settings.
    model: str = ""
    format: ChosenFormat = field(default_factory=ChosenFormat)
    over_budget: str = OverBudget.FIT.value
    # Shots that have a take of the very same request are left out.
    skips_repeats: bool = False
    takes: int = 1
    # Empty: the profile of the story or of the settings.
    profile: str = ""
    # Of the draft. Where they are not the usual ones, a link has to name what is chosen instead.
    stored: Mapping[str, str] = field(default_factory=lambda: _USUAL)

    @property
    def hidden(self) -> dict[str, str]:
        """What a form or a link carries beside the mode."""
        chosen = {
            "model": self.model,
            "resolution": self.format.resolution,
            "shape": self.format.aspect_ratio,
            "length": str(self.format.duration_seconds or ""),
            "over_budget": self.over_budget,
            "repeat": _flag(not self.skips_repeats),
            "takes": str(self.takes),
            "profile": self.profile,
        }
        return {
            name: value
            for name, value in chosen.items()
            if value != _USUAL[name] or self.stored[name] != _USUAL[name]
        }

    @property
    def for_plan(self) -> dict[str, Any]:
        """The options by the names that `plan_draft` has for them."""
        return {
            "mode": self.mode,
            "model": self.model,
            "chosen": self.format,
            "over_budget": self.over_budget,
            "skip_repeats": self.skips_repeats,
            "takes_per_shot": self.takes,
            "prompt_profile": self.profile,
        }

    @property
    def query(self) -> str:
        return urlencode({"mode": self.mode, **self.hidden})

    @property
    def rest(self) -> str:
        """To be appended to a link that names a mode."""
        return f"&{urlencode(self.hidden)}" if self.hidden else ""

    @property
    def to_resume(self) -> str:
        return link_to(replace(self, mode=RenderBatch.Mode.RESUME.value))

    @property
    def with_repeats(self) -> str:
        return link_to(replace(self, skips_repeats=False))

    @property
    def without_repeats(self) -> str:
        return link_to(replace(self, skips_repeats=True))


def link_to(options: PlanOptions) -> str:
    return f"?{options.query}"


@dataclass(frozen=True)
class OptionLink:
    """One of several links, of which one is chosen."""

    words: str
    price: str
    url: str
    is_chosen: bool = False
    # Why it cannot be chosen, where it cannot.
    why: str = ""
    route: str = ""
    # What a preset stands for.
    what: str = ""


def _each(price: Decimal) -> str:
    return f"{usd(price)} each" if price else "free"


@dataclass(frozen=True)
class PlanChoices:
    plan: Plan
    options: PlanOptions

    @property
    def presets(self) -> list[OptionLink]:
        """The switch between a draft and a final take."""
        request = self.plan.request
        presets = [each for each in (request.draft, request.final) if each]
        is_usual = self.options.format == ChosenFormat(self.options.format.resolution)
        return [
            OptionLink(
                each.name,
                self._price(each.model, each.resolution),
                self._of(
                    each.model,
                    ChosenFormat(
                        "" if each.resolution == request.default_resolution else each.resolution
                    ),
                ),
                is_usual and (each.model, each.resolution) == (request.model, request.resolution),
                what=f"{each.model}, {each.resolution}",
            )
            for each in presets
        ]

    @property
    def has_other(self) -> bool:
        """Whether something is chosen that is no preset."""
        return not any(each.is_chosen for each in self.presets)

    @property
    def models(self) -> list[OptionLink]:
        """Those with a price at this resolution, by route; none where there is no choice."""
        request = self.plan.request
        names = dict.fromkeys([*request.prices.models(request.resolution), request.model])
        found = [request.table.find(name) for name in names]
        asked = request.asked(self.plan.most_references)
        routes = list(Route.values)
        found.sort(key=lambda each: routes.index(each.route))
        choices = []
        for model in found:
            missing = not_set_up(model.route)
            problems = [*([missing] if missing else []), *model.problems(asked)]
            choices.append(self._model(model, problems))
        return choices if len(choices) > 1 else []

    def _model(self, model: Capability, problems: Sequence[Problem]) -> OptionLink:
        request = self.plan.request
        return OptionLink(
            model.name,
            self._price(model.name, request.resolution, request.duration_seconds),
            self._of_model(model.name),
            model.name == request.model,
            " ".join(each.sentence for each in problems),
            model.route_words,
        )

    def _price(self, model: str, resolution: str, seconds: int | None = None) -> str:
        """The price of a video; without `seconds`, of one of the usual length."""
        request = self.plan.request
        backend = account_of(request.table.find(model).route)
        seconds = seconds or settings.VIDEO_DURATION_SECONDS
        price = request.prices.find(backend, model, resolution, seconds)
        return _each(price.usd) if price else usd(None)

    def _of_model(self, model: str) -> str:
        return self._of(model, self.options.format)

    def _of(self, model: str, chosen: ChosenFormat) -> str:
        usual = self.plan.request.default_model
        named = "" if model == usual else model
        return link_to(replace(self.options, model=named, format=chosen))

    @property
    def resolutions(self) -> list[OptionLink]:
        """What the model makes and has a price for. Shape and length stay where the model makes
        them at that resolution, too."""
        request = self.plan.request
        found = []
        for each in request.capability.formats:
            chosen = replace(
                self.options.format,
                resolution="" if each.resolution == request.default_resolution else each.resolution,
            )
            asked = replace(self._asked, resolution=each.resolution)
            if request.capability.problems(asked):
                chosen = ChosenFormat(chosen.resolution)
                asked = replace(
                    asked,
                    aspect_ratio=settings.VIDEO_ASPECT_RATIO,
                    seconds=settings.VIDEO_DURATION_SECONDS,
                )
            if not self._is_offered(asked):
                continue
            found.append(self._format(each.resolution, chosen, asked))
        return self._choice(found)

    @property
    def lengths(self) -> list[OptionLink]:
        usual = settings.VIDEO_DURATION_SECONDS
        found = []
        for seconds in self._made("durations"):
            asked = replace(self._asked, seconds=seconds)
            if self._is_offered(asked):
                value = None if seconds == usual else seconds
                chosen = replace(self.options.format, duration_seconds=value)
                found.append(self._format(f"{seconds} s", chosen, asked))
        return self._choice(found)

    @property
    def shapes(self) -> list[OptionLink]:
        found = []
        for ratio in self._made("aspect_ratios"):
            asked = replace(self._asked, aspect_ratio=ratio)
            if self._is_offered(asked):
                value = "" if ratio == settings.VIDEO_ASPECT_RATIO else ratio
                chosen = replace(self.options.format, aspect_ratio=value)
                found.append(self._format(ratio, chosen, asked))
        return self._choice(found)

    @property
    def formats(self) -> list[tuple[str, str, list[OptionLink]]]:
        """Code, words and links of what can be chosen beside the model."""
        return [
            (code, words, links)
            for code, words, links in (
                ("resolution", "Resolution", self.resolutions),
                ("length", "Length", self.lengths),
                ("shape", "Shape", self.shapes),
            )
            if links
        ]

    @property
    def _asked(self) -> RequestedVideo:
        return self.plan.request.asked(self.plan.most_references)

    def _made(self, what: str) -> Sequence[Any]:
        found = self.plan.request.capability.format(self.plan.request.resolution)
        return getattr(found, what) if found else ()

    def _is_offered(self, asked: RequestedVideo) -> bool:
        request = self.plan.request
        price = request.prices.find(request.backend, request.model, asked.resolution, asked.seconds)
        return price is not None and not request.capability.problems(asked)

    def _format(self, words: str, chosen: ChosenFormat, asked: RequestedVideo) -> OptionLink:
        return OptionLink(
            words,
            self._price(self.plan.request.model, asked.resolution, asked.seconds),
            self._of(self.plan.request.model, chosen),
            asked == self._asked,
        )

    def _choice(self, links: list[OptionLink]) -> list[OptionLink]:
        """The links, where one of them is something else than what is chosen."""
        return links if any(not each.is_chosen for each in links) else []

    @property
    def takes(self) -> list[OptionLink]:
        """How many takes of each shot are asked for; none where nothing new is made."""
        price = self.plan.request.price_usd
        if not self.plan.count(Action.GENERATE, Action.REHEARSE) or price is None:
            return []
        return [
            OptionLink(
                str(number),
                f"{usd(price * number)} a shot" if price else "free",
                link_to(replace(self.options, takes=number)),
                number == self.plan.takes_per_shot,
            )
            for number in range(1, MOST_TAKES_PER_SHOT + 1)
        ]

    @property
    def profiles(self) -> list[OptionLink]:
        """How the prompts are put together; none where nothing new is sent."""
        request = self.plan.request
        if not self.plan.count(Action.GENERATE, Action.REHEARSE):
            return []
        return [
            OptionLink(
                each.label.capitalize(),
                "",
                link_to(
                    replace(
                        self.options,
                        profile="" if each == request.default_profile else each.value,
                    )
                ),
                each == request.prompt_profile,
            )
            for each in PromptProfile
        ]

    @property
    def over_budget(self) -> list[OptionLink]:
        """The choices for a batch that the budgets have no room for; none if nothing is limited or
        costs anything."""
        if not (self.plan.limits and self.plan.request.price_usd):
            return []
        return [
            OptionLink(
                each.label.capitalize(),
                "",
                link_to(replace(self.options, over_budget=each.value)),
                each == self.plan.over_budget,
            )
            for each in OverBudget
        ]

    @property
    def shortage(self) -> Shortage | None:
        return self.plan.shortage

    @property
    def cheaper(self) -> list[tuple[Cheaper, OptionLink]]:
        """What would be cheaper, each with its link if it has one."""
        return [
            (each, OptionLink(each.words, usd(each.cost_usd), self._url(each)))
            for each in (self.shortage.choices if self.shortage else ())
        ]

    def _url(self, cheaper: Cheaper) -> str:
        if cheaper.resolution or cheaper.model:
            request = self.plan.request
            resolution = cheaper.resolution or request.resolution
            named = "" if resolution == request.default_resolution else resolution
            chosen = replace(self.options.format, resolution=named)
            return self._of(cheaper.model or request.model, chosen)
        is_chosen = self.plan.over_budget == OverBudget.FIT
        if is_chosen:
            return ""
        return link_to(replace(self.options, over_budget=OverBudget.FIT.value))
