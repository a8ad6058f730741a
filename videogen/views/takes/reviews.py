"""What a person says about one render: the buttons of a card, and the upload of a video.

Each button is a POST. Its answer is one message on the page that the button is on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import ngettext

from storybook.models import Shot
from videogen.common.errors import RequestError, VideogenError
from videogen.models import RenderBatch, VideoRender
from videogen.models.batches import CREATE_SHOT_VIDEO
from videogen.planning.batch_actions import cancel_render
from videogen.planning.enqueue import queue_renders
from videogen.planning.modes import Action
from videogen.planning.plan import plan_shots
from videogen.recovery import decisions
from videogen.takes import reviews
from videogen.takes.uploads import upload_take
from videogen.views.components.access import GENERATE, REVIEW, requester_of, require, signed_in
from videogen.views.components.shot_filters import number
from videogen.views.components.urls import decide_url, next_page


@dataclass(frozen=True)
class Verb:
    """What one button does."""

    permission: str
    # Raises VideogenError, or returns False, if the render does not allow it.
    act: Callable[[HttpRequest, VideoRender], object]
    # The message and the entry of the log, with a place for the name of the take.
    done: str


def find_render(shot_id: int, render_id: int) -> VideoRender:
    """Return the render, or raise Http404 if it is not a render of this shot."""
    renders = VideoRender.objects.select_related("shot__scenelet__story", "batch", "lane")
    renders = renders.defer("batch__plan", "batch__filters")
    return get_object_or_404(renders, pk=render_id, shot=shot_id)


def act_on_render(
    model_admin: ModelAdmin[VideoRender],
    request: HttpRequest,
    shot_id: int,
    render_id: int,
    name: str,
) -> HttpResponse:
    if name in DECIDED_ON_A_PAGE:
        # A page that was opened long ago may still have the button.
        require(request, model_admin, GENERATE)
        render = find_render(shot_id, render_id)
        return HttpResponseRedirect(decide_url(name, [render.pk], next_page(request)))
    if name not in VERBS:
        raise Http404
    verb = VERBS[name]
    require(request, model_admin, verb.permission)
    render = find_render(shot_id, render_id)
    done = verb.done.format(name_of(render))
    try:
        # One transaction: a refusal leaves nothing behind, and no change is without its log entry.
        with transaction.atomic():
            if verb.act(request, render) is False:
                raise RequestError(
                    "Nothing was done: the render has changed since you opened the page."
                )
            model_admin.log_change(request, render, done)
    except VideogenError as error:
        model_admin.message_user(request, error.sentence, messages.WARNING)
    else:
        model_admin.message_user(request, done, messages.SUCCESS)
    return back_to_takes(request, shot_id, render)


def upload(
    model_admin: ModelAdmin[VideoRender], request: HttpRequest, shot_id: int
) -> HttpResponse:
    require(request, model_admin, REVIEW)
    shot = get_object_or_404(Shot.objects.select_related("scenelet__story"), pk=shot_id)
    file = request.FILES.get("video")
    render = None
    try:
        if file is None:
            raise RequestError("Choose a file first. It must be an MP4 video.")
        render = upload_take(shot, file, requester_of(request))
    except VideogenError as error:
        model_admin.message_user(request, error.sentence, messages.WARNING)
    else:
        model_admin.log_addition(request, render, "Uploaded.")
        done = f"{name_of(render)} is the uploaded video. The story uses it once it is selected."
        model_admin.message_user(request, done, messages.SUCCESS)
    return back_to_takes(request, shot_id, render)


def back_to_takes(
    request: HttpRequest, shot_id: int, render: VideoRender | None = None
) -> HttpResponse:
    """Redirect to the page that the form names as `next`, or to the takes of the shot.

    `next` is followed only within this site.
    """
    if following := next_page(request):
        return HttpResponseRedirect(following)
    place = f"#render-{render.pk}" if render else ""
    return HttpResponseRedirect(reverse("admin:storybook_shot_takes", args=[shot_id]) + place)


def name_of(render: VideoRender) -> str:
    return f"Take {render.take}" if render.take else f"Render {render.pk}"


# -- the verbs -------------------------------------------------------------------------------------


def _select(request: HttpRequest, render: VideoRender) -> None:
    reviews.select_take(render, signed_in(request))


def _approve(request: HttpRequest, render: VideoRender) -> None:
    instead_of = number(request.POST.get("instead_of", "")) or None
    if stopped := reviews.approve_take(render, signed_in(request), instead_of=instead_of):
        words = ngettext(
            "%d other take of the shot was not sent yet: it is cancelled, and costs nothing.",
            "%d other takes of the shot were not sent yet: they are cancelled, and cost nothing.",
            stopped,
        )
        messages.info(request, words % stopped)


def _unlock(request: HttpRequest, render: VideoRender) -> None:
    reviews.unlock_take(render, signed_in(request))


def _reject(request: HttpRequest, render: VideoRender) -> None:
    reviews.reject_take(
        render,
        signed_in(request),
        request.POST.get("reason", ""),
        request.POST.getlist("reasons"),
    )


def _clear(request: HttpRequest, render: VideoRender) -> None:
    reviews.clear_review(render, signed_in(request))


def _look_again(request: HttpRequest, render: VideoRender) -> object:
    return decisions.look_again(render)


def _take_back(request: HttpRequest, render: VideoRender) -> object:
    return decisions.take_back(render)


def _attach_link(request: HttpRequest, render: VideoRender) -> object:
    return decisions.attach_link(render, request.POST.get("link", ""), requester_of(request))


def resume_render(request: HttpRequest, render: VideoRender) -> None:
    """Resume the render, which never costs anything: nothing but this very render is queued."""
    shot = render.shot
    shots = Shot.objects.filter(pk=shot.pk)
    plan = plan_shots(shot.scenelet.story, shots, RenderBatch.Mode.RESUME, are_named=True)
    own = [row for row in plan.rows if row.cause and row.cause.pk == render.pk]
    row = (own or plan.rows)[0]
    if not own or row.decision.action not in (Action.RESUME, Action.DOWNLOAD):
        raise RequestError(f"Nothing was resumed: {row.decision.reason}.")
    # Without a prompt, no new render can be queued, whatever changes in the meantime.
    plan = replace(plan, rows=(replace(row, prompt=None),))
    queued = queue_renders(
        plan, requester_of(request), task=CREATE_SHOT_VIDEO, filters={"shots": [shot.pk]}
    )
    [(row, _)] = queued.rows
    if render.pk not in queued.render_ids:
        raise RequestError(f"Nothing was resumed: {row.decision.reason}.")


def _cancel(request: HttpRequest, render: VideoRender) -> None:
    cancel_render(render, signed_in(request))


# The verbs that have a page of their own: see views/decisions.py.
DECIDED_ON_A_PAGE = ("allow-new", "give-up")

VERBS = {
    "select": Verb(REVIEW, _select, "{} is selected: the story uses it."),
    "approve": Verb(REVIEW, _approve, "{} is approved. The shot is locked."),
    "unlock": Verb(REVIEW, _unlock, "{} is unlocked. It stays selected."),
    "reject": Verb(REVIEW, _reject, "{} is rejected."),
    "undo": Verb(REVIEW, _clear, "{} is unreviewed again."),
    "look-again": Verb(GENERATE, _look_again, "{}: the API is asked again."),
    "attach-link": Verb(GENERATE, _attach_link, "{}: the video is downloaded from your link."),
    "resume": Verb(
        GENERATE, resume_render, "{} continues where it stopped. Nothing is paid twice."
    ),
    "cancel": Verb(GENERATE, _cancel, "{} is cancelled. It was neither sent nor paid for."),
    "take-back": Verb(GENERATE, _take_back, "{} waits for a decision again."),
}
