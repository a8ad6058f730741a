"""Fields for JSON documents, which are kept as the exporting tool wrote them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from .documents import parse_json


class DocumentArea(forms.Textarea):
    # The other encoding of forms makes JSON three times as long.
    needs_multipart_form = True


class IndentedJSONFormField(forms.JSONField):
    """JSON in a text area. It is shown indented, and an error names its place."""

    widget = DocumentArea(attrs={"rows": 30, "cols": 100, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, forms.fields.InvalidJSONInput):
            return value
        return "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)

    def to_python(self, value: Any) -> Any:
        if self.disabled:
            return value
        if value is None or not value.strip():
            return None
        try:
            document = parse_json(value)
        except ValueError as error:
            raise ValidationError(f"This is not valid JSON: {error}", code="invalid") from error
        if not isinstance(document, dict):
            raise ValidationError("The document has to be a JSON object: {…}", code="invalid")
        return document

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Show an invalid form's text again exactly as it was typed."""
        return None if data is None else forms.fields.InvalidJSONInput(data)

    def has_changed(self, initial: Any, data: Any) -> bool:
        # Django's JSONField sorts the keys first. Here their order is content.
        if self.disabled:
            return False
        try:
            return json.dumps(initial) != json.dumps(self.to_python(data))
        except ValidationError:
            return True


class DocumentField(models.TextField):
    """A JSON object, stored as text: PostgreSQL's jsonb would sort the keys and refuse NUL, and
    the documents have to reach the prompt in the order in which they were written."""

    if TYPE_CHECKING:
        # For django-stubs: the attribute of a model has the document, and not its text.
        _pyi_private_get_type: Any
        _pyi_private_set_type: Any

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        return super().formfield(**{"form_class": IndentedJSONFormField, **kwargs, "widget": None})
