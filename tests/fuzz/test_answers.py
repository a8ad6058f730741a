"""Whatever the API answers: a valid answer or an error of ours, and a render in a legal state."""

from __future__ import annotations

import gzip
import json
import resource

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.factories import State, make_render, make_shot
from videogen.common.errors import DownloadError, VeoError
from videogen.models import Submission, VideoRender
from videogen.models.states import MOVES
from videogen.pipeline.results import (
    apply_accepted,
    apply_poll,
    apply_poll_error,
    apply_submit_error,
)
from videogen.providers.messages import Blocked, Failed, Finished, Nothing, Running, VideoRequest
from videogen.providers.registry import open_client
from videogen.takes.fetch import fetch_clip, new_client

from .mutations import always, as_bytes, changed, changes, forms

pytestmark = pytest.mark.django_db

NAME = "models/veo-3.1-generate-preview/operations/op7"
REQUEST = VideoRequest(
    model="veo-3.1-generate-preview",
    prompt="A fox.",
    references=(),
    reference_type="asset",
    aspect_ratio="16:9",
    resolution="1080p",
    duration_seconds=8,
)
ERROR = {
    "error": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "message": "Quota exceeded.",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": "7s",
            },
            {"violations": [{"quotaId": "PerDay", "quotaValue": "10"}]},
        ],
    }
}
VIDEO = {"video": {"uri": "https://generativelanguage.googleapis.com/v1beta/files/x:download"}}
POLLS = [
    {"name": NAME},
    {
        "name": NAME,
        "done": True,
        "response": {"generateVideoResponse": {"generatedSamples": [VIDEO]}},
    },
    {
        "name": NAME,
        "done": True,
        "response": {
            "generateVideoResponse": {
                "raiMediaFilteredCount": 1,
                "raiMediaFilteredReasons": ["Support codes: 58061214"],
            }
        },
    },
    {"name": NAME, "done": True, "error": {"code": 13, "message": "internal"}},
    ERROR,
]
MODELS = {
    "models": [{"name": "models/veo-3.1", "supportedGenerationMethods": ["predictLongRunning"]}],
    "nextPageToken": "",
}
statuses = st.sampled_from([200] * 8 + [201, 204, 304, 400, 401, 404, 408, 429, 500, 503, 599])
headers = st.sampled_from(
    [
        {},
        {},
        {"Content_Type": "application/json"},
        {"Content_Type": "text/html; charset=utf-16"},
        {"Content_Encoding": "gzip"},
        {"Retry_After": "7"},
        {"Retry_After": "9" * 400},
        {"Retry_After": "-1"},
        {"Retry_After": "Wed, 21 Oct 2099 07:28:00 GMT"},
        {"Location": "file:///etc/passwd"},
    ]
)


def answers(*documents):
    """(status, headers, body): a valid one with changes, or bytes of any kind."""
    mutated = st.builds(
        lambda document, drawn, form: as_bytes(changed(document, drawn), form),
        st.sampled_from(documents),
        changes,
        forms,
    )
    return st.tuples(statuses, headers, st.one_of(mutated, mutated, st.binary(max_size=60)))


def fuzz(count, strategy, check):
    """Runs `check` with so many inputs; how many there were."""
    seen = 0

    @hypothesis_settings(always, max_examples=count)
    @given(strategy)
    def run(drawn):
        nonlocal seen
        seen += 1
        check(drawn)

    run()
    return seen


@pytest.fixture
def api(settings, start_far_end):
    """say(drawn): what the far end answers from now on."""
    server = start_far_end()
    settings.VIDEO_API_BASE_URL = server.url
    settings.VIDEO_DOWNLOAD_HOSTS = []

    def say(drawn):
        status, headers, body = drawn
        server.answers.clear()
        server.answer(status, b"" if status in (204, 304) else body, **headers)
        return server.url

    return say


def assert_words(error):
    assert error.sentence and error.code and "\0" not in error.sentence
    assert len(error.sentence) < 3_000
    error.sentence.encode()


def assert_legal(render, state):
    """The row as the database has it now."""
    render.refresh_from_db(fields=["state", "operation_name", "error_code", "error_message"])
    assert render.state == state or render.state in MOVES[state]
    assert len(render.operation_name) <= 500 and len(render.error_code) <= 60


@pytest.mark.slow
def test_any_answer_to_a_submission(api):
    client = open_client("gemini", submits=True)
    render = make_render(make_shot(), State.SUBMITTING)
    submission = render.submissions.get()
    outcomes = set()

    def check(drawn):
        api(drawn)
        with transaction.atomic():
            try:
                name = client.submit(REQUEST)
            except VeoError as error:
                assert_words(error)
                # What was answered with success, or not understood, may have been accepted.
                assert error.maybe_accepted or 400 <= drawn[0] < 504
                fresh = Submission.objects.select_related("render__lane").get(pk=submission.pk)
                apply_submit_error(fresh, error)
            else:
                assert isinstance(name, str) and name
                apply_accepted(submission.token, name)
            assert_legal(render, State.SUBMITTING)
            outcomes.add(render.state)
            transaction.set_rollback(True)

    assert fuzz(600, answers({"name": NAME}, {"name": NAME, "done": False}, ERROR), check) >= 600
    assert outcomes == {State.RUNNING, State.UNKNOWN, State.QUEUED, State.FAILED}


