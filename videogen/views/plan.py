"""The page between "Generate videos…" and the queue: what the selected shots would become, and
what that costs. Confirming it queues exactly this plan, as the command line does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from storybook.models import Shot, Story
from videogen.forms import MODES, PlanForm
from videogen.models import RenderBatch, VideoRender
from videogen.money import budget_left_usd
from videogen.planning import Action, Plan, ShotPlan, plan_shots
from videogen.queueing import QueuedBatch, Requester, queue_renders
from videogen.showing import Badge, ShownPicture, indented, shown_pictures, usd
from videogen.workflow import CREATE_SHOT_VIDEO

# Django takes 1,000 form fields; a larger selection is "all of the list", and stays so.
MOST_HIDDEN_IDS = 900
MOST_REASONS = 10

_BADGES = {
    Action.GENERATE: Badge("blue", "generate"),
    Action.RESUME: Badge("blue", "resume"),
    Action.DOWNLOAD: Badge("blue", "download"),
    Action.REHEARSE: Badge("green", "rehearse"),
    Action.SKIP: Badge("grey", "skip"),
    Action.BLOCKED: Badge("red", "blocked"),
}


def plan_videos(
    model_admin: ModelAdmin, request: HttpRequest, queryset: QuerySet[Shot], *, action: str
) -> HttpResponse | None:
    """The admin action's page. `queryset` is the selection as the admin's own queryset has it."""
    ids = list(queryset.order_by().values_list("pk", flat=True).distinct())
    if not ids:
        model_admin.message_user(
            request, "None of the selected shots is in this list.", messages.WARNING
        )
        return None
    form = PlanForm(request.POST if "mode" in request.POST else {"mode": RenderBatch.Mode.DEFAULT})
    mode = form.cleaned_data["mode"] if form.is_valid() else RenderBatch.Mode.DEFAULT.value
    page = PlanPage(mode, _plans(ids, mode), _budget_left(), _last_render(ids))
    notice = _missing_notice(request, ids)
    if "confirm" in request.POST:
        notice = _refusal(page, form)
        if not notice:
            return _confirm(model_admin, request, page)
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/plan.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": "Generate videos",
            "subtitle": None,
            "opts": model_admin.opts,
            "media": model_admin.media,
            "page": page,
            "notice": notice,
            "modes": [(each.value, *words) for each, words in MODES.items()],
            "hidden": _hidden_fields(request, ids, action),
            "back_url": request.get_full_path(),
        },
    )


def _plans(ids: Sequence[int], mode: str) -> list[Plan]:
    stories = Story.objects.filter(scenelets__shots__in=ids).distinct().order_by("pk")
    return [
        plan_shots(story, Shot.objects.filter(pk__in=ids, scenelet__story=story), mode)
        for story in stories
    ]


def _budget_left() -> Decimal | None:
    left = budget_left_usd(with_queued=True)
    return None if left is None else max(left, Decimal(0))


def _last_render(ids: Sequence[int]) -> int | None:
    return VideoRender.objects.filter(shot__in=ids).aggregate(last=Max("pk"))["last"]


@dataclass(frozen=True)
class PlanRow:
    """One shot of the page."""

    plan: Plan
    row: ShotPlan

    @property
    def badge(self) -> Badge:
        return _BADGES[self.row.decision.action]

    @property
    def is_blocked(self) -> bool:
        return self.row.decision.action == Action.BLOCKED

    @property
    def cost(self) -> str:
        price = self.plan.request.price_usd
        match self.row.decision.action:
            case Action.GENERATE:
                return usd(price)
            case Action.REHEARSE:
                return f"free (sent: {usd(price)})"
            case Action.RESUME | Action.DOWNLOAD:
                return "free"
        return "–"

    @property
    def prompt(self) -> str:
        return indented(self.row.prompt.document) if self.row.prompt else ""

    @property
    def is_compact(self) -> bool:
        """Sent without the white space that the page shows."""
        return bool(self.row.prompt) and "\n" not in self.row.prompt.text

    @property
    def references(self) -> list[ShownPicture]:
        return shown_pictures(pick.as_dict() for pick in self.row.selection.picks)

    @property
    def dropped(self) -> list[ShownPicture]:
        return shown_pictures(each.as_dict() for each in self.row.selection.dropped)


@dataclass(frozen=True)
class PlanPage:
    """The plans of all stories of a selection, together."""

    mode: str
    plans: list[Plan]
    budget_left: Decimal | None
    last_render: int | None

    @cached_property
    def rows(self) -> list[PlanRow]:
        rows = [PlanRow(plan, row) for plan in self.plans for row in plan.rows]
        return sorted(rows, key=lambda each: not each.is_blocked)

    @property
    def has_several_stories(self) -> bool:
        return len(self.plans) > 1

    def count(self, *actions: Action) -> int:
        return sum(plan.count(*actions) for plan in self.plans)

    @cached_property
    def counts(self) -> list[tuple[Badge, int]]:
        counted = [(_BADGES[action], self.count(action)) for action in Action]
        return [each for each in counted if each[1]]

    @cached_property
    def cost_usd(self) -> Decimal:
        return sum(
            (plan.request.price_usd or Decimal(0)) * plan.count(Action.GENERATE)
            for plan in self.plans
        ) or Decimal("0.00")

    @property
    def cost(self) -> str:
        return usd(self.cost_usd)

    @property
    def left(self) -> str:
        return "" if self.budget_left is None else usd(self.budget_left)

    @property
    def is_simulated(self) -> bool:
        return any(plan.request.is_simulated for plan in self.plans)

    @property
    def is_over_budget(self) -> bool:
        # Each story's plan was made as if it were alone.
        return self.budget_left is not None and self.cost_usd > self.budget_left

    @property
    def can_confirm(self) -> bool:
        return self.work > 0 and not self.is_over_budget

    @property
    def work(self) -> int:
        return self.count(Action.GENERATE, Action.RESUME, Action.DOWNLOAD, Action.REHEARSE)

    @property
    def button(self) -> str:
        """What confirming does, and for how much."""
        if rehearsals := self.count(Action.REHEARSE):
            return f"Rehearse {_counted(rehearsals, 'shot')} · free"
        parts = []
        if generated := self.count(Action.GENERATE):
            parts.append(f"Generate {_counted(generated, 'video')}")
        if resumed := self.count(Action.RESUME, Action.DOWNLOAD):
            parts.append(f"resume {resumed}" if parts else f"Resume {_counted(resumed, 'render')}")
        if not parts:
            return "Nothing to generate"
        price = self.cost if self.cost_usd else "free"
        return f"{', '.join(parts)} · {price}"

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that would be sent, paid or left out, and once anybody has asked
        for a render of these shots: a second click finds another plan."""
        facts = [
            [
                row.shot.pk,
                row.decision.action,
                row.decision.reason,
                row.cause.pk if row.cause else None,
                row.prompt.text if row.prompt else None,
                [pick.sha256 for pick in row.selection.picks],
            ]
            for plan in self.plans
            for row in plan.rows
        ]
        text = json.dumps([self.mode, self.cost, self.last_render, facts])
        return hashlib.sha256(text.encode()).hexdigest()


