"""What people are told of, written down once; deliver.py sends it.

Nothing hooks into the transitions, which are in many files and are made by many processes. The rows
say for long enough what happened, so this module looks at them: once a minute, and after every
slice of the pump and of the downloads. Looking twice, or two processes at once, tell once: the key
of a notice says what happened, and it is unique.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from textwrap import shorten

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from storybook.models import Story
from videogen.billing.usage import BudgetUse, budget_uses
from videogen.common.formats import usd
from videogen.common.task_queue import wake_sender
from videogen.common.untrusted_text import clean
from videogen.lanes.pauses import BY_PERSON
from videogen.models import Lane, Notice, RenderBatch, Submission, VideoRender
from videogen.models.states import OPEN
from videogen.planning.modes import Action

State = VideoRender.State
Kind = Notice.Kind
Outcome = Submission.Outcome

# What ended longer ago, while no worker ran, is no news.
NEWS_FOR = timedelta(days=2)
# A rehearsal ends at once, and an upload is its person's own.
_TOLD_KINDS = (VideoRender.Kind.GENERATION, VideoRender.Kind.LINK)
# Only so many of the newest batches are asked whether they resumed something.
NEWEST_BATCHES = 200
_RESUMED = (Action.RESUME, Action.DOWNLOAD)

LEVELS = ((100, Kind.BUDGET_100), (80, Kind.BUDGET_80))

# The API keeps a video for two days.
KEPT_FOR = timedelta(hours=48)
# So long before the end people are told, the most urgent first.
WARNINGS = (timedelta(hours=2), timedelta(hours=12))
_TOGETHER = timedelta(hours=1)
_MOST_SHOTS = 5

_DECISIONS = (State.UNKNOWN, State.INTERRUPTED, State.NOT_DOWNLOADED)


@dataclass(frozen=True)
class News:
    """A notice to be. `key` goes on where the kind ends."""

    kind: Kind
    key: str
    subject: str
    text: str
    path: str
    story: int | None = None

    def write(self) -> bool:
        """False where somebody was first."""
        fields = {
            "kind": self.kind,
            "story_id": self.story,
            "subject": self.subject[:200],
            "text": self.text,
            "path": self.path,
        }
        key = _key(self.kind, self.key)
        return Notice.objects.get_or_create(key=key, defaults=fields)[1]


def look_for_news() -> int:
    """Write a notice of everything that people should know and were not told; wake the sender where
    something is to be sent. How many notices were written. A fixed number of queries where there
    is nothing new."""
    written = 0
    for news in (
        *_finished_batches(),
        *reached_budgets(budget_uses()),
        *_paused_queues(),
        *_expiring_clips(),
    ):
        written += news.write()
    if due_notices().exists():
        wake_sender()
    return written


def due_notices() -> QuerySet[Notice]:
    """What has to be sent now."""
    return Notice.objects.filter(next_attempt_at__lte=timezone.now())


def batch_of(notice: Notice) -> RenderBatch | None:
    """The batch that the notice is about. At most one query."""
    if notice.kind not in (Kind.BATCH_FINISHED, Kind.CLIP_EXPIRES):
        return None
    pk = notice.key.split(":")[1]
    return RenderBatch.objects.select_related("requested_by").defer("plan").filter(pk=pk).first()


def _key(kind: Kind, rest: str) -> str:
    return f"{kind.value}:{rest}"


def _untold(kind: Kind, keys: Collection[str]) -> set[str]:
    """Those of the keys that no notice has."""
    if not keys:
        return set()
    full = {_key(kind, key): key for key in keys}
    told = Notice.objects.filter(key__in=full).values_list("key", flat=True)
    return {full[key] for key in full.keys() - set(told)}


# -- batch finished --------------------------------------------------------------------------------


def _finished_batches() -> Iterator[News]:
    since = timezone.now() - NEWS_FOR
    ended = VideoRender.objects.filter(ended_at__gt=since, kind__in=_TOLD_KINDS)
    running = VideoRender.objects.open().order_by().values("batch")
    # (A DISTINCT would make SQLite read the whole index of batches instead.)
    ids = set(ended.exclude(batch__in=running).order_by().values_list("batch", flat=True))
    # One that resumed has no renders of its own.
    newest = RenderBatch.objects.order_by("-pk").values_list("pk", "mode", "status", "created_at")
    ids |= {
        pk
        for pk, mode, status, created_at in newest[:NEWEST_BATCHES]
        if (mode, status) == (RenderBatch.Mode.RESUME, RenderBatch.Status.CONFIRMED)
        and created_at > since
    }
    untold = _untold(Kind.BATCH_FINISHED, {str(pk) for pk in ids})
    if not untold:
        return
    for batch in RenderBatch.objects.filter(pk__in=untold).select_related("story").order_by("pk"):
        states = Counter(_renders_of(batch).values_list("state", flat=True))
        if states and not OPEN & states.keys():
            yield _finished(batch, states)


def _renders_of(batch: RenderBatch) -> QuerySet[VideoRender]:
    """What the batch made or went on with."""
    resumed = [
        record["render"]
        for record in batch.plan
        if record.get("render") and record.get("decision") in _RESUMED
    ]
    renders = VideoRender.objects.filter(Q(batch=batch) | Q(pk__in=resumed), kind__in=_TOLD_KINDS)
    return renders.order_by()


def _finished(batch: RenderBatch, states: Counter[str]) -> News:
    told = [f"{states[State.DONE]} of {states.total()} done"]
    told += [
        f"{states[state]} {word}"
        for state, word in (
            (State.FAILED, "failed"),
            (State.BLOCKED, "blocked"),
            (State.CANCELLED, "cancelled"),
        )
        if states[state]
    ]
    if decisions := sum(states[state] for state in _DECISIONS):
        told.append(f"{decisions} need{'' if decisions > 1 else 's'} a decision")
    summary = f"Batch {batch.pk} of {_name_of(batch.story)} has ended: {', '.join(told)}"
    return News(
        Kind.BATCH_FINISHED,
        str(batch.pk),
        summary,
        f"{summary}.\n{_cost_of(batch)}",
        reverse("admin:videogen_renderbatch_progress", args=[batch.pk]),
        batch.story_id,
    )


def _cost_of(batch: RenderBatch) -> str:
    """What resumed renders cost is their own batch's."""
    charges = Submission.objects.filter(render__batch=batch, outcome__in=Submission.MAY_COST)
    cost = Sum(Coalesce("render__actual_cost_usd", "price_usd"))
    sums = dict(charges.order_by().values_list("outcome").annotate(total=cost))
    maybe = sums.pop(Outcome.UNKNOWN, Decimal(0)) + sums.pop(Outcome.CLAIMED, Decimal(0))
    sentence = f"It cost {usd(sum(sums.values(), Decimal(0)))}."
    if maybe:
        sentence += f" Another {usd(maybe)} may have been charged: nobody knows yet."
    return sentence


