"""Veo on Vertex AI: the real SDK and httpx talk to the simulator."""

from __future__ import annotations

import base64
import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.auth import exceptions
from google.oauth2.credentials import Credentials

from tests.support.client_cases import LATER, NO, QUOTA, STOP, facts, refusal
from tests.support.factories import picture_bytes
from tests.support.far_end import KEY
from videogen.common.errors import DownloadError
from videogen.providers import credentials as sign_in
from videogen.providers import gs_urls
from videogen.providers.download_targets import download_target
from videogen.providers.messages import INLINE, Blocked, Failed, Finished, ReferenceImage, Running
from videogen.providers.response_limits import LARGEST_INLINE_VIDEO, MAX_INLINE_ANSWER_BYTES
from videogen.takes.fetch import fetch_clip, new_client

TOKEN = "simulated-access-token"
PARENT = "projects/studio-project/locations/us-central1/publishers/google/models"
STORAGE = "gs://clips-of-ours/videos"


@pytest.fixture
def bucket(settings):
    settings.VIDEO_VERTEX_STORAGE_URI = STORAGE


@pytest.fixture
def token():
    return str(uuid.uuid4())


# -- what is sent ----------------------------------------------------------------------------------


def test_a_submission_is_on_the_wire_as_vertex_documents_it(settings, far_end, vertex, bucket):
    far_end.answer(200, {"name": vertex.operation}, Content_Type="application/json")
    settings.VIDEO_VERTEX_BASE_URL = far_end.url
    sheet = picture_bytes("gold")

    name = vertex.submit(
        references=(ReferenceImage("image/png", sheet),),
        token="6f1e",
        seed=7,
        negative_prompt="rain",
        person_generation="allow_adult",
    )

    ((method, path, headers, body),) = far_end.requests
    assert name == vertex.operation
    assert (method, path) == ("POST", f"/v1beta1/{PARENT}/{vertex.model}:predictLongRunning")
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert "x-goog-api-key" not in headers
    assert json.loads(body) == {
        "instances": [
            {
                "prompt": '{"storyboard_payload": "灯 🏮"}',
                "referenceImages": [
                    {
                        "image": {
                            "bytesBase64Encoded": base64.b64encode(sheet).decode(),
                            "mimeType": "image/png",
                        },
                        "referenceType": "ASSET",
                    }
                ],
            }
        ],
        "parameters": {
            "sampleCount": 1,
            "durationSeconds": 8,
            "aspectRatio": "16:9",
            "resolution": "1080p",
            "generateAudio": True,
            "seed": 7,
            "negativePrompt": "rain",
            "personGeneration": "allow_adult",
            "storageUri": f"{STORAGE}/6f1e/",
        },
    }


def test_what_is_not_set_is_not_sent(settings, far_end, vertex):
    far_end.answer(200, {"name": vertex.operation})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    vertex.submit(references=(), token="6f1e")

    body = json.loads(far_end.requests[0][3])
    assert body["instances"] == [{"prompt": '{"storyboard_payload": "灯 🏮"}'}]
    assert body["parameters"].keys() == {
        "sampleCount",
        "durationSeconds",
        "aspectRatio",
        "resolution",
        "generateAudio",
    }


def test_a_poll_posts_the_whole_name(settings, far_end, vertex):
    far_end.answer(200, {"name": vertex.operation})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    vertex.open().poll(vertex.operation)

    ((method, path, _, body),) = far_end.requests
    assert (method, path) == ("POST", f"/v1beta1/{PARENT}/{vertex.model}:fetchPredictOperation")
    assert json.loads(body) == {"operationName": vertex.operation}


@pytest.mark.parametrize(
    "name", ["models/veo-3.1-generate-preview/operations/abc", "v1_abc", "../x", "projects/a/b"]
)
def test_an_operation_of_another_route_is_not_asked_about(settings, far_end, vertex, name):
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    assert refusal(vertex.open().poll, name).code == "another_route"
    assert far_end.requests == []


@pytest.mark.parametrize(
    "name", ["models/x/operations/y", "projects/a", "", 7, "https://x.test/operations/y"]
)
def test_an_answer_with_a_name_that_is_none_waits_for_a_person(settings, far_end, vertex, name):
    far_end.answer(200, {"name": name})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    assert refusal(vertex.submit).maybe_accepted
    assert len(far_end.requests) == 1


