"""What an address or a form may fill into a field that holds the key of another row."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey
from django.forms import ModelChoiceField
from django.http import HttpRequest


class InitialValuesMixin:
    """Leaves a field empty if the address or the form fills it with something that cannot be a
    row's key. What was posted is refused with the field's own words."""

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        values = super().get_changeform_initial_data(request)  # type: ignore[misc]
        fields = {each.name: each for each in self.opts.fields}  # type: ignore[attr-defined]
        return {
            name: value
            for name, value in values.items()
            if not isinstance(fields.get(name), ForeignKey) or _is_key(fields[name], value)
        }

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            site = self.admin_site  # type: ignore[attr-defined]
            kwargs.setdefault("widget", _SelectOfKeys(db_field, site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


class _SelectOfKeys(AutocompleteSelect):
    """Django's field asks the database for whatever was posted, and raises ValueError if it is not
    a key."""

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        keys = [each for each in value if not each or _is_key(self.field, each)]
        return super().optgroups(name, keys, attr)


def _is_key(field: Any, value: object) -> bool:
    try:
        field.target_field.clean(value, None)
    except (ValidationError, ValueError):
        return False
    return True
