"""Candidates: generations and files listed by the API that no render of ours knows. To which render
may they belong, and how are they taken?

Nothing here talks to the network. Whoever takes a candidate must win two conditional UPDATEs in one
transaction, that of the candidate and that of the render. So of two people one wins, and nothing is
submitted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Func, Q, Value
from django.db.models.functions import Right, StrIndex, Substr
from django.db.models.lookups import In
from django.utils import timezone

from storybook.media_store import MediaStoreError, media
from videogen.common.errors import RequestError
from videogen.common.task_queue import wake_downloads, wake_pump
from videogen.models import Candidate, KeptCharge, Lane, Submission, VideoRender
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.models.routes import Route, other_backend, served_backends
from videogen.takes.storage import set_aside

from .provider_queries import Lists

State = VideoRender.State
Outcome = Submission.Outcome
Status = Candidate.Status

# How far our clock may differ from the API's.
SKEW = timedelta(seconds=30)
# The API keeps nothing longer than this.
LOOK_BACK = timedelta(days=4)

_FILE_ID = re.compile(r"(?:generatedFiles|files)/([\w.-]+)", re.ASCII)
_MODEL = re.compile(r"models/([^/]+)/operations/")


def operation_key(name: str) -> str:
    """Return the operation's id, which is the same for models/…/operations/ID and operations/ID."""
    return name.rpartition("operations/")[2]


def file_key(name_or_link: str) -> str:
    """Return the file's id, which is the same in its name and in every link to it."""
    found = _FILE_ID.search(name_or_link)
    return found[1] if found else name_or_link


def key_of(candidate: Candidate) -> str:
    """Return the id of the candidate's file or operation."""
    if candidate.is_file:
        return file_key(candidate.name)
    return operation_key(candidate.name)


def is_of_route(candidate: Candidate, route: str) -> bool:
    """Whether the candidate's name is one of that route. A file's name does not tell which of the
    two routes of the Gemini API made it."""
    if candidate.is_file:
        return route in (Route.GEMINI, Route.OMNI)
    if "operations/" not in candidate.name:
        return route == Route.OMNI
    return route == (Route.VERTEX if candidate.name.startswith("projects/") else Route.GEMINI)


@dataclass(frozen=True)
class Known:
    """The operations and files that our rows know: the render by the id, 0 for one of a story that
    was wiped."""

    operations: dict[str, int]
    files: dict[str, int]

    def knower(self, candidate: Candidate) -> int | None:
        """Return the render whose operation or file the candidate is, 0 if a wiped story had it, or
        None."""
        if candidate.is_file:
            return self.files.get(key_of(candidate))
        link = file_key(candidate.download_uri) if candidate.download_uri else ""
        found = self.operations.get(key_of(candidate))
        return self.files.get(link) if found is None else found


# Each key becomes about four parameters of a query, and SQLite takes 32,766.
MOST_KEYS = 2000


def read_known(candidates: Iterable[Candidate]) -> Known:
    """Return which of these candidates our rows know, also those of ended renders and of other
    lanes. Makes three queries for each MOST_KEYS keys."""
    wanted = set()
    for each in candidates:
        wanted.add(key_of(each))
        if each.download_uri:
            wanted.add(file_key(each.download_uri))
    wanted.discard("")
    known = Known({}, {})
    keys = sorted(wanted)
    for start in range(0, len(keys), MOST_KEYS):
        _find_known(frozenset(keys[start : start + MOST_KEYS]), known)
    return known


