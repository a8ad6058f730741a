from __future__ import annotations

import base64
import json
import time

import pytest

from tests.support.simulator_calls import picture

MODEL = "gemini-omni-1.1-flash"
CREATE = "/v1beta/interactions"


def image(content: bytes | None = None, mime_type: str = "image/png") -> dict:
    data = base64.b64encode(picture() if content is None else content).decode()
    return {"type": "image", "data": data, "mime_type": mime_type}


def text(words: str = "A fox, <IMAGE_REF_0>, on a quay.") -> dict:
    return {"type": "text", "text": words}


def body(**changes):
    """A body that is right in every part, for tests to spoil; None leaves a part out."""
    whole = {
        "model": MODEL,
        "background": True,
        "input": [image(), text()],
        "response_format": {
            "type": "video",
            "aspect_ratio": "16:9",
            "resolution": "1080p",
            "duration": "8s",
            "delivery": "uri",
        },
        "generation_config": {"video_config": {"task": "reference_to_video"}},
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def with_format(**changes):
    return body(response_format=body()["response_format"] | changes)


def with_task(task, *pictures):
    words = text("A fox on a quay.")
    config = {"video_config": {"task": task}}
    return body(input=[*pictures, words], generation_config=config)


def create(caller, payload=None):
    return caller.http.post(CREATE, json=body() if payload is None else payload)


def wait(caller, name):
    while True:
        interaction = caller.http.get(f"{CREATE}/{name}").json()
        if interaction["status"] not in ("queued", "in_progress"):
            return interaction
        time.sleep(0.02)


def ending(caller, **payload):
    return wait(caller, create(caller, body(**payload)).json()["id"])


def output(interaction):
    return [
        part
        for step in interaction["steps"]
        if step["type"] == "model_output"
        for part in step["content"]
    ]


def wait_for_file(caller, uri):
    name = uri.rpartition("/")[2].partition(":")[0]
    while (file := caller.http.get(f"/v1beta/files/{name}").json())["state"] == "PROCESSING":
        time.sleep(0.02)
    return file


@pytest.fixture
def quick(start):
    return start(file_latency=0.0)


def test_from_a_prompt_to_a_clip(start):
    caller = start(latency=0.3, file_latency=1.0)

    created = create(caller).json()
    seen = {caller.http.get(f"{CREATE}/{created['id']}").json()["status"]}
    interaction = wait(caller, created["id"])
    (video,) = output(interaction)
    too_early = caller.http.get(video["uri"])
    file = wait_for_file(caller, video["uri"])
    clip = caller.http.get(video["uri"])

    assert created["id"].startswith("v1_")
    assert created["status"] in ("queued", "in_progress")
    assert seen <= {"queued", "in_progress"}
    assert interaction["status"] == "completed"
    assert video["mime_type"] == "video/mp4"
    assert too_early.status_code == 400
    assert "ACTIVE" in too_early.json()["error"]["message"]
    assert file["state"] == "ACTIVE"
    assert int(file["sizeBytes"]) == len(clip.content)
    assert clip.content[4:8] == b"ftyp"
    (received,) = caller.log()["submissions"]
    assert received["operation"] == created["id"]
    assert received["model"] == MODEL
    assert received["prompt"] == text()["text"]
    assert len(received["references"]) == 1
    assert received["parameters"]["response_format"]["duration"] == "8s"


@pytest.mark.parametrize(
    "given",
    [
        "A fox on a quay.",
        [text("A fox on a quay.")],
        [{"type": "user_input", "content": [text("A fox on a quay.")]}],
    ],
)
def test_the_three_forms_of_the_input(quick, given):
    answer = create(quick, body(input=given, generation_config=None))

    assert answer.status_code == 200, answer.text


def test_inline_delivery_has_the_bytes(quick):
    (video,) = output(ending(quick, response_format={"type": "video", "delivery": "inline"}))

    assert "uri" not in video
    assert base64.b64decode(video["data"])[4:8] == b"ftyp"


REFUSED = {
    "duration as a number": (with_format(duration=8), "duration"),
    "duration without a unit": (with_format(duration="8"), "duration"),
    "too long": (with_format(duration="11s"), "duration"),
    "too short": (with_format(duration="2s"), "duration"),
    "fractions": (with_format(duration="7.5s"), "duration"),
    "resolution": (with_format(resolution="1440p"), "resolution"),
    "aspect ratio": (with_format(aspect_ratio="1:1"), "aspect_ratio"),
    "delivery": (with_format(delivery="link"), "delivery"),
    "another kind of answer": (with_format(type="image"), "video"),
    "bucket": (with_format(gcs_uri="gs://bucket/"), "gcs_uri"),
    "two formats": (body(response_format=[{}, {}]), "exactly one"),
    "unknown field": (body(prompt="A fox."), "prompt"),
    "unknown field of the config": (body(generation_config={"fps": 24}), "fps"),
    "temperature": (body(generation_config={"temperature": 1}), "temperature"),
    "system instruction": (body(system_instruction="Be kind."), "system_instruction"),
    "negative prompt": (body(negative_prompt="Fog."), "negative_prompt"),
    "no model": (body(model=None), "model"),
    "no input": (body(input=None), "input"),
    "no text": (body(input=[image()]), "text"),
    "text before image": (body(input=[text(), image()]), "text"),
    "two texts": (body(input=[text("One."), text("Two.")]), "before the text"),
    "empty text": (body(input=[text(" ")], generation_config=None), "text"),
    "two turns": (body(input=[{"type": "user_input", "content": [text()]}] * 2), "turn"),
    "wrong MIME type": (body(input=[image(mime_type="image/jpeg"), text()]), "mime_type"),
    "unknown MIME type": (body(input=[image(mime_type="image/avif"), text()]), "MIME"),
    "broken base64": (body(input=[image() | {"data": "%%%"}, text()]), "Base64"),
    "no picture": (body(input=[image(b"nothing"), text()]), "image"),
    "field of an image": (body(input=[image() | {"role": "x"}, text()]), "role"),
    "tag without its picture": (body(input=[image(), text("<IMAGE_REF_1>")]), "IMAGE_REF_1"),
    "too many pictures": (body(input=[image()] * 11 + [text()]), "At most 10"),
    "references to nothing": (with_task("reference_to_video"), "at least one image"),
    "text with a picture": (with_task("text_to_video", image()), "no images"),
    "editing nothing": (with_task("edit", image()), "input video"),
    "unknown task": (with_task("dream", image()), "task"),
    "not in the background": (body(background=None), "background"),
    "streamed": (body(stream=True), "stream"),
    "not stored": (body(store=False), "store"),
    "background as a word": (body(background="yes"), "boolean"),
    "webhook without TLS": (body(webhook_config={"uris": ["http://a.test"]}), "https"),
}


@pytest.mark.parametrize(("payload", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_the_service_would_refuse_is_refused(quick, payload, words):
    answer = create(quick, payload)

    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]["message"] + json.dumps(answer.json())
    assert quick.log()["submissions"][0]["operation"] is None


@pytest.mark.parametrize(
    "model", ["veo-3.1-generate-preview", "gemini-2.5-flash", "nobody", "gemini-omni-flash-preview"]
)
def test_a_model_that_makes_no_interactions_is_not_found(quick, model):
    answer = create(quick, body(model=model))

    assert answer.status_code == 404


def test_a_model_for_interactions_has_no_long_running_operation(quick):
    answer = quick.http.post(f"/v1beta/models/{MODEL}:predictLongRunning", json={})

    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", ["v1_unknown", "unknown"])
def test_an_unknown_interaction_is_an_invalid_name(quick, method, name):
    path = f"{CREATE}/{name}" + ("/cancel" if method == "post" else "")

    answer = getattr(quick.http, method)(path)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Invalid interaction name."


def test_operations_and_interactions_do_not_know_each_other(quick):
    operation = quick.submit().json()["name"]
    interaction = create(quick).json()["id"]

    as_interaction = quick.http.get(f"{CREATE}/v1_{operation.rpartition('/')[2]}")
    as_operation = quick.poll(f"models/{MODEL}/operations/{interaction.removeprefix('v1_')}")

    assert as_interaction.status_code == 400
    assert as_operation.status_code == 404


def test_an_interaction_needs_the_key_in_the_header(quick):
    name = create(quick).json()["id"]
    quick.http.headers.pop("x-goog-api-key")

    answers = [
        create(quick),
        quick.http.get(f"{CREATE}/{name}"),
        quick.http.post(f"{CREATE}/{name}/cancel"),
        quick.http.get("/v1beta/files/abc"),
        quick.http.get(f"{CREATE}/{name}?key=a-key"),
    ]

    assert [each.status_code for each in answers] == [403, 403, 403, 403, 400]


def test_a_refusal_is_completed_with_words_and_no_video(quick):
    quick.script("done", "blocked", params={"message": "I cannot show this."})

    interaction = ending(quick)

    assert interaction["status"] == "completed"
    assert output(interaction) == [{"type": "text", "text": "I cannot show this."}]


def test_a_failure_has_its_words_in_errors(quick):
    quick.script("done", "error", params={"code": 13})

    interaction = ending(quick)

    assert interaction["status"] == "failed"
    assert interaction["errors"][0]["code"] == "13"


def test_completed_with_nothing(quick):
    quick.script("done", "nothing")

    interaction = ending(quick)

    assert interaction["status"] == "completed"
    assert output(interaction) == []


@pytest.mark.parametrize("status", ["incomplete", "budget_exceeded", "requires_action"])
def test_other_statuses(quick, status):
    quick.script("interaction", "status", params={"status": status})

    interaction = ending(quick)

    assert interaction["status"] == status
    assert output(interaction) == []


def test_the_bytes_may_come_although_a_link_was_asked_for(quick):
    quick.script("interaction", "inline")

    (video,) = output(ending(quick))

    assert "uri" not in video
    assert video["data"]


@pytest.mark.parametrize(
    ("fault", "state"), [("file_failed", "FAILED"), ("file_stuck", "PROCESSING")]
)
def test_a_file_may_never_become_active(quick, fault, state):
    quick.script("interaction", fault)
    (video,) = output(ending(quick))

    name = video["uri"].rpartition("/")[2].partition(":")[0]
    file = quick.http.get(f"/v1beta/files/{name}").json()

    assert file["state"] == state
    assert quick.http.get(video["uri"]).status_code == 400


def test_cancelling_ends_what_runs(start):
    caller = start(latency=60.0)
    name = create(caller).json()["id"]

    cancelled = caller.http.post(f"{CREATE}/{name}/cancel").json()

    assert cancelled["status"] == "cancelled"
    assert wait(caller, name)["status"] == "cancelled"
    assert caller.log()["operations"][name]["cancels"] == 1


def test_cancelling_changes_nothing_that_has_ended(quick):
    name = create(quick).json()["id"]
    wait(quick, name)

    cancelled = quick.http.post(f"{CREATE}/{name}/cancel").json()

    assert cancelled["status"] == "completed"
    assert len(output(cancelled)) == 1


def test_interactions_outlive_a_restart(start, tmp_path):
    state = tmp_path / "kept"
    first = start(state_dir=state, latency=0.3)
    name = create(first).json()["id"]
    first.simulator.stop()

    second = start(state_dir=state)

    assert wait(second, name)["status"] == "completed"


def test_they_count_into_the_same_quota_and_spend_window(start):
    caller = start(spend_limit=2.0)
    create(caller)

    refused = create(caller)

    assert refused.status_code == 429
    assert "spend-based" in refused.json()["error"]["message"]


def test_a_webhook_is_taken_with_the_submission(quick):
    webhook = {"uris": ["https://studio.test/hook"], "user_metadata": {"submission_token": "6f1e"}}

    create(quick, body(webhook_config=webhook))

    assert quick.log()["submissions"][0]["webhook"] == webhook
