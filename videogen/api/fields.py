"""What the objects of the API are made of: amounts, moments, texts and keys."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

LARGEST_KEY = 2**63 - 1

Moment = Annotated[
    datetime,
    PlainSerializer(
        lambda when: when.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        return_type=str,
    ),
    Field(json_schema_extra={"type": "string", "format": "date-time"}),
]
Money = Annotated[
    str, Field(description="US dollars.", pattern=r"^-?\d+\.\d{2}$", examples=["3.20"])
]
Key = Annotated[int, Field(ge=1, le=LARGEST_KEY)]
# What no column can have is refused here, with the name of the field.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=2000)]
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=200)]
Json = dict[str, Any]


class In(BaseModel):
    """What comes in. A member that is not known is refused: nothing is dropped in silence."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """What goes out. Members may be added; none is renamed or taken away."""


def money(amount: Decimal | None) -> str:
    return f"{amount or 0:.2f}"


def money_or_none(amount: Decimal | None) -> str | None:
    return None if amount is None else money(amount)
