"""What is done through the API stands in the same history as what is done on the pages."""

from __future__ import annotations

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db.models import Model
from django.http import HttpRequest

from .access import person_of


def note(request: HttpRequest, row: Model, words: str, *, is_new: bool = False) -> None:
    """Write into the row's history who did it, with which token."""
    LogEntry.objects.log_actions(  # type: ignore[call-overload]  # its stubs want one model
        person_of(request).pk,
        [row],
        ADDITION if is_new else CHANGE,
        change_message=f"{words} (API token {request.api_token})",  # type: ignore[attr-defined]
        single_object=True,
    )