def _find_known(wanted: Collection[str], known: Known) -> None:
    is_named = _is_one_of(wanted, partial(Right, "operation_name"))
    is_linked = Q(download_uri__in=wanted)
    for folder in ("files/", "generatedFiles/"):
        start = StrIndex("download_uri", Value(folder)) + len(folder)
        is_linked |= _is_one_of(wanted, partial(Substr, "download_uri", start))
    named = Submission.objects.filter(is_named)
    for pk, name in named.values_list("render_id", "operation_name"):
        if operation_key(name) in wanted:
            known.operations[operation_key(name)] = pk
    kept = KeptCharge.objects.filter(is_named | is_linked)
    for name, link in kept.values_list("operation_name", "download_uri"):
        if operation_key(name) in wanted:
            known.operations.setdefault(operation_key(name), 0)
        if file_key(link) in wanted:
            known.files.setdefault(file_key(link), 0)
    rows = VideoRender.objects.filter(is_named | is_linked)
    for pk, name, link in rows.values_list("pk", "operation_name", "download_uri"):
        if operation_key(name) in wanted:
            known.operations[operation_key(name)] = pk
        if file_key(link) in wanted:
            known.files[file_key(link)] = pk


def _is_one_of(keys: Collection[str], part: Callable[[int], Func]) -> Q:
    """Return the condition that `part`, cut to the length of a key, is one of the keys. The
    database reads each row once, however many keys there are. It may find too many rows."""
    found = Q()
    for size in {len(key) for key in keys}:
        found |= Q(In(part(size), [key for key in keys if len(key) == size]))
    return found


# -- whose it may be -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Maker:
    """A submission that may have been accepted, with what decides whether it may have made a
    candidate. One of a story that was wiped has no render (0), and any route and model ("")."""

    token: UUID
    render: int
    route: str
    model: str
    claimed_at: datetime
    has_operation: bool
    file_key: str
    is_answered: bool
    is_unknown: bool

    def may_have_made(self, candidate: Candidate, listed_files: Collection[str] = ()) -> bool:
        """Whether the submission may have made the candidate, by token, route, model and time.

        listed_files: the ids of all files that the API still has. A submission whose own file is
        among them has made no other.
        """
        if self.route and not is_of_route(candidate, self.route):
            return False
        if candidate.token:
            return candidate.token == self.token
        start = self.claimed_at - SKEW
        end = self.claimed_at + timedelta(seconds=settings.VIDEO_SUBMIT_TIMEOUT_SECONDS) + SKEW
        if candidate.is_file:
            if self.file_key and self.file_key in listed_files:
                return False
            end += timedelta(minutes=settings.VIDEO_OPERATION_DEADLINE_MINUTES)
        elif self.has_operation or _is_of_another_model(candidate, self.model):
            return False
        return candidate.made_at is None or start <= candidate.made_at <= end


def _is_of_another_model(candidate: Candidate, model: str) -> bool:
    found = _MODEL.match(candidate.name)
    return found is not None and bool(model) and found[1] != model


def possible_makers(lane: Lane) -> list[Maker]:
    """Return the lane's submissions of the last days that may have been accepted, also those of
    renders that a person gave up, and those of stories that were wiped. Makes two queries."""
    recent = Q(
        lane=lane,
        outcome__in=Submission.MAY_COST,
        claimed_at__gte=timezone.now() - LOOK_BACK,
    )
    submissions = Submission.objects.filter(recent).order_by("claimed_at")
    rows = submissions.values_list(
        "token",
        "render_id",
        "outcome",
        "claimed_at",
        "operation_name",
        "render__operation_name",
        "render__route",
        "render__model",
        "render__download_uri",
        "render__state",
    )
    return [
        Maker(
            token=token,
            render=render,
            route=route,
            model=model,
            claimed_at=claimed_at,
            has_operation=bool(own_name or name),
            file_key=file_key(link) if link else "",
            is_answered=outcome != Outcome.CLAIMED,
            is_unknown=outcome == Outcome.UNKNOWN and state == State.UNKNOWN,
        )
        for token, render, outcome, claimed_at, own_name, name, route, model, link, state in rows
    ] + [
        Maker(
            token=kept.token,
            render=0,
            route="",
            model="",
            claimed_at=kept.claimed_at,
            has_operation=bool(kept.operation_name),
            file_key=file_key(kept.download_uri) if kept.download_uri else "",
            is_answered=True,
            is_unknown=False,
        )
        for kept in KeptCharge.objects.filter(recent)
    ]


