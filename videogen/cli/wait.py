"""Wait until every render of a batch has ended: watch the cluster, or work on the batch here."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from django.db.models import Q, QuerySet
from django.utils import timezone

from videogen.common.db_retry import persistently
from videogen.common.formats import moment
from videogen.common.processes import is_provably_gone, this_process
from videogen.common.task_queue import is_cluster_running
from videogen.lanes.pauses import served_lanes
from videogen.lanes.quota import find_next_send_time
from videogen.models import Lane, RenderBatch, VideoRender
from videogen.models.states import CANCELLED_WITH_COMMAND, ENDED, OPEN, WORKER_GONE
from videogen.pipeline.orphans import reap
from videogen.pipeline.pump import TICK_SECONDS, Pump
from videogen.takes.download_worker import Downloads

State = VideoRender.State

# How often the database is asked how far the renders are.
LOOK_SECONDS = 0.5
# A cluster without a heartbeat for so long is gone. Its heartbeat expires after three seconds.
PATIENCE_SECONDS = 6.0


@dataclass(frozen=True)
class WaitProgress:
    """How far the renders of a command are."""

    # How many renders are in each state.
    counts: dict[str, int]
    total: int
    # What the command waits for. Empty if there is nothing to say.
    note: str


class Listener(Protocol):
    """Whom `wait_for` tells what happens."""

    def on_link(self, render: VideoRender) -> None:
        """Called once for each download link, as soon as the link is known."""

    def on_progress(self, progress: WaitProgress) -> None:
        """Called about twice a second."""

    def on_note(self, sentence: str) -> None:
        """Called once for each thing that a person should know."""


def wait_for(
    renders: Collection[int],
    listener: Listener,
    *,
    works_here: bool,
    may_submit: bool = True,
) -> None:
    """Return when every render has ended, or when only a person or tomorrow's quota can help.

    `works_here`: this process works on the batch. Otherwise a cluster does, and this process takes
    over if the cluster ends. Without `may_submit`, renders are only polled and downloaded here. If
    the wait is interrupted, what the API has accepted goes on there, and the mode resume finds it.
    """
    if not renders:
        return
    batches = RenderBatch.objects.filter(renders__in=renders)
    links = _Links(renders, listener)
    # A batch that was made from a download link has its link already.
    links.tell()
    if not works_here and not _watch(renders, listener, links):
        listener.on_note("The cluster is gone: this command continues by itself.")
        batches.update(worked_by=this_process())
        works_here = True
    if works_here:
        _work(renders, listener, links, may_submit)
    links.tell()


def release_orphans() -> None:
    """Settle the renders of a killed command, so that a plan sees their real state.

    A render that was only queued was never sent, so it is cancelled. A render that the API works on
    becomes interrupted.
    """
    lanes = served_lanes()
    for lane in lanes:
        reap(lane)
    left = (
        VideoRender.objects.open()
        .filter(lane__in=lanes, batch__worked_by__gt="")
        .select_related("batch")
    )
    gone = {
        worker: is_provably_gone(worker)
        for worker in left.values_list("batch__worked_by", flat=True).distinct()
    }
    for render in left:
        if render.state in _LEFT_BEHIND and gone[render.batch.worked_by]:
            render.move(
                render.state,
                _LEFT_BEHIND[State(render.state)],
                error_code=WORKER_GONE,
                error_message="The command that worked on this render was killed.",
            )


_LEFT_BEHIND: dict[str, str] = {
    State.QUEUED: State.CANCELLED,
    State.RUNNING: State.INTERRUPTED,
    State.DOWNLOADING: State.NOT_DOWNLOADED,
}


class _Links:
    """Tells the listener every download link once."""

    def __init__(self, renders: Collection[int], listener: Listener) -> None:
        self._renders = renders
        self._listener = listener
        self._told: set[int] = set()

    def tell(self, render: VideoRender | None = None) -> None:
        """Tell the link of this render, or every new link that the database has."""
        for each in [render] if render else self._with_link().exclude(pk__in=self._told):
            if each.pk not in self._told:
                self._told.add(each.pk)
                self._listener.on_link(each)

    def _with_link(self) -> QuerySet[VideoRender]:
        return VideoRender.objects.filter(pk__in=self._renders, download_uri__gt="").select_related(
            "shot__scenelet"
        )


def _watch(renders: Collection[int], listener: Listener, links: _Links) -> bool:
    """Watch the cluster. Return False if it is gone before every render has ended."""
    seen = time.monotonic()
    while not _is_over(renders, listener):
        if is_cluster_running():
            seen = time.monotonic()
        elif time.monotonic() - seen > PATIENCE_SECONDS:
            return False
        links.tell()
        time.sleep(LOOK_SECONDS)
    return True


def _work(renders: Collection[int], listener: Listener, links: _Links, may_submit: bool) -> None:
    lanes = _lanes_of(renders)
    pumps = [Pump(lane, scope=renders, on_link=links.tell, may_submit=may_submit) for lane in lanes]
    downloads = Downloads(lanes, scope=renders)
    looked, is_over = 0.0, False
    try:
        while not is_over:
            for pump in pumps:
                persistently(partial(pump.tick, TICK_SECONDS / len(pumps)))
            persistently(partial(downloads.tick, seconds=0.05))
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                is_over = _is_over(renders, listener, lanes)
    finally:
        _cancel_unsent(renders, is_over)
        try:
            for pump in pumps:
                pump.close()
        finally:
            # The API may have refused a render while the pump was closing: it is queued again.
            _cancel_unsent(renders, is_over)
            downloads.close()


def _cancel_unsent(renders: Collection[int], is_over: bool) -> None:
    """Cancel what was not sent: whoever stops the command must not pay for it later.

    If the command ended by itself because of a daily quota, the renders stay queued.
    """
    if is_over and _wait_for_tomorrow(renders):
        return
    # Renders that somebody has moved to another model meanwhile belong to the cluster now.
    ours = VideoRender.objects.filter(pk__in=renders, batch__worked_by=this_process())
    for render in ours.filter(state=State.QUEUED):
        render.move(
            State.QUEUED,
            State.CANCELLED,
            error_code=CANCELLED_WITH_COMMAND,
            error_message="The command was stopped before it was sent.",
        )


def _is_over(
    renders: Collection[int], listener: Listener, lanes: Collection[Lane] | None = None
) -> bool:
    """Tell how far the renders are, and return whether the wait is over.

    `lanes` are the lanes that this process works on, if it does.
    """
    if lanes is not None:
        renders = _left_to_us(renders, lanes)
    counts: dict[str, int] = {}
    for state in VideoRender.objects.filter(pk__in=renders).values_list("state", flat=True):
        counts[state] = counts.get(state, 0) + 1
    note = " ".join(filter(None, [_first_clip(renders, counts), _note(renders, counts)]))
    listener.on_progress(WaitProgress(counts, len(renders), note))
    open_states = OPEN & counts.keys()
    return not open_states or (open_states == {State.QUEUED} and _wait_for_tomorrow(renders))


def _left_to_us(renders: Collection[int], lanes: Collection[Lane]) -> list[int]:
    """Leave out renders that somebody has moved to another model meanwhile.

    This process neither sends nor polls them, and a cluster may not start for days.
    """
    rows = VideoRender.objects.filter(pk__in=renders)
    moved = rows.exclude(batch__worked_by=this_process()).filter(
        Q(state=State.QUEUED) | ~Q(lane__in=lanes)
    )
    return list(rows.exclude(pk__in=moved.values("pk")).values_list("pk", flat=True))


def _lanes_of(renders: Collection[int], *states: str) -> list[Lane]:
    """Return the lanes of these renders, or of those in the given states."""
    rows = VideoRender.objects.filter(pk__in=renders)
    if states:
        rows = rows.filter(state__in=states)
    return list(Lane.objects.filter(pk__in=rows.values("lane")).order_by("name"))


def _wait_for_tomorrow(renders: Collection[int]) -> bool:
    """Whether every queued render waits for tomorrow's quota or for a person."""
    return all(_waits_for_tomorrow(lane) for lane in _lanes_of(renders, State.QUEUED))


