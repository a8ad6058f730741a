from __future__ import annotations

import json

import httpx
import pytest

from tests.support.simulator_calls import KEY, SUBMIT, picture, reference, submission

REFERENCES = ("instances", 0, "referenceImages")
ONE = (*REFERENCES, 0)
IMAGE = (*ONE, "image")


def spoiled(path: tuple, value: object) -> dict:
    """The right body with one thing changed."""
    body = submission()
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("surprise",), 1, 'Unknown name "surprise": Cannot find field'),
        (("instances",), [], "exactly one"),
        (("instances",), [{"prompt": "a"}, {"prompt": "b"}], "Only one instance"),
        (("instances", 0, "seed"), 1, "Unknown name \"seed\" at 'instances[0]'"),
        (("instances", 0, "prompt"), "  ", "prompt"),
        (("instances", 0, "prompt"), {"a": 1}, "prompt"),
        (("instances", 0, "image"), reference()["image"], "use case is currently not supported"),
        (REFERENCES, [], "not empty"),
        (REFERENCES, [reference()] * 4, "at most 3"),
        ((*ONE, "referenceType"), "STYLE", "must be ASSET"),
        ((*ONE, "weight"), 1, 'Unknown name "weight"'),
        ((*IMAGE, "mimeType"), "image/webp", "Unsupported MIME type"),
        ((*IMAGE, "mimeType"), "image/jpeg", "but the image is image/png"),
        ((*IMAGE, "bytesBase64Encoded"), "no base64 !", "Base64"),
        ((*IMAGE, "bytesBase64Encoded"), "", "no bytes"),
        (ONE, reference(picture()[:-40]), "Unable to process input image"),
        (ONE, reference(b"<svg/>"), "Unable to process input image"),
        (ONE, reference(picture(format="GIF")), "but the image is image/gif"),
        (("parameters", "sampleCount"), 2, "sampleCount"),
        (("parameters", "durationSeconds"), "8", "needs to be a number"),
        (("parameters", "durationSeconds"), 8.0, "needs to be a number"),
        (("parameters", "durationSeconds"), True, "needs to be a number"),
        (("parameters", "durationSeconds"), 5, "out of bound"),
        (("parameters", "durationSeconds"), 4, "must be 8"),
        (("parameters", "aspectRatio"), "4:3", "aspectRatio"),
        (("parameters", "aspectRatio"), "9:16", "use case is currently not supported"),
        (("parameters", "resolution"), "1440p", "resolution"),
        (("parameters", "personGeneration"), "everybody", "personGeneration"),
        (("parameters", "generateAudio"), True, 'Unknown name "generateAudio"'),
        (("parameters", "negativePrompt"), 3, "needs to be a string"),
        (("webhookConfig",), {"url": "x"}, 'Unknown name "url"'),
    ],
)
def test_a_wrong_request_is_refused_in_googles_shape(caller, path, value, words):
    answer = caller.http.post(SUBMIT, json=spoiled(path, value))

    error = answer.json()["error"]
    entry = caller.log()["submissions"][0]
    assert (answer.status_code, error["code"]) == (400, 400)
    assert error["status"] == "INVALID_ARGUMENT"
    assert words in error["message"]
    assert entry["operation"] is None
    assert entry["error"]["message"] == error["message"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (REFERENCES, [reference()] * 3),
        ((*ONE, "referenceType"), "asset"),
        (ONE, reference(picture(format="JPEG"), "image/jpeg")),
        (("parameters", "resolution"), "4k"),
        (("parameters", "personGeneration"), "allow_adult"),
        (("parameters", "negativePrompt"), "rain"),
        (("instances",), [{"prompt": "Ein Fuchs 🦊 und 一只鹤\u2028."}]),
        (("instances",), [{"prompt": "a", "image": reference()["image"]}]),
    ],
)
def test_a_right_request_is_accepted(caller, path, value):
    answer = caller.http.post(SUBMIT, json=spoiled(path, value))

    assert answer.status_code == 200, answer.text
    assert answer.json()["name"].startswith("models/veo-3.1-generate-preview/operations/")


def test_without_references_portrait_and_short_clips_are_allowed(caller):
    body = {
        "instances": [{"prompt": "a"}],
        "parameters": {"durationSeconds": 4, "aspectRatio": "9:16", "resolution": "720p"},
    }

    assert caller.http.post(SUBMIT, json=body).status_code == 200


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("veo-9", "is not found for API version v1beta, or is not supported"),
        ("gemini-2.5-flash", "is not supported for predictLongRunning"),
        ("veo-2.0-generate-001", "no longer available"),
    ],
)
def test_a_model_that_cannot_do_it_is_not_found(caller, model, words):
    url = f"/v1beta/models/{model}:predictLongRunning"

    answer = caller.http.post(url, json=submission())

    assert answer.status_code == 404
    assert answer.json()["error"]["status"] == "NOT_FOUND"
    assert words in answer.json()["error"]["message"]


def test_the_lite_model_takes_no_references(caller):
    url = "/v1beta/models/veo-3.1-lite-generate-preview:predictLongRunning"

    answer = caller.http.post(url, json=submission())

    assert answer.status_code == 400
    assert "`referenceImages` isn't supported by this model" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"\xff\xfe"),
        ("application/json", b'{"instances": [{"prompt": NaN}]}'),
        ("text/plain", json.dumps(submission()).encode()),
        ("", json.dumps(submission()).encode()),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(caller, content_type, content):
    answer = caller.http.post(SUBMIT, content=content, headers={"content-type": content_type})

    assert answer.status_code == 400


def test_a_missing_key_is_forbidden_and_a_wrong_one_invalid(start):
    url = start(api_key=KEY).simulator.url

    missing = httpx.post(url + SUBMIT, json=submission())
    wrong = httpx.post(url + SUBMIT, json=submission(), headers={"x-goog-api-key": "other"})
    right = httpx.post(url + SUBMIT, json=submission(), headers={"x-goog-api-key": KEY})

    assert (missing.status_code, missing.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert wrong.status_code == 400
    assert wrong.json()["error"]["message"].startswith("API key not valid")
    assert wrong.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    assert right.status_code == 200


def test_a_key_in_the_query_is_refused_and_recorded(caller):
    answer = caller.http.post(SUBMIT, params={"key": KEY}, json=submission())

    log = caller.log()
    assert answer.status_code == 400
    assert [violation["rule"] for violation in log["violations"]] == ["key_in_query"]
    assert log["submissions"][0]["key_ok"] is False
    assert KEY not in json.dumps(log)


def test_unknown_paths_and_operations_are_not_found(caller):
    paths = ("/v1/models", "/v1beta/models/veo-3.1-generate-preview/operations/gone", "/")

    assert [caller.http.get(path).status_code for path in paths] == [404, 404, 404]
