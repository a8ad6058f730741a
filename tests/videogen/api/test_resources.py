from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from storybook.models import Shot, Story
from tests.support.api import make_person, problem, program
from tests.support.bundles import zip_bundle
from tests.support.clips import write_clip
from tests.support.factories import make_render, make_shot, make_story, make_submission, shots_of
from tests.support.films import make_forked_story, work_on_films
from tests.support.takes import make_takes
from videogen.models import ApiToken, Direction, Film, OutgoingEvent, RenderBatch, VideoRender

pytestmark = pytest.mark.django_db


def items(asks, path):
    response = asks.get(path)
    assert response.status_code == 200, response.content
    return response.json()["items"]


# -- lists -----------------------------------------------------------------------------------------


def fill(stories):
    """Rows for every list: as many stories, each with scenelets, shots, renders and the rest."""
    for number in range(stories):
        story = make_story(f"story-{number}", scenelets=("a", "b"), shots=2, pictures={})
        for shot in shots_of(story).select_related("scenelet__story"):
            done = make_render(shot, "done")
            failed = make_render(shot, "failed", error_message="No.", error_code="no")
            make_submission(failed, "rejected", error_message="No.", error_code="no")
            OutgoingEvent.objects.create(
                type="take.made", key=f"take.made:{done.pk}", story=story, data={}
            )
        Direction.objects.create(story=story, text="Slower.", position=1, author_name="ines")
        ending = story.scenelets.first()
        Film.objects.create(story=story, ending=ending, status="done", file="a.mp4")


LISTS = [
    "/stories",
    "/stories/story-0/scenelets",
    "/stories/story-0/shots",
    "/stories/story-0/directions",
    "/batches",
    "/renders",
    "/takes",
    "/films",
    "/submissions",
    "/events",
]


def test_every_list_is_looked_at():
    described = Client().get("/api/v1/openapi.json").json()["paths"]
    lists = {
        path.removeprefix("/api/v1").replace("{story_id}", "story-0")
        for path, methods in described.items()
        if any(each["name"] == "cursor" for each in methods.get("get", {}).get("parameters", ()))
    }

    assert lists == set(LISTS)


def test_the_queries_of_a_list_do_not_depend_on_its_rows():
    asks = program("superuser")

    def count(path):
        with CaptureQueriesContext(connection) as queries:
            assert asks.get(f"{path}?limit=200").status_code == 200
        return len(queries)

    fill(3)
    asks.get("/stories")  # notes that the token was used
    few = {path: count(path) for path in LISTS}
    for number in range(3, 30):
        story = make_story(f"story-{number}", shots=1, pictures={})
        shot = shots_of(story).select_related("scenelet__story").get()
        done = make_render(shot, "done")
        Film.objects.create(story=story, ending=shot.scenelet, status="done", file="a.mp4")
        OutgoingEvent.objects.create(
            type="take.made", key=f"take.made:{done.pk}", story=story, data={}
        )
    story = Story.objects.get(story_id="story-0")
    for number in range(30):
        Direction.objects.create(
            story=story, scenelet=story.scenelets.first(), text="Wider.", position=number
        )
    for shot in shots_of(Story.objects.get(story_id="story-0")).select_related("scenelet__story"):
        for _ in range(7):
            make_submission(make_render(shot, "failed"), "rejected")
    scenelets = Story.objects.get(story_id="story-0").scenelets
    for number in range(30):
        scenelet = scenelets.create(scenelet_id=f"s{number}", sequence=10 + number)
        scenelet.shots.create(shot_index=1)
    rows = {path: len(items(asks, f"{path}?limit=200")) for path in LISTS}
    many = {path: count(path) for path in LISTS}

    assert min(rows.values()) >= 30, rows
    assert many == few
    assert max(few.values()) <= 16, few


@pytest.mark.parametrize("path", LISTS)
def test_pages_tell_every_row_once(path):
    fill(2)
    asks = program("superuser")
    everything = items(asks, f"{path}?limit=200")

    found, cursor = [], ""
    while cursor is not None:
        page = asks.get(f"{path}?limit=1" + (f"&cursor={cursor}" if cursor else "")).json()
        assert len(page["items"]) == 1
        found += page["items"]
        cursor = page["next_cursor"]

    assert found == everything and len(everything) >= 1


def test_a_cursor_is_of_its_list():
    fill(2)
    asks = program()
    cursor = asks.get("/renders?limit=1").json()["next_cursor"]

    assert problem(asks.get(f"/stories?cursor={cursor}")) == (400, "cursor")


