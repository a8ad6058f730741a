"""JSON documents as upstream wrote them."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models


class IndentedJSONFormField(forms.JSONField):
    """JSON in a text area: shown indented, refused with the place where it breaks."""

    widget = forms.Textarea(attrs={"rows": 30, "cols": 100, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, forms.fields.InvalidJSONInput):
            return value
        return "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            document = json.loads(value, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ValidationError(f"This is not valid JSON: {error}", code="invalid") from error
        if not isinstance(document, dict):
            raise ValidationError("The document has to be a JSON object: {…}", code="invalid")
        return document

    def bound_data(self, data: Any, initial: Any) -> Any:
        if data is None:
            return None
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return forms.fields.InvalidJSONInput(data)


class DocumentField(models.TextField):
    """A JSON object, stored as text: PostgreSQL's jsonb would sort the keys and refuse NUL, and
    the documents have to reach the prompt in the order in which they were written."""

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def formfield(self, **kwargs: Any) -> forms.Field:
        return super().formfield(**{"form_class": IndentedJSONFormField, **kwargs, "widget": None})


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")
