"""The Vertex AI route of the simulator and its bucket, over plain HTTP."""

from __future__ import annotations

import base64
import copy

import httpx
import pytest

from tests.support.simulator_calls import KEY, reference

PROJECT = "the-project"
MODEL = "veo-3.1-generate-001"
PARENT = f"projects/{PROJECT}/locations/us-central1/publishers/google/models/{MODEL}"
BUCKET = "clips-of-ours"
PREFIX = f"gs://{BUCKET}/videos/token-1/"


def vertex_submission(**parameters):
    """A body that is right in every part, for tests to spoil."""
    return {
        "instances": [{"prompt": "A fox on a quay.", "referenceImages": [reference()]}],
        "parameters": {
            "sampleCount": 1,
            "durationSeconds": 8,
            "aspectRatio": "16:9",
            "resolution": "1080p",
            "generateAudio": True,
        }
        | parameters,
    }


class VertexCaller:
    def __init__(self, caller):
        self.caller = caller
        self.simulator = caller.simulator
        self.http = caller.http
        del self.http.headers["x-goog-api-key"]
        self.http.headers["authorization"] = "Bearer a-token"

    def submit(self, body=None, *, parent=PARENT, **kwargs):
        body = vertex_submission(storageUri=PREFIX) if body is None else body
        return self.http.post(f"/v1beta1/{parent}:predictLongRunning", json=body, **kwargs)

    def poll(self, name, *, parent=PARENT, **kwargs):
        path = f"/v1beta1/{parent}:fetchPredictOperation"
        return self.http.post(path, json={"operationName": name}, **kwargs)

    def wait(self, name):
        while not (body := self.poll(name).json()).get("done"):
            self.simulator.stopping.wait(0.02)
        return body

    def render(self, **parameters):
        """The videos of a finished render."""
        name = self.submit(vertex_submission(**parameters)).json()["name"]
        return self.wait(name)["response"]["videos"]

    def objects(self, prefix="", **query):
        return self.http.get(f"/storage/v1/b/{BUCKET}/o", params={"prefix": prefix, **query})

    def media(self, uri, **kwargs):
        return self.http.get(media_path(uri), **kwargs)


def media_path(uri):
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return f"/storage/v1/b/{bucket}/o/{name.replace('/', '%2F')}?alt=media"


@pytest.fixture
def vertex(caller):
    return VertexCaller(caller)


def message(answer):
    return answer.json()["error"]["message"]


# -- a render ------------------------------------------------------------------------------------


def test_a_render_lands_below_the_prefix_that_it_was_given(vertex):
    name = vertex.submit().json()["name"]
    (video,) = vertex.wait(name)["response"]["videos"]

    assert name.startswith(f"{PARENT}/operations/")
    assert video["gcsUri"].startswith(PREFIX)
    assert video["gcsUri"].endswith("/sample_0.mp4")
    assert video["mimeType"] == "video/mp4"
    assert vertex.media(video["gcsUri"]).content[4:8] == b"ftyp"


def test_without_a_bucket_the_video_comes_inline(vertex):
    (video,) = vertex.render()

    assert base64.b64decode(video["bytesBase64Encoded"])[4:8] == b"ftyp"
    assert "gcsUri" not in video


def test_a_running_operation_says_neither_done_nor_how(vertex):
    vertex.simulator.change_settings({"latency": 60})
    name = vertex.submit().json()["name"]

    assert vertex.poll(name).json() == {"name": name}


def test_what_was_submitted_is_in_the_log(vertex):
    name = vertex.submit(vertex_submission(seed=7, negativePrompt="rain")).json()["name"]

    (entry,) = vertex.caller.log()["submissions"]
    assert entry["operation"] == name
    assert entry["parameters"]["seed"] == 7
    assert entry["parameters"]["negativePrompt"] == "rain"


def test_a_restarted_simulator_knows_operations_and_objects(start):
    first = VertexCaller(start())
    name = first.submit().json()["name"]
    (video,) = first.wait(name)["response"]["videos"]
    first.simulator.stop()

    second = VertexCaller(start())

    assert second.wait(name)["response"]["videos"] == [video]
    assert second.media(video["gcsUri"]).status_code == 200


