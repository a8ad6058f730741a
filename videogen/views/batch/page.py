"""What the page of a batch shows: its renders, what they wait for, and the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Exists, OuterRef
from django.utils import timezone

from storybook.models import DesignDocument, Shot
from videogen.common.formats import media_url, usd
from videogen.common.task_queue import is_cluster_running
from videogen.models import ReferenceChoice, RenderBatch, VideoRender
from videogen.models.states import RESUMABLE
from videogen.pipeline.cancel import stoppable
from videogen.planning.batch_actions import Sent, shots_to_resume, shots_to_retry, what_was_sent
from videogen.planning.modes import MODES, Action
from videogen.planning.shot_status import situation_of
from videogen.prompts.references import PINNED
from videogen.safety.blocks import Block
from videogen.views.components.badges import BADGES, Badge, badge_of_state
from videogen.views.components.queue_notice import QueueNotice, notice_of
from videogen.views.components.reasons import (
    Obstacles,
    Way,
    code_of_record,
    reason_of_record,
    ways_on,
    ways_to_mend,
)
from videogen.views.components.shot_cards import key_frame_urls

State = VideoRender.State

# Rows that changed so shortly before the last question are told once more: clocks differ.
OVERLAP = timedelta(seconds=10)

_FAT = ("prompt_text", "references", "dropped_references", "warnings", "error_details")
_NOT_WORKED_ON = (Action.SKIP, Action.BLOCKED)


@dataclass(frozen=True)
class BatchRow:
    """One render of the batch, or one that the batch resumed."""

    render: VideoRender
    key_frame: str = ""
    hint: str = ""

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
        return self.status in VideoRender.OPEN

    @property
    def video_url(self) -> str:
        return media_url(self.render.video_file) if self.status == State.DONE else ""

    @property
    def still_url(self) -> str:
        return media_url(self.render.poster_file) if self.video_url else self.key_frame

    @property
    def since(self) -> datetime:
        """When the clock that is shown was started: the wait in the queue is no work."""
        render = self.render
        if self.status == State.QUEUED:
            return render.queued_at
        return render.claimed_at or render.submitted_at or render.queued_at

    @property
    def elapsed(self) -> str:
        """Until the end, or until now."""
        end = timezone.now() if self.is_open else self.render.ended_at
        if end is None or self.status in (State.CANCELLED, State.REHEARSED):
            return ""
        minutes, seconds = divmod(max(0, round((end - self.since).total_seconds())), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    @property
    def way(self) -> str:
        """What the link to the shot's takes is called."""
        if self.status == State.BLOCKED:
            return "What to try"
        if self.status == State.UNKNOWN:
            return "Decide"
        return f"Take {self.render.take}" if self.render.take else "Takes"

    @property
    def words(self) -> str:
        """What happened, or what it waits for."""
        render = self.render
        if self.is_open and render.error_message:
            return f"Tried again: {render.error_message}"
        if render.error_message:
            return f"{render.error_message} {self.hint}".strip()
        if self.status == State.QUEUED and render.not_before and render.not_before > timezone.now():
            return f"Next try about {timezone.localtime(render.not_before):%H:%M}."
        if render.state in RESUMABLE:
            return "It broke off. Resuming it asks for the same video: no new charge."
        if self.status == State.INTERRUPTED:
            return "Nobody works on it at the moment; it goes on where it stopped."
        return ""

    def may_have_changed(self, since: datetime | None) -> bool:
        if since is None:
            return True
        # A live state goes stale without any change of the row.
        live = self.render.state in VideoRender.OPEN and self.render.state != State.QUEUED
        return live or self.render.state_since >= since - OVERLAP


@dataclass(frozen=True)
class LeftRow:
    """A shot that the plan left alone: why it did, and the way on as things are now."""

    badge: Badge
    shot: int
    words: str
    reason: str
    ways: Sequence[Way] = ()