def test_who_has_the_answer_already_is_told_so():
    make_story()
    asks = program()
    first = asks.get("/stories")

    again = asks.get("/stories", **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Story.objects.update(title="Another")
    assert asks.get("/stories", **{"If-None-Match": first["ETag"]}).status_code == 200


def test_times_are_utc_and_amounts_are_texts():
    shot = make_shot()
    at = datetime(2026, 5, 3, 12, 30, 1, 250_000, tzinfo=UTC)
    make_render(shot, "done", queued_at=at, price_estimate_usd="3.20")

    [render] = items(program(), "/renders")

    assert render["queued_at"] == "2026-05-03T12:30:01.250Z"
    assert render["estimated_cost_usd"] == "3.20"


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("?status=done", ["done"]),
        ("?status=interrupted", ["interrupted"]),
        ("?status=running", ["running"]),
        ("?kind=upload", []),
        ("?story_id=the-lamp", ["interrupted", "running", "done"]),
        ("?story_id=other", []),
    ],
)
def test_renders_are_filtered_as_they_are_shown(query, states):
    shots = list(shots_of(make_story(shots=3)).select_related("scenelet__story"))
    make_render(shots[0], "done")
    make_render(shots[1], "running")
    make_render(shots[2], "running", touched_ago=60)

    assert [each["status"] for each in items(program(), f"/renders{query}")] == states


# -- stories and shots -----------------------------------------------------------------------------


def test_a_story_tells_where_it_stands():
    story = make_story(shots=2)
    make_render(shots_of(story).select_related("scenelet__story").first(), "done")

    told = program().get("/stories/the-lamp").json()

    assert (told["shots"], told["scenelets"]) == (2, 1)
    assert told["statuses"]["needs_review"] == 1 and told["statuses"]["to_do"] == 1
    assert problem(program().get("/stories/the-lamb")) == (404, "no_story")


def test_shots_say_whose_take_is_out_of_date():
    shots = list(shots_of(make_story(shots=3)).select_related("scenelet__story"))
    make_takes(*shots, review="selected")
    Shot.objects.filter(pk=shots[1].pk).update(storyboard_payload={"framingAndAngle": "close"})
    asks = program()

    told = items(asks, "/stories/the-lamp/shots")

    assert [each["out_of_date"] for each in told] == [False, True, False]
    assert asks.get(f"/shots/{shots[1].pk}").json()["out_of_date"]
    [first] = items(asks, "/stories/the-lamp/shots?limit=1")
    assert first == told[0]


def test_shots_are_filtered_by_status():
    story = make_story(shots=2)
    make_render(shots_of(story).select_related("scenelet__story").first(), "done")
    asks = program()

    [shot] = items(asks, "/stories/the-lamp/shots?status=needs_review")

    assert (shot["code"], shot["status"], shot["take"]) == ("S01-01", "needs_review", 1)
    assert [each["code"] for each in items(asks, "/stories/the-lamp/shots?status=to_do")] == [
        "S01-02"
    ]


def test_a_shot_has_its_payload_directions_and_references():
    shot = make_shot()
    asks = program()
    asks.post("/stories/the-lamp/directions", {"text": "Slower."})
    asks.post("/stories/the-lamp/directions", {"text": "Wider.", "shot_id": shot.pk})

    told = asks.get(f"/shots/{shot.pk}").json()

    assert told["payload"]["framingAndAngle"] == "wide, low"
    assert [each["text"] for each in told["directions"]] == ["Slower.", "Wider."]
    assert [each["kind"] for each in told["references"]] == [
        "character",
        "environment",
        "key_frame",
    ]


def test_directions_go_into_the_next_prompts_and_out_again():
    make_shot()
    asks = program()

    made = asks.post("/stories/the-lamp/directions", {"text": "Slower."})

    assert made.status_code == 201

    def prompt():
        rows = asks.post("/plans", {"story_id": "the-lamp"}).json()["rows"]
        return json.loads(rows[0]["request"]["prompt_text"])

    assert prompt()["director_notes"] == ["Slower."]
    off = asks.post(f"/directions/{made.json()['id']}/switch-off")
    assert off.json()["is_on"] is False and "director_notes" not in prompt()
    assert problem(asks.post(f"/directions/{made.json()['id']}/switch-off")) == (409, "changed")


