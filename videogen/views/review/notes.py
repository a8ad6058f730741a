"""What is posted about notes, from the review room and from the takes of a shot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from videogen.common.errors import RequestError
from videogen.models import TakeNote, VideoRender
from videogen.takes import notes
from videogen.views.components.access import DIRECT, require, signed_in
from videogen.views.components.notes import ADD, SETTLE
from videogen.views.components.urls import next_page


def add(model_admin: ModelAdmin[VideoRender], request: HttpRequest, render_id: int) -> HttpResponse:
    """Keep a note on the take. `frame` says where, or `time` in a person's words."""
    require(request, model_admin, ADD)
    renders = VideoRender.objects.select_related("shot__scenelet").without_heavy_columns()
    render = get_object_or_404(renders, pk=render_id)

    def act() -> str:
        given = request.POST
        frame = given.get("frame", "")
        at = (
            int(frame)
            if frame.isascii() and frame.isdigit() and len(frame) < 8
            else notes.frame_of(given.get("time", ""), render)
        )
        area = notes.Area.read(given)
        note = notes.add_note(
            render, signed_in(request), given.get("text", ""), frame=at, area=area
        )
        return f"The note stands at {note.timecode}."

    return _answered(model_admin, request, render, act)


@dataclass(frozen=True)
class Verb:
    """What one button of a note does, and who may press it."""

    permissions: tuple[str, ...]
    # Returns the message. Raises RequestError where nothing is done.
    act: Callable[[HttpRequest, TakeNote], str]


def act_on_note(
    model_admin: ModelAdmin[VideoRender], request: HttpRequest, note_id: int, verb: str
) -> HttpResponse:
    require(request, model_admin)
    if verb not in VERBS:
        raise Http404
    require(request, model_admin, *VERBS[verb].permissions)
    found = TakeNote.objects.notes().select_related("render__shot__scenelet__story")
    note = get_object_or_404(found, pk=note_id)
    return _answered(model_admin, request, note.render, lambda: VERBS[verb].act(request, note))


def _answered(
    model_admin: ModelAdmin[VideoRender],
    request: HttpRequest,
    render: VideoRender,
    act: Callable[[], str],
) -> HttpResponse:
    """Do it, and answer a script in JSON, a form by the page that it is on."""
    refusal = ""
    try:
        # No change is without its entry in the log.
        with transaction.atomic():
            words = act()
            model_admin.log_change(request, render, words)
    except RequestError as error:
        refusal, words = error.code or "refused", error.sentence
    if request.accepts("text/html"):
        level = messages.WARNING if refusal else messages.SUCCESS
        model_admin.message_user(request, words, level)
        room = reverse("admin:videogen_review", query={"take": render.pk})
        return HttpResponseRedirect(next_page(request) or room)
    answer = {"words": words}
    return JsonResponse(answer | {"code": refusal}, status=422) if refusal else JsonResponse(answer)


def _reply(request: HttpRequest, note: TakeNote) -> str:
    notes.reply_to(note, signed_in(request), request.POST.get("text", ""))
    return f"You replied to the note at {note.timecode}."


def _done(request: HttpRequest, note: TakeNote) -> str:
    if not notes.settle(note, signed_in(request)):
        raise RequestError("Nothing was changed: the note is done already.", code="changed")
    return f"The note at {note.timecode} is done."


def _reopen(request: HttpRequest, note: TakeNote) -> str:
    if not notes.reopen(note):
        raise RequestError("Nothing was changed: the note is open already.", code="changed")
    return f"The note at {note.timecode} is open again."


def _direct(request: HttpRequest, note: TakeNote) -> str:
    notes.make_direction(note, signed_in(request))
    return f"The note at {note.timecode} is a direction of the shot now: the next prompts have it."


VERBS = {
    "reply": Verb((ADD,), _reply),
    "done": Verb((SETTLE,), _done),
    "reopen": Verb((SETTLE,), _reopen),
    "direct": Verb((SETTLE, *DIRECT), _direct),
}
