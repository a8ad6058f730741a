"""Two takes of a shot side by side, and what differs between them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from storybook.models import Shot
from videogen.models import VideoRender
from videogen.views.components.access import GENERATE, REVIEW, require

from .render_card import card_of


def compare_takes(
    model_admin: ModelAdmin[VideoRender], request: HttpRequest, shot_id: int
) -> HttpResponse:
    """Compare takes `a` and `b`, by default the two newest; go back if there are not two takes."""
    require(request, model_admin)
    shot = get_object_or_404(Shot.objects.select_related("scenelet__story"), pk=shot_id)
    takes = list(
        shot.renders.filter(state=VideoRender.State.DONE)
        .order_by("take")
        .prefetch_related("submissions")
    )
    if len(takes) < 2:
        words = f"{shot} has {'one take' if takes else 'no take'}: there is nothing to compare yet."
        model_admin.message_user(request, words, messages.INFO)
        return HttpResponseRedirect(reverse("admin:storybook_shot_takes", args=[shot.pk]))
    left, right = _asked_pair(request, takes)
    old, new = sorted((left, right), key=lambda each: each.pk)
    approved = next((each for each in takes if each.review == VideoRender.Review.APPROVED), None)
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/takes/compare.html",
        {
            **model_admin.admin_site.each_context(request),
            # Two players side by side need the width.
            "is_nav_sidebar_enabled": False,
            "title": f"Takes {left.take} and {right.take} of {shot}",
            "subtitle": None,
            "opts": Shot._meta,
            "shot": shot,
            "scenelet": shot.scenelet,
            "story": shot.scenelet.story,
            "sides": [("a", card_of(left, None)), ("b", card_of(right, None))],
            "shown": card_of(new, old),
            "takes": takes,
            "may_review": request.user.has_perm(REVIEW),
            "can_retake": request.user.has_perms([REVIEW, GENERATE]),
            "reject_reasons": VideoRender.RejectReason.choices,
            "locked_by": approved,
        },
    )


def _asked_pair(
    request: HttpRequest, takes: Sequence[VideoRender]
) -> tuple[VideoRender, VideoRender]:
    """Return the two takes that were asked for. Http404 if they are not two takes of this shot."""
    if "a" not in request.GET and "b" not in request.GET and len(takes) > 1:
        return takes[-2], takes[-1]
    by_pk = {str(take.pk): take for take in takes}
    left, right = by_pk.get(request.GET.get("a", "")), by_pk.get(request.GET.get("b", ""))
    if left is None or right is None or left is right:
        raise Http404("These are not two takes of this shot.")
    return left, right