# -- budget ----------------------------------------------------------------------------------------


def reached_budgets(uses: Sequence[BudgetUse]) -> Iterator[News]:
    """Of each limit the highest level that its spending has reached, where neither that nor a
    higher one was told. A limit that was changed is another one."""
    reached: dict[str, tuple[BudgetUse, int]] = {}
    for use in uses:
        # A limit of nothing is used up from the start, which is no news.
        if use.limit_usd > 0:
            percent = 100 * use.spent_usd / use.limit_usd
            places = [place for place, (level, _) in enumerate(LEVELS) if percent >= level]
            reached |= {f"{use.key}:{use.limit_usd:.2f}": (use, places[0])} if places else {}
    untold = [_untold(kind, reached) for _, kind in LEVELS]
    for key, (use, place) in reached.items():
        if all(key in keys for keys in untold[: place + 1]):
            yield _reached(use, LEVELS[place][1], key)


def _reached(use: BudgetUse, kind: Kind, key: str) -> News:
    amounts = f"{usd(use.spent_usd)} of {usd(use.limit_usd)}"
    used_up = kind == Kind.BUDGET_100
    what = "Budget used up" if used_up else "Budget at 80 %"
    effect = "Nothing more is sent under it." if used_up else "The rest goes on being sent."
    return News(
        kind,
        key,
        f"{what}: {use.name}, {amounts}",
        f"{amounts} of the budget for {use.name} are spent, in flight or queued. {effect}",
        reverse("admin:index"),
        use.story,
    )


