from __future__ import annotations

import time

import httpx
import pytest
from google import genai
from google.genai import errors, types

from tests.support.simulator_calls import KEY, MODEL, picture


@pytest.fixture
def client(caller):
    return genai.Client(
        api_key=KEY,
        http_options=types.HttpOptions(base_url=caller.simulator.url, timeout=10_000),
    )


def generate(client: genai.Client, **config) -> types.GenerateVideosOperation:
    return client.models.generate_videos(
        model=MODEL,
        source=types.GenerateVideosSource(prompt="A fox on a quay."),
        config=types.GenerateVideosConfig(
            number_of_videos=1,
            duration_seconds=8,
            aspect_ratio="16:9",
            resolution="1080p",
            reference_images=[
                types.VideoGenerationReferenceImage(
                    image=types.Image(image_bytes=picture(colour), mime_type="image/png"),
                    reference_type="asset",
                )
                for colour in ("teal", "orange", "navy")
            ],
            **config,
        ),
    )


def test_the_sdk_gets_from_a_prompt_to_a_clip(client, caller):
    operation = generate(client)
    name = operation.name
    while not operation.done:
        time.sleep(0.02)
        operation = client.operations.get(types.GenerateVideosOperation(name=name))

    uri = operation.response.generated_videos[0].video.uri
    clip = httpx.get(uri, headers={"x-goog-api-key": KEY})
    log = caller.log()
    assert clip.headers["content-type"] == "video/mp4"
    assert clip.content[4:8] == b"ftyp"
    assert [entry["operation"] for entry in log["submissions"]] == [name]
    assert len(log["submissions"][0]["references"]) == 3
    assert log["submissions"][0]["parameters"]["durationSeconds"] == 8
    assert log["violations"] == []


def test_the_sdk_sees_no_done_while_running(client, caller):
    caller.simulator.change_settings({"latency": 60})

    name = generate(client).name
    operation = client.operations.get(types.GenerateVideosOperation(name=name))

    assert operation.done is None


def test_the_sdk_sends_webhook_metadata_that_the_log_shows(client, caller):
    generate(client, webhook_config=types.WebhookConfig(user_metadata={"token": "t-1"}))

    assert caller.log()["submissions"][0]["webhook"]["user_metadata"] == {"token": "t-1"}


def test_the_sdk_reads_google_style_errors(client, caller):
    caller.script("submit", "quota_minute", params={"retry_seconds": 12})

    with pytest.raises(errors.ClientError) as caught:
        generate(client)

    details = caught.value.details["error"]["details"]
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert "PerMinute" in details[1]["violations"][0]["quotaId"]
    assert details[2]["retryDelay"] == "12s"


def test_the_sdk_lists_the_models_of_the_key(client):
    models = {model.name: model.supported_actions for model in client.models.list()}

    assert models[f"models/{MODEL}"] == ["predictLongRunning"]
    assert client.models.get(model=MODEL).display_name == "Veo 3.1"
    with pytest.raises(errors.ClientError, match="404"):
        client.models.get(model="veo-2.0-generate-001")


def test_an_operation_that_ends_with_an_error_raises_nothing(client, caller):
    caller.script("done", "error", params={"code": 8})

    name = generate(client).name
    operation = client.operations.get(types.GenerateVideosOperation(name=name))

    assert operation.done is True
    assert operation.error["code"] == 8
    assert operation.response is None