@dataclass(frozen=True)
class BatchPage:
    """Of a confirmed batch. A fixed number of queries."""

    batch: RenderBatch
    may_act: bool = False
    user: AbstractBaseUser | None = None

    @cached_property
    def rows(self) -> list[BatchRow]:
        wanted = {
            record["render"]: place
            for place, record in enumerate(self.batch.plan)
            if record.get("render") and record.get("decision") not in _NOT_WORKED_ON
        }
        renders = VideoRender.objects.defer(*_FAT, "shot__storyboard_payload").select_related(
            "shot__scenelet", "lane"
        )
        found = renders.in_bulk(wanted) if wanted else {}
        # A render of a given link is in no plan.
        found |= {
            each.pk: each for each in renders.filter(batch=self.batch) if each.pk not in found
        }
        ordered = sorted(found.values(), key=lambda each: (wanted.get(each.pk, 10**9), each.pk))
        frames = key_frame_urls({each.shot_id for each in ordered})
        hints = _hints([each.pk for each in ordered if each.state == State.BLOCKED])
        return [
            BatchRow(each, frames.get(each.shot_id, ""), hints.get(each.pk, "")) for each in ordered
        ]

    @cached_property
    def left(self) -> list[LeftRow]:
        """At most five queries."""
        records = [each for each in self.batch.plan if each["decision"] in _NOT_WORKED_ON]
        if not records:
            return []
        causes = VideoRender.objects.defer(*_FAT).in_bulk(
            {each["render"] for each in records if each.get("render")}
        )
        ways = self._ways_to_mend(
            {each["shot"]: each for each in records if each["decision"] == Action.BLOCKED}
        )
        resumable = set(self.to_resume)
        rows = []
        for record in records:
            shot, cause = record["shot"], causes.get(record.get("render"))
            rows.append(
                LeftRow(
                    BADGES[record["decision"]],
                    shot,
                    f"{record['scenelet_id']} / shot {record['shot_index']}",
                    reason_of_record(record, self.batch.mode, cause),
                    ways[shot] if shot in ways else _ways_on(shot, cause, shot in resumable),
                )
            )
        return rows

    def _ways_to_mend(self, records: Mapping[int, dict[str, Any]]) -> dict[int, Sequence[Way]]:
        """By shot, for those that were blocked: what is still to be mended. Two queries."""
        if not records:
            return {}
        pins = ReferenceChoice.objects.filter(shot=OuterRef("pk"), choice=PINNED)
        shots = Shot.objects.filter(pk__in=records).annotate(has_pin=Exists(pins))
        documents = DesignDocument.objects.filter(story=self.batch.story_id)
        by_kind = {each.kind: each for each in documents}
        return {
            shot.pk: ways_to_mend(
                shot.pk,
                self.batch.story_id,
                by_kind,
                Obstacles(
                    has_storyboard=bool(shot.storyboard_payload),
                    has_broken_pin=shot.has_pin,
                    code=code_of_record(records[shot.pk]),
                ),
            )
            for shot in shots
        }

    @property
    def mode(self) -> str:
        return MODES[self.batch.mode][0]

    @property
    def cost(self) -> str:
        cost = self.batch.estimated_cost_usd
        return usd(cost) if cost else "free"

    @property
    def actual(self) -> str:
        """What it came to, once every paid render has ended and its outcome is known."""
        costs = [row.render.actual_cost_usd for row in self.rows]
        known = bool(costs) and None not in costs and bool(self.batch.estimated_cost_usd)
        return usd(sum(costs, Decimal(0))) if known else ""

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(row.status for row in self.rows)

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def ended(self) -> int:
        return self.total - self.open

    @property
    def open(self) -> int:
        return sum(self.counts[state] for state in VideoRender.OPEN)

    @property
    def is_active(self) -> bool:
        """Whether anything may still change by itself: what looks interrupted but is live by its
        state is taken up by the next worker."""
        return any(row.render.state in VideoRender.OPEN for row in self.rows)

    @property
    def title(self) -> str:
        name = f"Batch {self.batch.pk} · {self.batch.story}"
        return f"({self.ended}/{self.total}) {name}" if self.is_active else name

    @property
    def summary(self) -> str:
        done = self.counts[State.DONE] + self.counts[State.REHEARSED]
        what = "rehearsed" if self.batch.mode == RenderBatch.Mode.DRY_RUN else "done"
        told = [f"{done} of {self.total} {what}"]
        if self.open:
            told.append(f"{self.open} to go")
        if wrong := self.failed:
            told.append(f"{wrong} without a video")
        waiting = [State.UNKNOWN, State.INTERRUPTED, State.NOT_DOWNLOADED]
        if decide := sum(self.counts[state] for state in waiting):
            told.append(f"{decide} wait{'' if decide > 1 else 's'} for a person")
        return ", ".join(told) + "."

    @property
    def chips(self) -> list[tuple[str, Badge, int]]:
        return [
            (state.value, badge_of_state(state), self.counts[state])
            for state in State
            if self.counts[state]
        ]

    @property
    def failed(self) -> int:
        return sum(self.counts[state] for state in VideoRender.WITHOUT_VIDEO)

    @cached_property
    def queued(self) -> list[VideoRender]:
        """Of this batch: those that may still be cancelled."""
        renders = (row.render for row in self.rows if row.status == State.QUEUED)
        return [render for render in renders if render.batch_id == self.batch.pk]

    @property
    def sent(self) -> Sent:
        """What cancelling the rest leaves alone."""
        own = [row.render for row in self.rows if row.render.batch_id == self.batch.pk]
        return what_was_sent(own)

    @property
    def places(self) -> list[tuple[int, str, bool]]:
        """Where what is queued may stand among the batches, and where it does."""
        return [
            (value, words, value == self.batch.priority)
            for value, words in RenderBatch.Priority.choices
        ]

    @property
    def can_cancel(self) -> int:
        return len(self.queued) if self.may_act else 0

    @property
    def can_stop(self) -> int:
        """Running ones that Google can be asked to stop."""
        if not self.may_act:
            return 0
        own = [row.render for row in self.rows if row.render.batch_id == self.batch.pk]
        return len(stoppable(own))

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
        """Why what is queued is not sent now. At most four queries."""
        waiting = [row.render.lane for row in self.rows if row.render.state == State.QUEUED]
        return notice_of(waiting[0], self.user) if waiting else None

    @cached_property
    def nobody_works(self) -> bool:
        return self.is_active and not self.batch.worked_by and not is_cluster_running()


def _hints(blocked: Sequence[int]) -> dict[int, str]:
    """By render: what is likely at fault. One query, none without blocked ones."""
    if not blocked:
        return {}
    renders = VideoRender.objects.filter(pk__in=blocked).only("prompt_text", "error_details")
    return {render.pk: Block(render).hint for render in renders}


def _ways_on(shot: int, cause: VideoRender | None, can_resume: bool) -> Sequence[Way]:
    if cause is None:
        return ()
    resume = Way("Resume it", "#resume") if can_resume else None
    return ways_on(situation_of(cause), shot, cause, resume)
