"""Runs the technical check of takes: which take is next, who checks it, and what its row says.

A take is stored long before it is checked. A process takes a check by a conditional UPDATE with a
lease; if it is lost, the next one takes it up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from storybook.media_store import media
from videogen.common.errors import VideoFileError
from videogen.common.moments import is_over, over
from videogen.common.processes import is_provably_gone, this_process
from videogen.common.shutdown import stop_requested
from videogen.lanes.leases import is_pump_missing
from videogen.models import FindingKind, TakeCheck, TakeFinding, VideoRender
from videogen.models.routes import Route
from videogen.models.take_checks import CHECK_LEASE, MOST_ATTEMPTS

from .check_thresholds import FRAMES_PER_SECOND, VERSION
from .take_numbers import asked_size, is_stand_in

if TYPE_CHECKING:
    from .technical_check import Asked

logger = logging.getLogger(__name__)

Result = TakeCheck.Result
State = VideoRender.State

# After so long a task begins no other check.
SLICE_SECONDS = 25.0
# As seen by a host whose clock is late. If two take a check from each other, it costs time.
_LONGEST_LEASE = 2 * CHECK_LEASE


def all_takes() -> QuerySet[VideoRender]:
    """Return the takes with their checks, in the order of their numbers within each shot."""
    return (
        VideoRender.objects.filter(state=State.DONE)
        .select_related("shot__scenelet__story", "technical_check")
        .without_heavy_columns()
        .order_by("shot__scenelet__story", "shot", "take")
    )


def waiting() -> QuerySet[VideoRender]:
    """Return the takes that are still to be checked, and that no process has."""
    is_free = Q(technical_check__lease_until=None) | over(
        "technical_check__lease_until", timezone.now(), longest=_LONGEST_LEASE
    )
    is_old = Q(technical_check__result="") | ~Q(technical_check__version=VERSION)
    return VideoRender.objects.filter(
        Q(technical_check=None) | is_free & is_old, state=State.DONE
    ).order_by("downloaded_at", "pk")


def run_slice(seconds: float = SLICE_SECONDS) -> bool:
    """Check takes until the time is over. Return whether some are left."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stop_requested():
        render = waiting().select_related("shot").first()
        if render is None:
            break
        check_take(render)
        if is_pump_missing():
            # It waits in the queue for a worker, and a check may take many seconds.
            break
    return waiting().exists() and not stop_requested()


def check_take(render: VideoRender) -> TakeCheck | None:
    """Check the take and return its check; None if another process is at it."""
    check = _claim(render)
    if check is None:
        return None
    if check.attempts > MOST_ATTEMPTS:
        # The processes before this one did not finish: the file may crash whatever reads it.
        return _write(check, [_unreadable("ends_the_process")], b"")
    findings, signature = _look_at(render)
    check = _write(check, findings, signature)
    _compare_takes(render.shot_id)
    check.refresh_from_db()
    return check


def _claim(render: VideoRender) -> TakeCheck | None:
    check, _ = TakeCheck.objects.get_or_create(render=render)
    now = timezone.now()
    is_held = not is_over(check.lease_until, now, longest=_LONGEST_LEASE)
    if is_held and not is_provably_gone(check.worker):
        return None
    attempts = 1 if check.result else check.attempts + 1
    changes = {
        "worker": this_process(),
        "lease_until": now + CHECK_LEASE,
        "attempts": attempts,
        "result": "",
    }
    won = TakeCheck.objects.filter(
        pk=check.pk, worker=check.worker, lease_until=check.lease_until, attempts=check.attempts
    ).update(**changes)
    if not won:
        return None
    for name, value in changes.items():
        setattr(check, name, value)
    return check


def _look_at(render: VideoRender) -> tuple[list[TakeFinding], bytes]:
    # Its libraries take long to import, and pages need none of them.
    from .technical_check import DamagedClip, check_clip

    try:
        with media.local(render.video_file) as path:
            checked = check_clip(path, _asked(render))
    except FileNotFoundError:
        return [_unreadable("missing")], b""
    except OSError as error:
        logger.warning("%s could not be checked: %s", render, error.strerror)
        return [_unreadable("no_access")], b""
    except VideoFileError as error:
        at_seconds = error.at_seconds if isinstance(error, DamagedClip) else 0.0
        return [_unreadable(error.code, error.sentence, at_seconds)], b""
    except Exception:
        logger.exception("%s: its technical check broke", render)
        return [_unreadable("internal")], b""
    size = (render.width or 0, render.height or 0)
    return checked.findings, b"" if is_stand_in(render, size) else checked.signature


def _asked(render: VideoRender) -> Asked:
    from .technical_check import Asked

    lines = (render.shot.storyboard_payload or {}).get("audioAndNarrative")
    sound = bool(lines) and isinstance(lines, list)
    if render.kind != VideoRender.Kind.GENERATION:
        # Nobody asked a model for it: it is as its maker wanted it.
        return Asked(sound=sound)
    size = asked_size(render.resolution, render.aspect_ratio)
    if is_stand_in(render, (render.width or 0, render.height or 0)):
        size = None
    return Asked(
        size=size,
        shape=render.aspect_ratio,
        fps=None if render.route == Route.OMNI else FRAMES_PER_SECOND.value,
        seconds=render.duration_seconds,
        sound=sound,
    )


def _unreadable(code: str, words: str = "", at_seconds: float = 0.0) -> TakeFinding:
    return TakeFinding.make(FindingKind.UNREADABLE, at_seconds, code=code, words=words)


def _result_of(findings: list[TakeFinding]) -> str:
    if any(each.kind == FindingKind.UNREADABLE for each in findings):
        return Result.NOT_CHECKED
    return Result.NOTES if findings else Result.PASSED


def _write(check: TakeCheck, findings: list[TakeFinding], signature: bytes) -> TakeCheck:
    changes: dict[str, Any] = {
        "result": _result_of(findings),
        "findings": [each.as_stored() for each in findings],
        "signature": signature,
        "version": VERSION,
        "worker": "",
        "lease_until": None,
        "checked_at": timezone.now(),
    }
    TakeCheck.objects.filter(pk=check.pk, worker=check.worker).update(**changes)
    for name, value in changes.items():
        setattr(check, name, value)
    return check


def _compare_takes(shot: int) -> None:
    """Tell of each take of the shot whether it is nearly the same as an earlier one. Whoever has
    checked the last of them sees all, so the order of the checks does not matter."""
    checks = list(
        TakeCheck.objects.filter(render__shot=shot, render__state=State.DONE)
        .exclude(result="")
        .select_related("render")
        .order_by("render__take")
    )
    for at, check in enumerate(checks):
        told = [each for each in check.told if each.kind != FindingKind.NEAR_DUPLICATE]
        told += _duplicates(check, checks[:at])
        stored = [each.as_stored() for each in told]
        if stored != check.findings:
            TakeCheck.objects.filter(
                pk=check.pk, checked_at=check.checked_at, lease_until=None
            ).update(findings=stored, result=_result_of(told))


def _duplicates(check: TakeCheck, before: list[TakeCheck]) -> Iterator[TakeFinding]:
    from .technical_check import is_nearly_same

    for other in before:
        if is_nearly_same(bytes(check.signature), bytes(other.signature)):
            yield TakeFinding.make(FindingKind.NEAR_DUPLICATE, take=other.render.take)
            return
