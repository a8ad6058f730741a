"""Ask the API about all unresolved renders in every way that it offers, and take what cannot be in
doubt.

The renders come from unresolved.py. Some go on by themselves afterwards; for others there are
candidates that a person decides about; a report tells about all of them. Asking is free, and
nothing is ever submitted here. Rows change in short transactions between the questions, so a kill
at any line loses nothing: the next time, the API answers the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import ngettext

from videogen.common.errors import RequestError, VeoError, broken_here
from videogen.common.moments import CLOCKS_DIFFER, is_over, over
from videogen.common.task_queue import wake_downloads, wake_pump, wake_reconciling
from videogen.lanes.pauses import served_lanes
from videogen.models import Candidate, Lane, VideoRender
from videogen.models.routes import other_backend, served_backends
from videogen.models.states import STUCK
from videogen.pipeline.orphans import reap
from videogen.pipeline.results import apply_poll
from videogen.providers.client import VideoClient
from videogen.providers.messages import Finished, PollAnswer, Running, leaves_cost_open
from videogen.providers.registry import open_client
from videogen.takes.fetch import MISSING, NOT_YET, is_refused_for_good

from . import own_bucket, previews
from .candidates import (
    candidates_of,
    certain_pairs,
    file_key,
    possible_makers,
    proposals,
    read_known,
    settle_known,
    store_candidates,
    take_candidate,
)
from .provider_queries import ask_by_name, ask_lists, in_words
from .unresolved import asked_last, most_urgent_first, note_asked, unresolved_renders

logger = logging.getLogger(__name__)

State = VideoRender.State
Source = Candidate.Source

# The longest pause before the API is asked again automatically, and how far back renders are looked
# for that are due.
LONGEST_PAUSE = timedelta(hours=4)
SWEPT = timedelta(days=3)

WAS_FIRST = "Nothing: somebody else was first."
BY_ITSELF = "videogen: nothing else fits"


@dataclass
class Line:
    """What became of one render."""

    render: VideoRender
    # As the render was found.
    status: str
    since: datetime
    # In which ways the API was asked, and its answers, in words for people.
    asked: list[tuple[str, str]] = field(default_factory=list)
    # What was found out, and what was done because of it: sentences for people.
    found: str = ""
    done: str = ""
    # Whether nobody has to decide about it any more.
    goes_on: bool = False
    # What a person may take for its answer.
    candidates: list[Candidate] = field(default_factory=list)

    @property
    def needs_person(self) -> bool:
        return not self.goes_on and self.status in STUCK


@dataclass
class Report:
    """What became of all unresolved renders."""

    lines: list[Line] = field(default_factory=list)
    # By the name of a list: how the API answered, as a sentence. Only lists that were asked for.
    ways: dict[str, str] = field(default_factory=dict)
    # How many entries of the lists belong to none of our renders, as far as we know.
    candidates: int = 0

    @property
    def open(self) -> list[Line]:
        return [line for line in self.lines if line.needs_person]

    @property
    def recovered(self) -> list[Line]:
        return [line for line in self.lines if line.goes_on]


def reconcile(*, is_rehearsed: bool = False) -> Report:
    """Ask about all unresolved renders of the accounts that can be used with the current settings.

    is_rehearsed: ask, but change no row.
    """
    lanes = {lane.pk: lane for lane in served_lanes()}
    if not is_rehearsed:
        for lane in lanes.values():
            reap(lane)
    renders = most_urgent_first(unresolved_renders())
    report = Report([Line(render, render.status, render.state_since) for render in renders])
    ours: dict[tuple[int, str], list[Line]] = {}
    for line in report.lines:
        if line.render.lane_id in lanes:
            ours.setdefault((line.render.lane_id, line.render.route), []).append(line)
        else:
            line.found = other_backend(line.render.backend).sentence
    for (lane_pk, route), lines in ours.items():
        try:
            _reconcile(lanes[lane_pk], route, lines, report, is_rehearsed)
        except DatabaseError:
            raise
        except Exception as error:
            # An account that cannot be asked must not keep us from asking the others.
            logger.exception("%s: asking by the route %s broke", lanes[lane_pk], route)
            for line in lines:
                line.asked.append(("the API", broken_here(error).sentence))
    return report


def _reconcile(
    lane: Lane, route: str, lines: list[Line], report: Report, is_rehearsed: bool
) -> None:
    try:
        client = open_client(route)
    except VeoError as error:
        for line in lines:
            line.asked.append(("the API", error.sentence))
        return
    asking = _Asking(lane, client, report, is_rehearsed)
    asking.ask_about_operations(lines)
    asking.look_in_own_places(_unknown(lines))
    if unknown := _unknown(lines):
        asking.ask_for_lists(unknown)
    _look_who_was_first(lines)
    if not is_rehearsed:
        _remember(lines)
        previews.fetch(each for line in unknown if not line.goes_on for each in line.candidates)
        previews.remove_old()


class _Asking:
    """Asks one account by one route, and writes what comes of it to the lines and the report."""

    def __init__(self, lane: Lane, client: VideoClient, report: Report, is_rehearsed: bool) -> None:
        self._lane = lane
        self._client = client
        self._report = report
        self._is_rehearsed = is_rehearsed

    # -- operations and links that are known

    def ask_about_operations(self, lines: Collection[Line]) -> None:
        named = [
            line
            for line in lines
            if line.render.operation_name and line.render.state != State.DOWNLOADING
        ]
        answers = ask_by_name(self._client, [line.render.operation_name for line in named])
        for line, answer in zip(named, answers, strict=True):
            line.asked.append(("operation", in_words(answer)))
            if line.render.state == State.NOT_DOWNLOADED:
                self._download_again(line, answer.uri if isinstance(answer, Finished) else "")
            elif not isinstance(answer, VeoError):
                self._follow(line, answer)
        for line in lines:
            if line.render.state == State.NOT_DOWNLOADED and not line.done:
                self._download_again(line)
            elif line.render.state == State.DOWNLOADING and not line.done:
                line.goes_on, line.done = True, "Its download waits for a worker."

    def look_in_own_places(self, lines: list[Line]) -> None:
        results = own_bucket.find_results(self._client, [line.render for line in lines])
        for line, result in zip(lines, results, strict=bool(results)):
            if result is None:
                continue
            line.asked.append((own_bucket.WAY, own_bucket.in_words(result)))
            if isinstance(result, Finished):
                take = partial(own_bucket.take_result, line.render, result.uri)
                self._do(line, "Taken: it lies under our own token.", take)

    def _follow(self, line: Line, answer: PollAnswer) -> None:
        render = line.render
        line.found = in_words(answer)
        if isinstance(answer, Running) and render.state != State.UNKNOWN:
            if render.state == State.INTERRUPTED:
                line.done = "Nothing: it is asked again later."
            else:
                line.goes_on, line.done = True, "It is polled on."
            return
        if leaves_cost_open(answer) and render.state == State.UNKNOWN:
            return
        if isinstance(answer, Running):
            done = "It is polled again."
        elif isinstance(answer, Finished):
            done = "Its clip is downloaded."
        elif leaves_cost_open(answer):
            done = "Its outcome is unknown now."
        else:
            done = "It is booked as not charged."

        def change() -> bool:
            if render.state in (State.UNKNOWN, State.INTERRUPTED):
                if not render.resume_polling(render.state):
                    return False
                render.submissions.settle_unknown()
            # Nothing is submitted here, not even what the settings would send again.
            apply_poll(render, answer, may_submit=False)
            if render.state == State.RUNNING:
                wake_pump()
            elif render.state == State.DOWNLOADING:
                wake_downloads(1)
            return True

        self._do(line, done, change, goes_on=not leaves_cost_open(answer))

    def _download_again(self, line: Line, told: str = "") -> None:
        """Download the clip again: from the link that the render has, or if that gave nothing, from
        the link that the API tells now (`told`)."""
        render = line.render
        link = ""
        line.found = "Its link is known."
        is_refused = is_refused_for_good(render.error_code)
        if told not in ("", render.download_uri) and (
            is_refused or render.error_code in (MISSING, NOT_YET)
        ):
            link, line.found = told, "The API tells another link."
        elif is_refused:
            line.found = "Its link was refused for good."
            return

        def change() -> bool:
            won = render.restart_download(State.NOT_DOWNLOADED, link=link)
            if won:
                wake_downloads(1)
            return won

        self._do(line, "Its clip is downloaded.", change)

    def _do(
        self, line: Line, done: str, change: Callable[[], bool], *, goes_on: bool = True
    ) -> None:
        """Call `change` in a transaction, unless this is a rehearsal, and note what was done. It
        returns False if another process was first, and raises RequestError if it cannot be."""
        if self._is_rehearsed:
            line.done, line.goes_on = f"Not done, as asked: {done}", goes_on
            return
        before = line.render.state
        try:
            with transaction.atomic():
                won = change()
        except IntegrityError:
            # The database has rolled back what was set on the object.
            line.render.state = before
            line.done = "Nothing yet: another render of the shot is queued or running."
            return
        except RequestError as error:
            line.done = f"Nothing: {error.sentence}"
            return
        line.goes_on = goes_on or not won
        line.done = done if won else WAS_FIRST

    # -- what nothing of ours knows

    def ask_for_lists(self, lines: Collection[Line]) -> None:
        lists = ask_lists(self._client, dict.fromkeys(line.render.model for line in lines))
        self._report.ways |= lists.words
        for line in lines:
            line.asked += lists.words.items()
        # Our rows are read after the lists, so that answers which came meanwhile are known.
        found = candidates_of(lists, self._lane)
        stored = Candidate.objects.filter(lane=self._lane, status=Candidate.Status.PROPOSED)
        known = read_known([*found, *stored])
        new = [each for each in found if known.knower(each) is None]
        if not self._is_rehearsed:
            settle_known(stored, known)
            store_candidates(self._lane, new)
            proposed = list(stored.all())
        else:
            old = {each.name: each for each in Candidate.objects.filter(lane=self._lane)}
            proposed = [each for each in stored if known.knower(each) is None]
            proposed += [each for each in new if each.name not in old]
        self._report.candidates = len(proposed)
        self._match(lines, proposed, frozenset(file_key(each.name) for each in lists.files))

    def _match(
        self, lines: Collection[Line], proposed: Collection[Candidate], files: Collection[str]
    ) -> None:
        makers = possible_makers(self._lane)
        certain = {render: each for each, render in certain_pairs(proposed, makers, files)}
        offered = proposals(proposed, makers)
        for line in lines:
            line.candidates = offered.get(line.render.pk, [])
            candidate = certain.get(line.render.pk)
            if candidate is None:
                line.found = _count_in_words(len(line.candidates))
                continue
            if candidate.token:
                line.asked.append(("our token", f"It came with {candidate.name}."))
            line.found = f"{candidate.get_source_display()}: {candidate.name}"
            self._take(line, candidate)

    def _take(self, line: Line, candidate: Candidate) -> None:
        done = "Taken: nothing else fits."
        if candidate.token:
            done = "Taken: our token came with it."
        self._do(line, done, partial(take_candidate, candidate, line.render, BY_ITSELF))


def _unknown(lines: Collection[Line]) -> list[Line]:
    """Return the lines whose outcome is still unknown."""
    return [line for line in lines if not line.goes_on and line.render.state == State.UNKNOWN]


def _look_who_was_first(lines: Collection[Line]) -> None:
    """Note which renders another process or a person has resolved while we asked."""
    left = {line.render.pk: line for line in lines if not line.goes_on}
    for pk, state in VideoRender.objects.filter(pk__in=left).values_list("pk", "state"):
        if state not in STUCK and state != left[pk].render.state:
            left[pk].goes_on, left[pk].done = True, WAS_FIRST


def _count_in_words(count: int) -> str:
    if not count:
        return "Nothing that may be its answer."
    words = ngettext("candidate", "candidates", count)
    return f"{count} {words} for a person to decide about."


# -- again, by itself ------------------------------------------------------------------------------


def ask_when_due() -> bool:
    """Queue a reconciliation if a render has been unresolved for long enough. Return whether this
    call did so: of several clusters that look at the same moment, one does."""
    interval = timedelta(minutes=settings.VIDEO_RECONCILE_MINUTES)
    if not interval:
        return False
    now = timezone.now()
    rows = VideoRender.objects.filter(
        ended_at__gte=now - SWEPT,
        state__in=[State.UNKNOWN, State.INTERRUPTED],
        backend__in=served_backends(),
    ).without_heavy_columns(keep=("error_details",))
    open_rows = [each for each in rows if each.clip_expires_at > now]
    asked = filter(None, map(asked_last, open_rows))
    if any(now - interval < each.at <= now + CLOCKS_DIFFER for each in asked):
        return False
    longest = max(LONGEST_PAUSE, interval)
    due = [each.pk for each in open_rows if is_over(each.next_poll_at, now, longest=longest)]
    with transaction.atomic():
        won = (
            rows.filter(pk__in=due)
            .filter(Q(next_poll_at=None) | over("next_poll_at", now, longest=longest))
            .update(next_poll_at=now + interval)
        )
        if won:
            wake_reconciling()
    return bool(won)


def _remember(lines: Collection[Line]) -> None:
    """Store with the renders that are still unresolved what the API said."""
    for line in lines:
        if not line.goes_on:
            sentences = [f"{way}: {answer}" for way, answer in line.asked]
            sentences += [each for each in (line.found, line.done) if each]
            note_asked(line.render, tuple(sentences), next_at=_next_asking(line.render))


def _next_asking(render: VideoRender) -> datetime:
    """Return when the API is asked again. The pause doubles each time that nothing was resolved."""
    interval = timedelta(minutes=settings.VIDEO_RECONCILE_MINUTES or 15)
    pause = interval * 2 ** min(render.poll_failures, 10)
    return timezone.now() + min(pause, max(LONGEST_PAUSE, interval))
