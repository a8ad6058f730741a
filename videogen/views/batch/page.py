"""What the page of a batch shows: its renders, what they wait for, and how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone

from storybook.models import DesignDocument, Shot
from videogen.billing.render_times import time_left, usual_times
from videogen.common.formats import media_url, usd
from videogen.common.task_queue import broker_problem
from videogen.models import ReferenceChoice, RenderBatch, VideoRender
from videogen.models.states import OPEN, RESUMABLE, STUCK, WITHOUT_VIDEO
from videogen.pipeline.cancel import stoppable
from videogen.planning.batch_actions import (
    BatchProgress,
    find_sent,
    shots_to_resume,
    shots_to_retry,
)
from videogen.planning.modes import MODES, Action
from videogen.planning.shot_status import situation_of
from videogen.prompts.references import PINNED
from videogen.safety.blocks import Block
from videogen.views.components.badges import Badge, badge_of_state
from videogen.views.components.queue_notice import QueueNotice, is_nobody_working, notice_of
from videogen.views.components.reasons import (
    BADGES,
    BlockedShot,
    Link,
    code_of_record,
    find_shots_of,
    links_to_fix,
    name_of_record,
    next_steps,
    reason_of_record,
)
from videogen.views.components.segments import RenderProgress
from videogen.views.components.shot_cards import key_frame_urls

State = VideoRender.State
Review = VideoRender.Review

# An update also has the rows that changed shortly before the last one: clocks differ.
OVERLAP = timedelta(seconds=10)

# What has ended without a clip, and not because somebody wanted it so.
FAILURES = frozenset({State.FAILED, State.BLOCKED, *STUCK})

_NOT_WORKED_ON = (Action.SKIP, Action.BLOCKED)


@dataclass(frozen=True)
class RenderRow:
    """A render of the batch, or an older one that the batch resumed."""

    render: VideoRender
    key_frame: str = ""
    hint: str = ""
    # How long a render of its model took lately.
    usual: timedelta | None = None
    may_cancel: bool = False

    @property
    def can_cancel(self) -> bool:
        """Whether it may still be cancelled alone."""
        return self.may_cancel and self.render.state == State.QUEUED

    @property
    def key(self) -> str:
        return f"render-{self.render.pk}"

    @cached_property
    def status(self) -> str:
        return str(self.render.status)

    @property
    def badge(self) -> Badge:
        return badge_of_state(self.status)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def video_url(self) -> str:
        return media_url(self.render.video_file) if self.status == State.DONE else ""

    @property
    def still_url(self) -> str:
        return media_url(self.render.poster_file) if self.video_url else self.key_frame

    @property
    def since(self) -> datetime:
        """When the time that is shown began. It does not include the wait in the queue."""
        render = self.render
        if self.status == State.QUEUED:
            return render.queued_at
        return render.claimed_at or render.submitted_at or render.queued_at

    @property
    def elapsed(self) -> str:
        """The time until the end, or until now, such as "1:05"; empty if no work was done."""
        end = timezone.now() if self.is_open else self.render.ended_at
        if end is None or self.status in (State.CANCELLED, State.REHEARSED):
            return ""
        return clock(end - self.since)

    @property
    def expected(self) -> str:
        """What its time is likely to be, while it renders."""
        is_sent = self.status in (State.SUBMITTING, State.RUNNING)
        return clock(self.usual) if self.usual and is_sent else ""

    @property
    def length(self) -> str:
        """The length of its clip."""
        seconds = self.render.video_seconds or self.render.duration_seconds
        return clock(timedelta(seconds=float(seconds))) if seconds else ""

    @property
    def look(self) -> str:
        """How its picture is drawn: waiting, working, made, lost (there is no clip) or ended."""
        if self.status == State.QUEUED:
            return "waiting"
        if self.is_open:
            return "working"
        if self.status == State.DONE:
            return "made"
        return "lost" if self.status in FAILURES else "ended"

    @property
    def link_text(self) -> str:
        """The text of the link to the shot's takes."""
        if self.status == State.BLOCKED:
            return "What to try"
        if self.status == State.UNKNOWN:
            return "Decide"
        return f"Take {self.render.take}" if self.render.take else "Takes"

    @property
    def words(self) -> str:
        """What happened to the render, or what it waits for."""
        render = self.render
        if self.is_open and render.error_message:
            return f"Trying again: {render.error_message}"
        if render.error_message:
            return f"{render.error_message} {self.hint}".strip()
        if self.status == State.QUEUED and render.not_before and render.not_before > timezone.now():
            return f"The next try is at about {timezone.localtime(render.not_before):%H:%M}."
        if render.state in RESUMABLE:
            return "It was interrupted. To resume it asks for the same video, without a new charge."
        if self.status == State.INTERRUPTED:
            return "No worker is busy with it now. It continues where it stopped."
        return ""

    def may_have_changed(self, since: datetime | None) -> bool:
        if since is None:
            return True
        # A render may look interrupted after some time, without any change of its row.
        live = self.render.state in OPEN and self.render.state != State.QUEUED
        return live or self.render.state_since >= since - OVERLAP


