"""The description of the API (OpenAPI 3.1), beyond what django-ninja knows of the operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ninja.openapi.schema import OpenAPISchema

ABOUT = """\
Everything that the pages of videogen do, for programs. Each request has a token:
`Authorization: Bearer vg_…`. Amounts are texts in US dollars, moments are in UTC. Lists come a page
at a time: ask for the next one with `cursor`. Whatever makes something takes an `Idempotency-Key`.
Errors are problem documents (RFC 9457) with a `code` for programs."""

TAGS = {
    "stories": "Stories as their producers know them: scenelets, shots, designs, directions.",
    "plans": "What a batch would do and cost, and the exact requests. Looking is free.",
    "batches": "What one person asked for at once, made from a plan that was seen.",
    "renders": "Attempts at a shot's video.",
    "takes": "Renders that have a video: review, upload, download.",
    "films": "The takes on the path to one ending, as one video.",
    "money": "Possible charges, and what was spent.",
    "events": "What the webhook tells.",
}

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. Some problems have further members.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "For programs."},
        "detail": {"type": "string", "description": "For people."},
    },
}
_OBJECT = {
    "type": "object",
    "title": "JsonObject",
    "description": "With whatever members it has.",
    "additionalProperties": True,
}
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of an answer that you have: 304 if it is still the same.",
}


# Names for generated clients where a name of ours would say too little without its module. From the
# others an "Out" at the end is left out.
_NAMES = {
    "By": "SpendingTable",
    "CancelledOut": "CancelledRenders",
    "CheaperOut": "CheaperChoice",
    "CodedOut": "CodedMessage",
    "Action": "Decision",
    "DroppedOut": "DroppedReference",
    "ImportOut": "ImportReport",
    "Kind": "RenderKind",
    "Mode": "BatchMode",
    "Priority": "BatchPriority",
    "RequestOut": "VideoRequest",
    "Review": "TakeReview",
    "ReviewedOut": "ReviewedTake",
    "SpendOut": "Spending",
    "State": "RenderStatus",
    "Status": "FilmStatus",
    "Type": "EventType",
}
_SCHEMAS = "#/components/schemas/"


def complete(schema: OpenAPISchema) -> OpenAPISchema:
    """Return the description with its problems, its conditional requests and its tags, and with
    what generators of clients make readable code of."""
    schema["tags"] = [{"name": name, "description": words} for name, words in TAGS.items()]
    for operations in schema["paths"].values():
        for method, operation in operations.items():
            _complete(method, operation)
    kept = _used(schema)
    schemas = {name: each for name, each in schema["components"]["schemas"].items() if name in kept}
    for name, each in schemas.items():
        each["title"] = _name(name)
    schema["components"]["schemas"] = schemas
    renamed = _renamed(schema)
    renamed["components"]["schemas"] |= {"JsonObject": _OBJECT, "Problem": _PROBLEM}
    schema.clear()
    schema.update(renamed)
    return schema


def _used(schema: OpenAPISchema) -> set[str]:
    """Return the names of the components that the operations refer to, or those that these refer
    to. The others stand for the query of an operation, whose members are parameters."""
    schemas, found = schema["components"]["schemas"], set()
    waiting = list(_references(schema["paths"]))
    while waiting:
        name = waiting.pop()
        if name not in found and name in schemas:
            found.add(name)
            waiting += _references(schemas[name])
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].removeprefix(_SCHEMAS)
        for each in part.values():
            yield from _references(each)
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)


def _name(name: str) -> str:
    return _NAMES.get(name) or name.removesuffix("Out")


def _renamed(part: Any) -> Any:
    """Return the part with the components under their names for clients. A part that wraps
    one schema to add a default becomes that schema with the default, as OpenAPI 3.1 allows."""
    if isinstance(part, list):
        return [_renamed(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("additionalProperties") is True and "properties" not in part:
        told = {name: part[name] for name in ("description",) if name in part}
        return {"$ref": f"{_SCHEMAS}JsonObject", **told}
    if len(part.get("allOf", ())) == 1:
        part = {**part["allOf"][0], **{name: part[name] for name in part if name != "allOf"}}
    found = {name: _renamed(each) for name, each in part.items()}
    if "$ref" in found:
        found["$ref"] = _SCHEMAS + _name(found["$ref"].removeprefix(_SCHEMAS))
    if "schemas" in found:
        found["schemas"] = {_name(name): each for name, each in found["schemas"].items()}
    return found


def _complete(method: str, operation: dict[str, Any]) -> None:
    words = operation.get("description", "")
    operation["summary"] = words.partition("\n")[0].partition(". ")[0].rstrip(".")
    for parameter in operation["parameters"]:
        parameter["schema"] = _of_parameter(parameter["schema"])
    for kind in ("4XX", "5XX"):
        operation["responses"][kind] = {
            "description": "It was refused" if kind == "4XX" else "It failed",
            "content": {"application/problem+json": {"schema": {"$ref": f"{_SCHEMAS}Problem"}}},
        }
    ok = operation["responses"].get(200, {})
    told = ok.get("content", {}).get("application/json", {}).get("schema", {})
    if told.get("format") == "binary":
        ok["content"] = {"application/zip": {"schema": told}}
    if moved := operation["responses"].get(302):
        moved["headers"] = {"Location": {"required": True, "schema": {"type": "string"}}}
    sent = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data")
    if sent:
        # See `only_file`.
        sent["schema"] |= {"title": "Form", "additionalProperties": False}
    if method == "get" and "application/json" in ok.get("content", {}):
        operation["parameters"].append(_IF_NONE_MATCH)
        ok["headers"] = {"ETag": {"schema": {"type": "string"}}}
        operation["responses"][304] = {"description": "Not Modified"}


def _of_parameter(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter without null: a parameter is given or left out. Where a
    component was copied into the schema, return a reference to the component."""
    if copied := schema.get("allOf"):
        return {"$ref": _SCHEMAS + copied[0]["title"], "default": schema["default"]}
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return rest | kinds[0]
