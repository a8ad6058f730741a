"""The review room: one take at a time, and the verdicts on it.

The server shows the take whole, and its forms lead to the next one. The script of the page takes
over from there: it asks for the queue in parts, and sends the verdicts without another page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import ngettext

from videogen.common.errors import ReviewError
from videogen.models import VideoRender
from videogen.models.states import BadgeWord
from videogen.models.take_notes import MOST_CHARACTERS
from videogen.planning.shot_status import standings_at_work
from videogen.takes.verdicts import BUILT_ON, DECIDED, NOT_YOURS, Before, give_verdict, take_back
from videogen.views.components.access import GENERATE, REVIEW, require, signed_in
from videogen.views.components.notes import note_rights
from videogen.views.components.shot_filters import number

from .queue import PAGE, Entry, Filters, Queue, entries_of, place_of

Review = VideoRender.Review

VERBS = {"approve": Review.APPROVED, "reject": Review.REJECTED, "select": Review.SELECTED}
UNDO = "undo"
# The last verdicts of a person, in their session: what taking them back needs.
GIVEN = "verdicts"
MOST_GIVEN = 30


def show_room(model_admin: ModelAdmin[VideoRender], request: HttpRequest) -> HttpResponse:
    """Show the take that the address names as `take`, or the next one after the take `after`, or
    the first."""
    require(request, model_admin)
    filters = Filters.of(request)
    filters.tell_of_ignored(request)
    queue = Queue(filters)
    entry, at = _asked(request, queue)
    previous, following = _beside(queue, entry, at)
    may_review = request.user.has_perm(REVIEW)
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/review/page.html",
        {
            **model_admin.admin_site.each_context(request),
            "is_nav_sidebar_enabled": False,
            "title": "Review",
            "subtitle": None,
            "filters": filters,
            "waits": len(queue),
            "place": None if at is None else at + 1,
            "previous": filters.url(take=previous) if previous else "",
            "following": filters.url(take=following) if following else "",
            "queue_url": filters.url("videogen_review_queue"),
            "may_review": may_review,
            "entry": entry,
            **(_entry_context(request, entry, filters) if entry else {}),
            **(_undo_context(request, entry, filters) if may_review else {}),
        },
    )


def queue_part(model_admin: ModelAdmin[VideoRender], request: HttpRequest) -> JsonResponse:
    """Send a part of the queue: at most PAGE takes from the one at `start` on, or around the take
    `take`. A take that is named and not in the queue comes alone."""
    require(request, model_admin)
    filters = Filters.of(request)
    queue = Queue(filters)
    start = number(request.GET.get("start", ""))
    take = number(request.GET.get("take", ""))
    keys = queue.window(start)
    if take:
        at = queue.index(take)
        start = -1 if at is None else max(at - PAGE // 5, 0)
        keys = [take] if at is None else queue.window(start)
    entries = entries_of(keys)
    token = get_token(request)
    return JsonResponse(
        {
            "start": start,
            "total": len(queue),
            "entries": [_as_json(request, each, filters, token) for each in entries],
        }
    )


def judge(
    model_admin: ModelAdmin[VideoRender], request: HttpRequest, render_id: int, name: str
) -> HttpResponse:
    """Give a verdict, or take it back. A script is answered in JSON, a form by the next take."""
    require(request, model_admin, REVIEW)
    if name not in (*VERBS, UNDO):
        raise Http404
    renders = VideoRender.objects.select_related("shot__scenelet").without_heavy_columns()
    render = get_object_or_404(renders, pk=render_id)
    title = f"{render.shot.code}, take {render.take},"
    stopped, refusal, words = 0, None, ""
    try:
        # No change is without its entry in the log.
        with transaction.atomic():
            if name == UNDO:
                _undo(request, render)
                words = f"{title} is {render.get_review_display()} again."
            else:
                stopped = _give(request, render, name)
                words = f"{title} is {render.get_review_display()}."
            model_admin.log_change(request, render, words)
    except ReviewError as error:
        refusal, words = error.code or "refused", error.sentence
    if stopped:
        words += " " + ngettext(
            "%d other take that was not sent yet is cancelled.",
            "%d other takes that were not sent yet are cancelled.",
            stopped,
        ) % (stopped)
    if request.accepts("text/html"):
        level = messages.WARNING if refusal else messages.SUCCESS
        model_admin.message_user(request, words, level)
        return HttpResponseRedirect(_next_url(request, render, name, is_refused=bool(refusal)))
    waiting = standings_at_work(BadgeWord.NEEDS_REVIEW).count()
    answer = {"words": words, "review": render.review, "waiting": waiting}
    if refusal:
        is_told = refusal in (DECIDED, NOT_YOURS, BUILT_ON)
        return JsonResponse(answer | {"code": refusal}, status=409 if is_told else 422)
    return JsonResponse(answer)


def _give(request: HttpRequest, render: VideoRender, name: str) -> int:
    before, stopped = give_verdict(
        render,
        signed_in(request),
        VERBS[name],
        seen=request.POST.get("seen", ""),
        words=request.POST.get("reason", ""),
        reasons=request.POST.getlist("reasons"),
        instead_of=number(request.POST.get("instead_of", "")) or None,
    )
    given = [each for each in request.session.get(GIVEN, []) if each["render"] != render.pk]
    given.append({"render": render.pk, **asdict(before)})
    request.session[GIVEN] = given[-MOST_GIVEN:]
    return stopped


def _undo(request: HttpRequest, render: VideoRender) -> None:
    given = request.session.get(GIVEN, [])
    kept = next((each for each in given if each["render"] == render.pk), None)
    if kept is None:
        raise ReviewError("There is no verdict of yours to take back.", code=NOT_YOURS)
    values = {name: value for name, value in kept.items() if name != "render"}
    take_back(render, signed_in(request), Before(**values))
    request.session[GIVEN] = [each for each in given if each is not kept]
    render.refresh_from_db(fields=["review"])


def _last_given(request: HttpRequest) -> VideoRender | None:
    """The take of the person's last verdict. At most one query."""
    given = request.session.get(GIVEN, [])
    if not given:
        return None
    renders = VideoRender.objects.select_related("shot__scenelet")
    return renders.without_heavy_columns().filter(pk=given[-1]["render"]).first()


