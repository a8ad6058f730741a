from __future__ import annotations

import json

import pytest
from django.test import Client

from tests.support.api import Program, problem, program

pytestmark = pytest.mark.django_db


@pytest.fixture
def description():
    return Client().get("/api/v1/openapi.json").json()


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_it_is_openapi_3_1(description):
    assert description["openapi"] == "3.1.0"
    assert description["info"]["title"] == "videogen"


def test_every_operation_can_be_generated(description):
    tags = {each["name"] for each in description["tags"]}
    ids = [each["operationId"] for _, each in operations(description)]

    assert len(ids) == len(set(ids)) >= 8
    for name, operation in operations(description):
        assert operation["summary"] and operation["description"], name
        assert set(operation["tags"]) <= tags and operation["tags"], name
        for kind in ("4XX", "5XX"):
            assert "application/problem+json" in operation["responses"][kind]["content"], name
        answers = {code: each for code, each in operation["responses"].items() if code[0] == "2"}
        assert answers or "302" in operation["responses"], name
        assert operation["security"] and operation["x-scope"], name


def test_whatever_makes_something_takes_a_key(description):
    for name, operation in operations(description):
        required = {each["name"] for each in operation["parameters"] if each["required"]}
        assert ("Idempotency-Key" in required) == ("201" in operation["responses"]), name


def test_every_parameter_has_a_plain_schema(description):
    for name, operation in operations(description):
        for parameter in operation["parameters"]:
            assert "anyOf" not in parameter["schema"], (name, parameter["name"])


def test_the_types_of_a_client_have_names_that_say_what_they_are(description):
    types, text = description["components"]["schemas"], json.dumps(description)
    of_one_word_too_few = {"By", "Json", "Kind", "Mode", "Priority", "State", "Status", "Type"}

    assert types.keys() == {each["title"] for each in types.values()}
    assert not [each for each in types if each.endswith(("Out", "Query"))]
    assert not of_one_word_too_few & types.keys()
    assert not [each for each in types if f'schemas/{each}"' not in text], "nobody refers to it"
    assert "allOf" not in text and '"additionalProperties": true' not in text.replace(
        json.dumps(types["JsonObject"]), ""
    ).replace(json.dumps(types["ImportReport"]), "")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"])
def test_a_method_that_an_address_does_not_know(method):
    response = program().ask(method, "/renders")

    assert response.status_code == 405
    assert response["Allow"] == "GET"


@pytest.mark.parametrize("path", ["", "/", "/no-such", "/stories/", "/batches/x", "//", "/a%00b"])
def test_every_refusal_is_a_problem(path):
    response = program().get(path)

    if response.status_code != 301:
        assert problem(response)[0] in (404, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/renders?limit=0",
        "/renders?limit=x",
        "/renders?limti=1",
        "/renders?limit=1&limit=2",
        "/renders?story_id=a%00b",
        "/renders?shot_id=99999999999999999999999",
        "/renders?status=all",
        "/renders/99999999999999999999999",
        "/renders/0",
    ],
)
def test_hostile_addresses_are_refused(path):
    assert problem(program().get(path)) in {(422, "invalid"), (404, "not_found")}


@pytest.mark.parametrize("cursor", ["x", "W10", "bnVsbA", "eyJhIjoxfQ", "W1siLXBrIl0sMV0", "="])
def test_a_wrong_cursor_is_refused(cursor):
    assert problem(program().get(f"/renders?cursor={cursor}")) == (400, "cursor")


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"x"', '{"story_id": "\\ud800"}', b"\xff"])
def test_a_body_that_is_none_is_refused(body):
    assert problem(program().ask("POST", "/plans", body))[0] in (400, 422)


def test_a_large_body_is_for_those_with_a_token():
    body = {"story_id": "x" * 2_000_000}

    assert problem(program().post("/plans", body)) == (422, "invalid")
    assert problem(Program("vg_wrong").post("/plans", body)) == (413, "too_large")


def test_a_bug_is_a_problem_that_tells_nothing(monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("secret")

    monkeypatch.setattr("videogen.api.stories.count_badges_by_story", broken)

    response = program().get("/stories")

    assert problem(response) == (500, "internal")
    assert "secret" not in response.text
