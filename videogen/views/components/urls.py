"""The addresses of pages that several other pages link to."""

from __future__ import annotations

from django.urls import reverse

from videogen.models import RenderBatch


def plan_url(batch: RenderBatch) -> str:
    return reverse("admin:videogen_renderbatch_plan", args=[batch.pk])


def progress_url(batch: RenderBatch) -> str:
    return reverse("admin:videogen_renderbatch_progress", args=[batch.pk])