def _missing_notice(request: HttpRequest, ids: Sequence[int]) -> str:
    if request.POST.get("select_across") == "1":
        return ""
    missing = len(set(request.POST.getlist(ACTION_CHECKBOX_NAME))) - len(ids)
    if missing <= 0:
        return ""
    return f"{_counted(missing, 'selected shot')} left out: not in this list (any more)."


def _refusal(page: PlanPage, form: PlanForm) -> str:
    """Why this plan is shown once more instead of being queued, or ""."""
    if not form.is_valid():
        return "Choose what is to be done with the shots."
    seen = form.cleaned_data["planned"]
    if seen != page.fingerprint:
        return (
            "Nothing was queued: this is no longer the plan that you saw. The mode was changed, or "
            "something happened meanwhile. Look at it once more."
        )
    if page.is_over_budget:
        return "Nothing was queued: together the videos cost more than the budget has left."
    if not page.can_confirm:
        return "Nothing was queued: there is nothing to do for these shots in this mode."
    return ""


def _hidden_fields(
    request: HttpRequest, ids: Sequence[int], action: str
) -> list[tuple[str, str | int]]:
    fields: list[tuple[str, str | int]] = [("action", action)]
    if len(ids) > MOST_HIDDEN_IDS and request.POST.get("select_across") == "1":
        # The list's address and its filters name them; the fingerprint notices another set.
        return [*fields, ("select_across", 1), (ACTION_CHECKBOX_NAME, ids[0])]
    return fields + [(ACTION_CHECKBOX_NAME, pk) for pk in ids]


