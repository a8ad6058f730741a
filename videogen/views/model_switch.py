"""The page that moves queued renders to another model: what that costs, and which renders stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import ngettext

from videogen.catalog.capabilities import ModelTable
from videogen.catalog.missing_models import missing_model, models_of_account
from videogen.catalog.prices import PriceList
from videogen.common.errors import RequestError
from videogen.common.formats import usd
from videogen.lanes.pauses import BY_PERSON
from videogen.models import Lane, RenderBatch, VideoRender
from videogen.planning.model_switch import (
    Move,
    RenderMove,
    choices,
    movable,
    move_queued,
    plan_move,
    renders_to_move,
)

from .components.access import requester_of


def move_renders(model_admin: ModelAdmin[Any], request: HttpRequest, lane: Lane) -> HttpResponse:
    if request.method == "POST":
        done = _move(model_admin, request, lane)
        if done is not None:
            return done
    asked = request.POST if request.method == "POST" else request.GET
    page = ModelSwitchPage(lane, asked.get("from", ""), asked.get("to", ""))
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/model_switch/page.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": "Move queued renders to another model",
            "subtitle": None,
            "opts": Lane._meta,
            "lane": lane,
            "page": page,
        },
    )


def _move(model_admin: ModelAdmin[Any], request: HttpRequest, lane: Lane) -> HttpResponse | None:
    """Move the renders. Returns None if nothing was moved: then the page is shown again."""
    source, model = request.POST.get("from", ""), request.POST.get("to", "")
    try:
        with transaction.atomic():
            seen = request.POST.get("seen", "")
            move = move_queued(lane, source, model, requester_of(request), seen=seen)
            words = f"{_renders(len(move.going))} from {source} to {model} · {_prices(move)}"
            model_admin.log_change(request, lane, f"Moved {words}.")
            ids = {row.render.batch_id for row in move.going}
            for batch in RenderBatch.objects.filter(pk__in=ids).order_by("pk"):
                number = sum(row.render.batch_id == batch.pk for row in move.going)
                of_batch = f"Moved {_renders(number)} from {source} to {model}."
                model_admin.log_change(request, batch, of_batch)
    except RequestError as error:
        messages.warning(request, error.sentence)
        return None
    messages.success(request, f"Moved {words}. {_what_now(move)}")
    if move.staying:
        sentence = f"{_renders(len(move.staying))} stayed: {move.staying[0].problems[0].sentence}"
        messages.warning(request, sentence)
    return HttpResponseRedirect(reverse("admin:videogen_lane_change", args=[lane.pk]))


def _what_now(move: Move) -> str:
    """Say whether the lane that the renders are queued in now sends them."""
    lane = Lane.objects.get(name=move.going[0].request.backend)
    if not lane.paused_at:
        return "They are sent when it is their turn."
    if lane.pause_code == BY_PERSON:
        return "The queue is still paused."
    return f"The queue of {lane} is stopped: {lane.pause_reason}"


@dataclass(frozen=True)
class ModelChoice:
    """A model that the renders could move to."""

    move: Move
    is_of_account: bool
    is_chosen: bool
    url: str

    @property
    def price(self) -> str:
        """The price of one video, or the lowest and the highest."""
        prices = {row.request.price_usd for row in self.move.rows}
        known = sorted(each for each in prices if each is not None)
        if not known:
            return "no price known"
        if self.move.is_simulated:
            return "free"
        return usd(known[0]) if len(known) == 1 else f"{usd(known[0])} to {usd(known[-1])}"

    @property
    def total(self) -> str:
        return usd(self.move.cost_usd) if self.move.going else "–"

    @property
    def difference(self) -> str:
        return _signed(self.move.more_usd) if self.move.going else "–"

    @property
    def outcome(self) -> str:
        """How many renders move, and what happens to their pictures."""
        move = self.move
        if not move.staying:
            return _each_once(row.references for row in move.going)
        reason = move.staying[0].problems[0].sentence
        if not move.going:
            return f"all stay: {reason}"
        return f"{len(move.going)} move, {len(move.staying)} stay: {reason}"


@dataclass(frozen=True)
class MoveRow:
    row: RenderMove

    @property
    def was(self) -> str:
        return usd(self.row.price_was)

    @property
    def then(self) -> str:
        return usd(self.row.request.price_usd)

    @property
    def batch_url(self) -> str:
        return reverse("admin:videogen_renderbatch_progress", args=[self.row.render.batch_id])


class ModelSwitchPage:
    """The choice of a new model, and once one was chosen, what the move does with each render.

    `source` is the model that the renders have now. By default it is the model that the lane is
    stopped for. `target` is the model that was chosen, or "".
    """

    def __init__(self, lane: Lane, source: str, target: str) -> None:
        self.lane = lane
        self.queued = movable(lane)
        default = missing_model(lane) or next(iter(self.queued), "")
        self.source = source if source in self.queued else default
        self._target = target

    @property
    def sources(self) -> list[tuple[str, int, str]]:
        """The models that renders are queued for, if there are several: name, number, address."""
        if len(self.queued) < 2:
            return []
        return [(name, number, self._url(name)) for name, number in self.queued.items()]

    @cached_property
    def choices(self) -> list[ModelChoice]:
        return [
            ModelChoice(move, known, move.model == self._target, self._url(self.source, move.model))
            for move, known in choices(self._renders, self._models, self._account)
        ]

    @cached_property
    def move(self) -> Move | None:
        if self._target not in self._models:
            return None
        return plan_move(self._renders, self._target)

    @property
    def rows(self) -> list[MoveRow]:
        return [MoveRow(row) for row in self.move.rows] if self.move else []

    @property
    def was(self) -> str:
        return usd(sum((each.price_estimate_usd for each in self._renders), Decimal(0)))

    @property
    def number(self) -> int:
        return len(self._renders)

    @property
    def button(self) -> str:
        move = self.move
        if move is None:
            return ""
        if not move.going:
            return f"Nothing can move to {move.model}"
        return f"Move {_renders(len(move.going))} to {move.model} · {_prices(move)}"

    @property
    def left(self) -> str:
        """What is left in the budget that has the least room for the move."""
        if self.move is None or not self.move.budget_impacts:
            return ""
        limit = self.move.budget_impacts[0].limit
        return f"{usd(limit.left_usd)} left in {limit.words}"

    @cached_property
    def _renders(self) -> Sequence[VideoRender]:
        return list(renders_to_move(self.lane, self.source))

    @cached_property
    def _account(self) -> list[str]:
        return models_of_account(self.lane)

    @cached_property
    def _models(self) -> list[str]:
        """The models of the account, of the table of models, and of the price list."""
        prices = PriceList()
        priced = {name for each in self._renders for name in prices.models(each.resolution)}
        names = dict.fromkeys([*self._account, *ModelTable().names(), *sorted(priced)])
        return [each for each in names if each != self.source]

    def _url(self, source: str, target: str = "") -> str:
        query = {"from": source} | ({"to": target} if target else {})
        url = reverse("admin:videogen_lane_move", args=[self.lane.pk])
        return f"{url}?{urlencode(query)}"


def _renders(number: int) -> str:
    return ngettext("%d render", "%d renders", number) % number


def _prices(move: Move) -> str:
    return f"{usd(move.cost_usd)}, was {usd(move.was_usd)}"


def _signed(amount: Decimal) -> str:
    if not amount:
        return "the same"
    return f"{usd(abs(amount))} {'more' if amount > 0 else 'less'}"


def _each_once(words: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(words))
