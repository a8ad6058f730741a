"""Reject a take and ask for another one, on one page: the reasons, the direction that follows from
them, what will be sent and how it differs, and one button with the price."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from storybook.models import Shot
from videogen.catalog.prices import PriceList
from videogen.common.errors import VideogenError
from videogen.common.formats import usd
from videogen.common.task_queue import broker_problem
from videogen.models import VideoRender
from videogen.models.batches import CREATE_SHOT_VIDEO
from videogen.models.directions import MOST_CHARACTERS
from videogen.planning.modes import Action
from videogen.planning.plan import Plan
from videogen.planning.retakes import Arrangement, Retake, preview_retake, queue_retake, seen_of
from videogen.prompts.prompt import Prompt
from videogen.prompts.reference_choices import Key
from videogen.views.components.access import (
    DIRECT,
    GENERATE,
    REVIEW,
    requester_of,
    require,
    signed_in,
)
from videogen.views.components.urls import next_page
from videogen.views.plan.page import ARRANGE
from videogen.views.plan.references import ReferenceCard, reference_cards

from .render_card import RenderCard, card_of, price_in_words
from .reviews import back_to_takes, find_render, name_of

QUEUE = "queue"
LONGEST_WORDS = 2000


class RetakeForm(forms.Form):
    """The verdict and the wishes. The references are fields of their own: see `_arrangement`."""

    reasons = forms.MultipleChoiceField(
        choices=VideoRender.RejectReason.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="What is wrong with it",
    )
    words = forms.CharField(
        required=False,
        max_length=LONGEST_WORDS,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
        label="In words",
    )
    direction = forms.CharField(
        required=False,
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
        label="Direction for the next takes of this shot",
        help_text="It goes into the prompt as a director’s note. Leave it empty to add none.",
    )
    model = forms.ChoiceField(required=False, label="Model")
    resolution = forms.ChoiceField(required=False, label="Resolution")

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        prices = PriceList()
        names = prices.models(settings.VIDEO_RESOLUTION)
        resolutions = sorted({at for _, _, at in prices.all()}, key=lambda at: (len(at), at))
        for name, values in (("model", names), ("resolution", resolutions)):
            choices = [("", "as the story says"), *((value, value) for value in values)]
            self.fields[name].choices = choices  # type: ignore[attr-defined]


def retake(
    model_admin: ModelAdmin[Any], request: HttpRequest, shot_id: int, render_id: int
) -> HttpResponse:
    require(request, model_admin, REVIEW, GENERATE)
    render = find_render(shot_id, render_id)
    if render.state != VideoRender.State.DONE:
        words = f"{name_of(render)} has no video, so there is nothing to reject."
        model_admin.message_user(request, words, messages.WARNING)
        return back_to_takes(request, shot_id, render)
    page = RetakePage(request, render)
    wants_it = request.method == "POST" and request.POST.get("verb") == QUEUE
    if wants_it and page.form.is_valid() and (response := page.queue(model_admin)):
        return response
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/takes/retake.html",
        {
            **model_admin.admin_site.each_context(request),
            "is_nav_sidebar_enabled": False,
            "title": f"Retake {name_of(render).lower()}",
            "subtitle": None,
            "opts": Shot._meta,
            **page.context(),
        },
    )


class RetakePage:
    def __init__(self, request: HttpRequest, render: VideoRender) -> None:
        self.request = request
        self.render = render
        self.shot = render.shot
        self.sent, self.rest = reference_cards(self.shot)
        self.may_direct = request.user.has_perms(DIRECT)
        self.may_arrange = request.user.has_perms(ARRANGE)
        self.form = RetakeForm(request.POST if request.method == "POST" else None)
        if not self.may_direct:
            del self.form.fields["direction"]

    @property
    def wish(self) -> Retake:
        """Return what the form says; nothing but the take if the form makes no sense."""
        if not (self.form.is_bound and self.form.is_valid()):
            return Retake(self.render)
        data = self.form.cleaned_data
        return Retake(
            self.render,
            words=data["words"],
            reasons=data["reasons"],
            direction=data.get("direction", ""),
            arrangement=self._arrangement(),
            model=data["model"],
            resolution=data["resolution"],
        )

    def queue(self, model_admin: ModelAdmin[Any]) -> HttpResponse | None:
        """Carry it out and go back to the takes; None where it was refused, which is told."""
        request, render = self.request, self.render
        try:
            with transaction.atomic():
                queued = queue_retake(
                    self.wish,
                    signed_in(request),
                    requester_of(request),
                    seen=request.POST.get("seen", ""),
                    task=CREATE_SHOT_VIDEO,
                )
                model_admin.log_change(request, render, f"{name_of(render)} is rejected.")
                model_admin.log_addition(request, queued.batch, "Asked for: a retake.")
        except VideogenError as error:
            model_admin.message_user(request, error.sentence, messages.WARNING)
            return None
        price = price_in_words(queued.plan.request.price_usd) if queued.plan else ""
        done = f"{name_of(render)} is rejected, and one video is queued · {price}."
        model_admin.message_user(request, done, messages.SUCCESS)
        if problem := broker_problem():
            model_admin.message_user(request, problem, messages.WARNING)
        return back_to_takes(request, self.shot.pk)

    def context(self) -> dict[str, Any]:
        request = self.request
        plan, refusal = None, ""
        try:
            plan = self._plan()
        except VideogenError as error:
            refusal = error.sentence
        row = plan.rows[0] if plan else None
        now = self._now(plan, row.prompt) if plan and row and row.prompt else None
        can_queue = bool(row and row.decision.action == Action.GENERATE)
        return {
            "shot": self.shot,
            "scenelet": self.shot.scenelet,
            "story": self.shot.scenelet.story,
            "render": self.render,
            "card": card_of(self.render, None),
            "form": self.form,
            "plan": plan,
            "row": row,
            "refusal": refusal or ("" if can_queue or not row else row.decision.reason),
            "can_queue": can_queue,
            "price": price_in_words(plan.request.price_usd) if plan else "",
            "left": ", ".join(f"{usd(each.left_usd)} left in {each.words}" for each in plan.limits)
            if plan
            else "",
            "now": now,
            "seen": seen_of(plan) if plan else "",
            "sent": self.sent,
            "rest": [each for each in self.rest if each.file],
            "may_direct": self.may_direct,
            "may_arrange": self.may_arrange,
            "next": next_page(request),
            "back": next_page(request, "back"),
        }

    def _plan(self) -> Plan:
        return preview_retake(self.wish, signed_in(self.request), requester_of(self.request))

    def _now(self, plan: Plan, prompt: Prompt) -> RenderCard:
        """What would be sent, compared with the request of the take."""
        [row] = plan.rows
        sent = VideoRender(
            shot=self.shot,
            prompt_text=prompt.text,
            prompt_limit=prompt.limit,
            prompt_left_out=[each.as_dict() for each in prompt.left_out],
            references=[pick.as_dict() for pick in row.selection.picks],
            backend=plan.request.backend,
            route=plan.request.route,
            **plan.request.sent,
        )
        return card_of(sent, self.render)

    def _arrangement(self) -> Arrangement | None:
        """What the person wants to be sent, in order; None where it is as it was. What was chosen
        for a reference that the page does not show stays as it is."""
        data = self.request.POST
        if not self.may_arrange or "arranges" not in data:
            return None
        cards = [*self.sent, *(each for each in self.rest if each.file)]
        unseen = [each for each in self.rest if not each.file]
        left_out = [_key(each) for each in cards if f"leave-{_field(each)}" in data]
        left_out += [_key(each) for each in unseen if each.is_left_out]
        wanted = [each for each in self.sent if _key(each) not in left_out]
        order = [_key(each) for each in sorted(wanted, key=lambda each: _place(data, each))]
        before = [_key(each) for each in self.sent]
        was_out = [_key(each) for each in self.rest if each.is_left_out]
        if order == before and sorted(left_out) == sorted(was_out):
            return None
        is_ordered = order != [key for key in before if key in order]
        pins = order if is_ordered else [_key(each) for each in wanted if each.is_pinned]
        others = [_key(each) for each in self.rest if each.is_pinned]
        return Arrangement([*pins, *(key for key in others if key not in left_out)], left_out)


def _key(card: ReferenceCard) -> Key:
    return card.kind, card.id


def _field(card: ReferenceCard) -> str:
    return f"{card.kind}-{card.id}"


def _place(data: Any, card: ReferenceCard) -> tuple[int, int]:
    asked = data.get(f"place-{_field(card)}", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else card.place
    return number, card.place
