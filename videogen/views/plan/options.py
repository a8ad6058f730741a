"""What a person may choose on the plan's page beside the shots: the mode, the model, what becomes
of a batch that the budgets have no room for, and whether what there is already is rendered again.
All of it is plain links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.http import urlencode

from videogen.billing.affordability import Cheaper, OverBudget, Shortage
from videogen.catalog.capabilities import Capability
from videogen.catalog.options import default_model_of
from videogen.catalog.prices import PriceList
from videogen.common.formats import usd
from videogen.models import RenderBatch
from videogen.models.routes import Route, not_set_up
from videogen.planning.plan import Plan


@dataclass(frozen=True)
class Wishes:
    """`model` is "" for that of the story or of the settings. What the draft has stored is what is
    not asked for; `stored` are those that a link has to name to get away from them."""

    mode: str
    model: str = ""
    over_budget: str = OverBudget.FIT.value
    repeats_confirmed: bool = False
    stored: tuple[str, str, str] = ("", OverBudget.FIT.value, "0")

    @classmethod
    def of(cls, asked: Mapping[str, str], batch: RenderBatch) -> Wishes:
        mode = asked.get("mode")
        model = asked.get("model", batch.model)
        if model not in ("", batch.model) and not PriceList().resolutions(model):
            model = batch.model
        over_budget = asked.get("over_budget")
        return cls(
            RenderBatch.Mode(mode if mode in RenderBatch.Mode.values else batch.mode).value,
            "" if model == default_model_of(batch.story) else model,
            over_budget if over_budget in OverBudget.values else batch.over_budget,
            {"1": True, "0": False}.get(asked.get("repeat", ""), batch.repeats_confirmed),
            (batch.model, batch.over_budget, _flag(batch.repeats_confirmed)),
        )

    @property
    def hidden(self) -> dict[str, str]:
        """What a form or a link carries beside the mode."""
        usual = ("", OverBudget.FIT.value, "0")
        pairs = (
            ("model", self.model),
            ("over_budget", self.over_budget),
            ("repeat", _flag(self.repeats_confirmed)),
        )
        return {
            name: value
            for (name, value), stored, default in zip(pairs, self.stored, usual, strict=True)
            if value != default or stored != default
        }

    @property
    def query(self) -> str:
        return urlencode({"mode": self.mode, **self.hidden})

    @property
    def rest(self) -> str:
        """To be appended to a link that names a mode."""
        return f"&{urlencode(self.hidden)}" if self.hidden else ""

    def link(self, **changes: str | bool) -> str:
        return f"?{replace(self, **changes).query}"

    @property
    def to_resume(self) -> str:
        return self.link(mode=RenderBatch.Mode.RESUME.value)

    @property
    def with_repeats(self) -> str:
        return self.link(repeats_confirmed=True)

    @property
    def without_repeats(self) -> str:
        return self.link(repeats_confirmed=False)


def _flag(yes: bool) -> str:
    return "1" if yes else "0"


@dataclass(frozen=True)
class Choice:
    """`why`: what speaks against it, where it cannot be chosen."""

    words: str
    price: str
    url: str
    is_chosen: bool = False
    why: str = ""
    route: str = ""


@dataclass(frozen=True)
class PlanChoices:
    plan: Plan
    wishes: Wishes

    @property
    def models(self) -> list[Choice]:
        """Those with a price at this resolution, by route; none where there is no choice."""
        request = self.plan.request
        names = dict.fromkeys([*request.prices.models(request.resolution), request.model])
        found = [request.table.find(name) for name in names]
        asked = request.asked(self.plan.most_references)
        routes = list(Route.values)
        found.sort(key=lambda each: routes.index(each.route))
        choices = [
            self._model(model, [*filter(None, [not_set_up(model.route)]), *model.problems(asked)])
            for model in found
        ]
        return choices if len(choices) > 1 else []

    def _model(self, model: Capability, problems: Sequence[str]) -> Choice:
        request = self.plan.request
        price = request.prices.find(
            request.backend, model.name, request.resolution, request.duration_seconds
        )
        each = "free" if price and not price.usd else f"{usd(price and price.usd)} each"
        return Choice(
            model.name,
            each if price else usd(None),
            self._of_model(model.name),
            model.name == request.model,
            " ".join(problems),
            model.route_words,
        )

    def _of_model(self, model: str) -> str:
        usual = self.plan.request.default_model
        return self.wishes.link(model="" if model == usual else model)

    @property
    def over_budget(self) -> list[Choice]:
        """Only where something is limited and costs."""
        if not (self.plan.limits and self.plan.request.price_usd):
            return []
        return [
            Choice(
                each.label.capitalize(),
                "",
                self.wishes.link(over_budget=each.value),
                each == self.plan.over_budget,
            )
            for each in OverBudget
        ]

    @property
    def shortage(self) -> Shortage | None:
        return self.plan.shortage

    @property
    def cheaper(self) -> list[tuple[Cheaper, Choice]]:
        """A url where the page can do it: the resolution is a setting."""
        return [
            (each, Choice(each.words, usd(each.cost_usd), self._url(each)))
            for each in (self.shortage.choices if self.shortage else ())
        ]

    def _url(self, cheaper: Cheaper) -> str:
        if cheaper.resolution:
            return ""
        if cheaper.model:
            return self._of_model(cheaper.model)
        is_chosen = self.plan.over_budget == OverBudget.FIT
        return "" if is_chosen else self.wishes.link(over_budget=OverBudget.FIT.value)
