"""The form of a row with a JSON document: named fields, and the JSON itself as a second tab.

The form always carries the whole document. In the tab “Fields” it is a hidden field, and what was
typed into the named fields is written into it when the form is read. So both tabs are saved in the
same way, and changing the tab, or adding a line, loses nothing: the page comes back, unsaved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from .documents import parse_json
from .fields import DocumentArea

if TYPE_CHECKING:
    from .document_editor import Group, Typed

    Base = admin.ModelAdmin[Any]
else:
    Base = object

FIELDS, JSON = "fields", "json"
TAB = "tab"
# Buttons that draw the form again and save nothing.
TURN, EDIT, PREVIEW = "_tab", "_edit", "_preview"


@dataclass(frozen=True)
class Remark:
    """A finding in a document, as the page shows it."""

    place: str
    sentence: str


@dataclass(frozen=True)
class Editor:
    """What the page shows beside the other fields of the row."""

    tab: str
    view: dict[str, Any] | None = None
    # Why there are no named fields.
    refusal: str = ""
    remarks: Sequence[Remark] = ()
    lost: Sequence[str] = ()
    errors: Sequence[str] = ()
    is_unsaved: bool = False
    has_lost_files: bool = False
    can_turn: bool = True


class DocumentInput(DocumentArea):
    """The document as text. What came from the tab “Fields” is written into it."""

    def __init__(self, attrs: Any, layout: Group | None) -> None:
        super().__init__(attrs)
        self.layout = layout

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        text = super().value_from_datadict(data, files, name)
        return read_text(self.layout, text, data)


class HiddenDocumentInput(DocumentInput):
    input_type = "hidden"
    template_name = "django/forms/widgets/hidden.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["type"] = self.input_type
        return context


def read_text(layout: Group | None, text: str | None, data: Typed) -> str | None:
    """Return the JSON text of a posted form, with what was typed into named fields."""
    if text is None or layout is None or data.get(TAB) != FIELDS:
        return text
    try:
        document = parse_json(text) if text.strip() else None
    except ValueError:
        return text
    if document is not None and not isinstance(document, dict):
        return text
    # Every process imports this module, and few read a form.
    from .document_editor import Edit, apply

    changed = apply(layout, document or {}, data, Edit.of(data.get(EDIT, "")))
    if document is None and not changed:
        return text
    return json.dumps(changed, ensure_ascii=False, indent=2)


class DocumentForms(Base):
    """A part of the admin of a model with a document. Comes before VersionedForms."""

    document_field = "document"

    def get_layout(self, request: HttpRequest, row: Any) -> Group | None:
        """Return the named fields, or None if nobody knows them."""
        raise NotImplementedError

    def get_remarks(self, request: HttpRequest, row: Any, document: Any) -> Sequence[Remark]:
        return ()

    def get_lost_uses(self, row: Any, before: Any, after: Any) -> Sequence[str]:
        return ()

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if is_redrawn(request):

            class Unsaved(form):  # type: ignore[misc,valid-type]
                def is_valid(self) -> bool:
                    return False

            form = Unsaved
        if document := form.base_fields.get(self.document_field):
            layout = self.get_layout(request, obj)
            document.widget = DocumentInput(document.widget.attrs, layout)
        return form

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        form = context["adminform"].form
        if self.document_field in form.fields:
            context["editor"] = self._make_editor(request, form, obj)
            if is_redrawn(request):
                # Nobody wanted to save this yet.
                context["errors"] = None
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        stored = self._stored(obj) if change else None
        super().save_model(request, obj, form, change)
        after = getattr(obj, self.document_field)
        for sentence in self.get_lost_uses(obj, stored, after):
            self.message_user(request, sentence, "warning")

    def _typed(self, request: HttpRequest, row: Any, name: str) -> str | None:
        typed = super()._typed(request, row, name)  # type: ignore[misc]
        if name != self.document_field:
            return typed
        return read_text(self.get_layout(request, row), typed, request.POST)

    def _stored(self, row: Any) -> Any:
        rows = self.model._default_manager.filter(pk=row.pk)
        return rows.values_list(self.document_field, flat=True).first()

    def _make_editor(self, request: HttpRequest, form: Any, row: Any) -> Editor:
        from .document_editor import MOST_FIELDS, count_fields, show

        bound = form[self.document_field]
        text = bound.value() or ""
        layout = form.fields[self.document_field].widget.layout
        document: Any = None
        try:
            document = parse_json(text) if text.strip() else {}
            refusal = _refusal(document)
        except ValueError as error:
            refusal = f"The JSON has a mistake, so there are no named fields: {error}."
        view = None
        if layout is not None and not refusal:
            view = show(layout, document)
            if count_fields(view) > MOST_FIELDS:
                view, refusal = None, "The document is so large that it is edited as JSON."
        tab = FIELDS if view and _wanted_tab(request) == FIELDS else JSON
        if tab == FIELDS:
            form.fields[self.document_field].widget = HiddenDocumentInput({}, layout)
        is_document = isinstance(document, dict)
        is_old = row is not None and row.pk is not None
        return Editor(
            tab=tab,
            view=view if tab == FIELDS else None,
            refusal=refusal if layout is not None and _wanted_tab(request) == FIELDS else "",
            remarks=self.get_remarks(request, row, document) if is_document else (),
            lost=self.get_lost_uses(row, self._stored(row), document)
            if is_document and is_old and form.is_bound
            else (),
            errors=bound.errors if tab == FIELDS and not is_redrawn(request) else (),
            is_unsaved=is_redrawn(request),
            has_lost_files=is_redrawn(request) and bool(request.FILES),
            can_turn=layout is not None,
        )


def is_redrawn(request: HttpRequest) -> bool:
    return request.method == "POST" and any(
        button in request.POST for button in (TURN, EDIT, PREVIEW)
    )


def _wanted_tab(request: HttpRequest) -> str:
    if request.method == "POST":
        return request.POST.get(TURN) or request.POST.get(TAB, JSON)
    return request.GET.get(TAB, FIELDS)


def _refusal(document: Any) -> str:
    if isinstance(document, dict):
        return ""
    kind = "a list" if isinstance(document, list) else "a single value"
    return f"The document is {kind} and not an object, so it is edited as JSON."