@pytest.mark.slow
def test_any_answer_to_a_poll(api):
    client = open_client("gemini")
    render = make_render(make_shot(), State.RUNNING, operation_name=NAME)
    outcomes = set()

    def check(drawn):
        api(drawn)
        with transaction.atomic():
            fresh = VideoRender.objects.select_related("lane").get(pk=render.pk)
            try:
                answer = client.poll(NAME)
            except VeoError as error:
                assert_words(error)
                apply_poll_error(fresh, error)
            else:
                assert isinstance(answer, Running | Finished | Blocked | Failed | Nothing)
                apply_poll(fresh, answer)
            assert_legal(render, State.RUNNING)
            outcomes.add(render.state)
            transaction.set_rollback(True)

    assert fuzz(700, answers(*POLLS), check) >= 700
    assert outcomes == {
        State.RUNNING,
        State.DOWNLOADING,
        State.BLOCKED,
        State.FAILED,
        State.UNKNOWN,
    }


def test_any_list_of_models(api):
    client = open_client("gemini")
    names = []

    def check(drawn):
        api(drawn)
        try:
            names.append(client.list_models())
        except VeoError as error:
            assert_words(error)

    assert fuzz(200, answers(MODELS, ERROR), check) >= 200
    assert any(names)


@pytest.mark.slow
def test_any_file_behind_a_link(api, tmp_path):
    codes = set()
    files = st.tuples(
        statuses,
        st.one_of(
            headers,
            st.sampled_from(
                [
                    {"Content_Range": "bytes 0-1/2"},
                    {"Content_Length": "0"},
                    {"ETag": '"\\u0000"'},
                    {"Location": "/again"},
                    {"Location": "https://[::1"},
                    {"Location": "http://\\x00/"},
                ]
            ),
        ),
        st.one_of(
            st.binary(max_size=200),
            st.binary(max_size=100).map(lambda data: b"\0\0\0\x18ftypmp42" + data),
            st.just(b"[" * 8_000),
            st.builds(lambda drawn, form: as_bytes(changed(ERROR, drawn), form), changes, forms),
        ),
    )
    with new_client() as client:

        def check(drawn):
            link = f"{api(drawn)}/v1beta/files/x:download"
            with pytest.raises(DownloadError) as caught:
                fetch_clip(client, link, 7)
            assert_words(caught.value)
            codes.add(caught.value.code)

        assert fuzz(500, files, check) >= 500
    assert len(codes) > 8


@pytest.mark.parametrize("name", ["a" * 501, "a\0b", "a\ud800b"])
def test_a_name_that_no_row_can_hold_is_an_unknown_outcome(api, name):
    api((200, {}, json.dumps({"name": name}).encode()))

    with pytest.raises(VeoError) as caught:
        open_client("gemini", submits=True).submit(REQUEST)

    assert (caught.value.code, caught.value.maybe_accepted) == ("no_operation_name", True)


def test_a_link_that_no_row_can_hold_loses_what_is_wrong_with_it(api):
    video = {"video": {"uri": "https://h/a\0b\ud800"}}
    answer = POLLS[1] | {"response": {"generateVideoResponse": {"generatedSamples": [video]}}}
    api((200, {}, json.dumps(answer).encode()))

    assert open_client("gemini").poll(NAME) == Finished("https://h/ab?")


@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_answer_of_a_hundred_megabytes_is_not_read(api, status):
    api((status, {}, b'{"name": "' + b"a" * 100 * 1024**2 + b'"}'))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(VeoError) as sent:
        open_client("gemini", submits=True).submit(REQUEST)
    with pytest.raises(VeoError) as polled:
        open_client("gemini").poll(NAME)

    assert "larger than 8 MB" in sent.value.sentence and sent.value.maybe_accepted
    assert "larger than 8 MB" in polled.value.sentence and not polled.value.permanent
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 100 * 1024


def test_a_packed_answer_is_not_unpacked(api):
    api((200, {"Content_Encoding": "gzip"}, gzip.compress(b"0" * 100 * 1024**2)))

    with pytest.raises(VeoError) as caught:
        open_client("gemini").poll(NAME)

    assert "compressed" in caught.value.sentence


def test_a_wait_of_years_is_not_believed(api):
    far = json.loads(json.dumps(ERROR).replace("7s", "9" * 300 + "s"))
    api((429, {}, json.dumps(far).encode()))

    with pytest.raises(VeoError) as caught:
        open_client("gemini").poll(NAME)

    assert caught.value.retry_after is None
