"""What can be done with a batch: cancel what is queued, retry what failed, resume what was
interrupted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q
from django.utils.translation import ngettext

from storybook.models import Shot
from videogen.catalog.options import ChosenFormat
from videogen.common.errors import RequestError
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.models.render_queries import RenderQuerySet
from videogen.models.states import CANCELLED_BY_PERSON, OPEN, RESUMABLE, WITHOUT_VIDEO

from .drafts import draft_batches, set_options, set_priority
from .modes import Action, decide
from .shot_status import Situation, find_situations

State = VideoRender.State
Mode = RenderBatch.Mode


@dataclass(frozen=True)
class RenderTotals:
    """A number of renders, and what they cost together, or may cost."""

    number: int = 0
    usd: Decimal = Decimal(0)

    @property
    def cost(self) -> str:
        return f" (${self.usd:,.2f})" if self.usd else ""

    @property
    def are(self) -> str:
        return ngettext("{} is", "{} are", self.number).format(self.number)


@dataclass(frozen=True)
class BatchProgress:
    """The renders of a batch that cannot be cancelled any more, because they were sent."""

    done: RenderTotals
    under_way: RenderTotals
    interrupted: RenderTotals
    unknown: RenderTotals

    @property
    def words(self) -> str:
        """The end of a sentence; "" where there are none."""
        parts = []
        if self.done.number:
            paid = f" and paid for{self.done.cost}" if self.done.usd else ""
            parts.append(f"{self.done.are} done{paid}")
        if self.under_way.number:
            paid = (
                f"already paid for{self.under_way.cost}" if self.under_way.usd else "sent already"
            )
            goes_on = ngettext("goes on", "go on", self.under_way.number)
            parts.append(f"{self.under_way.are} {paid} and {goes_on}")
        if self.interrupted.number:
            paid = f"already paid for{self.interrupted.cost}" if self.interrupted.usd else "sent"
            stopped = ngettext(
                "was interrupted: resume it",
                "were interrupted: resume them",
                self.interrupted.number,
            )
            parts.append(f"{self.interrupted.are} {paid} and {stopped}")
        if self.unknown.number:
            unknown = f"{self.unknown.number} may be paid for{self.unknown.cost}"
            parts.append(f"{unknown}: a person must decide")
        return "; ".join(parts)


def find_sent(renders: Collection[VideoRender]) -> BatchProgress:
    """Those of these renders that were sent. No query."""
    return BatchProgress(
        done=_some(renders, {State.DONE}),
        under_way=_some(renders, OPEN - {State.QUEUED}),
        interrupted=_some(renders, RESUMABLE),
        unknown=_some(renders, {State.UNKNOWN}),
    )


def _some(renders: Collection[VideoRender], states: Collection[str]) -> RenderTotals:
    # The actual cost, where that is known. An uploaded clip has none.
    costs = [
        each.price_estimate_usd if each.actual_cost_usd is None else each.actual_cost_usd
        for each in renders
        if each.state in states
    ]
    return RenderTotals(len(costs), sum(costs, Decimal(0)))


def cancel_queued(batch: RenderBatch, user: AbstractBaseUser) -> int:
    """Cancel the renders that were not sent yet. Returns how many. What was sent continues."""
    return _cancel(VideoRender.objects.filter(batch=batch, state=State.QUEUED), user)


def cancel_render(render: VideoRender, user: AbstractBaseUser) -> None:
    """Cancel this one render, if it was not sent yet. RequestError, and nothing is done, where a
    claim was faster: whoever changes the row first has it."""
    if _cancel(VideoRender.objects.filter(pk=render.pk, state=State.QUEUED), user):
        return
    render.refresh_from_db(fields=["state", "beat_at", "state_since"])
    if render.state == State.CANCELLED:
        raise RequestError("It was cancelled already. Nothing was sent.", code="cancelled")
    if render.state in OPEN:
        raise RequestError("It was not cancelled: it has just been sent, and goes on.", code="sent")
    raise RequestError(
        f"It was not cancelled: it is not in the queue any more, but {State(render.state).label}.",
        code="ended",
    )


def _cancel(queued: RenderQuerySet, user: AbstractBaseUser) -> int:
    return queued.transition(
        state=State.CANCELLED,
        error_code=CANCELLED_BY_PERSON,
        error_message=f"{user.get_username()} cancelled it before it was sent. It costs nothing.",
    )


def retry_failed(
    batch: RenderBatch, requester: Requester, only: Collection[int] | None = None
) -> RenderBatch:
    """A draft of `shots_to_retry`, or of those of `only` among them. RequestError where there are
    none."""
    shots = [each for each in shots_to_retry(batch) if only is None or each in only]
    return _draft(batch, shots, _mode_again(batch), requester, "tried again")


def resume_interrupted(batch: RenderBatch, requester: Requester) -> RenderBatch:
    """A draft of `shots_to_resume`. RequestError where there are none."""
    return _draft(batch, shots_to_resume(batch), Mode.RESUME, requester, "resumed")


def shots_to_retry(batch: RenderBatch) -> list[int]:
    """The shots whose renders of this batch failed, were blocked or cancelled, and for which a
    retry would make a new render. Nobody may have rendered or approved them since, and no render of
    theirs may be in flight or wait for a person. Two queries; one where nothing failed."""
    failed = _last_failures(batch)
    if not failed:
        return []
    mode = _mode_again(batch)
    if mode == Mode.DRY_RUN:
        later = VideoRender.objects.filter(shot__in=failed, kind=VideoRender.Kind.REHEARSAL)
        later = later.exclude(state__in=WITHOUT_VIDEO)
        again = {shot for shot, pk in later.values_list("shot", "pk") if pk > failed[shot]}
        return [shot for shot in failed if shot not in again]
    found = find_situations(Shot.objects.filter(pk__in=failed), settings.VIDEO_BACKEND)
    shots = []
    for shot, pk in failed.items():
        situation, cause = found.get(shot, (Situation.NOTHING, None))
        has_take = situation in (Situation.VIDEO, Situation.REJECTED)
        is_newer = has_take and cause is not None and cause.pk > pk
        # An approved draft does not lock its shot against its own final take.
        is_own_lock = batch.promotes and situation == Situation.APPROVED
        may_generate = is_own_lock or decide(situation, mode).action == Action.GENERATE
        if not is_newer and may_generate:
            shots.append(shot)
    return shots


def shots_to_resume(batch: RenderBatch) -> list[int]:
    """The shots with an interrupted render that has to be resumed first. The batch made, resumed or
    skipped it, and nothing resumes it automatically. At most two queries."""
    ids = [record["render"] for record in batch.plan if record.get("render")]
    broken = VideoRender.objects.filter(Q(batch=batch) | Q(pk__in=ids), state__in=RESUMABLE)
    renders = dict(broken.order_by("pk").values_list("shot", "pk"))
    if not renders:
        return []
    found = find_situations(Shot.objects.filter(pk__in=renders), settings.VIDEO_BACKEND)
    interrupted = (Situation.INTERRUPTED, Situation.NOT_DOWNLOADED)
    return [shot for shot in renders if shot in found and found[shot][0] in interrupted]


def _last_failures(batch: RenderBatch) -> dict[int, int]:
    """By shot: the newest render without a video, of those that the batch made or resumed."""
    resumed = [
        record["render"]
        for record in batch.plan
        if record.get("render") and record.get("decision") in (Action.RESUME, Action.DOWNLOAD)
    ]
    failed = VideoRender.objects.filter(Q(batch=batch) | Q(pk__in=resumed), state__in=WITHOUT_VIDEO)
    return dict(failed.order_by("pk").values_list("shot", "pk"))


def _draft(
    batch: RenderBatch, shots: list[int], mode: str, requester: Requester, verb: str
) -> RenderBatch:
    """A draft with the model, the options and the place in the queue of the batch."""
    chosen_shots = Shot.objects.filter(pk__in=shots)
    # What was interrupted is resumed as it is, whatever it was asked for.
    promotes = batch.promotes and mode != Mode.RESUME
    drafts = draft_batches(chosen_shots, mode, requester, promotes=promotes)
    if not drafts:
        raise RequestError(f"Nothing of this batch is left to be {verb}.", code="nothing_to_retry")
    [draft] = drafts
    chosen = ChosenFormat.of(batch)
    wishes = (batch.model, batch.over_budget, batch.prompt_profile, chosen)
    if wishes != ("", draft.over_budget, "", ChosenFormat()):
        set_options(
            draft,
            model=batch.model,
            over_budget=batch.over_budget,
            skips_repeats=draft.skips_repeats,
            prompt_profile=batch.prompt_profile,
            chosen=chosen,
        )
    set_priority(draft, batch.priority)
    return draft


def _mode_again(batch: RenderBatch) -> str:
    # In the default mode, a new take that failed would be skipped because there is an old one, and
    # a rehearsal would become a paid render.
    return batch.mode if batch.mode in (Mode.OVERRIDE, Mode.DRY_RUN) else Mode.DEFAULT