def test_the_gemini_api_does_not_show_what_vertex_made(vertex):
    vertex.simulator.change_settings({"list_generated_files": True})
    name = vertex.submit().json()["name"]
    vertex.wait(name)
    operation = vertex.simulator.store.find(name.rpartition("/")[2])

    paths = [
        f"/v1beta/models/{MODEL}/operations/{operation.id}",
        f"/v1beta/files/{operation.file_ids[0]}:download?alt=media",
        f"/v1beta/generatedFiles/{operation.file_ids[0]}",
    ]

    key = {"x-goog-api-key": KEY}
    assert [vertex.http.get(path, headers=key).status_code for path in paths] == [404] * 3
    assert vertex.http.get("/v1beta/generatedFiles", headers=key).json() == {}


def test_vertex_tells_no_webhook(start, far_end):
    far_end.answer(200)
    secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
    vertex = VertexCaller(start(webhook_uri=far_end.url, webhook_secret=secret))
    vertex.wait(vertex.submit().json()["name"])

    vertex.simulator.stopping.wait(0.5)

    assert far_end.requests == []


# -- who asks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"authorization": ""}, "missing required authentication credential"),
        ({"authorization": "Basic abc"}, "missing required authentication credential"),
        ({"authorization": "Bearer wrong"}, "invalid authentication credentials"),
        ({"x-goog-api-key": "AIza"}, "API keys are not supported by this API"),
    ],
)
def test_only_a_valid_bearer_token_is_let_in(vertex, headers, words):
    vertex.simulator.change_settings({"access_token": "a-token"})
    name = vertex.submit().json()["name"]

    answers = [
        vertex.submit(headers=headers),
        vertex.poll(name, headers=headers),
        vertex.http.get(f"/v1beta1/publishers/google/models/{MODEL}", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert all(words in message(answer) for answer in answers)
    assert len(vertex.simulator.store.all()) == 1


def test_an_expired_token_is_refused(vertex):
    vertex.simulator.change_settings({"token_expired": True})

    assert vertex.submit().status_code == 401
    assert vertex.objects().status_code == 401
    assert message(vertex.objects()) == "Invalid Credentials"


def test_a_token_in_the_query_is_a_violation(vertex):
    assert vertex.http.get("/v1beta1/publishers/google/models?access_token=x").status_code == 400
    assert vertex.caller.log()["violations"][0]["rule"] == "key_in_query"


def test_another_project_is_forbidden_in_the_words_of_iam(vertex):
    vertex.simulator.change_settings({"vertex_project": "another"})

    answer = vertex.submit()

    assert answer.status_code == 403
    assert "Permission 'aiplatform.endpoints.predict' denied on resource" in message(answer)
    assert answer.json()["error"]["details"][0]["reason"] == "IAM_PERMISSION_DENIED"


def test_a_disabled_service_says_how_to_enable_it(vertex):
    vertex.simulator.change_settings({"vertex_disabled": True})

    answer = vertex.submit()

    assert answer.status_code == 403
    assert answer.json()["error"]["details"][0]["reason"] == "SERVICE_DISABLED"
    assert "Enable it by visiting" in message(answer)


@pytest.mark.parametrize(
    "model", ["veo-9", "veo-3.1-generate-preview", "gemini-2.5-flash"], ids=str
)
def test_a_model_that_is_not_there_is_not_found_in_vertex_words(vertex, model):
    parent = PARENT.replace(MODEL, model)

    answer = vertex.submit(parent=parent)

    assert answer.status_code == 404
    assert f"Publisher Model `{parent}` was not found or your project" in message(answer)


def test_the_models_are_listed_as_google_publishes_them(vertex):
    listed = vertex.http.get("/v1beta1/publishers/google/models?pageSize=1000").json()
    names = [each["name"] for each in listed["publisherModels"]]

    assert f"publishers/google/models/{MODEL}" in names
    assert "publishers/google/models/veo-3.1-generate-preview" not in names
    shown = vertex.http.get(f"/v1beta1/publishers/google/models/{MODEL}").json()
    assert shown["name"] == f"publishers/google/models/{MODEL}"
    assert vertex.http.get("/v1beta1/publishers/google/models/veo-9").status_code == 404


# -- strictness ----------------------------------------------------------------------------------


def spoiled(change):
    body = copy.deepcopy(vertex_submission(storageUri=PREFIX))
    change(body)
    return body


def parameter(name, value):
    return lambda body: body["parameters"].update({name: value})


def without(name):
    return lambda body: body["parameters"].pop(name)


SPOILED = {
    "unknown field": parameter("watermark", True),
    "a webhook, of the Gemini API only": lambda body: body.update(webhookConfig={"uris": []}),
    "duration as text": parameter("durationSeconds", "8"),
    "no duration": without("durationSeconds"),
    "no word about sound": without("generateAudio"),
    "sound as text": parameter("generateAudio", "true"),
    "6 seconds with references": parameter("durationSeconds", 6),
    "portrait with references": parameter("aspectRatio", "9:16"),
    "two videos": parameter("sampleCount", 2),
    "seed as text": parameter("seed", "7"),
    "seed too large": parameter("seed", 2**32),
    "seed below zero": parameter("seed", -1),
    "negative prompt as a list": parameter("negativePrompt", ["rain"]),
    "people of an unknown kind": parameter("personGeneration", "everybody"),
    "bucket without scheme": parameter("storageUri", "clips/videos"),
    "bucket of another scheme": parameter("storageUri", "s3://clips/videos"),
    "bucket in capitals": parameter("storageUri", "gs://CLIPS/videos"),
    "no bucket": parameter("storageUri", "gs:///videos"),
    "an empty folder": parameter("storageUri", "gs://clips//videos"),
    "the folder above": parameter("storageUri", "gs://clips/../videos"),
    "four references": lambda body: body["instances"][0].update(referenceImages=[reference()] * 4),
    "a picture that is none": lambda body: body["instances"][0].update(
        referenceImages=[reference(b"no picture")]
    ),
}


@pytest.mark.parametrize("change", SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_request_is_refused_and_starts_nothing(vertex, change):
    answer = vertex.submit(spoiled(change))

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert vertex.simulator.store.all() == []


def test_the_lite_model_takes_no_references(vertex):
    parent = PARENT.replace(MODEL, "veo-3.1-lite-generate-001")

    assert vertex.submit(parent=parent).status_code == 400


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("models/veo/operations/abc", 400),
        (f"{PARENT}/operations/a/b", 400),
        (f"{PARENT}/operations/".replace(PROJECT, "another") + "abc", 400),
        (f"{PARENT}/operations/abc", 404),
        ("", 400),
        (7, 400),
    ],
)
def test_an_operation_needs_its_whole_name(vertex, name, status):
    assert vertex.poll(name).status_code == status


def test_a_poll_has_no_other_field(vertex):
    path = f"/v1beta1/{PARENT}:fetchPredictOperation"
    name = vertex.submit().json()["name"]

    assert vertex.http.post(path, json={"operationName": name, "x": 1}).status_code == 400
    assert vertex.http.get(path).status_code == 404


def test_the_fifty_first_request_of_a_minute_waits(vertex):
    vertex.simulator.change_settings({"vertex_quota_per_minute": 2})

    answers = [vertex.submit() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert "with base model: veo-3.1-generate-001" in message(answers[-1])


# -- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("unauthenticated", 401, "invalid authentication credentials"),
        ("permission_denied", 403, PARENT),
        ("payment_required", 403, "requires billing to be enabled"),
        ("model_not_found", 404, "Publisher Model"),
        ("quota_minute", 429, "Quota exceeded for aiplatform.googleapis.com"),
        ("internal", 500, "internal error"),
        ("unavailable", 503, "overloaded"),
        ("gateway_timeout", 504, "Deadline expired"),
    ],
)
def test_faults_of_a_submission_have_vertex_words(vertex, fault, status, words):
    vertex.caller.script("submit", fault)

    answer = vertex.submit()

    assert answer.status_code == status
    assert words in message(answer)
    assert len(vertex.simulator.store.all()) == (fault == "gateway_timeout")


