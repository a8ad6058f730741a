"""Finds out what people should be notified of, and writes it down once; deliver.py sends it.

The state transitions are in many files and are made by many processes, so none of them writes
notices. The rows show what happened for long enough: this module looks at them once a minute, and
after every slice of the pump and of the downloads. The unique key of a notice says what happened,
so looking twice, or in two processes at once, writes it once.
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
from django.utils.translation import ngettext

from storybook.models import Story
from videogen.billing.usage import BudgetUse, budget_uses
from videogen.common.formats import moment, usd
from videogen.common.moments import over
from videogen.common.task_queue import wake_sender
from videogen.common.untrusted_text import clean
from videogen.lanes.pauses import BY_PERSON
from videogen.models import (
    KeptCharge,
    Lane,
    Notice,
    OutgoingEvent,
    RenderBatch,
    Submission,
    VideoRender,
)
from videogen.models.renders import CLIP_KEPT_FOR
from videogen.models.states import OPEN
from videogen.planning.modes import Action

from .events import write_events

State = VideoRender.State
Kind = Notice.Kind
Outcome = Submission.Outcome

# Renders may have ended while no worker ran. What ended longer ago than this is not news any more.
NEWS_FOR = timedelta(days=2)
# Nobody is notified of a dry run, which ends at once, nor of an upload, which a person makes.
_TOLD_KINDS = (VideoRender.Kind.GENERATION, VideoRender.Kind.LINK)
# Only this many of the newest batches are looked at for whether they resumed something.
NEWEST_BATCHES = 200
_RESUMED = (Action.RESUME, Action.DOWNLOAD)

LEVELS = ((100, Kind.BUDGET_100), (80, Kind.BUDGET_80))

# How long before the server deletes a clip people are warned, the most urgent warning first.
WARNINGS = (timedelta(hours=2), timedelta(hours=12))
_MOST_SHOTS = 5

# Before the next attempt to send something. The receiver cannot ask for more.
LONGEST_WAIT = timedelta(days=1)

_DECISIONS = (State.UNKNOWN, State.INTERRUPTED, State.NOT_DOWNLOADED)


@dataclass(frozen=True)
class News:
    """A notice that may have to be written."""

    kind: Kind
    # Says, after the kind, what exactly happened.
    key: str
    subject: str
    text: str
    path: str
    # Primary keys.
    story: int | None = None
    batch: int | None = None

    def write(self) -> bool:
        """Write the notice. Returns False if it was already there."""
        fields = {
            "kind": self.kind,
            "story_id": self.story,
            "batch_id": self.batch,
            "subject": self.subject[:200],
            "text": self.text,
            "path": self.path,
        }
        key = _key(self.kind, self.key)
        return Notice.objects.get_or_create(key=key, defaults=fields)[1]


def look_for_news() -> int:
    """Write a notice of everything that people should know and do not know yet, and wake the sender
    if something has to be sent. Returns how many notices were written. The number of
    queries does not depend on how much has happened before."""
    written = 0
    for news in (
        *_finished_batches(),
        *reached_budgets(budget_uses()),
        *_paused_queues(),
        *_expiring_clips(),
        *_late_answers(),
    ):
        written += news.write()
    write_events(timezone.now() - NEWS_FOR)
    if due_notices().exists() or due_events().exists():
        wake_sender()
    return written


def due_notices() -> QuerySet[Notice]:
    """Return the notices that have to be sent now."""
    return Notice.objects.filter(_is_due())


def due_events() -> QuerySet[OutgoingEvent]:
    """Return the events that have to be sent now."""
    return OutgoingEvent.objects.filter(_is_due())


def _is_due() -> Q:
    return over("next_attempt_at", timezone.now(), longest=LONGEST_WAIT)


def _key(kind: Kind, rest: str) -> str:
    return f"{kind.value}:{rest}"


def _untold(kind: Kind, keys: Collection[str]) -> set[str]:
    """Return those of the keys that no notice has yet."""
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
    # There is no DISTINCT here: with it, SQLite would read the whole index of batches instead.
    ids = set(ended.exclude(batch__in=running).order_by().values_list("batch", flat=True))
    # A batch that only resumed has no renders of its own.
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
    """Return the renders that the batch made or resumed."""
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
        told.append(ngettext("%d needs a decision", "%d need a decision", decisions) % decisions)
    summary = f"Batch {batch.number} of {_name_of(batch.story)} has ended: {', '.join(told)}"
    return News(
        Kind.BATCH_FINISHED,
        str(batch.pk),
        summary,
        f"{summary}.\n{_cost_of(batch)}",
        reverse("admin:videogen_renderbatch_progress", args=[batch.pk]),
        story=batch.story_id,
        batch=batch.pk,
    )


def _cost_of(batch: RenderBatch) -> str:
    """Return a sentence on what the batch cost. The cost of a resumed render belongs to the batch
    that submitted it, so it is not counted here."""
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
    """Yield, for each limit, the highest level that its spending has reached, if there is no notice
    of that level or a higher one. After a limit is changed, it counts as a new one."""
    reached: dict[str, tuple[BudgetUse, int]] = {}
    for use in uses:
        # A limit of 0 is used up from the start, which is not news.
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
    effect = "Nothing more is sent under it." if used_up else "Renders are still sent."
    return News(
        kind,
        key,
        f"{what}: {use.name}, {amounts}",
        f"{amounts} of the budget for {use.name} are spent, in flight or queued. {effect}",
        reverse("admin:index"),
        story=use.story,
    )


# -- queue paused ----------------------------------------------------------------------------------


def _paused_queues() -> Iterator[News]:
    # Nobody is notified of a pause by a person: that person knows why, and can tell the others.
    lanes = Lane.objects.exclude(paused_at=None).exclude(pause_code=BY_PERSON)
    paused = {
        f"{lane.pk}:{paused_at.isoformat()}": (lane, paused_at)
        for lane in lanes
        if (paused_at := lane.paused_at)
    }
    for key in _untold(Kind.QUEUE_PAUSED, paused):
        lane, paused_at = paused[key]
        waiting = VideoRender.objects.open().filter(
            lane=lane, state=State.QUEUED, kind=VideoRender.Kind.GENERATION
        )
        yield News(
            Kind.QUEUE_PAUSED,
            key,
            f"Queue paused: {lane.name}",
            f"The queue of {lane.name} was paused at {_moment(paused_at)}: "
            f"{clean(lane.pause_reason)}\n"
            f"Waiting renders: {waiting.count()}. Nothing is sent until somebody fixes this and "
            "resumes the queue. Renders that the API has accepted go on.",
            reverse("admin:videogen_lane_change", args=[lane.pk]),
        )


# -- clip about to expire --------------------------------------------------------------------------


def _expiring_clips() -> Iterator[News]:
    """Yield one piece of news for all clips of a batch that were made in the same hour: a full disk
    is one event, not sixty-four."""
    now = timezone.now()
    clips = (
        VideoRender.objects.filter(
            # These conditions use the index of what is open and of what ended when. Whatever ended
            # before this time was also made before it, so the server has deleted the clip.
            Q(ended_at=None, state=State.DOWNLOADING)
            | Q(ended_at__gt=now - CLIP_KEPT_FOR, state=State.NOT_DOWNLOADED),
            kind=VideoRender.Kind.GENERATION,
            rendered_at__isnull=False,
        )
        .select_related("shot__scenelet__story", "batch")
        .without_heavy_columns()
        .defer("shot__storyboard_payload", "batch__plan", "batch__filters")
        # Sorted below: with an order, SQLite reads all renders by the index that has it.
        .order_by()
    )
    groups = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: (clip.clip_expires_at, clip.pk)):
        # A clip that the server has deleted must not hide those of its hour that it still has.
        if clip.clip_expires_at > now:
            made_at = clip.clip_expires_at - CLIP_KEPT_FOR
            groups[f"{clip.batch_id}:{made_at:%Y-%m-%dT%H}"].append(clip)
    due = {}
    for key, group in groups.items():
        left = group[0].clip_expires_at - now
        if warning := next((each for each in WARNINGS if left <= each), None):
            due[f"{key}:{warning // timedelta(hours=1)}"] = group
    for key in _untold(Kind.CLIP_EXPIRES, due):
        yield _expiring(key, due[key])


def _expiring(key: str, clips: Sequence[VideoRender]) -> News:
    first, number = clips[0], len(clips)
    story, batch = first.shot.scenelet.story, first.batch
    title = _name_of(story)
    end = _moment(first.clip_expires_at)
    names = ", ".join(str(each.shot) for each in clips[:_MOST_SHOTS])
    if (more := number - _MOST_SHOTS) > 0:
        names += f" and {more} more"
    subject = ngettext(
        "A clip of %(title)s will be lost after %(end)s",
        "%(number)d clips of %(title)s will be lost after %(end)s",
        number,
    )
    text = ngettext(
        "A clip of batch %(batch)d of %(title)s was made, but not downloaded: %(names)s.\n"
        "The server begins to delete it at about %(end)s: resume it before.",
        "%(number)d clips of batch %(batch)d of %(title)s were made, but not downloaded: "
        "%(names)s.\nThe server begins to delete them at about %(end)s: resume them before.",
        number,
    )
    values = {"number": number, "batch": batch.number, "title": title, "names": names, "end": end}
    return News(
        Kind.CLIP_EXPIRES,
        key,
        subject % values,
        text % values,
        reverse("admin:videogen_renderbatch_progress", args=[batch.pk]),
        story=story.pk,
        batch=batch.pk,
    )


# -- answer for a wiped story ----------------------------------------------------------------------


def _late_answers() -> Iterator[News]:
    """Yield the submissions of wiped stories that nobody knew about, until the API answered."""
    since = timezone.now() - NEWS_FOR
    late = KeptCharge.objects.answered_late().filter(late_answer_at__gt=since)
    charges = {str(each.token): each for each in late.select_related("story", "lane")}
    for key in _untold(Kind.LATE_ANSWER, charges):
        charge = charges[key]
        title = shorten(str(charge.story), 80, placeholder="…")
        end = _moment(charge.claimed_at + CLIP_KEPT_FOR)
        yield News(
            Kind.LATE_ANSWER,
            key,
            f"A video of the wiped story {title} is paid for",
            f"When {title} was wiped, nobody knew whether one of its requests to "
            f"{charge.lane.name} had been accepted. It was: {charge.operation_name}. "
            f"{usd(charge.price_usd)} still count for it. The server may delete the clip after "
            f"about {end}. To have it, restore the story from {charge.story.archive_name} before, "
            "and take back on the page “Unresolved” that its render was given up.",
            reverse("admin:index"),
        )


def _moment(when: datetime) -> str:
    return f"{moment(when)} {timezone.localtime(when):%Z}"


def _name_of(story: Story) -> str:
    """Return the story's title on one line, because a second line in a subject would become a mail
    header, and short enough to leave room for the news."""
    return shorten(str(story), 80, placeholder="…")
