"""Tell people what a page did not understand of the address that they wrote."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.contrib import messages
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import ngettext

_MOST_NAMED = 5
# Characters of an option.
_LONGEST = 60


def tell_of_ignored(
    request: HttpRequest,
    understood: Mapping[str, str],
    *,
    usual: Mapping[str, str],
    others: Collection[str] = (),
) -> None:
    """Show a message about the options in the page's address that the page does not read, and about
    those whose value makes no sense.

    understood: the options that ask for something. usual: the values that ask for what is shown
    anyway. others: the names of options that the page reads besides.
    """
    asked = {name: request.GET.get(name, "") for name in request.GET}
    ignored = [
        f"{name}={value}"
        for name, value in asked.items()
        if value.strip() and name not in {*understood, *others} and value != usual.get(name)
    ]
    if not ignored:
        return
    words = ngettext(
        "The page does not know this option of its address, and ignores it: %s.",
        "The page does not know these options of its address, and ignores them: %s.",
        len(ignored),
    )
    named = [Truncator(each).chars(_LONGEST) for each in ignored[:_MOST_NAMED]]
    more = " and more" if len(ignored) > _MOST_NAMED else ""
    messages.warning(request, words % (", ".join(named) + more))
