"""What the address of an empty form may fill in."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import ForeignKey
from django.http import HttpRequest


class InitialValuesMixin:
    """Leaves a field empty if the address fills it with something that cannot be a row's key."""

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        values = super().get_changeform_initial_data(request)  # type: ignore[misc]
        fields = {each.name: each for each in self.opts.fields}  # type: ignore[attr-defined]
        return {
            name: value
            for name, value in values.items()
            if not isinstance(fields.get(name), ForeignKey) or _is_key(fields[name], value)
        }


def _is_key(field: Any, value: object) -> bool:
    try:
        field.target_field.clean(value, None)
    except (ValidationError, ValueError):
        return False
    return True