def test_a_direction_of_another_storys_shot_is_not_there():
    make_story()
    shot = make_shot(story_id="other")

    response = program().post(
        "/stories/the-lamp/directions", {"text": "Slower.", "shot_id": shot.pk}
    )

    assert problem(response)[0] == 404 and not Direction.objects.exists()


def test_designs_are_whole():
    make_story()

    kinds = {
        each["kind"]: each["document"] for each in items(program(), "/stories/the-lamp/designs")
    }

    assert kinds["visual"]["character_designs"][0]["character_id"] == "ada"
    assert set(kinds) == {"visual", "audio"}


# -- import and export -----------------------------------------------------------------------------


def bundle(**entries):
    file = zip_bundle(BytesIO(), entries=entries)
    return {"bundle": SimpleUploadedFile("story.zip", file.getvalue())}


def test_a_bundle_is_tried_and_then_imported(settings):
    asks = program("artist", "review")

    tried = asks.post("/stories?dry_run=true", files=bundle())
    assert tried.status_code == 201, tried.content
    assert tried.json()["is_dry_run"] and not Story.objects.exists()

    done = asks.post("/stories", files=bundle(), key="k-1")
    again = asks.post("/stories", files=bundle(), key="k-1")

    story = Story.objects.get()
    assert done["Location"] == f"/api/v1/stories/{story.story_id}"
    assert done.json()["created"]["shots"] >= 1
    assert again.content == done.content and again["Idempotent-Replayed"] == "true"
    assert not list((settings.STATE_DIR / "imports").glob("*.zip"))


def test_every_problem_of_a_bundle_is_named():
    response = program().post(
        "/stories", files={"bundle": SimpleUploadedFile("story.zip", b"no zip")}
    )

    assert problem(response) == (422, "bundle")
    assert response.json()["problems"][0].keys() == {"place", "message"}


def test_an_empty_file_is_no_bundle_and_no_video():
    asks, shot = program(), make_shot()

    for path, name, code in (
        ("/stories", "bundle", (422, "bundle")),
        (f"/shots/{shot.pk}/takes", "video", (409, "empty")),
    ):
        files = {name: SimpleUploadedFile("empty", b"")}
        assert problem(asks.post(path, files=files)) == code


def test_what_a_form_has_besides_is_refused():
    files = {**bundle(), "note": "hello"}

    assert problem(program().post("/stories", files=files)) == (422, "invalid")
    assert not Story.objects.exists()


def test_an_export_is_a_zip():
    make_story()

    response = program(scope="read").get("/stories/the-lamp/export")

    names = ZipFile(BytesIO(b"".join(response.streaming_content))).namelist()
    assert "the-lamp/manifest.json" in names
    assert problem(program().get("/stories/the-lamp/export?ending=x"))[0] == 404


# -- takes -----------------------------------------------------------------------------------------


def review(asks, render, verdict, seen="unreviewed", **more):
    return asks.post(f"/takes/{render.pk}/review", {"verdict": verdict, "seen": seen, **more})


def test_takes_are_approved_unlocked_rejected_and_undone():
    take = make_render(make_shot(), "done")
    asks = program(scope="review")

    assert review(asks, take, "approve").json()["review"] == "approved"
    assert review(asks, take, "unlock", "approved").json()["review"] == "selected"
    told = review(asks, take, "reject", "selected", words="The hat.", reasons=["face"]).json()
    assert (told["review"], told["review_reasons"], told["review_words"]) == (
        "rejected",
        ["face"],
        "The hat.",
    )
    assert told["reviewed_by"].startswith("producer")
    assert review(asks, take, "undo", "rejected").json()["review"] == "unreviewed"


def test_of_two_verdicts_one_holds():
    take = make_render(make_shot(), "done")
    review(program(), take, "approve")

    for verdict in ("reject", "unlock", "undo"):
        assert problem(review(program(), take, verdict)) == (409, "decided")


def test_a_locked_shot_gets_no_other_verdict():
    shot = make_shot()
    review(program(), make_render(shot, "done"), "approve")

    response = review(program(), make_render(shot, "done"), "select")

    assert problem(response) == (409, "decided")