def _undo_context(request: HttpRequest, entry: Entry | None, filters: Filters) -> dict[str, Any]:
    """The form that takes the last verdict back. Before there is one, the script fills it."""
    last = _last_given(request)
    taken_back = last or (entry.render if entry else None)
    url = _judge_url(taken_back, UNDO, filters) if taken_back else ""
    return {"last": last, "undo_url": url}


def _judge_url(render: VideoRender, verb: str, filters: Filters) -> str:
    args = [render.pk, verb]
    return reverse("admin:videogen_review_judge", args=args, query=filters.query)


def _next_url(
    request: HttpRequest, render: VideoRender, name: str, *, is_refused: bool = False
) -> str:
    filters = Filters.of(request)
    stays = name in (UNDO, "select") or is_refused
    return filters.url(take=render.pk) if stays else filters.url(after=render.pk)


def _asked(request: HttpRequest, queue: Queue) -> tuple[Entry | None, int | None]:
    """The take to show, and its place in the queue if it is there."""
    take = number(request.GET.get("take", ""))
    if take and (found := entries_of([take])):
        return found[0], queue.index(take)
    at = 0
    after = number(request.GET.get("after", ""))
    if after and (place := place_of(after)):
        at = queue.after(place) % max(len(queue), 1)
    found = entries_of(queue.keys(at, at + 1))
    return (found[0], at) if found else (None, None)


def _beside(queue: Queue, entry: Entry | None, at: int | None) -> tuple[int | None, int | None]:
    """The takes before and after in the queue, also of a take that is not in it."""
    if entry is None:
        return None, None
    if at is None:
        place = place_of(entry.render.pk)
        following = queue.after(place) if place else 0
        previous = following - 1
    else:
        previous, following = at - 1, at + 1
    return (
        next(iter(queue.keys(previous, previous + 1)), None),
        next(iter(queue.keys(following, following + 1)), None),
    )


def _entry_context(request: HttpRequest, entry: Entry, filters: Filters) -> dict[str, Any]:
    render = entry.render
    address = [entry.shot.pk, render.pk]
    here = filters.url(take=render.pk)
    return {
        "entry": entry,
        "card": entry.card,
        "render": render,
        "shot": entry.shot,
        "filters": filters,
        "may_review": request.user.has_perm(REVIEW),
        "can_retake": request.user.has_perms([REVIEW, GENERATE]),
        "retake_url": reverse(
            "admin:videogen_takes_retake",
            args=address,
            query={"next": filters.url(after=render.pk), "back": here},
        ),
        **note_rights(request),
        "most_note_characters": MOST_CHARACTERS,
        "reject_reasons": VideoRender.RejectReason.choices,
        **{f"{verb}_url": _judge_url(render, verb, filters) for verb in VERBS},
        "here": here,
        "strip_url": filters.url(take=""),
    }


_PARTS = ("checks", "strip", "side", "verdict")


def _as_json(request: HttpRequest, entry: Entry, filters: Filters, token: str) -> dict[str, Any]:
    context = _entry_context(request, entry, filters) | {"csrf_token": token}
    render, card, other = entry.render, entry.card, entry.compared
    return {
        "render": render.pk,
        "shot": entry.shot.pk,
        "code": entry.shot.code,
        "place": f"{entry.shot.scenelet} · {entry.shot.scenelet.story}",
        "take": render.take,
        "review": render.review,
        "poster": card.poster_url,
        "clip": card.video_url,
        "fps": render.fps or 24,
        "notes": [each.as_dict() for each in entry.notes],
        "frame": entry.frame,
        "other": {"words": other.words, "poster": other.poster, "clip": other.clip}
        if other
        else None,
        "parts": _rendered(_PARTS, context),
    }


def _rendered(names: Sequence[str], context: dict[str, Any]) -> dict[str, str]:
    return {name: render_to_string(f"admin/videogen/review/{name}.html", context) for name in names}