def certain_pairs(
    candidates: Collection[Candidate],
    makers: Collection[Maker],
    listed_files: Collection[str] = (),
) -> list[tuple[Candidate, int]]:
    """Return (candidate, primary key of the render) where there is no doubt.

    Either our token came with the candidate, or its time is known, no other submission of ours can
    have made it, and no other candidate can be that render's answer.
    """
    pairs = []
    unknown = [maker for maker in makers if maker.is_unknown]
    for candidate in candidates:
        if candidate.token:
            pairs += [(candidate, each.render) for each in unknown if each.may_have_made(candidate)]
    told = {render for _, render in pairs}
    for maker in unknown:
        if maker.render in told:
            continue
        fitting = [each for each in candidates if maker.may_have_made(each, listed_files)]
        if len(fitting) != 1 or fitting[0].made_at is None:
            continue
        [candidate] = fitting
        rivals = [each for each in makers if each.may_have_made(candidate, listed_files)]
        if rivals == [maker]:
            pairs.append((candidate, maker.render))
    return pairs


def proposals(
    candidates: Collection[Candidate], makers: Collection[Maker]
) -> dict[int, list[Candidate]]:
    """Return by render of unknown outcome the candidates that a person may take for it. A candidate
    that a submission may have made which still waits for its answer is not proposed yet."""
    found: dict[int, list[Candidate]] = {}
    waiting = [maker for maker in makers if not maker.is_answered]
    for candidate in candidates:
        if any(each.may_have_made(candidate) for each in waiting):
            continue
        for maker in makers:
            if maker.is_unknown and maker.may_have_made(candidate):
                found.setdefault(maker.render, []).append(candidate)
    return found


# -- taking and dismissing -------------------------------------------------------------------------


def store_candidates(lane: Lane, found: Collection[Candidate]) -> None:
    """Store the candidates that are new, and what is new about those that are stored."""
    Candidate.objects.bulk_create(found, ignore_conflicts=True)
    stored = Candidate.objects.filter(lane=lane, name__in=[each.name for each in found])
    by_name = {each.name: each for each in stored}
    for each in found:
        row = by_name.get(each.name)
        if row is None:
            continue
        news: dict[str, Any] = {
            field: getattr(each, field)
            for field in ("is_done", "download_uri", "made_at", "token")
            if getattr(each, field) not in (None, "", getattr(row, field))
        }
        if news:
            Candidate.objects.filter(pk=row.pk).update(**news)


def settle_known(candidates: Collection[Candidate], known: Known) -> None:
    """Mark candidates as taken whose render is known by now, for example from a late answer."""
    for each in candidates:
        if (render := known.knower(each)) is not None and each.pk:
            Candidate.objects.filter(pk=each.pk, status=Status.PROPOSED).update(
                status=Status.TAKEN, render=render or None
            )


class _NotTaken(Exception):
    """Somebody else was first: what was changed is rolled back."""


def take_candidate(candidate: Candidate, render: VideoRender, by: str) -> bool:
    """Take the candidate as the answer that the render's submission never got: an operation is
    polled from now on, a file is downloaded.

    by: who decided that, for the render's warnings. Returns False if the candidate or the render is
    settled already. Raises RequestError if they cannot belong together, or if another render of the
    shot is open.
    """
    if render.backend not in served_backends() or candidate.lane_id != render.lane_id:
        raise RequestError(other_backend(render.backend).sentence, code="other_backend")
    if not is_of_route(candidate, render.route):
        raise RequestError(
            f"{render.get_route_display()} makes nothing with the name {candidate.name}: it "
            "belongs to another render.",
            code="other_route",
        )
    try:
        with transaction.atomic():
            _take(candidate, render, by)
    except _NotTaken:
        return False
    except IntegrityError as error:
        raise RequestError(
            "Another render of this shot is queued or running: wait until it has ended.",
            code="in_flight",
        ) from error
    candidate.status, candidate.render = Status.TAKEN, render
    remove_preview(candidate)
    return True


