"""A form that was open while somebody else changed the row is not saved over it.

The page of a row carries a short hash of each of its fields, and of the rows of each of its inlines
that the person may change. A save is compared with what is stored by then. If something differs,
nothing is saved; the page comes back with what was typed and says what is stored now. It carries
the new hashes, so that a second save replaces that on purpose.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db import models, router, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.text import get_text_list

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object

NAME = "form_version"
# Comparing texts takes long if they are long.
_MOST_CHARACTERS = 400_000
_MOST_LINES = 200

# What stands where: by the name of a field, or by the prefix of an inline.
Version = dict[str, str]


@dataclass(frozen=True)
class Difference:
    """What is stored (−) and what was typed (+) in one field."""

    label: str
    lines: list[str]


@dataclass(frozen=True)
class Stale:
    """A form that is older than the row."""

    names: list[str]
    differences: list[Difference]

    @property
    def sentence(self) -> str:
        return (
            f"Nothing was saved: {get_text_list(self.names, 'and')} changed after you had opened "
            "this page. What you typed is still here. Save again to replace what is stored with it."
        )


class VersionedForms(Base):
    """A part of the admin of a model that people change."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self._row_of(object_id)
        if row is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        context = dict(extra_context or {})
        if request.method != "POST":
            # Before the form reads the rows: a change in between is noticed by the save.
            context[NAME] = json.dumps(self._version(request, row))
            return super().changeform_view(request, object_id, form_url, context)
        with transaction.atomic(using=router.db_for_write(self.model)):
            # A form that comes back for another reason is as old as it was.
            context[NAME] = request.POST.get(NAME, "")
            self._refuse_if_stale(request, row, context)
            return super().changeform_view(request, object_id, form_url, context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        stale: Stale | None = getattr(request, "_stale_form", None)
        if stale is None:
            return form
        refusal = forms.ValidationError(stale.sentence, code="stale")

        class Refused(form):  # type: ignore[misc,valid-type]
            def clean(self) -> Any:
                cleaned = super().clean()
                self.add_error(None, refusal)
                return cleaned

        return Refused

    def _row_of(self, object_id: str | None) -> Any:
        if object_id is None:
            return None
        manager = self.model._default_manager
        try:
            return manager.filter(pk=self.opts.pk.to_python(unquote(object_id))).first()
        except (forms.ValidationError, ValueError, OverflowError):
            return None

    def _refuse_if_stale(self, request: HttpRequest, row: Any, context: dict[str, Any]) -> None:
        """Compare the posted version with what is stored. The row stays as it is until the end of
        the transaction."""
        posted = request.POST.get(NAME)
        # Programs that post a form without having opened its page say what they want to replace.
        if posted is None or "_saveasnew" in request.POST:
            return
        rows = self.model._default_manager.select_for_update(no_key=True)
        row = rows.filter(pk=row.pk).first()
        if row is None or not self.has_change_permission(request, row):
            return
        now, then = self._version(request, row), _parsed(posted)
        changed = [name for name in now if then.get(name) != now[name]]
        if not changed:
            return
        labels = self._labels(request, row)
        stale = Stale(
            [labels[name] for name in changed],
            [
                difference
                for name in changed
                if (difference := self._difference(request, row, name, labels[name]))
            ],
        )
        request._stale_form = stale  # type: ignore[attr-defined]
        context["stale_form"] = stale
        context[NAME] = json.dumps(now)

    def _version(self, request: HttpRequest, row: Any) -> Version:
        version = {field.name: _hash_of([_value(field, row)]) for field in _fields(row)}
        for inline in self._inlines_of(request, row):
            version[inline.model._meta.label_lower] = _hash_of(
                [_value(field, each) for each in _rows_of(inline, row) for field in _fields(each)]
            )
        return version

    def _labels(self, request: HttpRequest, row: Any) -> dict[str, str]:
        """Return how each part of the version is called on the page."""
        labels = {field.name: f"“{field.verbose_name}”" for field in _fields(row)}
        for inline in self._inlines_of(request, row):
            name = inline.verbose_name_plural or inline.model._meta.verbose_name_plural
            labels[inline.model._meta.label_lower] = f"“{name}”"
        return labels

    def _inlines_of(self, request: HttpRequest, row: Any) -> list[Any]:
        inlines = self.get_inline_instances(request, row)
        return [each for each in inlines if each.has_change_permission(request, row)]

    def _typed(self, request: HttpRequest, row: Any, name: str) -> str | None:
        """Return what was typed into a field, or None if it was not on the page."""
        return request.POST.get(name)

    def _difference(
        self, request: HttpRequest, row: Any, name: str, label: str
    ) -> Difference | None:
        typed = self._typed(request, row, name)
        if typed is None:
            return None
        field = row._meta.get_field(name)
        form_field = field.formfield()
        shown = form_field.prepare_value(field.value_from_object(row)) if form_field else ""
        stored, typed = str("" if shown is None else shown), typed.replace("\r\n", "\n")
        if stored == typed:
            return None
        if len(stored) + len(typed) > _MOST_CHARACTERS:
            return Difference(label, ["The text is too long to be compared here."])
        compared = difflib.unified_diff(stored.splitlines(), typed.splitlines(), lineterm="", n=2)
        # Two lines name the files, which are none here.
        lines = [line for line in list(compared)[2:] if not line.startswith("@@")]
        left_out = len(lines) - _MOST_LINES
        rest = [f"… and {left_out} more lines"] if left_out > 0 else []
        return Difference(label, lines[:_MOST_LINES] + rest)


def _fields(row: Any) -> list[Any]:
    """Return the fields of the row that people or other programs write."""
    return [
        field
        for field in row._meta.concrete_fields
        if not (getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))
    ]


def _rows_of(inline: Any, row: Any) -> models.QuerySet[Any]:
    key = forms.models._get_foreign_key(type(row), inline.model, fk_name=inline.fk_name)
    return inline.model._default_manager.filter(**{key.name: row}).order_by("pk")


def _value(field: Any, row: Any) -> Any:
    return field.get_prep_value(field.value_from_object(row))


def _hash_of(values: list[Any]) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def _parsed(text: str) -> Version:
    try:
        version = json.loads(text)
    except ValueError:
        return {}
    return version if isinstance(version, dict) else {}
