"""The page of a draft's plan: what would be done with each shot, and what that costs.

Looking at it in any mode changes nothing. Confirming queues exactly the plan that was seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import ngettext

from storybook.models import Scenelet, Shot
from videogen.billing.budgets import NO_BUDGET
from videogen.catalog.options import extras_in_words
from videogen.common.errors import RequestError, VideogenError
from videogen.common.formats import usd
from videogen.common.task_queue import broker_problem
from videogen.models import RenderBatch
from videogen.planning.drafts import confirm_batch, plan_draft, set_mode, set_options, set_priority
from videogen.planning.enqueue import QueuedBatch
from videogen.planning.modes import MODES, WORK, Action
from videogen.planning.plan import Plan, ShotPlan, plan_shots
from videogen.takes.uploads import use_take
from videogen.views.components.access import requester_of
from videogen.views.components.badges import Badge
from videogen.views.components.queue_notice import notice_for_price
from videogen.views.components.reasons import BADGES, reasons_of
from videogen.views.components.urls import plan_url, progress_url

from .modes import ModeCard, Repeats, more_to_resume, outcome_in_words
from .options import PlanChoices, PlanOptions, PlanOptionsForm
from .receipt import Receipt
from .references import ReferenceCard, change_reference, reference_cards
from .rows import PlanRow, RowContext

MOST_REASONS = 10
# A selection that spans several stories makes one draft for each of them at the same moment.
SIBLINGS_WITHIN = timedelta(seconds=10)


def show_plan(model_admin: ModelAdmin, request: HttpRequest, batch: RenderBatch) -> HttpResponse:
    options = PlanOptionsForm(request.GET, batch).options
    plan = plan_draft(batch, **options.for_plan, person=requester_of(request).person)
    around = RowContext.of(batch.story, [row.shot.pk for row in plan.rows])
    page = PlanPage(plan, around, options.to_resume)
    return _respond(
        model_admin,
        request,
        "page.html",
        {
            "title": "Promote drafts" if batch.promotes else "Generate videos",
            "batch": batch,
            "page": page,
            "options": options,
            "choices": PlanChoices(plan, options),
            "modes": [] if batch.promotes else _mode_cards(plan, batch, options, request),
            "siblings": _siblings(batch),
            "opened": _opened(request, page),
            "priorities": RenderBatch.Priority.choices,
            "notice": notice_for_price(plan.request.backend, plan.request.price_usd),
        },
    )


def _mode_cards(
    plan: Plan, batch: RenderBatch, options: PlanOptions, request: HttpRequest
) -> list[ModeCard]:
    basis = plan
    if options.skips_repeats and plan.mode != RenderBatch.Mode.OVERRIDE:
        # The chosen mode puts no request together for shots that another mode would render, so it
        # cannot tell which of them have a take of the same request.
        everything = replace(options, mode=RenderBatch.Mode.OVERRIDE.value)
        basis = plan_draft(batch, **everything.for_plan, person=requester_of(request).person)
    others = more_to_resume(basis)
    return [
        ModeCard(
            mode,
            words,
            basis,
            plan if str(mode) == plan.mode else None,
            options.skips_repeats,
            others if mode == RenderBatch.Mode.RESUME else {},
        )
        for mode, words in MODES.items()
    ]


def show_row(
    model_admin: ModelAdmin, request: HttpRequest, batch: RenderBatch, shot_pk: int
) -> HttpResponse:
    """The details of one row: the exact prompt and the references. They are a page of their own or,
    with ?part=1, a fragment that the plan's page loads."""
    shot = _shot_of(batch, shot_pk)
    options = PlanOptionsForm(request.GET, batch).options
    mode = options.mode
    alone = replace(options, takes=1)
    plan = plan_draft(batch, **alone.for_plan, person=requester_of(request).person, only=shot)
    template = "row.html" if "part" in request.GET else "row_page.html"
    return _respond(
        model_admin,
        request,
        template,
        {
            "title": str(shot),
            "batch": batch,
            "shot": shot,
            "mode": mode,
            "options": options,
            "each": PlanRow(
                plan,
                plan.rows[0],
                RowContext.of(batch.story, [shot.pk]),
                options.to_resume,
                is_alone=True,
            ),
            "details": RowDetails.of(plan.rows[0]),
            "back": "plan" if "part" in request.GET else "row",
        },
    )


