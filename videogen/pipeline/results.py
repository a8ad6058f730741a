"""Write what an answer of the API means for its render.

Every change of two rows is one transaction, and nothing here talks to the network.

A block by the audio filter charges nothing, and the same prompt often passes the next time. If
VIDEO_RETRY_AUDIO_BLOCK says so, such a render is queued again, once. This is the only case in which
something that the API had accepted is submitted again without a person.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import attrgetter, or_
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Coalesce, Greatest, Least
from django.utils import timezone

from videogen.catalog.missing_models import MODEL_NOT_FOUND, facts_of_pause, where_to_choose
from videogen.common.errors import NOT_SENT, VeoError, VideogenError
from videogen.common.formats import ended
from videogen.common.moments import over
from videogen.lanes.pauses import (
    LONGEST_WAIT,
    end_wait_after,
    pause_lane,
    wait_after,
    wait_for_quota,
)
from videogen.models import KeptCharge, Submission, VideoRender
from videogen.providers.errors import BLOCKED
from videogen.providers.messages import Blocked, Failed, Finished, Nothing, PollAnswer, Running
from videogen.safety.codes import explain_block, explain_refusal, is_audio_block

from . import journal

logger = logging.getLogger(__name__)

State = VideoRender.State
Outcome = Submission.Outcome

# How often a submission is sent again that was certainly refused for a passing reason (no
# connection, overload), with doubling waits, and how often a call is made later whose process ended
# before it had left. Then the render fails.
MAX_REFUSALS = 5
# So many 404s or refusals in a row are needed before we believe them.
MAX_POLL_REFUSALS = 3


def apply_accepted(token: UUID, operation_name: str) -> bool:
    """Store that the API accepted the submission, with its operation. Return False if this database
    has no such token.

    The answer may be late, or come from the journal of a killed process.
    """
    return token in apply_all_accepted({token: operation_name})


def apply_all_accepted(answers: Mapping[UUID, str], *, sdk_version: str = "") -> set[UUID]:
    """Store that the API accepted these submissions, with their operations by their tokens, all in
    one transaction. Return the tokens that this database has, those of wiped stories included:
    their answers are kept with their charges, and notifications/detect.py tells of them.

    sdk_version: what sent them, if the caller knows it.
    """
    now = timezone.now()
    with transaction.atomic():
        submissions = list(Submission.objects.select_related("lane").filter(token__in=answers))
        # The lane comes before the render's shot: see the lock order in lanes/__init__.py.
        newest = {each.lane_id: each for each in sorted(submissions, key=attrgetter("claimed_at"))}
        for submission in newest.values():
            end_wait_after(submission)
        rows = Submission.objects.filter(token__in=[each.token for each in submissions])
        locked = list(
            rows.order_by("pk")
            .select_for_update(no_key=True)
            .values_list("token", "render_id", "outcome")
        )
        # If an operation has ended already, its render may have been sent once more since.
        renders = {
            token: render for token, render, outcome in locked if outcome != Outcome.NOT_CHARGED
        }
        if renders:
            names = {token: Value(answers[token]) for token in renders}
            Submission.objects.filter(token__in=renders).update(
                outcome=Outcome.ACCEPTED,
                operation_name=Case(*(When(token=each, then=name) for each, name in names.items())),
                answered_at=Coalesce("answered_at", now),
            )
            VideoRender.objects.filter(pk__in=renders.values()).resume_polling(
                {State.SUBMITTING, State.UNKNOWN},
                first_poll=now + timedelta(seconds=settings.VIDEO_POLL_SECONDS),
                operation_name=Case(
                    *(When(pk=renders[each], then=name) for each, name in names.items())
                ),
                submitted_at=now,
                **({"sdk_version": sdk_version} if sdk_version else {}),
            )
        # Its story may have been wiped since the first look.
        known = {token for token, _, _ in locked}
        late = {token: name for token, name in answers.items() if token not in known}
        if late:
            known |= KeptCharge.objects.keep_answers(late)
    for token in known:
        journal.remove_answer(token)
    return known


def apply_submit_error(submission: Submission, error: VideogenError) -> None:
    """Store that the submission failed: its outcome is unknown, or it was refused for now or for
    good. Does nothing if somebody else has settled the submission."""
    now = timezone.now()
    render = submission.render
    is_missing = error.code == MODEL_NOT_FOUND
    advice = where_to_choose(render) if is_missing else ""
    sentence = f"{error.sentence} {advice}".strip()
    reason: dict[str, Any] = {"error_code": error.code, "error_message": sentence}
    # An error of our own, before the call left, has no facts of the API's.
    api_error = error if isinstance(error, VeoError) else None
    unknown = api_error is not None and api_error.maybe_accepted
    with transaction.atomic():
        if not Submission.objects.filter(pk=submission.pk, outcome=Outcome.CLAIMED).update(
            outcome=Outcome.UNKNOWN if unknown else Outcome.REJECTED, answered_at=now, **reason
        ):
            return
        if api_error and api_error.stops_queue:
            # The lane comes before the render's shot: see the lock order in lanes/__init__.py.
            facts = facts_of_pause(render) if is_missing else None
            pause_lane(submission.lane, api_error, advice, facts)
        if unknown:
            render.move(State.SUBMITTING, State.UNKNOWN, **reason)
        elif error.code == NOT_SENT:
            times = render.submissions.filter(error_code=NOT_SENT).count()
            if times <= MAX_REFUSALS:
                render.move(State.SUBMITTING, State.QUEUED)
            else:
                # The request may be what ends the processes, and would keep all others waiting.
                sentence = f"Not sent: the process that was to send it has ended {times} times."
                reason["error_message"] = sentence
                render.move(State.SUBMITTING, State.FAILED, **reason)
        elif api_error and api_error.waits_for_quota:
            until = wait_for_quota(submission, api_error, now)
            render.move(State.SUBMITTING, State.QUEUED, not_before=until)
        elif api_error and not api_error.permanent and render.refusals < MAX_REFUSALS:
            render.move(
                State.SUBMITTING,
                State.QUEUED,
                refusals=render.refusals + 1,
                not_before=now
                + wait_after(api_error.retry_after, render.refusals + 1, 1.0, LONGEST_WAIT),
                **reason,
            )
        elif api_error and api_error.stops_queue:
            # Certainly not accepted, and not the render's fault. The lane was paused, so it is not
            # sent again: it waits with the others until a person has done something.
            render.move(State.SUBMITTING, State.QUEUED, **reason)
        elif api_error and api_error.code == BLOCKED:
            reasons, codes = (api_error.details[key] for key in ("reasons", "support_codes"))
            sentence = explain_block(reasons, codes)
            details = {"reasons": reasons, "support_codes": codes}
            reason |= {"error_message": sentence, "error_details": details}
            render.move(State.SUBMITTING, State.BLOCKED, **reason)
        else:
            render.move(State.SUBMITTING, State.FAILED, **reason)
    logger.warning("%s: %s", render, sentence)


def apply_poll(render: VideoRender, answer: PollAnswer, *, may_submit: bool = True) -> None:
    """Write what the operation's state means for its render. Call it inside a transaction.

    may_submit: whether a render that the audio filter blocked may be queued again.
    """
    now = timezone.now()
    match answer:
        case Running():
            if not _is_over(render, now):
                keep_polling([render])
        case Finished(uri):
            apply_finished({render: uri})
        case Blocked(reasons, codes, is_charge_known):
            if not is_charge_known:
                # The words may say something about charges, but they are the model's own and not
                # Google's.
                _mark_unknown(render, "operation_refused", explain_refusal(reasons))
                return
            if may_submit and send_again(render, reasons, codes):
                return
            details: dict[str, object] = {
                "reasons": list(reasons),
                "support_codes": list(codes),
            }
            sentence = explain_block(reasons, codes)
            _end_without_video(render, State.BLOCKED, "blocked", sentence, details)
        case Failed(code, message, is_charge_known):
            sentence = f"The API could not make the video (code {code}): {ended(message)}"
            if not is_charge_known:
                _mark_unknown(render, f"operation_{code}", sentence)
                return
            sentence += " Not charged."
            details = {"code": code, "message": message}
            _end_without_video(render, State.FAILED, f"operation_{code}", sentence, details)
        case Nothing():
            _mark_unknown(
                render,
                "done_with_nothing",
                "The API says that the video is done, but gave neither a video nor a reason.",
            )


def apply_poll_error(render: VideoRender, error: VeoError) -> None:
    """Write that the API did not tell the operation's state: poll again later, or stop polling.
    Call it inside a transaction."""
    now = timezone.now()
    # "In a row" means the same answer each time: a lost connection says nothing about a 404.
    failures = render.poll_failures + 1 if render.error_code == error.code else 1
    if error.permanent and failures >= MAX_POLL_REFUSALS:
        if error.code == "operation_forgotten":
            _mark_unknown(render, error.code, error.sentence)
            return
        if error.stops_queue:
            pause_lane(render.lane, error)
        render.move(
            State.RUNNING,
            State.INTERRUPTED,
            error_code=error.code,
            error_message=f"{error.sentence} The operation is kept: resume it when that is fixed.",
        )
        return
    if _is_over(render, now):
        return
    # Longer than this we never wait, whatever the API says: polling is free, and the clip is kept
    # for two days only.
    longest = _longest_poll_wait()
    wait = wait_after(error.retry_after, failures, settings.VIDEO_POLL_SECONDS, longest)
    wait = min(wait, longest)
    VideoRender.objects.filter(pk=render.pk, state=State.RUNNING).update(
        poll_failures=failures,
        next_poll_at=now + wait,
        beat_at=now,
        error_code=error.code,
        error_message=error.sentence,
    )


def is_still_running(render: VideoRender, answer: PollAnswer) -> bool:
    """Whether the answer says no more than that the render has to be polled again."""
    return isinstance(answer, Running) and not _is_late(render, timezone.now())


def keep_polling(renders: Collection[VideoRender]) -> None:
    """Write that these operations are still running. Call it inside a transaction that has locked
    the renders, if there are several."""
    now = timezone.now()
    step = timedelta(seconds=settings.VIDEO_POLL_SECONDS)
    # The next poll comes VIDEO_POLL_SECONDS after this one was due. If the wait began with the
    # answer, every poll would add the time that it takes, and a video of six minutes would be found
    # many seconds late.
    after_due = Coalesce("next_poll_at", Value(now)) + step
    VideoRender.objects.filter(
        pk__in=[render.pk for render in renders], state=State.RUNNING
    ).update(
        next_poll_at=Least(Greatest(after_due, Value(now + step / 2)), Value(now + step)),
        poll_failures=0,
        beat_at=now,
        error_code="",
        error_message="",
    )


def apply_finished(links: Mapping[VideoRender, str]) -> None:
    """Write that the videos of these renders are made, with their links. Call it inside a
    transaction that has locked the renders, if there are several."""
    now = timezone.now()
    # The answer about one operation says nothing about the render's next one.
    asked = reduce(or_, (Q(pk=each.pk, operation_name=each.operation_name) for each in links))
    found = VideoRender.objects.filter(asked, state=State.RUNNING)
    keys = set(found.order_by("pk").values_list("pk", flat=True))
    won = {render: uri for render, uri in links.items() if render.pk in keys}
    if not won:
        return
    uris = Case(*(When(pk=render.pk, then=Value(uri)) for render, uri in won.items()))
    changes: dict[str, Any] = {
        "state": State.DOWNLOADING,
        "is_link_given": False,
        "rendered_at": now,
        "not_before": None,
        "beat_at": now,
        "error_code": "",
        "error_message": "",
    }
    found.filter(pk__in=keys).transition(**changes, download_uri=uris)
    for render, uri in won.items():
        for name, value in (changes | {"download_uri": uri}).items():
            setattr(render, name, value)


def due_for_a_poll() -> Q:
    """Return the condition of running renders that must be polled now."""
    due = over("next_poll_at", timezone.now(), longest=_longest_poll_wait())
    return Q(next_poll_at=None) | due


def _longest_poll_wait() -> timedelta:
    return max(LONGEST_WAIT, timedelta(seconds=settings.VIDEO_POLL_SECONDS))


def _is_late(render: VideoRender, now: datetime) -> bool:
    return render.deadline_at is not None and now >= render.deadline_at


def _is_over(render: VideoRender, now: datetime) -> bool:
    """Interrupt the render if it is past its deadline; the operation's name is kept. Return whether
    it is."""
    if not _is_late(render, now):
        return False
    render.move(
        State.RUNNING,
        State.INTERRUPTED,
        error_code="deadline",
        error_message=(
            "The operation had not ended at the deadline, so we stopped waiting. "
            "It may still finish: resume it."
        ),
    )
    return True


def _end_without_video(
    render: VideoRender, state: str, code: str, sentence: str, details: dict[str, object]
) -> None:
    if render.move(
        State.RUNNING,
        state,
        error_code=code,
        error_message=sentence,
        error_details=details,
        rendered_at=timezone.now(),
    ):
        render.submissions.filter(outcome=Outcome.ACCEPTED).update(outcome=Outcome.NOT_CHARGED)


def _mark_unknown(render: VideoRender, code: str, sentence: str) -> None:
    if render.move(
        State.RUNNING,
        State.UNKNOWN,
        error_code=code,
        error_message=f"{sentence} It may have been charged: a person must decide.",
    ):
        render.submissions.filter(outcome=Outcome.ACCEPTED).update(outcome=Outcome.UNKNOWN)


def send_again(render: VideoRender, reasons: Sequence[str], codes: Sequence[str]) -> bool:
    """Queue the blocked render once more. Return False if that is not allowed.

    Call it inside a transaction. The submission is settled in it, so that a crash leaves either a
    render that is polled again or one that waits for its second claim.
    """
    if not settings.VIDEO_RETRY_AUDIO_BLOCK or not is_audio_block(reasons, codes):
        return False
    accepted = render.submissions.filter(
        outcome=Submission.Outcome.ACCEPTED, operation_name=render.operation_name
    )
    if not accepted.exists():
        # Nobody knows which call this was, so a person decides.
        return False
    sentence = explain_block(reasons, codes)
    if not render.move(
        State.RUNNING,
        State.QUEUED,
        only={"audio_retries": 0},
        audio_retries=1,
        operation_name="",
        submitted_at=None,
        next_poll_at=None,
        deadline_at=None,
        not_before=None,
        error_code=Submission.BLOCKED_AUDIO,
        error_message=f"{sentence} It is sent once more.",
    ):
        return False
    accepted.update(
        outcome=Submission.Outcome.NOT_CHARGED,
        error_code=Submission.BLOCKED_AUDIO,
        error_message=" ".join(reasons),
    )
    return True
