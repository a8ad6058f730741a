"""Generate exactly this: the page before a render's own request is sent once more. It spends money,
so it says how much and wants a click of its own."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from storybook.models import Shot
from videogen.errors import VideogenError
from videogen.exact import generate_exactly
from videogen.models import VideoRender
from videogen.money import budget_left_usd
from videogen.repeats import in_words, takes_like
from videogen.showing import usd

from .board import requester_of
from .reviews import back_to_takes, find_render
from .shown_renders import GENERATE, exact_price, price_in_words, require, show_render


def generate_exactly_this(
    model_admin: ModelAdmin, request: HttpRequest, shot_id: int, render_id: int
) -> HttpResponse:
    require(request, model_admin, GENERATE)
    render = find_render(shot_id, render_id)
    newest = VideoRender.objects.filter(shot=shot_id).aggregate(last=Max("pk"))["last"]
    price = price_in_words(exact_price(render))
    if request.method == "POST":
        seen = (request.POST.get("newest"), request.POST.get("price"))
        if seen != (str(newest), price):
            # A second click comes here, too: by then there is a newer render.
            sentence = (
                "Nothing was queued: something happened to this shot, or to the price, after you "
                "saw the page. Look at it once more."
            )
            model_admin.message_user(request, sentence, messages.WARNING)
            return back_to_takes(request, shot_id, render)
        return _queue(model_admin, request, render, price)
    left = budget_left_usd(with_queued=True)
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/exactly.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": "Generate exactly this",
            "subtitle": None,
            "opts": Shot._meta,
            "shot": render.shot,
            "story": render.shot.scenelet.story,
            "shown": show_render(render, None),
            "have": _have_already(render),
            "render": render,
            "newest": newest,
            "price": price,
            "left": "" if left is None else usd(max(left, 0)),
        },
    )


def _have_already(render: VideoRender) -> str:
    """Which take there is of this request already, or ""."""
    found = takes_like({render.shot_id: render.request_sha256}, settings.VIDEO_BACKEND)
    take = render if render.take else found.get(render.shot_id)
    return in_words(take, render.shot_id) if take else ""


def _queue(
    model_admin: ModelAdmin, request: HttpRequest, render: VideoRender, price: str
) -> HttpResponse:
    try:
        with transaction.atomic():
            queued = generate_exactly(render, requester_of(request))
            model_admin.log_addition(request, queued.batch, "Asked for: an earlier request.")
    except VideogenError as error:
        model_admin.message_user(request, error.sentence, messages.WARNING)
        return back_to_takes(request, render.shot_id, render)
    created = (
        VideoRender.objects.select_related("shot__scenelet")
        .filter(pk__in=queued.render_ids)
        .first()
    )
    model_admin.message_user(
        request, f"One video is queued, with exactly the same request · {price}.", messages.SUCCESS
    )
    return back_to_takes(request, render.shot_id, created)
