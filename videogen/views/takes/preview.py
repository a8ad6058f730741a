"""What would be sent for a shot: the exact prompt, the references and what is dropped, without a
plan that anybody could confirm. Looking at it spends nothing and stores nothing."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from storybook.models import Shot
from videogen.models import RenderBatch
from videogen.models.prompt_profiles import PromptProfile
from videogen.planning.plan import plan_shots
from videogen.views.components.access import require
from videogen.views.plan.page import RowDetails
from videogen.views.plan.rows import PlanRow, RowContext


def preview_shot(model_admin: ModelAdmin[Any], request: HttpRequest, shot_id: int) -> HttpResponse:
    """The address may name a profile of the prompt; otherwise it is that of the story."""
    require(request, model_admin)
    shot = get_object_or_404(Shot.objects.select_related("scenelet__story"), pk=shot_id)
    story = shot.scenelet.story
    asked = request.GET.get("profile", "")
    plan = plan_shots(
        story,
        Shot.objects.filter(pk=shot.pk),
        # It puts every request together, whatever renders the shot has.
        RenderBatch.Mode.DRY_RUN,
        prompt_profile=asked if asked in PromptProfile.values else "",
        are_named=True,
    )
    around = RowContext.of(story, [shot.pk])
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/takes/preview.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": "Prompt and references",
            "subtitle": None,
            "opts": Shot._meta,
            "shot": shot,
            "story": story,
            "plan": plan,
            "each": PlanRow(plan, plan.rows[0], around, is_alone=True),
            "details": RowDetails.of(plan.rows[0]),
            "profiles": PromptProfile.choices,
        },
    )
