"""One verdict on the newest take of each selected shot: on the board, and in the list of shots.

A final take takes the place of the approved draft that it was promoted from. Against another
approved take an approval does nothing, because nobody looks at the two when many are judged.

Each shot is a transaction of its own, and one message tells what became of all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import ngettext

from storybook.models import Shot
from videogen.catalog.prices import PriceList
from videogen.common.errors import ReviewError
from videogen.models import VideoRender, states
from videogen.planning.promotions import is_final_of
from videogen.planning.shot_status import current_standings
from videogen.takes.verdicts import give_verdict
from videogen.views.components.access import signed_in

Review = VideoRender.Review

APPROVE, REJECT = "approve", "reject"
_REVIEWS = {APPROVE: Review.APPROVED, REJECT: Review.REJECTED}
# What is told of a shot that was left out, and of several.
_LEFT_OUT = {
    "no_take": ("has no take", "have no take"),
    "no_video": ("has no video", "have no video"),
    "already": ("is {review} already", "are {review} already"),
    "approved": ("has an approved take", "have an approved take"),
    "decided": ("got another verdict meanwhile", "got another verdict meanwhile"),
    "changed": ("was changed meanwhile", "were changed meanwhile"),
}
# What a form that asks why sends when it is answered.
ANSWERED = "answered"


def judge_shots(
    model_admin: ModelAdmin[Any], request: HttpRequest, shots: QuerySet[Shot], verb: str
) -> None:
    """Give the verdict, and tell how many shots it was given to and why others were left out."""
    review = _REVIEWS[verb]
    chosen = list(shots.order_by().values_list("pk", flat=True))
    standings = current_standings(shot__in=chosen).select_related("newest_take__shot__scenelet")
    takes = {each.shot_id: each.newest_take for each in standings}
    approved = _approved_takes(chosen) if review == Review.APPROVED else {}
    prices = PriceList()
    done, left_out = 0, Counter[str]()
    for shot in chosen:
        take = takes.get(shot)
        if take is None:
            left_out["no_take"] += 1
        elif take.review == review:
            left_out["already"] += 1
        elif (other := approved.get(shot)) and not is_final_of(take, other, prices):
            left_out["approved"] += 1
        else:
            try:
                _judge(model_admin, request, take, review, other.pk if other else None)
                done += 1
            except ReviewError as error:
                if error.code not in _LEFT_OUT:
                    # What is wrong with the form is so for all of them.
                    messages.error(request, error.sentence)
                    break
                left_out[error.code] += 1
    if done:
        words = ngettext("%d take is %s.", "%d takes are %s.", done) % (done, review.label)
        messages.success(request, words)
    if left_out:
        number = left_out.total()
        reasons = ", ".join(
            f"{count} {ngettext(*_LEFT_OUT[code], count).format(review=review.label)}"
            for code, count in left_out.items()
        )
        words = ngettext("%d shot was left out: %s.", "%d shots were left out: %s.", number)
        messages.warning(request, words % (number, reasons))
    if not chosen:
        messages.warning(request, "Nothing was selected. Select the shots first.")


def _approved_takes(shots: Iterable[int]) -> dict[int, VideoRender]:
    takes = VideoRender.objects.filter(shot__in=shots, review=Review.APPROVED)
    return {each.shot_id: each for each in takes.without_heavy_columns(keep=["prompt_text"])}


def _judge(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    take: VideoRender,
    review: states.Review,
    instead_of: int | None,
) -> None:
    with transaction.atomic():
        give_verdict(
            take,
            signed_in(request),
            review,
            seen=take.review,
            words=request.POST.get("reason", ""),
            reasons=request.POST.getlist("reasons"),
            instead_of=instead_of,
        )
        words = f"{take.shot.code}, take {take.take}, is {review.label}."
        model_admin.log_change(request, take, words)


def ask_why(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    number: int,
    hidden: Sequence[tuple[str, object]],
    cancel_url: str,
    *,
    can_retake: bool = False,
) -> HttpResponse:
    """Show the page on which the person says what is wrong with all of these shots' takes. It posts
    the fields of `hidden` to the address that it was asked for by, and `retake` if a plan is to
    follow, which is offered only if they `can_retake`."""
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/review/reject_many.html",
        {
            **model_admin.admin_site.each_context(request),
            "is_nav_sidebar_enabled": False,
            "title": ngettext(
                "Reject the newest take of %d shot", "Reject the newest takes of %d shots", number
            )
            % (number),
            "subtitle": None,
            "hidden": [*hidden, (ANSWERED, "yes")],
            "cancel_url": cancel_url,
            "can_retake": can_retake,
            "reject_reasons": VideoRender.RejectReason.choices,
        },
    )


def is_answered(request: HttpRequest) -> bool:
    return ANSWERED in request.POST


def as_one_field(shots: Iterable[int]) -> str:
    """The shots as one field, for servers refuse forms with thousands of fields."""
    return ",".join(map(str, shots))
