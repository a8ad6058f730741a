"""The tokens of the API: made here, shown once, and revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from videogen.models import ApiToken
from videogen.models.api_tokens import LONGEST_DAYS, USUAL_DAYS
from videogen.views.components.access import signed_in
from videogen.views.components.badges import Badge

from .records import RecordAdmin


class ApiTokenForm(ModelForm):
    days = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=USUAL_DAYS,
        label="valid for",
        help_text="Days from now.",
    )

    class Meta:
        model = ApiToken
        fields = ["user", "name", "scope"]


@admin.register(ApiToken)
class ApiTokenAdmin(RecordAdmin):
    """Superusers make tokens for everybody, people with the permission only for themselves."""

    is_internal = True
    form = ApiTokenForm
    list_display = ["name", "user", "scope", "badge", "ending", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["scope"]
    search_fields = ["name", "user__username"]
    readonly_fields = ["badge"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        if obj is None:
            return [*(["user"] if _is_superuser(request) else []), "name", "scope", "days"]
        return [
            "user",
            "name",
            "scope",
            "badge",
            "ending",
            "made_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        rows: QuerySet[ApiToken] = super().get_queryset(request)
        # Who may see none is told so, and not that there is no such token.
        if _is_superuser(request) or not self.has_view_permission(request):
            return rows
        return rows.filter(user=signed_in(request))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **options)
        if "user" in form.base_fields:
            people = form.base_fields["user"].queryset  # type: ignore[attr-defined]
            form.base_fields["user"].queryset = people.filter(  # type: ignore[attr-defined]
                is_active=True, is_staff=True
            )
            form.base_fields["user"].initial = signed_in(request).pk
        return form

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        user = obj.user if obj.user_id else signed_in(request)
        days = form.cleaned_data["days"]
        token, secret = ApiToken.objects.make(user=user, name=obj.name, scope=obj.scope, days=days)
        # The row is there; the admin goes on with it.
        obj.pk, obj.user, obj.ending = token.pk, user, token.ending
        obj.expires_at = timezone.now() + timedelta(days=days)
        text = format_html(
            "The token of <bdi>{}</bdi>, which is not shown again: <code>{}</code>",
            obj.name,
            secret,
        )
        self.message_user(request, text, messages.SUCCESS)

    @admin.display(description="state")
    def badge(self, token: ApiToken) -> str:
        if token.revoked_at:
            return Badge("grey", "revoked", "revoked").__html__()
        if token.expires_at <= timezone.now():
            return Badge("grey", "expired", "expired").__html__()
        return Badge("green", "valid", "valid").__html__()

    @admin.action(description="Revoke the selected tokens", permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            self.log_change(request, token, "Revoked.")
        number = ApiToken.objects.filter(pk__in=queryset.values("pk")).revoke()
        self.message_user(request, f"Revoked: {number}.", messages.SUCCESS)


def _is_superuser(request: HttpRequest) -> bool:
    return signed_in(request).is_superuser