@dataclass(frozen=True)
class FailureGroup:
    """The renders that made no clip, or none yet, for one reason."""

    rows: Sequence[RenderRow]
    # The shots of them that can be tried again.
    to_retry: frozenset[int] = frozenset()
    can_resume: bool = False

    @property
    def status(self) -> str:
        return self.rows[0].status

    @property
    def cause(self) -> str:
        """The code that its button sends back."""
        return cause_of(self.rows[0])

    @property
    def badge(self) -> Badge:
        return self.rows[0].badge

    @property
    def words(self) -> str:
        """What happened, if that is told alike of all of them."""
        told = {row.render.error_message or row.words for row in self.rows}
        return told.pop() if len(told) == 1 else ""

    @property
    def needs_decision(self) -> bool:
        return self.status == State.UNKNOWN

    @property
    def retries(self) -> int:
        return len({row.render.shot_id for row in self.rows} & self.to_retry)

    @property
    def resumes(self) -> bool:
        return self.can_resume and self.status in (State.INTERRUPTED, State.NOT_DOWNLOADED)


def cause_of(row: RenderRow) -> str:
    return f"{row.status}:{row.render.error_code}"


@dataclass(frozen=True)
class SkippedRow:
    """A shot that the plan left alone, the reason, and links to what can be done now."""

    badge: Badge
    shot: int
    words: str
    reason: str
    ways: Sequence[Link] = ()