def test_a_final_take_is_approved_in_the_place_of_its_draft():
    shot = make_shot()
    draft, other, final = (make_render(shot, "done") for _ in range(3))
    review(program(), draft, "approve")

    for seen in (other, final):
        refused = review(program(), final, "approve", instead_of=seen.pk)
        assert problem(refused) == (409, "decided")
    told = review(program(), final, "approve", instead_of=draft.pk)

    assert told.json()["review"] == "approved"
    draft.refresh_from_db()
    assert draft.review == "unreviewed"
    assert problem(review(program(), draft, "reject", instead_of=final.pk)) == (422, "usage")


def test_words_belong_to_a_rejection():
    take = make_render(make_shot(), "done")

    assert problem(review(program(), take, "approve", words="Fine")) == (422, "usage")


def test_a_video_is_uploaded_once(tmp_path):
    shot = make_shot()
    data = write_clip(tmp_path / "a.mp4")
    asks = program(scope="review")

    def send(key):
        files = {"video": SimpleUploadedFile("a.mp4", data)}
        return asks.post(f"/shots/{shot.pk}/takes", files=files, key=key)

    made, again, other = send("k-1"), send("k-1"), send("k-2")

    assert made.status_code == 201, made.content
    assert (made.json()["take"], made.json()["kind"]) == (1, "upload")
    assert again.content == made.content
    assert problem(other) == (409, "has_it")
    assert VideoRender.objects.count() == 1
    assert RenderBatch.objects.get().door == "api"


def test_a_file_is_had_by_a_redirect_without_the_token(tmp_path):
    shot = make_shot()
    data = write_clip(tmp_path / "a.mp4")
    asks = program(scope="review")
    files = {"video": SimpleUploadedFile("a.mp4", data)}
    take = asks.post(f"/shots/{shot.pk}/takes", files=files).json()

    moved = asks.client.get(take["file_url"], headers={"Authorization": f"Bearer {asks.token}"})

    assert moved.status_code == 302
    got = Client().get(moved["Location"])
    assert len(b"".join(got.streaming_content)) == take["bytes"]
    assert got["Cache-Control"] == "no-store"
    part = Client().get(moved["Location"], headers={"Range": "bytes=0-9"})
    assert part.status_code == 206
    part.close()
    ApiToken.objects.all().revoke()
    assert Client().get(moved["Location"]).status_code == 404
    assert Client().get(moved["Location"] + "x").status_code == 404


def test_a_signed_address_ends_after_five_minutes(time_machine, tmp_path):
    take = make_render(make_shot(), "done")
    moved = program().get(f"/takes/{take.pk}/file")

    time_machine.move_to(datetime.now(UTC) + timedelta(seconds=301))

    assert problem(Client().get(moved["Location"])) == (404, "not_found")


# -- films, money, events --------------------------------------------------------------------------


def test_films_are_made_and_had():
    make_forked_story()
    asks = program(scope="review")

    made = asks.post("/films", {"story_id": "the-lamp", "endings": ["left"]})

    assert made.status_code == 201, made.content
    [film] = made.json()["items"]
    assert (film["status"], film["ending"], film["file_url"]) == ("queued", "left", None)
    work_on_films()
    film = asks.get(f"/films/{film['id']}").json()
    assert (film["status"], film["is_current"]) == ("done", True)
    moved = asks.get(f"/films/{film['id']}/file")
    got = Client().get(moved["Location"])
    assert len(b"".join(got.streaming_content)) == film["bytes"]
    assert problem(asks.post("/films", {"story_id": "the-lamp", "endings": ["x"]}))[0] == 404


def test_every_possible_charge_is_told():
    render = make_render(make_shot(), "unknown", backend="gemini")
    submission = render.submissions.get()

    [told] = items(program(), "/submissions?outcome=unknown")

    assert (told["id"], told["render_id"]) == (str(submission.token), render.pk)
    assert (told["price_usd"], told["account"]) == ("3.20", "gemini")


def test_what_was_spent_is_as_the_command_says_it(capsys):
    from django.core.management import call_command

    make_render(make_shot(), "done", backend="gemini")
    call_command("spend", story_id="the-lamp", json=True)

    told = program().get("/spend?story_id=the-lamp").json()

    assert told == json.loads(capsys.readouterr().out)
    assert problem(program().get("/spend?since=2026-02-01&until=2026-01-01")) == (409, "no_days")


def test_what_is_done_stands_in_the_history():
    from django.contrib.admin.models import LogEntry

    person = make_person()
    take = make_render(make_shot(), "done")

    review(program(person=person), take, "approve")

    entry = LogEntry.objects.get()
    assert entry.user == person and "pipeline" in entry.change_message
