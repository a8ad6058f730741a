"""The page on which a person decides about renders that may have been paid for: giving them up, or
saying that they were not accepted. One click must not decide about money, so the page says first
which shots these are, what is at stake, how long the clips are kept and what the API was asked.

Beside it, what one button does to all renders of a kind: to go on with them, which costs nothing,
and to take a decision back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import ngettext

from videogen.common.errors import VideogenError
from videogen.common.formats import usd
from videogen.models import VideoRender
from videogen.models.states import RESUMABLE, STUCK
from videogen.recovery import decisions
from videogen.recovery.unresolved import LastAnswers, asked_last

from .components.access import GENERATE, require, signed_in
from .components.badges import Badge, badge_of_state, badge_of_time_left
from .components.urls import next_page
from .takes.reviews import resume_render

State = VideoRender.State

# So many renders can be decided about at once.
MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Question:
    """What a person is asked."""

    title: str
    # What it means to say yes.
    meaning: str
    # The states about which it may be asked.
    states: frozenset[str]
    # The words of the button, before the number of renders.
    button: str
    # The entry of the log, and the message with a place for the number of renders.
    entry: str
    done: str


QUESTIONS = {
    "allow-new": Question(
        "It was not accepted: allow a new one",
        "You say that the API did not accept this, for example because the account's usage page "
        "does not show it. Its shot can be rendered again then, at its full price. If it was "
        "accepted after all, the shot is paid for twice.",
        frozenset({State.UNKNOWN}),
        "Allow a new render for",
        "Counts as not accepted: the shot may be rendered again.",
        "{} counted as not accepted. The shot may be rendered again.",
    ),
    "give-up": Question(
        "Give up",
        "Nobody asks for this video any more, and its shot can be rendered again, at its full "
        "price. What it has cost, or may have cost, stays in the ledger.",
        frozenset(STUCK),
        "Give up",
        "Gave the render up: the shot may be rendered again.",
        "{} given up. The shot may be rendered again.",
    ),
}


@dataclass(frozen=True)
class Waiting:
    """A render about which is decided, with what the page shows of it."""

    render: VideoRender

    @property
    def badge(self) -> Badge:
        return badge_of_state(self.render.status)

    @property
    def left(self) -> Badge:
        return badge_of_time_left(self.render)

    @property
    def money(self) -> str:
        render = self.render
        if render.actual_cost_usd is not None:
            return f"{usd(render.actual_cost_usd)} charged" if render.actual_cost_usd else "free"
        price = render.price_estimate_usd
        return f"{usd(price)}, if it was charged" if price else "free"

    @property
    def asked(self) -> LastAnswers | None:
        return asked_last(self.render)


class DecisionPage:
    def __init__(self, question: Question, renders: list[VideoRender]) -> None:
        self.question = question
        self.rows = [Waiting(each) for each in renders if each.status in question.states]
        # Decided, or going on by themselves, meanwhile.
        self.left_out = len(renders) - len(self.rows)

    @cached_property
    def at_stake_usd(self) -> Decimal:
        return sum((price_of(row.render) for row in self.rows), Decimal(0))

    @property
    def button(self) -> str:
        renders = ngettext("%d render", "%d renders", len(self.rows)) % len(self.rows)
        words = f"{self.question.button} {renders}"
        return f"{words} · {usd(self.at_stake_usd)} at stake" if self.at_stake_usd else words


def price_of(render: VideoRender) -> Decimal:
    """What the render has cost, or may have."""
    known = render.actual_cost_usd
    return render.price_estimate_usd if known is None else known


def decide(model_admin: ModelAdmin, request: HttpRequest, verb: str) -> HttpResponse:
    """Ask, or on POST decide, about the renders that the request names."""
    if verb not in QUESTIONS:
        raise Http404
    require(request, model_admin, GENERATE)
    asked = request.POST if request.method == "POST" else request.GET
    question, renders = QUESTIONS[verb], _renders(asked.getlist("render"))
    if request.method == "POST":
        _decide(model_admin, request, question, renders)
        return HttpResponseRedirect(next_page(request) or reverse("admin:videogen_unresolved"))
    page = DecisionPage(question, renders)
    if not page.rows:
        model_admin.message_user(
            request, "There is nothing to decide: nothing of it waits for a person.", messages.INFO
        )
        return HttpResponseRedirect(reverse("admin:videogen_unresolved"))
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/unresolved/decide.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": question.title,
            "subtitle": None,
            "opts": model_admin.opts,
            "page": page,
            "next": next_page(request),
        },
    )


def _decide(
    model_admin: ModelAdmin, request: HttpRequest, question: Question, renders: list[VideoRender]
) -> None:
    name = signed_in(request).get_username()

    def act(render: VideoRender) -> bool:
        may = render.status in question.states
        return may and decisions.allow_new_render(render, by=name)

    _act_on_each(model_admin, request, renders, act, question.entry, question.done)


def resume_all(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Go on with every render that the form names: poll or download it. Nothing is paid again."""
    require(request, model_admin, GENERATE)
    renders = _renders(request.POST.getlist("render"))

    def act(render: VideoRender) -> bool:
        if render.status not in RESUMABLE:
            return False
        resume_render(request, render)
        return True

    done = "{} resumed. Nothing is paid twice."
    _act_on_each(model_admin, request, renders, act, "Resumed.", done)
    return HttpResponseRedirect(next_page(request) or reverse("admin:videogen_unresolved"))


def _act_on_each(
    model_admin: ModelAdmin,
    request: HttpRequest,
    renders: Iterable[VideoRender],
    act: Callable[[VideoRender], bool],
    entry: str,
    done: str,
) -> None:
    """Do the same to each render, in a transaction of its own, and tell what came of it: one
    message with the number, and one for each reason why some were left alone."""
    number, left = 0, dict[str, int]()
    for render in renders:
        why = "they have changed since you opened the page"
        try:
            with transaction.atomic():
                if act(render):
                    model_admin.log_change(request, render, entry)
                    number += 1
                    continue
        except VideogenError as error:
            why = error.sentence
        left[why] = left.get(why, 0) + 1
    if number:
        words = ngettext("%d render is", "%d renders are", number) % number
        model_admin.message_user(request, done.format(words), messages.SUCCESS)
    for why, count in left.items():
        words = ngettext("%d render left alone", "%d renders left alone", count) % count
        words += f": {why.rstrip('.')}."
        model_admin.message_user(request, words, messages.WARNING)


def _renders(numbers: Iterable[str]) -> list[VideoRender]:
    """Return the renders with these primary keys, as far as there are such, in story order."""
    keys = [int(each) for each in numbers if each.isdecimal() and len(each) < 18][:MOST_AT_ONCE]
    renders = (
        VideoRender.objects.filter(pk__in=keys)
        .exclude(kind=VideoRender.Kind.REHEARSAL)
        .select_related("shot__scenelet__story", "batch", "lane")
        .prefetch_related("submissions")
        .without_heavy_columns(keep=("error_details",))
        .defer("shot__storyboard_payload", "batch__plan", "batch__filters")
    )
    return list(renders.order_by("shot__scenelet__story", "shot__scenelet", "shot", "pk"))


# A decision can be taken back from the page of unresolved renders for so long.
DECIDED_LATELY = timedelta(hours=48)
