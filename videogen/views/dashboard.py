"""The first page: what waits for a person, how far the stories are, what runs and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.admin import site
from django.db.models import Case, Count, F, Max, OuterRef, Q, QuerySet, Subquery, When
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from storybook.models import Shot, Story
from videogen.models import Lane, RenderBatch, VideoRender
from videogen.shot_cards import Progress, ShotCard, for_cards
from videogen.showing import Badge, badge_of_state
from videogen.situations import BadgeWord, annotate_badges, count_badges, filter_by_badge
from videogen.spending import Spending, recent_spending
from videogen.wakeups import is_cluster_running

MOST_CARDS = 12
MOST_STORIES = 12
MOST_BATCHES = 4
MOST_FAILURES = 6
# A batch that has just ended is looked at once more.
JUST_ENDED = timedelta(minutes=10)

PARTS = ("running", "review", "stories", "spending", "failures")

State = VideoRender.State


def dashboard_state(request: HttpRequest) -> JsonResponse:
    """The parts of the first page that change while renders run, as the page has them."""
    dashboard = Dashboard(request)
    parts = {
        part: render_to_string(
            f"admin/videogen/dashboard_{part}.html", {"dashboard": dashboard}, request
        )
        for part in PARTS
    }
    return JsonResponse({"active": dashboard.is_active, "parts": parts})


@dataclass(frozen=True)
class StoryRow:
    story: Story
    progress: Progress

    @property
    def board_url(self) -> str:
        return reverse("admin:storybook_story_board", args=[self.story.pk])


@dataclass(frozen=True)
class BatchRow:
    """A batch that runs, or did until a moment ago."""

    batch: RenderBatch

    @property
    def url(self) -> str:
        return reverse("admin:videogen_renderbatch_progress", args=[self.batch.pk])

    @property
    def ended(self) -> int:
        return self.batch.all_renders - self.batch.open_renders


@dataclass(frozen=True)
class Failure:
    """A shot that does not go on by itself, and why."""

    card: ShotCard
    render: VideoRender

    @property
    def badge(self) -> Badge:
        return badge_of_state(self.render.status)

    @property
    def reason(self) -> str:
        return self.render.error_message or self.render.get_state_display()


class Dashboard:
    """What one person may see of it. Every part is asked for when it is shown; the number of
    queries does not depend on how much there is."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._user = request.user

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
        takes = VideoRender.objects.filter(shot=OuterRef("pk"), state=State.DONE)
        newest = Subquery(takes.order_by("-pk").values("pk")[:1])
        shots = filter_by_badge(for_cards(_shots()), BadgeWord.NEEDS_REVIEW)
        return [
            ShotCard(each)
            for each in shots.annotate(newest=newest).order_by("-newest")[:MOST_CARDS]
        ]

    @cached_property
    def failures(self) -> list[Failure]:
        cards: dict[int, ShotCard] = {}
        for word in (BadgeWord.NEEDS_DECISION, BadgeWord.FAILED):
            shots = filter_by_badge(for_cards(_shots()), word).order_by("pk")
            cards |= {each.pk: ShotCard(each) for each in shots[:MOST_FAILURES]}
        renders = (
            VideoRender.objects.filter(shot__in=cards)
            .exclude(kind=VideoRender.Kind.REHEARSAL)
            .exclude(state=State.DONE)
            .only("shot_id", "state", "state_since", "beat_at", "error_message", "kind")
            .order_by("pk")
        )
        newest = {render.shot_id: render for render in renders}
        return [Failure(card, newest[pk]) for pk, card in cards.items() if pk in newest][
            :MOST_FAILURES
        ]

    @cached_property
    def word_counts(self) -> dict[str, int]:
        """Of all stories together."""
        return count_badges(Shot.objects.all())

    @property
    def review_count(self) -> int:
        return self.word_counts[BadgeWord.NEEDS_REVIEW]

    @property
    def failure_count(self) -> int:
        return self.word_counts[BadgeWord.FAILED] + self.word_counts[BadgeWord.NEEDS_DECISION]

    # -- how far the stories are

    @cached_property
    def stories(self) -> list[StoryRow]:
        """Those that somebody worked on last."""
        stories = Story.objects.annotate(worked_at=Max("render_batches__created_at")).order_by(
            F("worked_at").desc(nulls_last=True), "-updated_at"
        )[:MOST_STORIES]
        counts: dict[int, dict[str, int]] = {story.pk: {} for story in stories}
        shots = annotate_badges(Shot.objects.filter(scenelet__story__in=list(counts)).order_by())
        rows = shots.values("scenelet__story", "badge_word").annotate(number=Count("pk"))
        for row in rows:
            counts[row["scenelet__story"]][row["badge_word"]] = row["number"]
        return [StoryRow(story, Progress(counts[story.pk])) for story in stories]

    @cached_property
    def has_more_stories(self) -> bool:
        return len(self.stories) == MOST_STORIES

    # -- what runs

    @cached_property
    def batches(self) -> list[BatchRow]:
        is_open = Q(renders__state__in=VideoRender.OPEN)
        batches = (
            RenderBatch.objects.filter(status=RenderBatch.Status.CONFIRMED)
            .filter(
                Q(pk__in=_batches_of(state__in=VideoRender.OPEN))
                | Q(pk__in=_batches_of(ended_at__gte=timezone.now() - JUST_ENDED))
            )
            .annotate(
                all_renders=Count("renders"),
                open_renders=Count("renders", filter=is_open),
                done_renders=Count("renders", filter=Q(renders__state=State.DONE)),
                failed_renders=Count(
                    "renders", filter=Q(renders__state__in=[State.FAILED, State.BLOCKED])
                ),
            )
            .select_related("story")
            .defer("plan", "filters")
            .order_by(Case(When(open_renders__gt=0, then=0), default=1), "-pk")[:MOST_BATCHES]
        )
        return [BatchRow(each) for each in batches]

    @cached_property
    def is_active(self) -> bool:
        return VideoRender.objects.filter(state__in=VideoRender.OPEN).exists()

    @cached_property
    def nobody_works(self) -> bool:
        return (
            VideoRender.objects.filter(state__in=VideoRender.OPEN, batch__worked_by="").exists()
            and not is_cluster_running()
        )

    @cached_property
    def paused_lanes(self) -> list[Lane]:
        return list(Lane.objects.exclude(paused_at=None)) if self.can_see_lanes else []

    # -- what it costs

    @cached_property
    def spending(self) -> Spending:
        return recent_spending()


def _shots() -> QuerySet[Shot]:
    return Shot.objects.select_related("scenelet__story").defer("scenelet__description")


def _batches_of(**renders: object) -> QuerySet[VideoRender]:
    return VideoRender.objects.filter(**renders).order_by().values("batch")