def _waits_for_tomorrow(lane: Lane) -> bool:
    if lane.paused_at:
        return True
    send_time = find_next_send_time(lane)
    return send_time is not None and send_time.is_tomorrow


def _first_clip(renders: Collection[int], counts: dict[str, int]) -> str:
    """Say how far the first render is while none has ended.

    The first clip can take minutes, and the counts alone do not move meanwhile.
    """
    if ENDED & counts.keys():
        return ""
    for state in (State.DOWNLOADING, State.RUNNING, State.SUBMITTING):
        if state in counts:
            rows = VideoRender.objects.filter(pk__in=renders, state=state)
            render = rows.select_related("shot__scenelet").only("shot").order_by("pk").first()
            return f"First clip, {render.shot.code}: {state.label}." if render else ""
    return ""


def _note(renders: Collection[int], counts: dict[str, int]) -> str:
    if State.QUEUED not in counts:
        return ""
    return " ".join(filter(None, map(_wait_in_words, _lanes_of(renders, State.QUEUED))))


def _wait_in_words(lane: Lane) -> str:
    if lane.paused_at:
        return f"The queue is paused. {lane.pause_reason}"
    send_time = find_next_send_time(lane)
    if send_time and send_time.code and send_time.at and send_time.at > timezone.now():
        local = timezone.localtime(send_time.at)
        about = f"{local:%H:%M}" if local.date() == timezone.localdate() else moment(send_time.at)
        return f"Waiting for quota: the next render is sent about {about}. {send_time.reason}"
    return ""