@pytest.mark.parametrize(
    "name",
    [
        "projects/example.com:studio/locations/global/publishers/google/models/veo/operations/a-1",
        "projects/12345/locations/us-central1/operations/678",
    ],
)
def test_a_name_that_is_only_unusual_is_kept_and_asked_about(settings, far_end, vertex, name):
    far_end.answer(200, {"name": name})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    assert vertex.submit() == name
    assert vertex.open().poll(name) == Running()
    assert json.loads(far_end.requests[1][3]) == {"operationName": name}


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize(
    ("changed", "value", "restored"),
    [
        ("VIDEO_VERTEX_LOCATION", "europe-west4", "GOOGLE_CLOUD_LOCATION=us-central1"),
        ("VIDEO_VERTEX_PROJECT", "another", "GOOGLE_CLOUD_PROJECT=studio-project"),
    ],
)
def test_an_operation_of_another_place_is_not_given_up(
    settings, far_end, vertex, changed, value, restored, status
):
    far_end.answer(status, {"error": {"code": status, "message": "Not found.", "status": "X"}})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url
    setattr(settings, changed, value)

    error = refusal(vertex.open().poll, vertex.operation)

    assert facts(error) == {"code": "another_place", **NO}
    assert f"submitted with {restored}, which" in error.sentence