def _take(candidate: Candidate, render: VideoRender, by: str) -> None:
    now = timezone.now()
    rows = Candidate.objects.filter(pk=candidate.pk, status=Status.PROPOSED)
    if not rows.update(status=Status.TAKEN, render=render):
        raise _NotTaken
    if _is_known_elsewhere(candidate, render):
        raise _NotTaken
    is_file = candidate.is_file
    render.submissions.settle_unknown("" if is_file else candidate.name)
    where = str(candidate.get_source_display())
    found = RenderWarning(WarningCode.ANSWER_FOUND, {"where": where, "by": by})
    warnings = [*render.warnings, found]
    if is_file:
        won = render.restart_download(
            State.UNKNOWN,
            link=candidate.download_uri,
            rendered_at=candidate.made_at or render.rendered_at or now,
            warnings=warnings,
        )
    else:
        won = render.resume_polling(
            State.UNKNOWN,
            operation_name=candidate.name,
            submitted_at=render.submitted_at or candidate.made_at or now,
            warnings=warnings,
        )
    if not won:
        raise _NotTaken
    if is_file:
        set_aside(render.pk)
        wake_downloads(1)
    else:
        wake_pump()


def _is_known_elsewhere(candidate: Candidate, render: VideoRender) -> bool:
    """Whether another render has it, or a story that was wiped had it: a late answer may have named
    it since it was proposed."""
    if read_known([candidate]).knower(candidate) == 0:
        return True
    key = key_of(candidate)
    since = timezone.now() - LOOK_BACK
    if not candidate.is_file:
        names = (candidate.name, f"operations/{key}")
        others = Submission.objects.filter(operation_name__in=names, claimed_at__gte=since)
        return others.exclude(render=render).exists()
    recent = VideoRender.objects.filter(Q(ended_at=None) | Q(ended_at__gte=since))
    links = recent.exclude(pk=render.pk).exclude(download_uri="")
    return any(file_key(link) == key for link in links.values_list("download_uri", flat=True))


def dismiss_candidate(candidate: Candidate) -> bool:
    """Mark the candidate as not ours, so that it is no longer proposed. Return False if it was not
    proposed."""
    won = Candidate.objects.filter(pk=candidate.pk, status=Status.PROPOSED).update(
        status=Status.DISMISSED
    )
    if won:
        remove_preview(candidate)
    return bool(won)


def propose_again(candidate: Candidate) -> bool:
    """Undo a dismissal. Return False if the candidate was not dismissed."""
    return bool(
        Candidate.objects.filter(pk=candidate.pk, status=Status.DISMISSED).update(
            status=Status.PROPOSED
        )
    )


def preview_path(candidate: Candidate) -> Path:
    """Return the name of the candidate's clip among the media. Its poster is beside it."""
    return Path("candidates") / f"{candidate.pk}.mp4"


def remove_preview(candidate: Candidate) -> None:
    """Remove the candidate's clip and poster, if they are here."""
    path = preview_path(candidate)
    # What stays because the store is away is removed when it is old: see previews.py.
    with suppress(MediaStoreError):
        for each in (path, path.with_suffix(".jpg")):
            media.delete(str(each))


Source = Candidate.Source


def candidates_of(lists: Lists, lane: Lane) -> list[Candidate]:
    """Return the entries of the API's lists as candidates that are not stored."""
    found = [
        Candidate(
            lane=lane,
            source=Source.OPERATIONS,
            name=each.name,
            download_uri=each.uri or "",
            is_done=each.is_done,
            made_at=each.submitted_at,
            token=_uuid(each.token),
        )
        for each in lists.operations
    ]
    # Of an operation and its file, only the operation becomes a candidate: it tells more.
    told = {file_key(each.download_uri) for each in found if each.download_uri}
    found += [
        Candidate(
            lane=lane,
            source=Source.GENERATED_FILES,
            name=each.name,
            download_uri=each.uri,
            is_done=True,
            made_at=each.created_at,
        )
        for each in lists.files
        if file_key(each.name) not in told and _may_be_video(each.mime_type)
    ]
    return found


def _may_be_video(mime_type: str) -> bool:
    return not mime_type or mime_type.startswith("video/")


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
