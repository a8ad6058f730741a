"""The page of unresolved renders, the most urgent first: what the API said about them, which
candidates may be their answers, and what a person decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from videogen.common.errors import VideogenError
from videogen.common.formats import media_url, usd
from videogen.common.task_queue import is_cluster_running, wake_reconciling
from videogen.lanes.pauses import served_lanes
from videogen.models import Candidate, VideoRender
from videogen.models.routes import served_backends
from videogen.recovery.candidates import (
    dismiss_candidate,
    possible_makers,
    preview_path,
    proposals,
    propose_again,
    take_candidate,
)
from videogen.recovery.decisions import given_up_since
from videogen.recovery.previews import has_preview
from videogen.recovery.unresolved import (
    LastAnswers,
    asked_last,
    most_urgent_first,
    unresolved_renders,
)

from .components.access import GENERATE, require
from .components.badges import Badge, badge_of_state, badge_of_time_left
from .components.kept import KeptFile, kept_of
from .components.live import news_since
from .components.shot_cards import key_frame_urls
from .components.urls import decide_url
from .decisions import DECIDED_LATELY, price_of
from .takes.render_card import RenderCard, card_of

State = VideoRender.State

MOST_ROWS = 100
MOST_GIVEN_UP = 20
# After so long the page no longer waits for the answers that somebody asked for.
PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True)
class ShownCandidate:
    """A candidate with what the page shows of it."""

    candidate: Candidate

    @cached_property
    def has_clip(self) -> bool:
        return has_preview(self.candidate)

    @property
    def video_url(self) -> str:
        return media_url(str(preview_path(self.candidate))) if self.has_clip else ""

    @property
    def poster_url(self) -> str:
        path = preview_path(self.candidate).with_suffix(".jpg")
        return media_url(str(path)) if self.has_clip else ""

    @cached_property
    def kept(self) -> KeptFile | None:
        """Its clip, if it cannot be shown."""
        return kept_of(f"candidate-{self.candidate.pk}")

    @property
    def words(self) -> str:
        """What the page says about a clip that cannot be seen."""
        if self.kept:
            return "Its clip is here, but it cannot be shown."
        if not self.candidate.is_done:
            return "Still being made."
        if not self.candidate.download_uri:
            return "It has ended; take it to see how."
        return "Its clip is fetched when the API is asked again."


@dataclass(frozen=True)
class Row:
    """One unresolved render."""

    render: VideoRender
    candidates: list[ShownCandidate]
    dismissed: list[Candidate]
    key_frame: str

    @cached_property
    def shown(self) -> RenderCard:
        return card_of(self.render, None)

    @property
    def badge(self) -> Badge:
        return badge_of_state(self.render.status)

    @cached_property
    def expires_at(self) -> datetime:
        return self.render.clip_expires_at

    @property
    def left(self) -> Badge:
        """How long the server keeps its clip."""
        return badge_of_time_left(self.render)

    @property
    def words(self) -> str:
        if self.render.error_message:
            return self.render.error_message
        if self.render.state == State.DOWNLOADING:
            return "Its clip waits to be downloaded."
        return "Nobody works on it at the moment; it goes on where it stopped."

    @property
    def asked(self) -> LastAnswers | None:
        return asked_last(self.render)

    @property
    def is_decidable(self) -> bool:
        return self.shown.is_unknown or self.shown.is_resumable


@dataclass(frozen=True)
class Group:
    """The unresolved renders of one kind, the most urgent first: one button acts on all of them."""

    status: str
    rows: list[Row]
    # Where somebody comes back to after a decision.
    address: str

    @property
    def name(self) -> str:
        return str(State(self.status).label)

    @property
    def is_unknown(self) -> bool:
        return self.status == State.UNKNOWN

    @property
    def badge(self) -> Badge:
        return badge_of_state(self.status)

    @property
    def number(self) -> int:
        return len(self.rows)

    @property
    def money(self) -> str:
        """What they cost, or may have; empty where that is nothing."""
        return _at_risk([row.render for row in self.rows])

    @property
    def keys(self) -> list[int]:
        return [row.render.pk for row in self.rows]

    @property
    def resume_words(self) -> str:
        verb = "Fetch" if self.status == State.NOT_DOWNLOADED else "Resume"
        return f"{verb} all {self.number} · free"

    @property
    def decide_words(self) -> str:
        words = "None was accepted: allow new ones" if self.is_unknown else "Give up all"
        return f"{words} ({self.number})…"

    @property
    def decide_url(self) -> str:
        verb = "allow-new" if self.is_unknown else "give-up"
        return decide_url(verb, self.keys, self.address)


def _at_risk(renders: list[VideoRender]) -> str:
    total = sum((price_of(each) for each in renders), Decimal(0))
    return usd(total) if total else ""


class Page:
    """What the page shows. It makes the same number of queries however many renders there are."""

    def __init__(self, request: HttpRequest) -> None:
        self._now = timezone.now()
        self.may_act = request.user.has_perm(GENERATE)
        self.asked_at = _moment(request.GET.get("asked", ""))

    @cached_property
    def renders(self) -> list[VideoRender]:
        return most_urgent_first(unresolved_renders())

    @cached_property
    def rows(self) -> list[Row]:
        renders = self.renders[:MOST_ROWS]
        if not renders:
            return []
        proposed, dismissed = self._candidates(renders)
        frames = key_frame_urls({each.shot_id for each in renders})
        return [
            Row(
                render,
                [ShownCandidate(each) for each in proposed.get(render.pk, ())],
                dismissed.get(render.pk, []),
                frames.get(render.shot_id, ""),
            )
            for render in renders
        ]

    @cached_property
    def groups(self) -> list[Group]:
        """The rows by kind; the kind with the most urgent one comes first."""
        by_status: dict[str, list[Row]] = {}
        for row in self.rows:
            by_status.setdefault(str(row.render.status), []).append(row)
        return [Group(status, rows, self.address) for status, rows in by_status.items()]

    @property
    def at_risk(self) -> str:
        """What all of them cost, or may have; empty where that is nothing."""
        return _at_risk(self.renders)

    @cached_property
    def given_up(self) -> list[VideoRender]:
        """What was given up lately, as far as that can be taken back."""
        renders = given_up_since(self._now - DECIDED_LATELY)
        renders = renders.select_related("shot__scenelet__story").without_heavy_columns()
        return list(renders.defer("shot__storyboard_payload")[:MOST_GIVEN_UP])

    def _candidates(
        self, renders: list[VideoRender]
    ) -> tuple[dict[int, list[Candidate]], dict[int, list[Candidate]]]:
        """Return by render the candidates that are proposed, and those that somebody dismissed.
        Makes two queries for each account that has renders of unknown outcome."""
        served = served_backends()
        unknown = (each for each in renders if each.state == State.UNKNOWN)
        proposed: dict[int, list[Candidate]] = {}
        dismissed: dict[int, list[Candidate]] = {}
        for lane in {each.lane for each in unknown if each.backend in served}:
            found = list(
                Candidate.objects.filter(lane=lane)
                .exclude(status=Candidate.Status.TAKEN)
                .order_by("made_at", "pk")
            )
            makers = possible_makers(lane)
            ours = [each for each in found if each.status == Candidate.Status.PROPOSED]
            proposed |= proposals(ours, makers)
            dismissed |= proposals([each for each in found if each not in ours], makers)
        return proposed, dismissed

    @property
    def left_out(self) -> int:
        return len(self.renders) - len(self.rows)

    @property
    def unknown(self) -> int:
        return sum(each.state == State.UNKNOWN for each in self.renders)

    @cached_property
    def last_asked(self) -> datetime | None:
        moments = [asked.at for each in self.renders if (asked := asked_last(each))]
        return max(moments, default=None)

    @property
    def is_asking(self) -> bool:
        """Whether the answers that somebody asked for on this page are still to come."""
        if self.asked_at is None or self._now - self.asked_at > PATIENCE or not self.renders:
            return False
        return self.last_asked is None or self.last_asked < self.asked_at

    @cached_property
    def nobody_works(self) -> bool:
        return self.is_asking and not is_cluster_running()

    @property
    def is_active(self) -> bool:
        return bool(self.renders)

    @property
    def address(self) -> str:
        """The URL to which the page's forms return."""
        asked = f"?asked={int(self.asked_at.timestamp())}" if self.asked_at else ""
        return reverse("admin:videogen_unresolved") + asked

    @property
    def minutes(self) -> float:
        return settings.VIDEO_RECONCILE_MINUTES