# -- queue paused ----------------------------------------------------------------------------------


def _paused_queues() -> Iterator[News]:
    paused = {
        f"{lane.pk}:{lane.paused_at.isoformat()}": lane
        # Whoever pauses it by hand has told the others why.
        for lane in Lane.objects.exclude(paused_at=None).exclude(pause_code=BY_PERSON)
    }
    for key in _untold(Kind.QUEUE_PAUSED, paused):
        lane = paused[key]
        waiting = VideoRender.objects.open().filter(
            lane=lane, state=State.QUEUED, kind=VideoRender.Kind.GENERATION
        )
        yield News(
            Kind.QUEUE_PAUSED,
            key,
            f"Queue paused: {lane.name}",
            f"The queue of {lane.name} was paused at {_moment(lane.paused_at)}: "
            f"{clean(lane.pause_reason)}\n"
            f"Waiting renders: {waiting.count()}. Nothing is sent until somebody has mended this "
            "and resumes the queue; what was accepted goes on.",
            reverse("admin:videogen_lane_change", args=[lane.pk]),
        )


# -- clip about to expire --------------------------------------------------------------------------


def _expiring_clips() -> Iterator[News]:
    """Clips of one batch that were made in the same hour are told of together: a full disk is one
    piece of news, not sixty-four."""
    now = timezone.now()
    made_before = now - KEPT_FOR + max(WARNINGS) + _TOGETHER
    clips = (
        VideoRender.objects.filter(
            # By the index of what is open and what ended when: it ended after it was made.
            Q(ended_at=None, state=State.DOWNLOADING)
            | Q(ended_at__gt=now - KEPT_FOR, state=State.NOT_DOWNLOADED),
            kind=VideoRender.Kind.GENERATION,
            rendered_at__gt=now - KEPT_FOR,
            rendered_at__lte=made_before,
        )
        .select_related("shot__scenelet__story")
        .defer("prompt_text", "references", "dropped_references", "warnings", "error_details")
        .defer("shot__storyboard_payload")
        .order_by("rendered_at", "pk")
    )
    groups = defaultdict(list)
    for clip in clips:
        groups[f"{clip.batch_id}:{clip.rendered_at:%Y-%m-%dT%H}"].append(clip)
    due = {}
    for key, group in groups.items():
        left = group[0].rendered_at + KEPT_FOR - now
        if warning := next((each for each in WARNINGS if left <= each), None):
            due[f"{key}:{warning // timedelta(hours=1)}"] = group
    for key in _untold(Kind.CLIP_EXPIRES, due):
        yield _expiring(key, due[key])


def _expiring(key: str, clips: Sequence[VideoRender]) -> News:
    first = clips[0]
    story, batch = first.shot.scenelet.story, first.batch_id
    title = _name_of(story)
    end = first.rendered_at + KEPT_FOR
    number = f"{len(clips)} clips" if len(clips) > 1 else "A clip"
    were, them = ("were", "them") if len(clips) > 1 else ("was", "it")
    names = ", ".join(str(each.shot) for each in clips[:_MOST_SHOTS])
    if (more := len(clips) - _MOST_SHOTS) > 0:
        names += f" and {more} more"
    return News(
        Kind.CLIP_EXPIRES,
        key,
        f"{number} of {title} will be lost after {_moment(end)}",
        f"{number} of batch {batch} of {title} {were} made, but not downloaded: {names}.\n"
        f"The server begins to delete {them} at about {_moment(end)}: resume {them} before.",
        reverse("admin:videogen_renderbatch_progress", args=[batch]),
        story.pk,
    )


def _moment(when: datetime) -> str:
    return f"{timezone.localtime(when):%d %b %H:%M %Z}"


def _name_of(story: Story) -> str:
    """Titles come from outside: one line (in a subject, a second one would be a mail header), and
    short enough to leave room for the news."""
    return shorten(str(story), 80, placeholder="…")
