"""A row as one line of JSON, and back.

Primary keys belong to an installation. In an archive, rows are counted through for each model, from
1, in the order in which they were made, and refer to each other by these numbers. So the same story
has the same lines wherever it is.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import JSONField, Prefetch
from django.urls import reverse
from django.utils import timezone

from storybook.fields import DocumentField
from storybook.models import Shot
from videogen.models import (
    Budget,
    Film,
    GuestLink,
    Lane,
    Notice,
    OutgoingEvent,
    Price,
    RenderBatch,
    VideoRender,
)

from .tables import TABLE_OF, TABLES, Table

# By model: the number of a row by its primary key, or the other way round.
Keys = Mapping[type[models.Model], Mapping[int, int]]

_CHUNK = 200


Item = TypeVar("Item")


def in_batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, _CHUNK)):
        yield some


class Unreadable(ValueError):
    """A line is not a row of its model. The text says why."""


# -- writing ---------------------------------------------------------------------------------------


class RowWriter:
    """Yields the lines of all rows of one story, and counts them. All has to be read in one
    snapshot of the database."""

    def __init__(self, story: int) -> None:
        self._story = story
        self._keys: dict[type[models.Model], dict[int, int]] = {}
        self.counts: dict[str, int] = {}
        # The media files that rows name, in the order in which they came.
        self.files: dict[str, None] = {}
        self.people: set[str] = set()

    def lines(self, table: Table) -> Iterator[bytes]:
        # Rows refer to later ones, so all are counted before the first is read.
        self._keys = self._keys or {each.model: self._counted(each) for each in TABLES}
        self.counts[table.label] = 0
        related = [each.name for each in table.columns if _is_named(each)]
        keys_only = [
            Prefetch(each.name, queryset=each.related_model._base_manager.only("pk"))
            for each in table.lists
        ]
        rows = table.rows(self._story).select_related(*related).prefetch_related(*keys_only)
        for row in rows.iterator(chunk_size=_CHUNK):
            if values := self._values(table, row):
                self.counts[table.label] += 1
                yield json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def _counted(self, table: Table) -> dict[int, int]:
        order = table.rows(self._story).values_list("pk", flat=True)
        return {pk: place for place, pk in enumerate(order.iterator(), start=1)}

    def _values(self, table: Table, row: Any) -> dict[str, Any] | None:
        values = {each.name: self._value(each, row) for each in table.columns}
        for each in table.lists:
            target = self._keys[each.related_model]
            values[each.name] = sorted(target[other.pk] for other in getattr(row, each.name).all())
        if change := _WRITTEN.get(table.model):
            values = change(values, row, self._keys)
        if values is not None:
            for name in _files_of(values):
                self.files.setdefault(name)
        return values

    def _value(self, field: models.Field[Any, Any], row: Any) -> Any:
        value = getattr(row, field.attname)
        if value is None:
            return None
        if isinstance(field, models.ForeignKey):
            target: Any = field.related_model
            if target in TABLE_OF:
                return self._keys[target].get(value)
            return self._name(getattr(row, field.name))
        return _as_json(field, value)

    def _name(self, row: Any) -> Any:
        if isinstance(row, Lane):
            return row.name
        if isinstance(row, Price):
            return [row.model, row.resolution, row.since.isoformat(), str(row.usd_per_second)]
        self.people.add(row.get_username())
        return row.get_username()


def _is_named(field: models.Field[Any, Any]) -> bool:
    """Whether it refers to a row that no archive has, by its name."""
    return isinstance(field, models.ForeignKey) and field.related_model not in TABLE_OF


def _as_json(field: models.Field[Any, Any], value: Any) -> Any:
    if isinstance(field, DocumentField):
        return json.loads(field.get_prep_value(value) or "null")
    if isinstance(field, JSONField):
        # PostgreSQL does not keep the order of the keys.
        return json.loads(json.dumps(value, sort_keys=True))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return value


def _files_of(values: Mapping[str, Any]) -> Iterator[str]:
    for name in ("file", "video_file", "poster_file"):
        if values.get(name):
            yield values[name]
    for each in values.get("references") or ():
        if each.get("path"):
            yield each["path"]


# -- keys within documents -------------------------------------------------------------------------


def _mapped(value: Any, names: Mapping[str, type[models.Model]], keys: Keys) -> dict[str, Any]:
    """Return the object with the keys of these names mapped; a row that is not there is None."""
    return {
        name: keys[names[name]].get(each) if name in names and isinstance(each, int) else each
        for name, each in value.items()
    }


_EVENT_KEYS: dict[str, type[models.Model]] = {
    "batch_id": RenderBatch,
    "render_id": VideoRender,
    "shot_id": Shot,
    "film_id": Film,
}
# The row that the key of a notice or of an event begins with, after its kind.
_KEY_OF: dict[str, type[models.Model]] = {
    Notice.Kind.BATCH_FINISHED: RenderBatch,
    Notice.Kind.CLIP_EXPIRES: RenderBatch,
    Notice.Kind.BUDGET_80: Budget,
    Notice.Kind.BUDGET_100: Budget,
    OutgoingEvent.Type.BATCH_ENDED: RenderBatch,
    OutgoingEvent.Type.TAKE_MADE: VideoRender,
    OutgoingEvent.Type.TAKE_APPROVED: VideoRender,
    OutgoingEvent.Type.TAKE_REJECTED: VideoRender,
    OutgoingEvent.Type.FILM_MADE: Film,
}
_KEY = re.compile(r"([^:]+):(\d{1,18})((?::.*)?)", re.DOTALL | re.ASCII)


def _map_batch(values: dict[str, Any], keys: Keys) -> dict[str, Any]:
    filters = values["filters"]
    if isinstance(filters, dict):
        filters = _mapped(filters, {"copy_of": VideoRender, "retake_of": VideoRender}, keys)
        if isinstance(filters.get("shots"), list):
            filters["shots"] = [keys[Shot].get(each) for each in filters["shots"]]
    plan = [_map_plan(each, keys) for each in values["plan"]]
    return {**values, "filters": filters, "plan": plan}


def _map_plan(record: dict[str, Any], keys: Keys) -> dict[str, Any]:
    record = _mapped(record, {"shot": Shot, "render": VideoRender}, keys)
    if isinstance(record.get("params"), dict):
        record["params"] = _mapped(record["params"], {"render": VideoRender}, keys)
    return record


def _map_render(values: dict[str, Any], keys: Keys) -> dict[str, Any]:
    warnings = [
        {**each, "params": _mapped(each["params"], {"render": VideoRender}, keys)}
        if isinstance(each, dict) and isinstance(each.get("params"), dict)
        else each
        for each in values["warnings"]
    ]
    return {**values, "warnings": warnings}


def _map_key(values: dict[str, Any], keys: Keys) -> dict[str, Any] | None:
    """None if the row is about something that is not there."""
    match = _KEY.fullmatch(values["key"])
    model = _KEY_OF.get(match[1]) if match else None
    if match is None or model is None or not (key := keys[model].get(int(match[2]))):
        return None
    return {**values, "key": f"{match[1]}:{key}{match[3]}"}


def _map_event(values: dict[str, Any], keys: Keys) -> dict[str, Any] | None:
    return _map_key({**values, "data": _mapped(values["data"], _EVENT_KEYS, keys)}, keys)


# -- what is written otherwise than it is stored ---------------------------------------------------


def _written_batch(values: dict[str, Any], row: Any, keys: Keys) -> dict[str, Any]:
    values = _map_batch(values, keys)
    if link := values["filters"].get("video_download_link"):
        values["filters"] = {**values["filters"], "video_download_link": _without_query(link)}
    return values


def _written_render(values: dict[str, Any], row: Any, keys: Keys) -> dict[str, Any]:
    if values["is_link_given"]:
        values = {**values, "download_uri": _without_query(values["download_uri"])}
    return _map_render(values, keys)


def _without_query(link: str) -> str:
    # A link that a person gave may be signed, and whoever has it could use it.
    return link.partition("?")[0]


def _written_notice(values: dict[str, Any], row: Any, keys: Keys) -> dict[str, Any] | None:
    # Its page has the batch's primary key.
    return _map_key({**values, "path": "" if row.batch_id else values["path"]}, keys)


_WRITTEN: dict[type[models.Model], Callable[[dict[str, Any], Any, Keys], Any]] = {
    RenderBatch: _written_batch,
    VideoRender: _written_render,
    Notice: _written_notice,
    OutgoingEvent: lambda values, row, keys: _map_event(values, keys),
}
# The documents in which primary keys were looked for; a test asks for this of a new one.
DOCUMENTS = {
    "storybook.designdocument": {"document"},
    "storybook.shot": {"storyboard_payload"},
    "storybook.picture": {"flaws"},
    "videogen.renderbatch": {"filters", "plan", "counts"},
    "videogen.videorender": {
        "prompt_left_out",
        "references",
        "dropped_references",
        "warnings",
        "error_details",
    },
    "videogen.takecheck": {"findings"},
    "videogen.film": {"manifest", "warnings"},
    "videogen.outgoingevent": {"data"},
}


# -- reading ---------------------------------------------------------------------------------------


class RowReader:
    """Makes rows of lines, which are not stored yet. keys: the primary keys that the rows get, by
    their numbers; a row may refer to one that comes later."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        # What was not found here: user names, prices.
        self.missing_people: set[str] = set()
        self.other_prices: set[str] = set()
        self._people: dict[str, int | None] = {}
        self._prices: dict[tuple[str, ...], int | None] = {}
        self._lanes: dict[str, int] = {}

    def row(self, table: Table, values: Any) -> tuple[Any, dict[str, list[int]]]:
        """Return the row without its primary key, and the keys of its lists. Raises Unreadable."""
        if not isinstance(values, dict):
            raise Unreadable("it is not an object")
        lists = {each.name: each for each in table.lists}
        columns = {each.name: each for each in table.columns}
        if more := sorted(values.keys() - columns.keys() - lists.keys()):
            raise Unreadable(f"it has {more[0]!r}, which this version does not know")
        row: Any = table.model()
        try:
            if change := _READ.get(table.model):
                values = change(values, self._keys)
            for name, field in columns.items():
                # A column that is newer than the archive has what a new row has.
                if name in values:
                    setattr(row, field.attname, self._value(field, values[name]))
            keys = {
                name: [self._keys[each.related_model][number] for number in values.get(name, ())]
                for name, each in lists.items()
            }
        except Unreadable:
            raise
        except (ArithmeticError, ValidationError, ValueError, LookupError) as error:
            raise Unreadable(f"a value is not one of its column ({error})") from error
        except (TypeError, AttributeError) as error:
            raise Unreadable("a value is not of the kind of its column") from error
        for name, value in table.without.items():
            setattr(row, name, value())
        if table.model is GuestLink:
            # Nobody knows its new address.
            row.revoked_at = row.revoked_at or timezone.now()
        if table.model is Notice and row.batch_id:
            row.path = reverse("admin:videogen_renderbatch_progress", args=[row.batch_id])
        return row, keys

    def _value(self, field: models.Field[Any, Any], value: Any) -> Any:
        if value is None:
            if not field.null:
                raise Unreadable(f"{field.name} is empty")
            return None
        if isinstance(field, models.ForeignKey):
            return self._key(field, value)
        if isinstance(field, JSONField | DocumentField):
            return value
        if isinstance(field, models.BinaryField):
            return base64.b64decode(value, validate=True)
        if isinstance(field, models.CharField | models.TextField):
            if not isinstance(value, str):
                raise Unreadable(f"{field.name} is no text")
            if field.max_length and len(value) > field.max_length:
                raise Unreadable(f"{field.name} is too long")
        elif isinstance(value, list | dict):
            raise Unreadable(f"{field.name} is no single value")
        value = field.to_python(value)
        if field.choices and value not in ("", *(each for each, _ in field.flatchoices)):
            raise Unreadable(f"{field.name} is {value!r}, which this version does not know")
        return value

    def _key(self, field: models.ForeignKey[Any, Any], value: Any) -> int | None:
        target: Any = field.related_model
        if target in self._keys:
            found = self._keys[target].get(value)
            if found is None:
                raise Unreadable(f"{field.name} is a row that the archive does not have")
            return found
        if target is Lane:
            return self._lane(value)
        if target is Price:
            return self._price(value)
        return self._person(value)

    def _lane(self, name: str) -> int:
        if name not in self._lanes:
            self._lanes[name] = Lane.objects.get_or_create(name=name)[0].pk
        return self._lanes[name]

    def _person(self, name: str) -> int | None:
        if name not in self._people:
            model = get_user_model()
            found = model._default_manager.filter(**{model.USERNAME_FIELD: name})
            self._people[name] = found.values_list("pk", flat=True).first()
            if self._people[name] is None:
                self.missing_people.add(name)
        return self._people[name]

    def _price(self, value: list[str]) -> int | None:
        model, resolution, since, usd = map(str, value)
        key = (model, resolution, since, usd)
        if key not in self._prices:
            # A restore adds nothing to the list of prices: plans are made by it.
            found = Price.objects.filter(
                model=model,
                resolution=resolution,
                since=date.fromisoformat(since),
                usd_per_second=Decimal(usd),
            )
            self._prices[key] = found.values_list("pk", flat=True).first()
            if self._prices[key] is None:
                self.other_prices.add(f"{model} {resolution}, ${usd} a second since {since}")
        return self._prices[key]


def _read_known(change: Callable[[dict[str, Any], Keys], dict[str, Any] | None]) -> Any:
    def read(values: dict[str, Any], keys: Keys) -> dict[str, Any]:
        found = change(values, keys)
        if found is None:
            raise Unreadable("its key is that of a row that the archive does not have")
        return found

    return read


_READ: dict[type[models.Model], Callable[[dict[str, Any], Keys], dict[str, Any]]] = {
    RenderBatch: _map_batch,
    VideoRender: _map_render,
    Notice: _read_known(_map_key),
    OutgoingEvent: _read_known(_map_event),
}
