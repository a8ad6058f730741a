"""Wrong passwords at the login. To delete the rows of a person lets that person try again."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin
from django.http import HttpRequest

from .records import RecordAdmin


@admin.register(AccessAttempt)
class AccessAttemptAdmin(RecordAdmin):
    is_internal = True
    list_display = ["username", "ip_address", "failures_since_start", "attempt_time"]
    search_fields = ["username", "ip_address"]
    fields = ["username", "ip_address", "failures_since_start", "attempt_time", "user_agent"]

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return bool(request.user.has_perm("axes.delete_accessattempt"))