# -- confirmed -------------------------------------------------------------------------------------


def _confirm(model_admin: ModelAdmin, request: HttpRequest, page: PlanPage) -> HttpResponse:
    requester = Requester(
        RenderBatch.Door.ADMIN, user=request.user, name=request.user.get_username()
    )
    working = (Action.GENERATE, Action.RESUME, Action.DOWNLOAD, Action.REHEARSE)
    with transaction.atomic():
        queued = [
            queue_renders(
                plan,
                requester,
                task=CREATE_SHOT_VIDEO,
                filters={"shots": [row.shot.pk for row in plan.rows]},
                wake=True,
            )
            for plan in page.plans
            if plan.count(*working)
        ]
        for each in queued:
            model_admin.log_addition(request, each.batch, "Asked for on the shots' page.")
    rows = [row for each in queued for row, _ in each.rows]
    # Of a story with nothing to do there is no batch, but its shots are told of as well.
    rows += [row for plan in page.plans if not plan.count(*working) for row in plan.rows]
    _tell(model_admin, request, rows, queued)
    return HttpResponseRedirect(_batch_url(request, queued))


def _batch_url(request: HttpRequest, queued: Sequence[QueuedBatch]) -> str:
    if not request.user.has_perm("videogen.view_renderbatch"):
        return request.get_full_path()
    if len(queued) == 1:
        return reverse("admin:videogen_renderbatch_change", args=[queued[0].batch.pk])
    ids = ",".join(str(each.batch.pk) for each in queued)
    return f"{reverse('admin:videogen_renderbatch_changelist')}?id__in={ids}"


_DONE_WORDS = {
    Action.GENERATE: "{} queued",
    Action.RESUME: "{} resumed",
    Action.DOWNLOAD: "{} to be downloaded",
    Action.REHEARSE: "{} to be rehearsed",
    Action.SKIP: "{} skipped",
    Action.BLOCKED: "{} blocked",
}


def _tell(
    model_admin: ModelAdmin,
    request: HttpRequest,
    rows: Sequence[ShotPlan],
    queued: Sequence[QueuedBatch],
) -> None:
    """One message: the counts, then what is not done and why."""
    counted = [
        _DONE_WORDS[action].format(number)
        for action in Action
        if (number := sum(row.decision.action == action for row in rows))
    ]
    left = [row for row in rows if row.decision.action in (Action.SKIP, Action.BLOCKED)]
    reasons = format_html_join("", "<li><bdi>{}</bdi>: {}</li>", _reasons(left[:MOST_REASONS]))
    rest = len(left) - MOST_REASONS
    more = f"… and {rest} more, see the batch." if rest > 0 else ""
    cost = sum((each.batch.estimated_cost_usd for each in queued), Decimal(0))
    price = f" Estimated cost: {usd(cost)}." if cost else ""
    text = format_html("{}: {}.{}", _counted(len(rows), "shot"), ", ".join(counted), price)
    if left:
        text = format_html('{}<ul class="st-reasons">{}</ul>{}', text, reasons, more)
    blocked = any(row.decision.action == Action.BLOCKED for row in rows)
    model_admin.message_user(request, text, messages.WARNING if blocked else messages.SUCCESS)


def _reasons(rows: Sequence[ShotPlan]) -> list[tuple[Any, str]]:
    return [(row.shot, row.decision.reason) for row in rows]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
