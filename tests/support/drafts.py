"""Drafts and their plans, for tests of the screens."""

from __future__ import annotations

from decimal import Decimal

from django.urls import reverse

from storybook.models import Shot, Story
from videogen.models.people import Requester
from videogen.planning.drafts import draft_batches

from .admin_clients import fingerprint
from .factories import make_story, shots_of
from .pages import page_of


def make_shots(number, **values):
    """The shots of a new story."""
    story = make_story(f"story-{Story.objects.count() + 1}", shots=number, **values)
    return list(shots_of(story).select_related("scenelet__story"))


def make_draft(shots, mode="default"):
    """What the action of the shots' list stores, of one story."""
    ids = [shot.pk for shot in shots]
    (draft,) = draft_batches(Shot.objects.filter(pk__in=ids), mode, Requester("admin", name="ines"))
    return draft


def plan_url(draft):
    return reverse("admin:videogen_renderbatch_plan", args=[draft.pk])


def progress_url(batch):
    return reverse("admin:videogen_renderbatch_progress", args=[batch.pk])


def look(browser, draft, mode="default"):
    return browser.get(plan_url(draft), {"mode": mode})


def confirm(browser, draft, mode="default", *, seen=None, **options):
    """Look at the plan, then confirm it, as a person does."""
    seen = seen or fingerprint(look(browser, draft, mode))
    return browser.post(plan_url(draft), {"mode": mode, "planned": seen, "confirm": 1}, **options)


def offer(response):
    """What the plan would do (how many shots by action), what it costs, and whether it can be
    confirmed, as the foot of the page has it."""
    page = page_of(response)
    counts = {each["action"]: int(each["number"]) for each in page.hooks("action")}
    (button,) = [each for each in page.tags("button") if each.attributes.get("name") == "confirm"]
    return counts, Decimal(button["cost"]), "disabled" not in button.attributes