def test_a_project_by_its_number_may_be_the_same(settings, far_end, vertex):
    far_end.answer(404, {"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    error = refusal(vertex.open().poll, "projects/12345/locations/us-central1/operations/678")

    assert error.code == "operation_forgotten"


# -- refusals in words that help -------------------------------------------------------------------

REFUSALS = {
    "unauthenticated": ("credentials_refused", STOP, "gcloud auth application-default login"),
    "permission_denied": ("permission_denied", STOP, "GOOGLE_CLOUD_PROJECT"),
    "payment_required": ("credits_depleted", STOP, "has no billing"),
    "model_not_found": ("model_not_found", STOP, "Google publishes: veo-3.1-fast-generate-001"),
    "quota_minute": ("quota_minute", QUOTA, "with base model: veo-3.1-generate-001"),
    "unavailable": ("unavailable", LATER, "overloaded"),
    "invalid_argument": ("http_400", NO, "refuses the request"),
}


@pytest.mark.parametrize(
    ("fault", "code", "consequence", "words"),
    [(fault, *row) for fault, row in REFUSALS.items()],
    ids=REFUSALS.keys(),
)
def test_what_was_surely_refused(simulator, vertex, fail, log, fault, code, consequence, words):
    fail("submit", fault, times=-1)

    error = refusal(vertex.submit)

    assert facts(error) == {"code": code, **consequence}
    assert words in error.sentence
    assert "key" not in error.sentence.replace("key.", "").replace("key file", "")
    assert [each["operation"] for each in log()["submissions"]] == [None]


@pytest.mark.parametrize(
    ("settings_there", "code", "words"),
    [
        ({"vertex_disabled": True}, "service_disabled", "not enabled in the project"),
        ({"vertex_project": "another"}, "permission_denied", "may not use Vertex AI"),
        ({"token_expired": True}, "credentials_refused", "refuses the credentials"),
        ({"vertex_quota_per_minute": 1}, "quota_minute", "Waiting for quota"),
        ({"retired_models": "veo-3.1-generate-001"}, "model_not_found", "in us-central1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_an_account_may_lack(simulator, vertex, settings_there, code, words):
    if code == "quota_minute":
        vertex.submit()
    simulator.change_settings(settings_there)

    error = refusal(vertex.submit)

    assert error.code == code
    assert error.stops_queue is (code != "quota_minute")
    assert not error.maybe_accepted
    assert words in error.sentence


def test_a_project_that_is_not_set_stops_the_queue(settings, vertex):
    settings.VIDEO_VERTEX_PROJECT = ""

    error = refusal(vertex.open, submits=True)

    assert facts(error) == {"code": "no_project", **STOP}
    assert "GOOGLE_CLOUD_PROJECT" in error.sentence


# -- credentials -----------------------------------------------------------------------------------


def test_without_credentials_nothing_is_sent_and_the_queue_stops(real_world, vertex):
    error = refusal(vertex.open, submits=True)

    assert facts(error) == {"code": "no_credentials", **STOP}
    assert "gcloud auth application-default login" in error.sentence
    assert "GOOGLE_APPLICATION_CREDENTIALS" in error.sentence
    assert real_world.requests == []


def test_a_key_file_that_is_none_stops_the_queue(real_world, vertex, monkeypatch, tmp_path):
    (tmp_path / "key.json").write_text("{}")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))

    assert facts(refusal(vertex.open)) == {"code": "no_credentials", **STOP}


@pytest.mark.parametrize(
    "contents", [None, b"\xff\xfe", b"[]", b"null", b'{"type": "service_account"}', b"not JSON"]
)
def test_a_key_file_that_cannot_be_read_stops_the_queue(
    real_world, vertex, monkeypatch, tmp_path, contents
):
    path = tmp_path / "key"
    path.mkdir() if contents is None else path.write_bytes(contents)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    error = refusal(vertex.open)

    assert facts(error) == {"code": "no_credentials", **STOP}
    assert "GOOGLE_APPLICATION_CREDENTIALS" in error.sentence
    assert real_world.requests == []


def test_a_key_that_cannot_sign_stops_the_queue(real_world, vertex, monkeypatch, tmp_path):
    """The credentials refer to another file, which is missing."""
    path = tmp_path / "key.json"
    path.write_text(
        json.dumps(
            {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/x",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": "http://127.0.0.1:9/token",
                "credential_source": {"file": str(tmp_path)},
            }
        )
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    assert facts(refusal(vertex.submit)) == {"code": "no_credentials", **STOP}


def test_a_sign_in_that_was_withdrawn_stops_the_queue(real_world, signed_in, vertex):
    signed_in.answer(
        400, {"error": "invalid_grant", "error_description": "Token has been revoked."}
    )

    error = refusal(vertex.submit)

    assert facts(error) == {"code": "no_credentials", **STOP}
    assert "revoked" in error.sentence
    assert real_world.requests == [], "nothing was sent"


def test_who_signs_in_again_is_heard_without_a_restart(real_world, signed_in, vertex, tmp_path):
    signed_in.answer(400, {"error": "invalid_grant"})
    signed_in.answer(200, {"access_token": "ya29.new", "expires_in": 3600})
    real_world.answer(200, {"name": vertex.operation})
    refusal(vertex.submit)
    path = tmp_path / "adc.json"
    path.write_text(path.read_text().replace("renderer@", "another@"))

    assert vertex.submit() == vertex.operation
    assert sign_in.load_credentials().service_account_email == "another@studio-project.test"


def test_a_sign_in_that_cannot_be_reached_waits(real_world, signed_in, vertex):
    signed_in.shutdown()
    signed_in.server_close()

    error = refusal(vertex.submit)

    assert facts(error) == {"code": "no_connection", **LATER}
    assert real_world.requests == [], "nothing was sent"


def test_one_failure_answers_all_who_waited_for_it(real_world, signed_in):
    signed_in.answer(400, {"error": "invalid_grant"}, seconds=0.5)
    credentials = sign_in.load_credentials()

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(sign_in.bearer_of, credentials) for _ in range(4)]

    assert {each.exception().code for each in asked} == {"no_credentials"}
    assert len(signed_in.requests) == 1


def test_a_submission_signs_in_nowhere(real_world, signed_in, vertex):
    """A claimed submission must not wait: without a valid token it is sent later."""
    signed_in.answer(200, {"access_token": "ya29.late", "expires_in": 3600})

    error = refusal(vertex.open(submits=True).submit, vertex.request())

    assert facts(error) == {"code": "no_connection", **LATER}
    assert signed_in.requests == real_world.requests == []


def test_one_token_serves_all_clients_and_is_kept_out_of_words(real_world, signed_in, vertex):
    signed_in.answer(200, {"access_token": "ya29.secret", "expires_in": 3600})
    real_world.answer(403, {"error": {"code": 403, "message": "No: ya29.secret", "status": "X"}})

    errors = [refusal(vertex.submit), refusal(vertex.open().poll, vertex.operation)]

    assert len(signed_in.requests) == 1
    assert {request[2]["authorization"] for request in real_world.requests} == {
        "Bearer ya29.secret"
    }
    assert all("ya29.secret" not in f"{error} {error.sentence}" for error in errors)


def test_what_else_can_be_wrong_with_credentials():
    passing = sign_in.auth_error(exceptions.RefreshError("busy", retryable=True))
    other = sign_in.auth_error(ValueError("something else"))

    assert facts(passing) == {"code": "no_connection", **LATER}
    assert other is None
    assert Credentials(token=TOKEN).valid


# -- endings ---------------------------------------------------------------------------------------


def test_a_video_in_the_bucket_lies_below_the_submissions_token(simulator, vertex, bucket, token):
    finished = vertex.poll_until_done(vertex.submit(token=token))

    assert finished.uri.startswith(f"{STORAGE}/{token}/")
    assert vertex.open().find_result(token) == finished


def test_without_a_bucket_the_answer_carries_the_video(simulator, vertex):
    name = vertex.submit()

    assert vertex.poll_until_done(name) == Finished(INLINE)
    assert vertex.open().read_inline(name)[4:8] == b"ftyp"


def test_a_large_video_within_the_answer_is_taken(settings, far_end, vertex):
    video = b"v" * 40_000_000
    encoded = base64.b64encode(video).decode()
    response = {"videos": [{"bytesBase64Encoded": encoded, "mimeType": "video/mp4"}]}
    far_end.answer(200, {"name": vertex.operation, "done": True, "response": response})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    assert vertex.open().poll(vertex.operation) == Finished(INLINE)
    assert vertex.open().read_inline(vertex.operation) == video


def test_the_bound_has_room_for_the_largest_video_and_an_answer():
    encoded = len(base64.b64encode(b"v" * 3)) * LARGEST_INLINE_VIDEO // 3

    assert encoded < MAX_INLINE_ANSWER_BYTES < 2 * encoded


def test_a_submissions_answer_is_bounded_as_before(settings, far_end, vertex):
    far_end.answer(200, b" " * 9 * 1024**2 + json.dumps({"name": vertex.operation}).encode())
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    assert refusal(vertex.submit).maybe_accepted


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (
            {"code": 3, "message": "The prompt could not be submitted. Support codes: 58061214"},
            Blocked(("The prompt could not be submitted. Support codes: 58061214",), ("58061214",)),
        ),
        ({"code": 3, "message": "Wrong."}, Failed("3", "Wrong.")),
        ({"code": 7, "message": "storage.objects.create"}, Failed("7", "storage.objects.create")),
    ],
)
def test_operations_that_end_with_an_error(settings, far_end, vertex, error, ending):
    far_end.answer(200, {"name": vertex.operation, "done": True, "error": error})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    assert vertex.open().poll(vertex.operation) == ending


@pytest.mark.parametrize(
    "uri", ["gs://", "gs://bucket", "gs://bucket/../x", "https://x.test/a.mp4", "gs://b\0x/y"]
)
def test_a_link_to_no_object_is_no_ending(settings, far_end, vertex, uri):
    response = {"videos": [{"gcsUri": uri, "mimeType": "video/mp4"}]}
    far_end.answer(200, {"name": vertex.operation, "done": True, "response": response})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    assert refusal(vertex.open().poll, vertex.operation).code == "bad_link"


@pytest.mark.parametrize("videos", [[{"bytesBase64Encoded": "x", "mimeType": "video/mp4"}], [7]])
def test_a_strange_answer_is_an_error_of_ours(settings, far_end, vertex, videos):
    far_end.answer(200, {"name": vertex.operation, "done": True, "response": {"videos": videos}})
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    assert facts(refusal(vertex.open().poll, vertex.operation)) == {"code": "no_answer", **LATER}


# -- the bucket ------------------------------------------------------------------------------------


def test_nothing_below_the_prefix_is_no_result(simulator, vertex, bucket, token):
    assert vertex.open().find_result(token) is None


def test_two_videos_below_one_prefix_are_doubtful(simulator, vertex, bucket, token, fail):
    fail("done", "two_samples")
    vertex.poll_until_done(vertex.submit(token=token))

    assert vertex.open().find_result(token) is None


@pytest.mark.parametrize(
    ("fault", "consequence"),
    [
        ("internal", LATER),
        ("unavailable", LATER),
        ("quota", LATER),
        ("drop", LATER),
        ("hang", LATER),
        ("garbage", LATER),
        ("html_200", LATER),
        ("empty", LATER),
        ("huge", LATER),
        ("wrong_types", LATER),
        ("endless", LATER),
    ],
)
def test_a_list_that_is_none_says_nothing(
    settings, simulator, vertex, bucket, token, fail, fault, consequence
):
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 1.0
    fail("list", fault)

    error = refusal(vertex.open().find_result, token)

    assert facts(error) == {"code": error.code, **consequence}


def test_a_bucket_that_may_not_be_listed_says_why(simulator, vertex, bucket, token):
    simulator.change_settings({"storage_forbidden": True})

    error = refusal(vertex.open().find_result, token)

    assert "storage.objects.list" in error.sentence


def test_the_link_becomes_an_address_with_a_token(settings, bucket):
    settings.VIDEO_STORAGE_BASE_URL = "https://storage.googleapis.com"

    target = download_target(f"{STORAGE}/6f1e/17/ü+0%.mp4")

    assert target.url == (
        "https://storage.googleapis.com/storage/v1/b/clips-of-ours/o/"
        "videos%2F6f1e%2F17%2F%C3%BC%2B0%25.mp4?alt=media"
    )
    assert target.headers == {"Authorization": f"Bearer {TOKEN}"}
    assert TOKEN not in repr(target)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("gs://another-bucket/videos/x.mp4", "host_not_allowed"),
        ("gs://clips-of-ours/other/x.mp4", "host_not_allowed"),
        ("gs://clips-of-ours/videos-of-others/x.mp4", "host_not_allowed"),
        ("gs://clips-of-ours", "bad_link"),
        ("gs://clips-of-ours/", "bad_link"),
        ("gs://clips-of-ours/a/../b.mp4", "bad_link"),
        ("GS://clips-of-ours/a.mp4", "bad_link"),
        ("gs://clips-of-ours@another/a.mp4", "bad_link"),
    ],
)
def test_only_objects_of_our_bucket_are_opened(simulator, bucket, log, uri, code):
    with new_client() as client, pytest.raises(DownloadError) as caught:
        fetch_clip(client, uri, 1)

    assert (caught.value.code, caught.value.permanent) == (code, True)
    assert log()["operations"] == {}


