"""The stored status of a shot.

It is derived from the shot's renders in the transaction that changes them (`RenderQuerySet`), so
that a list of thousands of shots reads one row for each and filters by an index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from django.db import models

from storybook.models import Shot

from .routes import is_simulating
from .states import NEVER_SENT, OPEN, SHOT_WORDS, STUCK, BadgeWord, Kind, Review, State

if TYPE_CHECKING:
    from .renders import VideoRender

_WENT_WRONG = frozenset({State.FAILED, State.BLOCKED})
_NOT_JUDGED = frozenset({Review.UNREVIEWED, Review.SELECTED})
_CHOSEN = frozenset({Review.SELECTED, Review.APPROVED})
# The reviews of the takes that each status brings into the review room.
REVIEWS_IN_ROOM: dict[str, tuple[Review, ...]] = {
    BadgeWord.NEEDS_REVIEW.value: (Review.UNREVIEWED, Review.SELECTED),
    BadgeWord.APPROVED.value: (Review.APPROVED,),
    BadgeWord.RETAKE.value: (Review.REJECTED,),
}


def is_attempt(render: VideoRender, *, counts_simulated: bool) -> bool:
    """Whether the render counts for the status of its shot. A rehearsal never does; a simulated
    render that has ended does only while the simulator is used."""
    if render.kind == Kind.REHEARSAL:
        return False
    return counts_simulated or not render.is_simulated or render.state in OPEN


def counts_simulated() -> bool:
    """Whether simulated renders count with the current settings."""
    return is_simulating()


def badge_of_renders(
    renders: Iterable[VideoRender], *, counts_simulated: bool
) -> tuple[BadgeWord, VideoRender | None]:
    """Return the status of a shot and the render that causes it. Makes no query.

    renders: all of the shot's. An approval settles what came before it: an older take that nobody
    reviewed, or an older failure, needs nothing any more.
    """
    attempts = sorted(
        (each for each in renders if is_attempt(each, counts_simulated=counts_simulated)),
        key=attrgetter("pk"),
        reverse=True,
    )
    takes = [each for each in attempts if each.state == State.DONE]
    approved = next((each for each in takes if each.review == Review.APPROVED), None)
    since = _settled_at(takes)
    failures = [each for each in attempts if each.state in _WENT_WRONG]

    if live := [each for each in attempts if each.state in OPEN]:
        return BadgeWord.GENERATING, live[0]
    if stuck := [each for each in attempts if each.state in STUCK]:
        return BadgeWord.NEEDS_DECISION, stuck[0]
    if failures and failures[0] is attempts[0] and _after(failures, since):
        return BadgeWord.FAILED, failures[0]
    if unjudged := _after([each for each in takes if each.review in _NOT_JUDGED], since):
        return BadgeWord.NEEDS_REVIEW, unjudged[0]
    if approved:
        return BadgeWord.APPROVED, approved
    if takes:
        return BadgeWord.RETAKE, takes[0]
    if attempts and attempts[0].state == State.CANCELLED:
        was_sent = attempts[0].error_code not in NEVER_SENT
        return BadgeWord.GIVEN_UP if was_sent else BadgeWord.CANCELLED, attempts[0]
    return BadgeWord.READY, None


def badge_at_this_moment(word: str, render: VideoRender | None) -> BadgeWord:
    """Return the stored status as it is at this moment: a process that died in the middle of a
    render could not write that it stopped."""
    if word == BadgeWord.GENERATING and render is not None and render.is_stale:
        return BadgeWord.NEEDS_DECISION
    return BadgeWord(word)


def takes_to_review(word: str, takes: Iterable[VideoRender]) -> list[VideoRender]:
    """Return which of the takes of a shot with this status the review room shows. It asks the same
    in SQL. Makes no query."""
    takes = list(takes)
    found = [each for each in takes if each.review in REVIEWS_IN_ROOM.get(word, ())]
    return _after(found, _settled_at(takes)) if word == BadgeWord.NEEDS_REVIEW else found


def _settled_at(takes: Iterable[VideoRender]) -> datetime | None:
    """When the approval was given that settles what came before it; None without one."""
    approved = (each for each in takes if each.review == Review.APPROVED)
    return next((each.reviewed_at or each.state_since for each in approved), None)


def _after(renders: list[VideoRender], since: datetime | None) -> list[VideoRender]:
    return [each for each in renders if since is None or each.state_since > since]


class ShotStanding(models.Model):
    """The stored status of one shot.

    Each shot that has renders has two rows: one for the simulator, which counts simulated renders,
    and one for the real providers, which does not.
    """

    shot = models.ForeignKey(Shot, on_delete=models.CASCADE, related_name="standings")
    counts_simulated = models.BooleanField()
    badge = models.CharField(
        max_length=20,
        choices=[(word.value, SHOT_WORDS[word]) for word in BadgeWord if word != BadgeWord.BLOCKED],
        default=BadgeWord.READY,
        help_text="By the renders' states: a live one that nobody works on still counts as live.",
    )
    render = models.ForeignKey(
        "VideoRender",
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        help_text="The one that makes the badge what it is.",
    )
    takes = models.PositiveIntegerField(default=0)
    to_review = models.PositiveIntegerField(
        default=0, help_text="How many of the takes the review room shows."
    )
    newest_take = models.ForeignKey(
        "VideoRender", on_delete=models.CASCADE, null=True, related_name="+"
    )
    used_take = models.ForeignKey(
        "VideoRender",
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        help_text="Selected or approved.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shot", "counts_simulated"], name="one_standing_per_shot"
            )
        ]
        indexes = [
            # The lists' filter and counts, and those of the review room, all from the index; the
            # dashboard's newest first.
            models.Index(
                fields=["counts_simulated", "badge", "render", "shot", "takes", "to_review"],
                name="shots_by_badge",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shot}: {self.badge}"

    @property
    def word(self) -> BadgeWord:
        return badge_at_this_moment(self.badge, self.render)

    def derive(self, renders: Sequence[VideoRender]) -> bool:
        """Set every field from all renders of the shot. Return whether one changed."""
        before = [getattr(self, name) for name in KEPT]
        counts_simulated = self.counts_simulated
        self.badge, self.render = badge_of_renders(renders, counts_simulated=counts_simulated)
        takes = [
            each
            for each in renders
            if each.state == State.DONE and is_attempt(each, counts_simulated=counts_simulated)
        ]
        self.takes = len(takes)
        self.to_review = len(takes_to_review(self.badge, takes))
        self.newest_take = max(takes, key=attrgetter("take"), default=None)
        self.used_take = next((each for each in takes if each.review in _CHOSEN), None)
        return before != [getattr(self, name) for name in KEPT]


KEPT = ("badge", "render_id", "takes", "to_review", "newest_take_id", "used_take_id")

# The columns of a render from which the status of its shot is derived. They change by
# `VideoRender.move()` or `RenderQuerySet.transition()`, never by a plain UPDATE.
DERIVED_FROM = frozenset(
    {"shot", "kind", "state", "state_since", "review", "reviewed_at", "take", "is_simulated"}
)


def keep_standings(shots: Collection[int], renders: models.Manager[VideoRender]) -> None:
    """Recompute the stored status of these shots. Call it in the transaction that changed their
    renders, after the change. renders: the manager of all renders."""
    standings = _locked_standings(shots)
    if missing := set(shots) - {each.shot_id for each in standings}:
        ShotStanding.objects.bulk_create(
            (
                ShotStanding(shot_id=shot, counts_simulated=counts)
                for shot in sorted(missing)
                for counts in (False, True)
            ),
            ignore_conflicts=True,
        )
        standings = _locked_standings(shots)
    # The renders are read after the lock: whoever changed one of them meanwhile has committed.
    by_shot: dict[int, list[VideoRender]] = {shot: [] for shot in shots}
    # The error's code counts only for a cancelled render. It never changes but with the state.
    columns = (*DERIVED_FROM, "error_code")
    for render in renders.filter(shot__in=shots).only(*columns).order_by("pk"):
        by_shot[render.shot_id].append(render)
    changed = [each for each in standings if each.derive(by_shot[each.shot_id])]
    # All of them exist, so this is an UPDATE. bulk_update() says the same with a CASE for each
    # column, which takes several times as long to write.
    ShotStanding.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["shot", "counts_simulated"],
        update_fields=[name.removesuffix("_id") for name in KEPT],
    )


def _locked_standings(shots: Collection[int]) -> list[ShotStanding]:
    # Only these rows, in one order. Ordered by "shot", Django would join the story, as shots are
    # sorted by it, and lock that row too.
    standings = ShotStanding.objects.select_for_update(of=("self",), no_key=True).filter(
        shot__in=shots
    )
    return list(standings.order_by("shot_id", "pk"))