def test_a_submission_that_is_dropped_was_accepted(vertex):
    vertex.caller.script("submit", "drop_after_accept")

    with pytest.raises(httpx.RemoteProtocolError):
        vertex.submit()

    assert len(vertex.simulator.store.all()) == 1


def test_a_forgotten_operation(vertex):
    name = vertex.submit().json()["name"]
    vertex.caller.script("poll", "not_found")

    assert vertex.poll(name).status_code == 404
    assert vertex.poll(name).status_code == 200


@pytest.mark.parametrize(
    ("fault", "params", "expected"),
    [
        ("error", {"code": 8, "message": "Full."}, {"error": {"code": 8, "message": "Full."}}),
        ("nothing", {}, {}),
    ],
)
def test_endings_without_a_response(vertex, fault, params, expected):
    vertex.caller.script("done", fault, params=params)
    name = vertex.submit().json()["name"]

    assert vertex.wait(name) == {"name": name, "done": True, **expected}


def test_a_blocked_render_has_support_codes_and_no_object(vertex):
    vertex.caller.script("done", "blocked", params={"codes": ["58061214"]})
    name = vertex.submit().json()["name"]

    response = vertex.wait(name)["response"]

    assert response["raiMediaFilteredCount"] == 1
    assert "58061214" in response["raiMediaFilteredReasons"][0]
    assert vertex.objects().json() == {"kind": "storage#objects"}


