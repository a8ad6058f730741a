"""The description of the API (OpenAPI 3.1), beyond what django-ninja knows of the operations."""

from __future__ import annotations

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
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of an answer that you have: 304 if it is still the same.",
}


def complete(schema: OpenAPISchema) -> OpenAPISchema:
    """Return the description with its problems, its conditional requests and its tags."""
    schema["tags"] = [{"name": name, "description": words} for name, words in TAGS.items()]
    schema["components"]["schemas"]["Problem"] = _PROBLEM
    for operations in schema["paths"].values():
        for method, operation in operations.items():
            _complete(method, operation)
    return schema


def _complete(method: str, operation: dict[str, Any]) -> None:
    words = operation.get("description", "")
    operation["summary"] = words.partition("\n")[0].partition(". ")[0].rstrip(".")
    for parameter in operation["parameters"]:
        parameter["schema"] = _without_null(parameter["schema"])
    operation["responses"]["default"] = {
        "description": "It was refused, or it failed",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    ok = operation["responses"].get(200, {})
    if (
        ok.get("content", {}).get("application/json", {}).get("schema", {}).get("format")
        == "binary"
    ):
        ok["content"] = {"application/zip": {}}
    if moved := operation["responses"].get(302):
        moved["headers"] = {"Location": {"required": True, "schema": {"type": "string"}}}
    if method == "get" and "application/json" in ok.get("content", {}):
        operation["parameters"].append(_IF_NONE_MATCH)
        ok["headers"] = {"ETag": {"schema": {"type": "string"}}}
        operation["responses"][304] = {"description": "Not Modified"}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; it is never null."""
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return rest | kinds[0]