def test_without_a_bucket_no_gs_link_is_opened(simulator):
    with new_client() as client, pytest.raises(DownloadError) as caught:
        fetch_clip(client, f"{STORAGE}/x.mp4", 1)

    assert caught.value.code == "host_not_allowed"


def test_the_token_goes_to_the_storage_host_only(settings, bucket):
    for uri in (
        "https://clips-of-ours.storage.test/videos/x.mp4",
        "https://generativelanguage.googleapis.com/v1beta/files/x:download",
        f"{settings.VIDEO_VERTEX_BASE_URL}/v1beta1/x",
    ):
        assert "Authorization" not in download_target(uri).headers
    assert KEY not in str(download_target(f"{STORAGE}/x.mp4").headers)


def test_a_clip_comes_out_of_the_bucket(simulator, vertex, bucket, token, log):
    uri = vertex.poll_until_done(vertex.submit(token=token)).uri

    with new_client() as client:
        clip = fetch_clip(client, uri, 1)

    assert clip.facts.seconds == pytest.approx(8, abs=0.2)
    assert log()["violations"] == []


def test_a_broken_download_goes_on_by_range(simulator, vertex, bucket, token, fail, log):
    name = vertex.submit(token=token)
    uri = vertex.poll_until_done(name).uri
    fail("download", "drop_midway")
    with new_client() as client:
        with pytest.raises(DownloadError):
            fetch_clip(client, uri, 1)

        fetch_clip(client, uri, 1)

    assert log()["operations"][name]["range_downloads"] == 1