def arrange_reference(
    model_admin: ModelAdmin, request: HttpRequest, batch: RenderBatch, shot_pk: int
) -> HttpResponse:
    shot = _shot_of(batch, shot_pk)
    key = (request.POST.get("kind", ""), request.POST.get("id", ""))
    try:
        sentence = change_reference(shot, key, request.POST.get("act", ""))
    except RequestError as error:
        messages.warning(request, error.sentence)
    else:
        model_admin.log_change(request, shot, sentence)
        text = format_html("<bdi>{}</bdi>: <bdi>{}</bdi>", shot, sentence)
        messages.success(request, text)
    query = PlanOptionsForm(request.POST, batch).options.query
    if request.POST.get("back") == "row":
        url = reverse("admin:videogen_renderbatch_plan_row", args=[batch.pk, shot.pk])
        return HttpResponseRedirect(f"{url}?{query}")
    return HttpResponseRedirect(f"{plan_url(batch)}?{query}&open={shot.pk}#shot-{shot.pk}")


def use_same_take(
    model_admin: ModelAdmin, request: HttpRequest, batch: RenderBatch, shot_pk: int
) -> HttpResponse:
    """Make the take of another shot that has the very same request a take of this shot."""
    shot = _shot_of(batch, shot_pk)
    options = PlanOptionsForm(request.POST, batch).options
    [row] = plan_shots(
        batch.story,
        Shot.objects.filter(pk=shot.pk),
        options.mode,
        model=options.model,
        prompt_profile=options.profile,
        chosen=options.format,
        person=requester_of(request).person,
    ).rows
    take = row.same
    if take is None or take.shot_id == shot.pk or request.POST.get("take") != str(take.pk):
        words = "Nothing was done: that video is no longer offered for this shot."
        messages.warning(request, words)
    else:
        try:
            render = use_take(shot, take, requester_of(request))
        except VideogenError as error:
            messages.warning(request, error.sentence)
        else:
            done = f"{shot}: take {render.take} is that video. Nothing was sent or paid."
            model_admin.log_change(request, shot, done)
            messages.success(request, done)
    return HttpResponseRedirect(f"{plan_url(batch)}?{options.query}#shot-{shot.pk}")


def confirm_plan(model_admin: ModelAdmin, request: HttpRequest, batch: RenderBatch) -> HttpResponse:
    mode = request.POST.get("mode", "")
    if mode not in RenderBatch.Mode.values:
        messages.warning(request, "Nothing was queued: choose what is to be done with the shots.")
        return HttpResponseRedirect(plan_url(batch))
    options = PlanOptionsForm(request.POST, batch).options
    try:
        with transaction.atomic():
            set_mode(batch, mode)
            set_options(
                batch,
                model=options.model,
                prompt_profile=options.profile,
                over_budget=options.over_budget,
                skips_repeats=options.skips_repeats,
                takes_per_shot=options.takes,
                stops_when_approved="stop" in request.POST,
                chosen=options.format,
            )
            if "priority" in request.POST:
                set_priority(batch, request.POST["priority"])
            queued = confirm_batch(
                batch, requester_of(request), seen=request.POST.get("planned", "")
            )
            model_admin.log_addition(request, queued.batch, "Confirmed the plan.")
    except RequestError as error:
        if error.code == "already_confirmed":
            messages.info(request, "This plan was already confirmed; nothing was queued again.")
            return HttpResponseRedirect(progress_url(batch))
        messages.warning(request, _refusal(error))
        return HttpResponseRedirect(f"{plan_url(batch)}?{options.query}")
    _tell(request, queued)
    if problem := broker_problem():
        messages.warning(request, problem)
    return HttpResponseRedirect(progress_url(queued.batch))


def cancel_plan(request: HttpRequest, batch: RenderBatch) -> HttpResponse:
    """Delete the draft, unless it was confirmed meanwhile."""
    with transaction.atomic():
        drafts = RenderBatch.objects.filter(status=RenderBatch.Status.DRAFT)
        draft = drafts.select_for_update().filter(pk=batch.pk).first()
        if draft:
            draft.delete()
    if draft is None:
        messages.warning(request, "This plan was already confirmed: cancel its renders here.")
        return HttpResponseRedirect(progress_url(batch))
    messages.info(request, "Nothing was queued: the plan was discarded.")
    shots = reverse("admin:storybook_shot_changelist")
    return HttpResponseRedirect(f"{shots}?scenelet__story__id__exact={batch.story_id}")


