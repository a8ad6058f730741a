"""Every operation × every scope × every role. The table is written by hand: an operation that is
not in it fails the tests, as one does that asks for less than it says."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.all_states import make_everything
from tests.support.api import Program, make_person, problem
from videogen.api.door import _resolver
from videogen.models import ApiToken, Direction, Film, Submission, VideoRender

pytestmark = pytest.mark.django_db

ROLES = ("staff", "viewer", "reviewer", "artist", "producer", "superuser")
SCOPES = ("read", "review", "spend")
VIEWER, REVIEWER, ARTIST, PRODUCER = ".+++++", "..+.++", "...+++", "....++"

# Operation → the scope that it needs, and who may do it with that scope.
OPERATIONS = {
    "list_stories": ("read", VIEWER),
    "get_story": ("read", VIEWER),
    "export_story": ("read", VIEWER),
    "create_story": ("review", ARTIST),
    "list_scenelets": ("read", VIEWER),
    "list_designs": ("read", VIEWER),
    "list_shots": ("read", VIEWER),
    "get_shot": ("read", VIEWER),
    "list_directions": ("read", VIEWER),
    "create_direction": ("review", ARTIST),
    "switch_direction_off": ("review", ARTIST),
    "make_plan": ("read", VIEWER),
    "list_batches": ("read", VIEWER),
    "get_batch": ("read", VIEWER),
    "create_batch": ("spend", PRODUCER),
    "cancel_batch": ("spend", PRODUCER),
    "list_renders": ("read", VIEWER),
    "get_render": ("read", VIEWER),
    "list_takes": ("read", VIEWER),
    "get_take": ("read", VIEWER),
    "get_take_file": ("read", VIEWER),
    "review_take": ("review", REVIEWER),
    "upload_video": ("review", REVIEWER),
    "list_films": ("read", VIEWER),
    "get_film": ("read", VIEWER),
    "get_film_file": ("read", VIEWER),
    "create_films": ("review", REVIEWER),
    "list_submissions": ("read", VIEWER),
    "get_spending": ("read", VIEWER),
    "list_events": ("read", VIEWER),
}

# What answers without a token: the description, and the address of a file, which is signed.
WITHOUT_TOKEN = {"openapi", "get_file"}


@pytest.fixture
def world():
    return make_everything()


def requests_of(world, superuser):
    """Operation → how it is asked, with what makes it succeed as far as that is possible."""
    story = world.story.story_id
    take, shot = world.render, world.shot
    direction = Direction.objects.create(
        story=world.story, text="Slower.", position=1, author_name="ines"
    )
    film = Film.objects.filter(story=world.story).first()
    seen = superuser.post("/plans", {"story_id": story}).json()["fingerprint"]
    zipped = {"bundle": SimpleUploadedFile("story.zip", b"no zip")}
    video = {"video": SimpleUploadedFile("take.mp4", b"no video")}
    return {
        "list_stories": ("GET", "/stories"),
        "get_story": ("GET", f"/stories/{story}"),
        "export_story": ("GET", f"/stories/{story}/export"),
        "create_story": ("POST", "/stories", None, zipped),
        "list_scenelets": ("GET", f"/stories/{story}/scenelets"),
        "list_designs": ("GET", f"/stories/{story}/designs"),
        "list_shots": ("GET", f"/stories/{story}/shots"),
        "get_shot": ("GET", f"/shots/{shot.pk}"),
        "list_directions": ("GET", f"/stories/{story}/directions"),
        "create_direction": ("POST", f"/stories/{story}/directions", {"text": "Wider."}),
        "switch_direction_off": ("POST", f"/directions/{direction.pk}/switch-off"),
        "make_plan": ("POST", "/plans", {"story_id": story}),
        "list_batches": ("GET", "/batches"),
        "get_batch": ("GET", f"/batches/{world.batch.pk}"),
        "create_batch": ("POST", "/batches", {"story_id": story, "fingerprint": seen}),
        "cancel_batch": ("POST", f"/batches/{world.batch.pk}/cancel"),
        "list_renders": ("GET", "/renders"),
        "get_render": ("GET", f"/renders/{take.pk}"),
        "list_takes": ("GET", "/takes"),
        "get_take": ("GET", f"/takes/{take.pk}"),
        "get_take_file": ("GET", f"/takes/{take.pk}/file"),
        "review_take": (
            "POST",
            f"/takes/{take.pk}/review",
            {"verdict": "approve", "seen": "unreviewed"},
        ),
        "upload_video": ("POST", f"/shots/{shot.pk}/takes", None, video),
        "list_films": ("GET", "/films"),
        "get_film": ("GET", f"/films/{film.pk}"),
        "get_film_file": ("GET", f"/films/{film.pk}/file"),
        "create_films": ("POST", "/films", {"story_id": story}),
        "list_submissions": ("GET", "/submissions"),
        "get_spending": ("GET", "/spend"),
        "list_events": ("GET", "/events"),
    }


def test_the_table_has_every_operation():
    described = Client().get("/api/v1/openapi.json").json()
    found = {
        each["operationId"]: each["x-scope"]
        for methods in described["paths"].values()
        for each in methods.values()
    }

    assert found == {name: scope for name, (scope, _) in OPERATIONS.items()}


def test_no_address_is_without_an_operation_of_the_table():
    routed = {each.name for each in _resolver().url_patterns}

    assert routed == OPERATIONS.keys() | WITHOUT_TOKEN | {"api-root"}


def send(asks, method, path, body=None, files=None):
    """The answer, what was written, and how much was sent or would be. Nothing of it stays."""
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        for file in (files or {}).values():
            file.seek(0)
        before = VideoRender.objects.filter(state="queued", kind="generation").count()
        response = (
            asks.get(path) if method == "GET" else asks.post(path, body, key="k-1", files=files)
        )
        more = VideoRender.objects.filter(state="queued", kind="generation").count() - before
        sent = more + Submission.objects.filter(render__state="submitting", owner="").count()
        if response.streaming:
            response.close()
        transaction.set_rollback(True)
    writes = [
        each["sql"]
        for each in queries.captured_queries
        if each["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
        and "last_used_at" not in each["sql"]
    ]
    return response, writes, sent


@pytest.mark.parametrize("scope", SCOPES)
def test_who_may_do_what(world, scope):
    root = make_person("superuser", username="root")
    _, secret = ApiToken.objects.make(user=root, name="root", scope="spend")
    requests = requests_of(world, Program(secret))
    assert set(requests) == set(OPERATIONS)
    wrong, queued = [], 0

    for place, role in enumerate(ROLES):
        person = make_person(role)
        _, secret = ApiToken.objects.make(user=person, name=role, scope=scope)
        for name, request in requests.items():
            needed, allowed = OPERATIONS[name]
            has_scope = SCOPES.index(scope) >= SCOPES.index(needed)
            may = has_scope and allowed[place] == "+"
            response, writes, more = send(Program(secret), *request)
            queued += more
            told = f"{role} with {scope}: {name} {response.status_code} {writes[:1]}"
            if may and response.status_code in (401, 403):
                wrong.append(told)
            if not may and (response.status_code != 403 or writes):
                wrong.append(told)
            if not may and problem(response)[1] != ("not_allowed" if has_scope else "scope"):
                wrong.append(told)
            if more and scope != "spend":
                wrong.append(f"{told} would be sent")

    assert not wrong, "\n".join(wrong)
    assert bool(queued) == (scope == "spend"), "a batch is queued where it may be, and only there"


def test_without_a_token_nothing_is_answered(world):
    root = make_person("superuser", username="root")
    _, secret = ApiToken.objects.make(user=root, name="root", scope="spend")

    for request in requests_of(world, Program(secret)).values():
        for token in ("", "vg_wrong"):
            response, writes, _ = send(Program(token), *request)
            assert problem(response) == (401, "no_token"), request
            assert not writes


def test_a_right_that_a_person_loses_is_lost_at_once(world):
    person = make_person("producer")
    _, secret = ApiToken.objects.make(user=person, name="x", scope="spend")
    asks = Program(secret)
    assert asks.get("/takes").status_code == 200

    person.groups.clear()

    response = asks.get("/takes")
    assert problem(response) == (403, "not_allowed")
    assert "videogen.view_videorender" in json.loads(response.content)["permissions"]
