"""The first page: the stories, what runs, what waits for a person, what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ModelAdmin, site
from django.db import transaction
from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import ngettext

from storybook.models import Shot, Story
from videogen.billing.forecasts import forecasts
from videogen.billing.render_times import time_left, usual_times
from videogen.lanes.pauses import BY_PERSON
from videogen.models import Lane, RenderBatch, ShotStanding, VideoRender
from videogen.models.routes import served_backends
from videogen.models.states import OPEN, STUCK, BadgeWord
from videogen.planning.shot_status import standings_at_work, standings_with
from videogen.recovery.unresolved import most_urgent_first

from .archived_stories import Moved, moved_by
from .components.access import GENERATE, require, signed_in
from .components.badges import Badge, badge_of_state, badge_of_time_left, counted_in_words
from .components.bar import budget_use_for, number_to_decide, number_to_review
from .components.money_bar import MoneyBar
from .components.queue_notice import QueueNotice, is_nobody_working, notice_of
from .components.segments import RenderProgress
from .components.shot_cards import ShotCard, for_cards
from .components.story_cards import StoryCard, story_cards
from .decisions import MOST_AT_ONCE

MOST_CARDS = 12
MOST_STORIES = 12
MOST_BATCHES = 4
MOST_FAILURES = 6
# A batch stays on the page for so long after its end.
JUST_ENDED = timedelta(minutes=10)

# The most urgent first: a decision may save a video that was paid for, a failure costs nothing.
TROUBLES = (BadgeWord.NEEDS_DECISION, BadgeWord.FAILED)

PARTS = ("running", "review", "stories", "spending", "failures")

State = VideoRender.State


def dashboard_state(request: HttpRequest) -> JsonResponse:
    """Send the parts of the first page that change while renders run."""
    dashboard = Dashboard(request)
    parts = {
        part: render_to_string(
            f"admin/videogen/dashboard/{part}.html", {"dashboard": dashboard}, request
        )
        for part in PARTS
    }
    return JsonResponse({"active": dashboard.is_active, "title": dashboard.title, "parts": parts})


@dataclass(frozen=True)
class RunningBatch:
    """A batch that runs, or ran until a moment ago."""

    batch: RenderBatch
    progress: RenderProgress
    # How long a render of its model took lately, and since when its newest render runs.
    usual: timedelta | None = None
    newest_sent: datetime | None = None

    @property
    def time_left(self) -> str:
        """About how long it still takes, such as "4 min"; empty where nobody can know."""
        if self.is_rehearsal:
            return ""
        return time_left(self.progress.counts, self.usual, self.newest_sent)

    @property
    def url(self) -> str:
        return reverse("admin:videogen_renderbatch_progress", args=[self.batch.pk])

    @property
    def is_rehearsal(self) -> bool:
        return self.batch.mode == RenderBatch.Mode.DRY_RUN


@dataclass(frozen=True)
class Trouble:
    """Shots that make no progress without a person, all for the same reason."""

    status: str
    number: int
    # One of their last renders, which says why: the most urgent, or else the newest one.
    render: VideoRender
    # All of the renders, if one button continues all of them.
    keys: Sequence[int] = ()

    @property
    def name(self) -> str:
        return str(State(self.status).label)

    @property
    def badge(self) -> Badge:
        return badge_of_state(self.status)

    @property
    def is_decision(self) -> bool:
        """Whether the renders may have been paid for: they wait on the page of unresolved ones."""
        return self.status in STUCK

    @property
    def left(self) -> Badge | None:
        """How long the server keeps the first clip that it deletes."""
        return badge_of_time_left(self.render) if self.is_decision else None

    @property
    def reason(self) -> str:
        return self.render.error_message or str(self.render.get_state_display())

    @property
    def button(self) -> str:
        """The words of the button that goes on with all of them; empty where there is none."""
        which = "all" if len(self.keys) > 1 else "it"
        match self.status:
            case State.NOT_DOWNLOADED:
                return f"Fetch {which}"
            case State.INTERRUPTED:
                return f"Resume {which}"
        return ""


class Dashboard:
    """The parts of the page, as one person may see them.

    Each part is looked up when a template asks for it. The number of queries does not depend on
    how many stories, batches and renders there are.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._user = signed_in(request)

    # -- what the person may see

    @property
    def can_see_shots(self) -> bool:
        return site.get_model_admin(Shot).has_view_permission(self._request) and (
            self._user.has_perm("videogen.view_videorender")
        )

    @property
    def can_see_batches(self) -> bool:
        return self._user.has_perm("videogen.view_renderbatch")

    @property
    def can_see_spending(self) -> bool:
        return self._user.has_perm("videogen.view_submission")

    @property
    def can_see_lanes(self) -> bool:
        return self._user.has_perm("videogen.view_lane")

    # -- what waits for a person

    @cached_property
    def reviews(self) -> list[ShotCard]:
        newest = _newest_with([BadgeWord.NEEDS_REVIEW], MOST_CARDS)
        return [card for card, _ in self._shown(newest)]

    @cached_property
    def failures(self) -> list[Trouble]:
        """What went wrong, by its cause. What may be lost comes first, by when. Three queries."""
        return [*self._to_decide(), *self._failed()]

    def _to_decide(self) -> list[Trouble]:
        standings = standings_with(BadgeWord.NEEDS_DECISION).select_related(
            "render__shot__scenelet"
        )
        renders = [
            each.render
            for each in standings.defer("render__prompt_text").order_by("-render_id")[:MOST_AT_ONCE]
            if each.render
        ]
        by_status: dict[str, list[VideoRender]] = {}
        for render in most_urgent_first(renders):
            by_status.setdefault(str(render.status), []).append(render)
        return [
            Trouble(status, len(found), found[0], [each.pk for each in found])
            for status, found in by_status.items()
        ]

    def _failed(self) -> list[Trouble]:
        groups = (
            standings_at_work(BadgeWord.FAILED)
            .filter(render__dismissed_at=None)
            .order_by()
            .values_list("render__state", "render__error_code")
            .annotate(number=Count("*"), newest=Max("render"))
            .order_by("-newest")
        )
        found = list(groups[:MOST_FAILURES])
        renders = VideoRender.objects.defer("prompt_text").select_related("shot__scenelet")
        newest = renders.in_bulk([each[-1] for each in found])
        return [Trouble(state, number, newest[pk]) for state, _, number, pk in found]

    @cached_property
    def dismissed(self) -> tuple[datetime, int, int] | None:
        """When failures were dismissed last, how many of them are there still, and one of them."""
        groups = (
            standings_at_work(BadgeWord.FAILED)
            .filter(render__dismissed_at__isnull=False)
            .order_by()
            .values_list("render__dismissed_at")
            .annotate(number=Count("*"), newest=Max("render"))
        )
        return groups.order_by("-render__dismissed_at").first() if self.can_resume else None

    def _shown(self, standings: list[ShotStanding]) -> list[tuple[ShotCard, VideoRender]]:
        shots = for_cards(_shots().filter(pk__in=[each.shot_id for each in standings]))
        cards = {each.pk: ShotCard(each) for each in shots.order_by()}
        return [(cards[each.shot_id], each.render) for each in standings if each.render]

    @cached_property
    def word_counts(self) -> dict[str, int]:
        """How many shots have each status that the page counts."""
        return {
            BadgeWord.NEEDS_DECISION.value: number_to_decide(self._request),
            BadgeWord.FAILED.value: standings_at_work(BadgeWord.FAILED).count(),
            BadgeWord.NEEDS_REVIEW.value: number_to_review(self._request),
        }

    @property
    def review_count(self) -> int:
        return self.word_counts[BadgeWord.NEEDS_REVIEW]

    @property
    def failure_count(self) -> int:
        return sum(each.number for each in self.failures)

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """What went wrong: each status that shots have, and how many have it in words."""
        counts = self.word_counts
        return [
            (word.value, counted_in_words(counts[word], word)) for word in TROUBLES if counts[word]
        ]

    @property
    def unresolved_count(self) -> int:
        """How many shots wait for a decision. The page "Unresolved" has their renders."""
        return self.word_counts[BadgeWord.NEEDS_DECISION]

    # -- how far the stories are

    @cached_property
    def stories(self) -> list[StoryCard]:
        """The stories that somebody worked on last."""
        batches = RenderBatch.objects.filter(story=OuterRef("pk")).order_by("-created_at")
        worked_at = Subquery(batches.values("created_at")[:1])
        stories = Story.objects.not_archived().order_by(
            worked_at.desc(nulls_last=True), "-updated_at"
        )
        return story_cards(stories[:MOST_STORIES])

    @cached_property
    def has_more_stories(self) -> bool:
        return len(self.stories) == MOST_STORIES

    # -- what runs

    @cached_property
    def batches(self) -> list[RunningBatch]:
        """What runs, then what has just ended. Rehearsals come last, and go when they end."""
        keys = self._batches_at_work()
        counts: dict[int, dict[str, int]] = {key: {} for key in keys}
        sent: dict[int, datetime] = {}
        renders = VideoRender.objects.filter(batch__in=keys).order_by()
        rows = renders.values_list("batch", "state").annotate(
            number=Count("*"), at=Max("claimed_at")
        )
        for batch_pk, state, number, at in rows:
            counts[batch_pk][state] = number
            if at and state in OPEN:
                sent[batch_pk] = max(at, sent.get(batch_pk, at))
        batches = RenderBatch.objects.select_related("story").defer("plan", "filters")
        usual = usual_times() if keys else {}
        found = [
            RunningBatch(
                batch,
                RenderProgress(counts[batch.pk]),
                usual.get(batch.model or settings.VIDEO_MODEL),
                sent.get(batch.pk),
            )
            for batch in batches.filter(pk__in=keys)
        ]
        return sorted(
            found, key=lambda each: (each.is_rehearsal, not each.progress.open, -each.batch.pk)
        )

    def _batches_at_work(self) -> list[int]:
        """Return the newest batches that run, and then the newest that have just ended.

        They are looked up before their renders are counted: to count those of every batch is slow.
        """
        ended = VideoRender.objects.filter(ended_at__gte=timezone.now() - JUST_ENDED)
        ended = ended.exclude(batch__mode=RenderBatch.Mode.DRY_RUN)
        ended = ended.filter(shot__scenelet__story__archived_at=None)
        found: dict[int, None] = {}
        for renders in (VideoRender.objects.at_work(), ended):
            batches = renders.order_by("-batch_id").values_list("batch_id", flat=True).distinct()
            found |= dict.fromkeys(batches[:MOST_BATCHES])
        return list(found)[:MOST_BATCHES]

    @cached_property
    def at_work(self) -> int:
        """How many renders are on their way."""
        return VideoRender.objects.open().count()

    @property
    def is_active(self) -> bool:
        return bool(self.at_work)

    @property
    def title(self) -> str:
        """The title of the page, with the number of renders that are on their way."""
        number = f"({self.at_work}) " if self.can_see_batches and self.at_work else ""
        return f"{number}Stories | {site.site_title}"

    @cached_property
    def nobody_works(self) -> bool:
        return (
            VideoRender.objects.open().filter(batch__worked_by="").exists() and is_nobody_working()
        )

    @cached_property
    def _lanes(self) -> list[Lane]:
        return list(Lane.objects.order_by("name"))

    @cached_property
    def notices(self) -> list[QueueNotice]:
        """Why queues stand still, one notice for each. At most four queries for a waiting lane."""
        lanes = self._lanes if self.can_see_lanes else []
        return [notice for each in lanes if (notice := notice_of(each, self._user))]

    @property
    def can_resume(self) -> bool:
        return self.can_see_lanes and self._user.has_perm("videogen.generate_video")

    @property
    def lane_to_pause(self) -> Lane | None:
        """A lane that the person may pause; None if all are paused, or the person may not."""
        if not self.can_resume:
            return None
        own = (each for each in self._lanes if each.name in served_backends())
        return next((each for each in own if each.pause_code != BY_PERSON), None)

    # -- what it costs

    @cached_property
    def money(self) -> MoneyBar:
        """Of everything that is spent, and of the stories that are shown. Eight queries, four of
        which the bar above the page has made already."""
        use = budget_use_for(self._request)
        return MoneyBar(use, forecasts([card.story for card in self.stories]))

    # -- stories that are out of the way

    @cached_property
    def archived_count(self) -> int:
        return Story.objects.filter(archived_at__isnull=False).count()

    @cached_property
    def moved(self) -> Moved | None:
        return moved_by(self._request)

    @property
    def can_archive(self) -> bool:
        return self._user.has_perm("storybook.change_story")

    # -- new stories

    @property
    def can_add_story(self) -> bool:
        return self._user.has_perm("storybook.add_story")

    @property
    def can_import_story(self) -> bool:
        return self._user.has_perms(["storybook.add_story", "storybook.change_story"])