@pytest.mark.parametrize(
    ("fault", "code", "permanent", "words"),
    [
        ("not_found", "http_404", False, "refuses the download"),
        ("forbidden", "http_403", True, "refuses the download"),
        ("unavailable", "http_503", False, "refuses the download"),
        ("html_200", "not_video", False, ""),
    ],
)
def test_an_object_that_is_not_had(
    simulator, vertex, bucket, token, fail, fault, code, permanent, words
):
    uri = vertex.poll_until_done(vertex.submit(token=token)).uri
    fail("download", fault)

    with new_client() as client, pytest.raises(DownloadError) as caught:
        fetch_clip(client, uri, 1)

    assert caught.value.permanent is permanent
    assert words in caught.value.sentence
    if code != "not_video":
        assert caught.value.code == code


def test_the_token_does_not_go_along_to_another_host(simulator, vertex, bucket, token, fail, log):
    uri = vertex.poll_until_done(vertex.submit(token=token)).uri
    fail("download", "redirect_other_host")

    with new_client() as client:
        fetch_clip(client, uri, 1)

    assert log()["violations"] == []


def test_prefixes_end_with_a_slash(settings):
    prefixes = []
    for storage in ("", "gs://b-1", "gs://b-1/", "gs://b-1/x"):
        settings.VIDEO_VERTEX_STORAGE_URI = storage
        prefixes.append((gs_urls.prefix_of("t"), gs_urls.prefix_of("")))

    assert prefixes == [
        ("", ""),
        ("gs://b-1/t/", "gs://b-1/"),
        ("gs://b-1/t/", "gs://b-1/"),
        ("gs://b-1/x/t/", "gs://b-1/x/"),
    ]
