"""What a selection asked for and did not get: said once, with counts, on the page that follows."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest

from storybook.models import Shot
from videogen.common.formats import counted
from videogen.models import RenderBatch


def tell_of_left_out(
    request: HttpRequest, asked: Iterable[str], drafts: Iterable[RenderBatch]
) -> None:
    """asked: the ids as they were posted, each alone or several with commas; drafts: what became of
    them. Whether a shot that was left out exists elsewhere is told, but never which. One query
    where something was left out, none else."""
    wanted = {each.strip() for text in asked for each in text.split(",") if each.strip()}
    drafted = {str(pk) for draft in drafts for pk in draft.filters["shots"]}
    left_out = wanted - drafted
    if not left_out:
        return
    ids = [int(each) for each in left_out if each.isascii() and each.isdigit() and len(each) < 19]
    elsewhere = Shot.objects.filter(pk__in=ids).count()
    reasons = []
    if elsewhere:
        verb = "is" if elsewhere == 1 else "are"
        reasons.append(f"{elsewhere} {verb} not among those that can be selected there")
    if gone := len(left_out) - elsewhere:
        reasons.append(f"{gone} {'is' if gone == 1 else 'are'} no shot (any more)")
    verb = "was" if len(left_out) == 1 else "were"
    messages.warning(
        request,
        f"{len(left_out)} of {counted(len(wanted), 'selected shot')} {verb} left out: "
        f"{', '.join(reasons)}.",
    )