def dismiss_failures(model_admin: ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Take the failures of one cause from the first page, up to the newest that the page showed.
    With `back`, one of the failures that were dismissed together, bring these back."""
    require(request, model_admin, GENERATE)
    if "back" in request.POST:
        number = _bring_back(model_admin, request, _failed(request.POST["back"]))
        words = ngettext("%d failure brought back.", "%d failures brought back.", number) % number
        model_admin.message_user(request, words, messages.SUCCESS if number else messages.WARNING)
        return HttpResponseRedirect(reverse("admin:index"))
    newest = _failed(request.POST.get("newest", ""))
    dismissed = _dismiss(model_admin, request, newest) if newest else 0
    words = ngettext("%d failure dismissed.", "%d failures dismissed.", dismissed) % dismissed
    words += " The board still shows what failed."
    model_admin.message_user(request, words, messages.SUCCESS if dismissed else messages.WARNING)
    return HttpResponseRedirect(reverse("admin:index"))


def _failed(number: str) -> VideoRender | None:
    failed = VideoRender.objects.filter(state__in=[State.FAILED, State.BLOCKED])
    return failed.filter(pk=int(number) if number.isdecimal() and len(number) < 18 else 0).first()


def _bring_back(
    model_admin: ModelAdmin[Any], request: HttpRequest, render: VideoRender | None
) -> int:
    if render is None or render.dismissed_at is None:
        return 0
    with transaction.atomic():
        renders = VideoRender.objects.filter(dismissed_at=render.dismissed_at)
        back = list(renders.select_related("shot__scenelet").only("shot", "state", "take"))
        for each in back:
            model_admin.log_change(request, each, "Brought back to the first page.")
        return VideoRender.objects.filter(pk__in=[each.pk for each in back]).update(
            dismissed_at=None
        )


def _dismiss(model_admin: ModelAdmin[Any], request: HttpRequest, newest: VideoRender) -> int:
    standings = standings_at_work(BadgeWord.FAILED).filter(
        render__state=newest.state, render__error_code=newest.error_code, render__lte=newest.pk
    )
    with transaction.atomic():
        renders = VideoRender.objects.filter(
            pk__in=list(standings.values_list("render", flat=True)), dismissed_at=None
        )
        dismissed = list(renders.select_related("shot__scenelet").only("shot", "state", "take"))
        for render in dismissed:
            model_admin.log_change(request, render, "Dismissed from the first page.")
        renders.update(dismissed_at=timezone.now())
    return len(dismissed)


def _newest_with(words: Sequence[BadgeWord], limit: int) -> list[ShotStanding]:
    """Return the newest shots with one of these statuses, and their renders. A query per word."""
    found: list[ShotStanding] = []
    for word in words:
        standings = standings_at_work(word).select_related("render").defer("render__prompt_text")
        found += standings.order_by("-render_id")[: limit - len(found)]
    return found


def _shots() -> QuerySet[Shot]:
    return Shot.objects.select_related("scenelet__story").defer("scenelet__description")
