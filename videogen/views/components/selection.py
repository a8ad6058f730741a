"""Tell people once, with counts, which shots of a selection were left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import ngettext

from storybook.models import Shot


def tell_of_left_out(request: HttpRequest, asked: Iterable[str], taken: Collection[int]) -> None:
    """Show a message about the shots that were asked for and are not among those that were taken.

    asked: the ids as they were posted, each alone or several with commas. The message says how many
    of these shots exist elsewhere, but never which. One query where a shot was left out, otherwise
    none.
    """
    wanted = {each.strip() for text in asked for each in text.split(",") if each.strip()}
    left_out = wanted - {str(pk) for pk in taken}
    if not left_out:
        return
    ids = [int(each) for each in left_out if each.isascii() and each.isdigit() and len(each) < 19]
    elsewhere = Shot.objects.filter(pk__in=ids).count()
    reasons = []
    if elsewhere:
        are = ngettext("{} is", "{} are", elsewhere).format(elsewhere)
        reasons.append(f"{are} not among those that can be selected there")
    if gone := len(left_out) - elsewhere:
        reasons.append(ngettext("{} does not exist", "{} do not exist", gone).format(gone))
    shots = ngettext("%d selected shot", "%d selected shots", len(wanted)) % len(wanted)
    verb = ngettext("was", "were", len(left_out))
    messages.warning(request, f"{len(left_out)} of {shots} {verb} left out: {', '.join(reasons)}.")