@dataclass(frozen=True)
class BatchPage:
    """The page of a confirmed batch. The number of queries does not depend on its size."""

    batch: RenderBatch
    may_act: bool = False
    user: AbstractUser | None = None

    @cached_property
    def rows(self) -> list[RenderRow]:
        wanted = {
            record["render"]
            for record in self.batch.plan
            if record.get("render") and record.get("decision") not in _NOT_WORKED_ON
        }
        renders = (
            VideoRender.objects.without_heavy_columns()
            .defer("shot__storyboard_payload")
            .select_related("shot__scenelet", "lane")
        )
        found = renders.in_bulk(wanted) if wanted else {}
        # The render of a link that somebody gave us is in no plan.
        found |= {
            each.pk: each for each in renders.filter(batch=self.batch) if each.pk not in found
        }
        ordered = sorted(
            found.values(),
            key=lambda each: (each.shot.scenelet.place, each.shot.shot_index, each.pk),
        )
        frames = key_frame_urls({each.shot_id for each in ordered})
        hints = _hints([each.pk for each in ordered if each.state == State.BLOCKED])
        return [
            RenderRow(
                each,
                frames.get(each.shot_id, ""),
                hints.get(each.pk, ""),
                self._usual_times.get(each.model) if each.state in OPEN else None,
                may_cancel=self.may_act and each.batch_id == self.batch.pk,
            )
            for each in ordered
        ]

    @cached_property
    def _usual_times(self) -> dict[str, timedelta]:
        return usual_times(self.batch.model)

    @cached_property
    def left(self) -> list[SkippedRow]:
        """The shots that the plan skipped or could not render. At most six queries."""
        records = [each for each in self.batch.plan if each["decision"] in _NOT_WORKED_ON]
        if not records:
            return []
        causes = VideoRender.objects.without_heavy_columns().in_bulk(
            {each["render"] for each in records if each.get("render")}
        )
        shots = find_shots_of(records)
        ways = self._ways_to_mend(
            {each["shot"]: each for each in records if each["decision"] == Action.BLOCKED}
        )
        resumable = set(self.to_resume)
        rows = []
        for record in records:
            shot, cause = record["shot"], causes.get(record.get("render"))
            rows.append(
                SkippedRow(
                    BADGES[record["decision"]],
                    shot,
                    name_of_record(record, shots),
                    reason_of_record(record, self.batch.mode, cause),
                    ways[shot] if shot in ways else _ways_on(shot, cause, shot in resumable),
                )
            )
        return rows

    def _ways_to_mend(self, records: Mapping[int, dict[str, Any]]) -> dict[int, Sequence[Link]]:
        """Return for each blocked shot links to what is still to be fixed. Two queries."""
        if not records:
            return {}
        pins = ReferenceChoice.objects.filter(shot=OuterRef("pk"), choice=PINNED)
        shots = Shot.objects.filter(pk__in=records).annotate(has_pin=Exists(pins))
        documents = DesignDocument.objects.filter(story=self.batch.story_id)
        by_kind = {each.kind: each for each in documents}
        return {
            shot.pk: links_to_fix(
                shot.pk,
                self.batch.story_id,
                by_kind,
                BlockedShot(
                    has_storyboard=bool(shot.storyboard_payload),
                    has_broken_pin=shot.has_pin,
                    code=code_of_record(records[shot.pk]),
                ),
            )
            for shot in shots
        }

    @property
    def mode(self) -> str:
        return MODES[RenderBatch.Mode(self.batch.mode)][0]

    @property
    def cost(self) -> str:
        cost = self.batch.estimated_cost_usd
        return usd(cost) if cost else "free"

    @cached_property
    def own(self) -> list[VideoRender]:
        """The renders that this batch has made, and not an earlier one that it resumed."""
        return [row.render for row in self.rows if row.render.batch_id == self.batch.pk]

    @cached_property
    def charged_usd(self) -> Decimal:
        return sum((each.actual_cost_usd or Decimal(0) for each in self.own), Decimal(0))

    @property
    def charged(self) -> str:
        """What the batch's own renders have cost by now, and what they may still cost; empty if it
        is free."""
        if not self.batch.estimated_cost_usd:
            return ""
        still_open = sum(
            (each.price_estimate_usd for each in self.own if each.actual_cost_usd is None),
            Decimal(0),
        )
        left = f", {usd(still_open)} still open" if still_open else ""
        return f"charged {usd(self.charged_usd)}{left}"

    # -- when it ends, and what comes then

    @property
    def time_left(self) -> str:
        """About how long it still takes, such as "4 min"; empty where nobody can know."""
        open_rows = [row for row in self.rows if row.is_open]
        if self.notice or self.batch.mode == RenderBatch.Mode.DRY_RUN:
            return ""
        usual = max((row.usual for row in open_rows if row.usual), default=None)
        sent = [row.since for row in open_rows if row.status != State.QUEUED]
        return time_left(self.counts, usual, max(sent, default=None))

    @cached_property
    def takes(self) -> list[VideoRender]:
        return [row.render for row in self.rows if row.status == State.DONE]

    @property
    def to_review(self) -> int:
        waiting = (Review.UNREVIEWED, Review.SELECTED)
        return sum(each.review in waiting for each in self.takes)

    @property
    def takes_cost(self) -> str:
        return usd(self.charged_usd) if self.charged_usd else ""

    @property
    def review_url(self) -> str:
        """The queue of its takes. Those of an earlier batch that it resumed are found by their
        story."""
        is_own = all(each.batch_id == self.batch.pk for each in self.takes)
        query = {"batch": self.batch.pk} if is_own else {"story": self.batch.story_id}
        return reverse("admin:videogen_review", query=query)

    @cached_property
    def failures(self) -> list[FailureGroup]:
        """What made no clip, by its cause, the largest group first."""
        groups: dict[str, list[RenderRow]] = {}
        for row in self.rows:
            if row.status in FAILURES:
                groups.setdefault(cause_of(row), []).append(row)
        found = [
            FailureGroup(rows, frozenset(self.to_retry), bool(self.to_resume))
            for rows in groups.values()
        ]
        return sorted(found, key=lambda each: -len(each.rows))

    def shots_of_cause(self, cause: str) -> set[int]:
        return {row.render.shot_id for row in self.rows if cause_of(row) == cause}

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(row.status for row in self.rows)

    @cached_property
    def progress(self) -> RenderProgress:
        return RenderProgress(self.counts)

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def is_active(self) -> bool:
        """Whether anything may still change by itself.

        A render may look interrupted while its state is still open: the next worker continues it.
        """
        return any(row.render.state in OPEN for row in self.rows)

    @property
    def title(self) -> str:
        name = f"Batch {self.batch.number} · {self.batch.story}"
        return f"({self.progress.ended}/{self.total}) {name}" if self.is_active else name

    @property
    def chips(self) -> list[tuple[str, Badge, int]]:
        return [
            (state.value, badge_of_state(state), self.counts[state])
            for state in State
            if self.counts[state]
        ]

    @property
    def failed(self) -> int:
        return sum(self.counts[state] for state in WITHOUT_VIDEO)

    @cached_property
    def queued(self) -> list[VideoRender]:
        """The renders of this batch that may still be cancelled."""
        renders = (row.render for row in self.rows if row.status == State.QUEUED)
        return [render for render in renders if render.batch_id == self.batch.pk]

    @property
    def sent(self) -> BatchProgress:
        """The renders that cancelling the rest does not stop."""
        return find_sent(self.own)

    @property
    def places(self) -> list[tuple[int, str, bool]]:
        """The places in the queue to choose from: value, label, whether it is the present one."""
        return [
            (value, words, value == self.batch.priority)
            for value, words in RenderBatch.Priority.choices
        ]

    @property
    def can_cancel(self) -> int:
        return len(self.queued) if self.may_act else 0

    @property
    def can_stop(self) -> int:
        """The number of running renders that Google can be asked to stop."""
        if not self.may_act:
            return 0
        return len(stoppable(self.own))

    @property
    def can_retry(self) -> int:
        return len(self.to_retry)

    @property
    def can_resume(self) -> int:
        return len(self.to_resume)

    @cached_property
    def to_retry(self) -> list[int]:
        return shots_to_retry(self.batch) if self.may_act and self.failed else []

    @cached_property
    def to_resume(self) -> list[int]:
        return shots_to_resume(self.batch) if self.may_act else []

    @cached_property
    def notice(self) -> QueueNotice | None:
        """Why queued renders are not sent now. At most four queries."""
        waiting = [row.render.lane for row in self.rows if row.render.state == State.QUEUED]
        if waiting:
            return notice_of(waiting[0], self.user)
        working = [row.render.lane for row in self.rows if row.render.state in OPEN]
        broken = working and not self.batch.worked_by and broker_problem()
        return QueueNotice(working[0], broker=broken) if broken else None

    @cached_property
    def nobody_works(self) -> bool:
        return self.is_active and not self.batch.worked_by and is_nobody_working()


def clock(length: timedelta) -> str:
    """The length as "1:05", or "1:02:03"."""
    minutes, seconds = divmod(max(0, round(length.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _hints(blocked: Sequence[int]) -> dict[int, str]:
    """Return for each blocked render what is likely at fault. One query if there are any."""
    if not blocked:
        return {}
    renders = VideoRender.objects.filter(pk__in=blocked).only("prompt_text", "error_details")
    return {render.pk: Block(render).hint for render in renders}


def _ways_on(shot: int, cause: VideoRender | None, can_resume: bool) -> Sequence[Link]:
    if cause is None:
        return ()
    resume = Link("Resume it", "#resume") if can_resume else None
    return next_steps(situation_of(cause), shot, cause, resume)
