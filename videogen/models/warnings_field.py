"""The column with the warnings of a render."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from storybook.fields import DocumentField

if TYPE_CHECKING:
    from .render_warnings import RenderWarning


class WarningsField(DocumentField):
    """A list of RenderWarning, stored as JSON in the column of a DocumentField.

    Every process has the table; the sentences are imported by those that read a row.
    """

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        # The column is the same, so migrations need not tell the two fields apart.
        name, _, arguments, options = super().deconstruct()
        return name, "storybook.fields.DocumentField", arguments, options

    def from_db_value(self, value: str | None, *_: Any) -> list[RenderWarning] | None:
        return None if value is None else _read(json.loads(value))

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        return _read(found) if isinstance(found, list) else found

    def get_prep_value(self, value: Any) -> str | None:
        if isinstance(value, list | tuple):
            # What is no RenderWarning is as it is stored already.
            value = [getattr(each, "stored", each) for each in value]
        return super().get_prep_value(value)


def _read(stored: Sequence[object]) -> list[RenderWarning]:
    from .render_warnings import RenderWarning

    return [RenderWarning.read(each) for each in stored]
