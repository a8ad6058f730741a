"""The pages "Generate exactly this" and "Promote": a render's own request is sent again.

A promotion sends the request of a draft take on the model of its story. Both cost money, so each
has a page that says how much, and a button of its own.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from storybook.models import Shot
from videogen.billing.affordability import OverBudget, Wanted, shortage
from videogen.billing.budgets import limits_for
from videogen.catalog.options import RequestSettings, extras_in_words
from videogen.catalog.prices import PriceList
from videogen.common.errors import VideogenError
from videogen.common.formats import usd
from videogen.common.task_queue import broker_problem
from videogen.models import VideoRender
from videogen.planning.duplicates import find_takes_by_request, warn_of_repeat
from videogen.planning.rerun import generate_exactly
from videogen.views.components.access import GENERATE, requester_of, require

from .render_card import Catalog, Promotion, card_of, exact_price, price_in_words, promotion_of
from .reviews import back_to_takes, find_render


def generate_exactly_this(
    model_admin: ModelAdmin[Any], request: HttpRequest, shot_id: int, render_id: int
) -> HttpResponse:
    require(request, model_admin, GENERATE)
    return _page(model_admin, request, find_render(shot_id, render_id), None)


def promote(
    model_admin: ModelAdmin[Any], request: HttpRequest, shot_id: int, render_id: int
) -> HttpResponse:
    require(request, model_admin, GENERATE)
    render = find_render(shot_id, render_id)
    promotion = promotion_of(render, Catalog.of(render.shot.scenelet.story))
    if promotion is None:
        sentence = (
            "There is nothing to promote: this is not a take that is cheaper than a final one, or "
            "the model of final takes does not take what the draft sent."
        )
        model_admin.message_user(request, sentence, messages.WARNING)
        return back_to_takes(request, shot_id, render)
    return _page(model_admin, request, render, promotion)


def _page(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    render: VideoRender,
    promotion: Promotion | None,
) -> HttpResponse:
    shot_id, model = render.shot_id, promotion.model if promotion else ""
    resolution = promotion.resolution if promotion else ""
    newest = VideoRender.objects.filter(shot=shot_id).aggregate(last=Max("pk"))["last"]
    price = price_in_words(exact_price(render, PriceList(), model, resolution))
    if request.method == "POST":
        seen = (request.POST.get("newest"), request.POST.get("price"))
        if seen != (str(newest), price):
            # A second click also ends here, for the first one has made a newer render.
            sentence = (
                "Nothing was queued: this shot or its price changed after you opened the page. "
                "Please check it again."
            )
            model_admin.message_user(request, sentence, messages.WARNING)
            return back_to_takes(request, shot_id, render)
        return _queue(model_admin, request, render, price, promotion)
    limits = limits_for(render.shot.scenelet.story_id, requester_of(request).person)
    asks = RequestSettings.of_render(render, model, resolution)
    number = len(render.references)
    wanted = Wanted(1, asks.backend, asks.model, asks.asked(number))
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/takes/rerun.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": f"Promote to {promotion.target}" if promotion else "Generate exactly this",
            "subtitle": None,
            "opts": Shot._meta,
            "shot": render.shot,
            "story": render.shot.scenelet.story,
            "shown": card_of(render, None),
            "have": _have_already(render),
            "render": render,
            "newest": newest,
            "price": price,
            "promotion": promotion,
            "draft_cost": usd(render.price_estimate_usd) if promotion else "",
            "asks": asks,
            "extras": extras_in_words(asks),
            "problems": [each.sentence for each in asks.problems(number)],
            "notes": [*asks.capability.notes, *asks.notes],
            "on_references": asks.capability.on_references(asks.resolution) if model else "",
            "short": shortage(limits, asks.prices, asks.table, wanted, OverBudget.FIT),
            "left": ", ".join(f"{usd(each.left_usd)} left in {each.words}" for each in limits),
        },
    )


def _have_already(render: VideoRender) -> str:
    """Say which take of the same request there is already, or return ""."""
    asked = (render.shot_id, render.request_sha256)
    found = find_takes_by_request([asked], settings.VIDEO_BACKEND)
    take = render if render.take else found.get(asked)
    return warn_of_repeat(take, render.shot) if take else ""


def _queue(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    render: VideoRender,
    price: str,
    promotion: Promotion | None,
) -> HttpResponse:
    named = (
        {"model": promotion.model, "resolution": promotion.resolution}
        if promotion
        else {"model": "", "resolution": ""}
    )
    try:
        with transaction.atomic():
            queued = generate_exactly(render, requester_of(request), **named)
            other = f", on {promotion.target}" if promotion else ""
            asked = f"Asked for: an earlier request{other}."
            model_admin.log_addition(request, queued.batch, asked)
    except VideogenError as error:
        model_admin.message_user(request, error.sentence, messages.WARNING)
        return back_to_takes(request, render.shot_id, render)
    created = (
        VideoRender.objects.select_related("shot__scenelet")
        .filter(pk__in=queued.render_ids)
        .first()
    )
    how = "with exactly the same request"
    if promotion:
        how = f"on {promotion.target}, with the same prompt and pictures"
    model_admin.message_user(request, f"One video is queued, {how} · {price}.", messages.SUCCESS)
    if problem := broker_problem():
        model_admin.message_user(request, problem, messages.WARNING)
    return back_to_takes(request, render.shot_id, created)