# -- what the page shows ---------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanPage:
    plan: Plan
    around: RowContext = field(default_factory=RowContext)
    to_resume: str = ""

    @property
    def mode(self) -> str:
        return str(self.plan.mode)

    @cached_property
    def rows(self) -> list[PlanRow]:
        """One row a shot, those that are blocked first."""
        by_shot: dict[int, list[ShotPlan]] = {}
        for row in self.plan.rows:
            by_shot.setdefault(row.shot.pk, []).append(row)
        rows = [
            PlanRow(self.plan, first, self.around, self.to_resume, others=tuple(others))
            for first, *others in by_shot.values()
        ]
        return sorted(rows, key=lambda each: not each.is_blocked)

    @cached_property
    def scenelets(self) -> list[SceneletRows]:
        """The rows by scenelet, in the order of the story. A scenelet is unfolded if one of its
        shots is blocked, or if it is the only one."""
        by_scenelet: dict[int, list[PlanRow]] = {}
        for row in self.rows:
            by_scenelet.setdefault(row.row.shot.scenelet_id, []).append(row)
        places = {row.shot.scenelet_id: number for number, row in enumerate(self.plan.rows)}
        return [
            SceneletRows(
                self.plan,
                tuple(by_scenelet[key]),
                is_open=len(by_scenelet) == 1 or any(each.is_blocked for each in by_scenelet[key]),
            )
            for key in sorted(by_scenelet, key=places.__getitem__)
        ]

    @cached_property
    def receipt(self) -> Receipt:
        return Receipt(self.plan, self.rows)

    @cached_property
    def not_taken(self) -> list[tuple[str, str]]:
        """What the model does not accept, each with the number of shots that it concerns."""
        found = Counter(
            problem
            for row in self.plan.rows
            if row.decision.action == Action.BLOCKED
            for problem in row.not_taken
        )
        return [
            (each.sentence, ngettext("%d shot", "%d shots", number) % number)
            for each, number in found.items()
        ]

    @property
    def in_table(self) -> int | None:
        """The primary key of the model in the table of video models, if it is there."""
        return self.plan.request.capability.pk

    @property
    def sent(self) -> list[tuple[str, str]]:
        """The settings that are sent with every request, by name."""
        request = self.plan.request
        shape = f"{request.aspect_ratio}, {request.resolution}, {request.duration_seconds} s"
        model = f"{request.model} ({request.capability.route_words})"
        return [("asked of", model), ("shape", shape), *extras_in_words(request)]

    @cached_property
    def counts(self) -> list[tuple[Badge, int]]:
        return [(BADGES[Action(action)], number) for action, number in self.plan.counts.items()]

    @property
    def promoted(self) -> int:
        """How many drafts are sent again as final takes."""
        return len({row.copy_of.pk for row in self.plan.rows if row.copy_of and row.is_new})

    @cached_property
    def repeats(self) -> Repeats | None:
        """The shots that have a take of the very same request, if there are any."""
        return Repeats.of(self.plan)

    @property
    def total(self) -> str:
        cost = self.plan.cost_usd
        return usd(cost) if cost or not self.can_confirm else "Free"

    no_budget = NO_BUDGET

    @property
    def can_confirm(self) -> bool:
        return self.plan.count(*WORK) > 0

    @property
    def button(self) -> str:
        """The words of the button: what confirming does, and what it costs."""
        if self.promoted:
            cost = usd(self.plan.cost_usd) if self.plan.cost_usd else "free"
            words = ngettext("Promote %d draft", "Promote %d drafts", self.promoted) % self.promoted
            return f"{words} · {cost}"
        counts = {action: self.plan.count(action) for action in Action}
        return outcome_in_words(counts, self.plan.cost_usd)


@dataclass(frozen=True)
class SceneletRows:
    """The shots of one scenelet."""

    plan: Plan
    rows: tuple[PlanRow, ...]
    is_open: bool

    @property
    def scenelet(self) -> Scenelet:
        return self.rows[0].row.shot.scenelet

    @property
    def summary(self) -> str:
        """What is done with its shots, and what that costs, as "8 generate · 2 skip · $25.60"."""
        counts: Counter[Action] = Counter()
        for row in self.rows:
            counts.update(each.decision.action for each in (row.row, *row.others))
        told = [f"{counts[action]} {BADGES[action].word}" for action in Action if counts[action]]
        cost = self.plan.request.cost_of(counts[Action.GENERATE])
        return " · ".join([*told, *([usd(cost)] if cost else [])])


@dataclass(frozen=True)
class RowDetails:
    sent: list[ReferenceCard]
    rest: list[ReferenceCard]

    @classmethod
    def of(cls, row: ShotPlan) -> RowDetails:
        if row.copy_of is None:
            return cls(*reference_cards(row.shot))
        # The pictures that its draft was sent with, whatever the shot has by now.
        picks, dropped = row.selection.picks, row.selection.dropped
        sent = [
            ReferenceCard(each.kind, each.id, each.path, place)
            for place, each in enumerate(picks, start=1)
        ]
        rest = [
            ReferenceCard(each.kind, each.id, each.path, reason=each.reason) for each in dropped
        ]
        return cls(sent, rest)