# -- the bucket ----------------------------------------------------------------------------------


def test_a_list_has_what_lies_below_the_prefix(vertex):
    (mine,) = vertex.render(storageUri=PREFIX)
    vertex.render(storageUri=f"gs://{BUCKET}/videos/token-2/")
    vertex.render(storageUri="gs://another-bucket/videos/token-1/")

    (item,) = vertex.objects("videos/token-1/").json()["items"]

    assert f"gs://{item['bucket']}/{item['name']}" == mine["gcsUri"]
    assert item["contentType"] == "video/mp4"
    assert int(item["size"]) == len(vertex.media(mine["gcsUri"]).content)
    assert len(vertex.objects("videos/").json()["items"]) == 2


def test_a_list_comes_in_pages(vertex):
    for number in range(3):
        vertex.render(storageUri=f"gs://{BUCKET}/videos/token-{number}/")

    first = vertex.objects("videos/", maxResults=2).json()
    second = vertex.objects("videos/", maxResults=2, pageToken=first["nextPageToken"]).json()

    assert [len(page["items"]) for page in (first, second)] == [2, 1]
    assert "nextPageToken" not in second


def test_an_object_comes_in_ranges(vertex):
    (video,) = vertex.render(storageUri=PREFIX)
    whole = vertex.media(video["gcsUri"]).content

    rest = vertex.media(video["gcsUri"], headers={"range": "bytes=100-"})

    assert rest.status_code == 206
    assert rest.content == whole[100:]


def test_what_is_not_there_is_said_in_the_words_of_storage(vertex):
    answer = vertex.media(f"{PREFIX}nothing.mp4")

    assert answer.status_code == 404
    assert "No such object" in answer.text


def test_an_object_that_was_deleted_is_gone(vertex):
    (video,) = vertex.render(storageUri=PREFIX)
    vertex.caller.script("download", "not_found")

    answer = vertex.media(video["gcsUri"])

    assert (answer.status_code, answer.text.partition(":")[0]) == (404, "No such object")


def test_a_bucket_that_one_may_not_read(vertex):
    (video,) = vertex.render(storageUri=PREFIX)
    vertex.simulator.change_settings({"storage_forbidden": True})

    assert vertex.media(video["gcsUri"]).status_code == 403
    assert "storage.objects.list" in message(vertex.objects())


def test_a_bucket_that_is_none(vertex):
    vertex.simulator.change_settings({"storage_buckets": "other-bucket"})

    answer = vertex.objects()

    assert answer.status_code == 404
    assert message(answer) == "The specified bucket does not exist."


def test_a_bucket_wants_a_token(vertex):
    (video,) = vertex.render(storageUri=PREFIX)

    answer = httpx.get(vertex.simulator.url + media_path(video["gcsUri"]), trust_env=False)

    assert answer.status_code == 401
    assert "Anonymous caller does not have storage.objects.get access" in answer.text


def test_a_token_that_goes_along_to_another_host_is_recorded(vertex):
    (video,) = vertex.render(storageUri=PREFIX)
    vertex.caller.script("download", "redirect_other_host")
    location = vertex.media(video["gcsUri"]).headers["location"]

    careful = httpx.get(location, trust_env=False)
    assert vertex.caller.log()["violations"] == []
    careless = vertex.http.get(location)

    assert careful.content == careless.content
    assert vertex.caller.log()["violations"][0]["rule"] == "leaked_key"