def show_unresolved(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    require(request, model_admin)
    page = Page(request)
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/unresolved/page.html",
        {
            **model_admin.admin_site.each_context(request),
            **_context(page),
            "title": "Unresolved",
            "subtitle": None,
            "opts": model_admin.opts,
        },
    )


def unresolved_state(model_admin: ModelAdmin, request: HttpRequest) -> JsonResponse:
    """Return the parts of the page that have changed since the browser asked last."""
    require(request, model_admin)
    page = Page(request)
    # Each response has another token. It is cut out below, so that it does not count as a change.
    token = get_token(request)
    context = {**_context(page), "request": request, "csrf_token": token}
    parts = {
        key: render_to_string(f"admin/videogen/unresolved/{key}.html", context)
        for key in ("head", "rows")
    }
    looks = {key: html.replace(token, "") for key, html in parts.items()}
    changed, version = news_since(looks, request.GET.get("since", ""))
    return JsonResponse(
        {
            "active": page.is_active,
            "parts": {key: parts[key] for key in changed},
            "since": version,
        }
    )


def _context(page: Page) -> dict[str, object]:
    # The buttons of a take's page, which are used here, need these names.
    return {"page": page, "may": {"generate": page.may_act}, "next": page.address}


def ask_again(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Queue a reconciliation; the page shows what comes of it."""
    require(request, model_admin, GENERATE)
    now = timezone.now()
    if lanes := served_lanes():
        with transaction.atomic():
            wake_reconciling()
            for lane in lanes:
                model_admin.log_change(request, lane, "Asked the API about what is unresolved.")
    url = reverse("admin:videogen_unresolved")
    return HttpResponseRedirect(f"{url}?asked={int(now.timestamp())}")


def decide_candidate(
    model_admin: ModelAdmin, request: HttpRequest, candidate_id: int, verb: str
) -> HttpResponse:
    if verb not in _VERBS:
        raise Http404
    require(request, model_admin, GENERATE)
    candidate = get_object_or_404(Candidate.objects.select_related("lane"), pk=candidate_id)
    try:
        with transaction.atomic():
            done = _VERBS[verb](model_admin, request, candidate)
    except VideogenError as error:
        model_admin.message_user(request, error.sentence, messages.WARNING)
    else:
        if done:
            model_admin.message_user(request, done, messages.SUCCESS)
        else:
            words = "Nothing was done: the candidate has changed since the page was shown."
            model_admin.message_user(request, words, messages.WARNING)
    return HttpResponseRedirect(reverse("admin:videogen_unresolved"))


def _take(model_admin: ModelAdmin, request: HttpRequest, candidate: Candidate) -> str:
    renders = VideoRender.objects.select_related("shot__scenelet__story", "lane")
    number = request.POST.get("render", "")
    render = get_object_or_404(renders, pk=number if number.isdecimal() else 0)
    if not take_candidate(candidate, render, request.user.get_username()):
        return ""
    model_admin.log_change(request, render, f"Took {candidate.name} for it.")
    return f"{render.shot}: {candidate.name} is its answer. It goes on by itself, nothing is sent."


def _dismiss(model_admin: ModelAdmin, request: HttpRequest, candidate: Candidate) -> str:
    if not dismiss_candidate(candidate):
        return ""
    model_admin.log_change(request, candidate.lane, f"{candidate.name}: not ours.")
    return f"{candidate.name} is not ours: it is proposed no more."


def _restore(model_admin: ModelAdmin, request: HttpRequest, candidate: Candidate) -> str:
    if not propose_again(candidate):
        return ""
    model_admin.log_change(request, candidate.lane, f"{candidate.name}: proposed again.")
    return f"{candidate.name} is proposed again."


_VERBS = {"take": _take, "dismiss": _dismiss, "restore": _restore}


def _moment(text: str) -> datetime | None:
    """Return the moment of the seconds since 1970 that the page's own URL has."""
    if not text.isdecimal() or len(text) > 10:
        return None
    return datetime.fromtimestamp(int(text), tz=timezone.get_current_timezone())