def _respond(
    model_admin: ModelAdmin, request: HttpRequest, template: str, context: dict[str, Any]
) -> HttpResponse:
    request.current_app = model_admin.admin_site.name
    # A promotion sends the pictures of its draft.
    may_arrange = request.user.has_perms(ARRANGE) and not context["batch"].promotes
    may_confirm = request.user.has_perm("videogen.generate_video")
    return TemplateResponse(
        request,
        f"admin/videogen/plan/{template}",
        {
            **model_admin.admin_site.each_context(request),
            "subtitle": None,
            "opts": model_admin.opts,
            "may_arrange": may_arrange,
            "may_confirm": may_confirm,
            **context,
        },
    )


ARRANGE = ("storybook.change_shot", "videogen.change_referencechoice")


def _shot_of(batch: RenderBatch, shot_pk: int) -> Shot:
    shot = batch.shots.select_related("scenelet__story").filter(pk=shot_pk).first()
    if shot is None:
        raise Http404("The shot is not in this plan.")
    return shot


def _opened(request: HttpRequest, page: PlanPage) -> dict[str, Any] | None:
    """The row that is shown open, because somebody has just arranged its references."""
    asked = request.GET.get("open", "")
    for row in page.plan.rows:
        if str(row.shot.pk) == asked and row.prompt is not None:
            return {
                "pk": row.shot.pk,
                "scenelet": row.shot.scenelet_id,
                "details": RowDetails.of(row),
            }
    return None


def _siblings(batch: RenderBatch) -> list[RenderBatch]:
    """The drafts that the same selection made for other stories."""
    near = (batch.created_at - SIBLINGS_WITHIN, batch.created_at + SIBLINGS_WITHIN)
    drafts = RenderBatch.objects.filter(
        status=RenderBatch.Status.DRAFT,
        created_at__range=near,
        requested_by_name=batch.requested_by_name,
    )
    return list(
        drafts.exclude(pk=batch.pk).exclude(story=batch.story_id).select_related("story")[:20]
    )


# -- what is told afterwards -----------------------------------------------------------------------


def _refusal(error: RequestError) -> str:
    if error.code == "plan_changed":
        at = timezone.localtime()
        return (
            "Nothing was queued: this is no longer the plan that you saw. Here is the plan as of "
            f"{at:%H:%M}; please look at it once more."
        )
    return error.sentence


_DONE_WORDS = {
    Action.GENERATE: "{} queued",
    Action.RESUME: "{} resumed",
    Action.DOWNLOAD: "{} to be downloaded",
    Action.REHEARSE: "{} to be rehearsed",
    Action.SKIP: "{} skipped",
    Action.BLOCKED: "{} blocked",
}
_UNDONE = (Action.SKIP, Action.BLOCKED)


def _tell(request: HttpRequest, queued: QueuedBatch) -> None:
    """Show one message: the counts, then what is not done and why. Of several takes of a shot, each
    counts where it is made, and the shot where it is not."""
    rows = [row for row, _ in queued.rows]
    undone = {row.shot.pk: row for row in rows if row.decision.action in _UNDONE}
    left = list(undone.values())
    made = [row for row in rows if row.decision.action not in _UNDONE]
    shots = len({row.shot.pk for row in rows})
    has_several = len(rows) > shots
    counts = Counter(row.decision.action for row in (*made, *left))
    parts = [
        _DONE_WORDS[action].format(
            ngettext("%d shot", "%d shots", number) % number
            if has_several and action in _UNDONE
            else number
        )
        for action in Action
        if (number := counts[action])
    ]
    reasons = format_html_join(
        "",
        "<br><bdi>{}</bdi>: {}",
        [(row.shot, " ".join(reasons_of(row))) for row in left[:MOST_REASONS]],
    )
    rest = len(left) - MOST_REASONS
    more = format_html("<br>… and {} more, listed below.", rest) if rest > 0 else ""
    cost = queued.batch.estimated_cost_usd
    price = f" Estimated cost: {usd(cost)}." if cost else ""
    told = ngettext("%d shot", "%d shots", shots) % shots
    if has_several:
        told += ", " + ngettext("%d render", "%d renders", len(made)) % len(made)
    text = format_html("{}: {}.{}", told, ", ".join(parts), price)
    text = format_html("{}{}{}", text, reasons, more)
    blocked = any(row.decision.action == Action.BLOCKED for row in rows)
    messages.add_message(request, messages.WARNING if blocked else messages.SUCCESS, text)
