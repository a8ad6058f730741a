"""What a person may choose on the plan's page beside the shots: the mode, the model, what becomes
of a batch that the budgets have no room for, and whether shots that have a take of the very same
request are left out. Every choice is a plain link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django import forms
from django.utils.http import urlencode

from videogen.billing.affordability import Cheaper, OverBudget, Shortage
from videogen.catalog.capabilities import Capability
from videogen.catalog.options import default_model_of
from videogen.catalog.prices import PriceList
from videogen.common.formats import usd
from videogen.models import RenderBatch
from videogen.models.batches import MOST_TAKES_PER_SHOT
from videogen.models.problems import Problem
from videogen.models.prompt_profiles import PromptProfile
from videogen.models.routes import Route, not_set_up
from videogen.planning.modes import Action
from videogen.planning.plan import Plan

# The model, what becomes of a batch over the budget, whether repeats are rendered, how many takes
# of a shot are asked for, and the profile of the prompt.
_USUAL = ("", OverBudget.FIT.value, "1", "1", "")


def _flag(yes: bool) -> str:
    return "1" if yes else "0"


class PlanOptionsForm(forms.Form):
    """The options of a draft's plan, from a link or from a form.

    What is missing, or cannot be chosen, is as the draft has stored it: a link may be old, and
    looking at a plan never fails.
    """

    mode = forms.ChoiceField(choices=RenderBatch.Mode)
    model = forms.CharField(required=False, max_length=100)
    over_budget = forms.ChoiceField(choices=OverBudget)
    repeat = forms.TypedChoiceField(
        choices=[("0", "no"), ("1", "yes")], coerce=lambda each: each == "1"
    )
    takes = forms.IntegerField(min_value=1, max_value=MOST_TAKES_PER_SHOT)
    profile = forms.ChoiceField(required=False, choices=PromptProfile)

    def __init__(self, asked: Mapping[str, str], batch: RenderBatch) -> None:
        stored = {
            "mode": batch.mode,
            "model": batch.model,
            "over_budget": batch.over_budget,
            "repeat": _flag(not batch.skips_repeats),
            "takes": str(batch.takes_per_shot),
            "profile": batch.prompt_profile,
        }
        given = {name: asked[name] for name in stored if name in asked}
        super().__init__({**stored, **given}, initial=stored)
        self._batch = batch

    def clean_model(self) -> str:
        model = str(self.cleaned_data["model"])
        if model not in ("", self._batch.model) and not PriceList().resolutions(model):
            raise forms.ValidationError("This model has no price.", code="no_price")
        return model

    @property
    def options(self) -> PlanOptions:
        self.full_clean()
        batch, chosen = self._batch, self.cleaned_data
        model = chosen.get("model", batch.model)
        return PlanOptions(
            chosen.get("mode", batch.mode),
            "" if model == default_model_of(batch.story) else model,
            chosen.get("over_budget", batch.over_budget),
            not chosen.get("repeat", not batch.skips_repeats),
            chosen.get("takes", batch.takes_per_shot),
            chosen.get("profile", batch.prompt_profile),
            stored=(
                batch.model,
                batch.over_budget,
                _flag(not batch.skips_repeats),
                str(batch.takes_per_shot),
                batch.prompt_profile,
            ),
        )


@dataclass(frozen=True)
class PlanOptions:
    """What is chosen on the plan's page, and the links that choose otherwise."""

    mode: str
    # Empty: the model of the story or of the settings.
    model: str = ""
    over_budget: str = OverBudget.FIT.value
    # Shots that have a take of the very same request are left out.
    skips_repeats: bool = False
    takes: int = 1
    # Empty: the profile of the story or of the settings.
    profile: str = ""
    # Of the draft: model, over_budget, repeat, takes and profile. Where they are not the usual
    # ones, a link has to name what is chosen instead.
    stored: tuple[str, ...] = _USUAL

    @property
    def hidden(self) -> dict[str, str]:
        """What a form or a link carries beside the mode."""
        chosen = {
            "model": self.model,
            "over_budget": self.over_budget,
            "repeat": _flag(not self.skips_repeats),
            "takes": str(self.takes),
            "profile": self.profile,
        }
        return {
            name: value
            for (name, value), stored, usual in zip(
                chosen.items(), self.stored, _USUAL, strict=True
            )
            if value != usual or stored != usual
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


def _each(price: Decimal) -> str:
    return f"{usd(price)} each" if price else "free"


@dataclass(frozen=True)
class PlanChoices:
    plan: Plan
    options: PlanOptions

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
        price = request.prices.find(
            request.backend, model.name, request.resolution, request.duration_seconds
        )
        return OptionLink(
            model.name,
            _each(price.usd) if price else usd(None),
            self._of_model(model.name),
            model.name == request.model,
            " ".join(each.sentence for each in problems),
            model.route_words,
        )

    def _of_model(self, model: str) -> str:
        usual = self.plan.request.default_model
        return link_to(replace(self.options, model="" if model == usual else model))

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
        """Only where something is limited and costs."""
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
        """A url where the page can do it: the resolution is a setting."""
        return [
            (each, OptionLink(each.words, usd(each.cost_usd), self._url(each)))
            for each in (self.shortage.choices if self.shortage else ())
        ]

    def _url(self, cheaper: Cheaper) -> str:
        if cheaper.resolution:
            return ""
        if cheaper.model:
            return self._of_model(cheaper.model)
        is_chosen = self.plan.over_budget == OverBudget.FIT
        if is_chosen:
            return ""
        return link_to(replace(self.options, over_budget=OverBudget.FIT.value))
