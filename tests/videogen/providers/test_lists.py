"""The lists of what the API has accepted and made, read by our client."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.support.client_cases import (
    LATER,
    MODEL,
    NO,
    STOP,
    facts,
    poll_until_done,
    refusal,
    submit,
    video_request,
)
from tests.support.far_end import KEY, NOWHERE
from videogen.providers.download_targets import download_target
from videogen.providers.lists import MAX_PAGES
from videogen.providers.messages import Finished, GeneratedFile, ListedOperation, Webhook
from videogen.providers.registry import open_client
from videogen.simulator.faults import FAULTS

CALLS = {
    "operations": lambda: open_client("gemini").list_operations(MODEL),
    "generatedFiles": lambda: open_client("gemini").list_generated_files(),
}
both_lists = pytest.mark.parametrize("key", CALLS)


@pytest.fixture
def offered(simulator):
    simulator.change_settings({"list_operations": True, "list_generated_files": True})
    return simulator


@pytest.fixture
def answers(settings, far_end):
    """answers({...}, {...}) makes a server give these answers in turn, whatever it is asked."""

    def answers(*bodies, status=200, **headers):
        for body in bodies:
            far_end.answer(status, body, **headers)
        settings.VIDEO_API_BASE_URL = far_end.url
        return far_end

    return answers


# -- what is told ----------------------------------------------------------------------------------


@both_lists
def test_nothing_was_accepted(offered, key):
    assert CALLS[key]() == ()


def test_operations_are_told_with_their_links_and_nothing_that_is_not_told(offered):
    done = submit()
    finished = poll_until_done(done)
    offered.change_settings({"latency": 60})
    running = submit()

    assert open_client("gemini").list_operations(MODEL) == (
        ListedOperation(running, is_done=False, uri=None, submitted_at=None, token=None),
        ListedOperation(done, is_done=True, uri=finished.uri, submitted_at=None, token=None),
    )


def test_an_operation_that_ended_without_a_video_is_done_without_a_link(offered, fail):
    for fault in ("error", "blocked", "nothing"):
        fail("done", fault)
        poll_until_done(submit())

    listed = open_client("gemini").list_operations(MODEL)

    assert [(one.is_done, one.uri) for one in listed] == [(True, None)] * 3


def test_the_token_of_a_submission_finds_its_operation(offered):
    """A submission is accepted, its answer is lost, and the token that we sent finds it again."""
    offered.change_settings({"list_details": True})
    client = open_client("gemini", submits=True)
    before = datetime.now(UTC) - timedelta(seconds=30)
    names = {
        token: client.submit(video_request(), Webhook("https://studio.test/hook", token))
        for token in ("6f1e", "77ab")
    }
    names[None] = submit()

    listed = open_client("gemini").list_operations(MODEL)

    assert {one.token: one.name for one in listed} == names
    assert all(before < one.submitted_at <= datetime.now(UTC) for one in listed)


def test_a_submission_whose_answer_was_lost_is_listed(offered, fail, log):
    fail("submit", "drop_after_accept")

    assert refusal(submit).maybe_accepted
    (lost,) = open_client("gemini").list_operations(MODEL)

    assert lost.name == log()["submissions"][0]["operation"]
    assert isinstance(poll_until_done(lost.name), Finished)


def test_files_are_told_with_a_link_that_gives_the_video(offered):
    finished = poll_until_done(submit())

    (file,) = open_client("gemini").list_generated_files()
    got, expected = (
        httpx.get(uri, headers=download_target(uri).headers).content
        for uri in (file.uri, finished.uri)
    )

    file_id = finished.uri.rpartition("/")[2].partition(":")[0]
    assert file == GeneratedFile(
        name=f"generatedFiles/{file_id}",
        uri=f"{offered.url}/v1beta/generatedFiles/{file_id}?alt=media",
        created_at=None,
        mime_type="video/mp4",
    )
    assert got == expected
    assert got[4:8] == b"ftyp"


def test_a_link_and_a_time_that_are_told_are_taken(offered):
    offered.change_settings({"list_details": True})
    finished = poll_until_done(submit())

    (file,) = open_client("gemini").list_generated_files()

    assert file.uri == finished.uri
    assert datetime.now(UTC) - timedelta(seconds=60) < file.created_at <= datetime.now(UTC)


def test_files_that_are_gone_are_not_listed(offered):
    for _ in range(2):
        poll_until_done(submit())
    (young, old) = open_client("gemini").list_generated_files()

    offered.store.age(old.name.removeprefix("generatedFiles/"), None)

    assert open_client("gemini").list_generated_files() == (young,)


def test_all_pages_are_read(offered):
    offered.change_settings({"list_page_size": 2})
    names = {submit() for _ in range(5)}
    for name in names:
        poll_until_done(name)

    operations = open_client("gemini").list_operations(MODEL)
    files = open_client("gemini").list_generated_files()

    assert {one.name for one in operations} == names
    assert len(operations) == len(files) == 5
    assert {one.uri.partition("/files/")[2].partition(":")[0] for one in operations} == {
        one.name.removeprefix("generatedFiles/") for one in files
    }


def test_only_what_is_ready_is_a_file(answers):
    states = {"a": "GENERATED", "b": "GENERATING", "c": "FAILED", "d": "STATE_UNSPECIFIED"}
    files = [{"name": f"generatedFiles/{name}", "state": state} for name, state in states.items()]
    answers({"generatedFiles": [*files, {"name": "generatedFiles/e"}]})

    names = [file.name for file in open_client("gemini").list_generated_files()]

    assert names == ["generatedFiles/a", "generatedFiles/e"]


def test_no_listed_link_holds_the_key(settings, answers):
    settings.GEMINI_API_KEY = "a-key-that-nobody-else-has"
    link = "https://generativelanguage.googleapis.com/v1beta/files/a:download?alt=media"
    told = f"{link}&key={settings.GEMINI_API_KEY}"
    video = {"generateVideoResponse": {"generatedSamples": [{"video": {"uri": told}}]}}
    operation = {"name": f"models/{MODEL}/operations/a", "done": True, "response": video}
    answers(
        {"generatedFiles": [{"name": "generatedFiles/a", "uri": told}]}, {"operations": [operation]}
    )

    (file,) = open_client("gemini").list_generated_files()
    (one,) = open_client("gemini").list_operations(MODEL)

    assert (file.uri, one.uri) == (link, link)


def test_what_comes_twice_is_told_once_as_it_was_last(answers):
    name = f"models/{MODEL}/operations/a"
    answers(
        {"operations": [{"name": name}], "nextPageToken": "2"},
        {"operations": [{"name": name, "done": True}, {"name": "operations/b"}]},
    )

    listed = open_client("gemini").list_operations(MODEL)

    assert [(one.name, one.is_done) for one in listed] == [(name, True), ("operations/b", False)]


# -- what is asked ---------------------------------------------------------------------------------


def test_a_list_is_asked_with_the_key_in_the_header_only(answers):
    far_end = answers({"operations": [], "nextPageToken": "a/b?c=&"}, {}, {})

    open_client("gemini").list_operations(MODEL)
    open_client("gemini").list_generated_files()

    assert [(method, path) for method, path, _, _ in far_end.requests] == [
        ("GET", f"/v1beta/models/{MODEL}/operations?pageSize=50"),
        ("GET", f"/v1beta/models/{MODEL}/operations?pageSize=50&pageToken=a%2Fb%3Fc%3D%26"),
        ("GET", "/v1beta/generatedFiles?pageSize=50"),
    ]
    assert {headers["x-goog-api-key"] for _, _, headers, _ in far_end.requests} == {KEY}
    assert not any(KEY in path for _, path, _, _ in far_end.requests)


def test_a_models_name_leads_to_no_other_path(answers):
    far_end = answers({})

    open_client("gemini").list_operations("../../x?y=")

    ((_, path, _, _),) = far_end.requests
    assert path == "/v1beta/models/..%2F..%2Fx%3Fy%3D/operations?pageSize=50"


@both_lists
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_with_the_key(answers, start_far_end, key, status):
    elsewhere = start_far_end()
    elsewhere.answer(200, {})
    answers(b"", status=status, Location=f"{elsewhere.url}/v1beta/generatedFiles")

    error = refusal(CALLS[key])

    assert facts(error) == {"code": f"http_{status}", **LATER}
    assert elsewhere.requests == []


# -- failures --------------------------------------------------------------------------------------

LIST_FAILURES = {
    "501": ("unimplemented", "not_supported", NO),
    "404": ("not_found", "not_supported", NO),
    "429": ("quota", "http_429", LATER),
    "500": ("internal", "http_500", LATER),
    "503": ("unavailable", "http_503", LATER),
    "400, key": ("key_invalid", "key_refused", STOP),
    "403": ("permission_denied", "key_refused", STOP),
    "drop": ("drop", "no_answer", LATER),
    "time-out": ("hang", "no_answer", LATER),
    "half an answer": ("garbage", "no_answer", LATER),
    "a web page": ("html_200", "no_answer", LATER),
    "no body": ("empty", "no_answer", LATER),
    "wrong types": ("wrong_types", "no_answer", LATER),
    "without end": ("endless", "list_too_long", NO),
    "huge": ("huge", "no_answer", LATER),
}


@both_lists
@pytest.mark.parametrize(
    ("fault", "code", "consequence"), LIST_FAILURES.values(), ids=LIST_FAILURES.keys()
)
def test_list_failures(settings, offered, fail, key, fault, code, consequence):
    # An endless list takes its 40 pages.
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 10 if fault == "endless" else 0.5
    submit()
    fail("list", fault, times=-1)

    error = refusal(CALLS[key])

    assert facts(error) == {"code": code, **consequence}
    assert KEY not in f"{error} {error.sentence}"
    assert "{" not in error.sentence, "words, not a dump"


def test_every_fault_of_a_list_is_in_the_table():
    faults = {fault.name for fault in FAULTS.values() if fault.at == "list"}

    assert faults - {row[0] for row in LIST_FAILURES.values()} == {"nothing", "slow"}


@both_lists
def test_a_list_that_is_not_switched_on_is_not_supported(simulator, key):
    error = refusal(CALLS[key])

    assert facts(error) == {"code": "not_supported", **NO}


@both_lists
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"<html>Not found</html>"),
        (405, b"<html>Method not allowed</html>"),
        (501, b""),
        (400, {"error": {"code": 400, "status": "UNIMPLEMENTED", "message": "No."}}),
    ],
)
def test_there_are_many_ways_to_say_that_there_is_no_list(answers, key, status, body):
    answers(body, status=status)

    assert facts(refusal(CALLS[key])) == {"code": "not_supported", **NO}


@both_lists
def test_a_request_that_is_refused_is_refused(answers, key):
    answers({"error": {"code": 400, "message": "No."}}, status=400)

    assert facts(refusal(CALLS[key])) == {"code": "http_400", **NO}


@both_lists
def test_a_wait_that_the_api_names_is_kept(answers, key):
    answers({"error": {"code": 429, "message": "Slow down."}}, status=429, Retry_After="7")

    assert refusal(CALLS[key]).retry_after == 7


@both_lists
def test_without_a_connection_it_may_be_asked_again(settings, key):
    settings.VIDEO_API_BASE_URL = NOWHERE

    assert facts(refusal(CALLS[key])) == {"code": "no_answer", **LATER}


@both_lists
def test_without_a_key_nothing_is_asked(settings, answers, key):
    far_end = answers({})
    settings.GEMINI_API_KEY = ""

    assert refusal(CALLS[key]).code == "no_api_key"
    assert far_end.requests == []


@both_lists
def test_a_list_that_breaks_off_on_its_second_page_is_no_list(offered, fail, key):
    """From half a list one would conclude that the other half was not accepted."""
    offered.change_settings({"list_page_size": 1})
    for _ in range(2):
        poll_until_done(submit())
    fail("list", "unavailable", after=1)

    assert facts(refusal(CALLS[key])) == {"code": "http_503", **LATER}
    assert len(CALLS[key]()) == 2


@both_lists
def test_a_list_ends_somewhere(answers, key):
    far_end = answers({"nextPageToken": "again"})

    error = refusal(CALLS[key])

    assert error.code == "list_too_long"
    assert len(far_end.requests) == MAX_PAGES


@both_lists
def test_a_trickle_is_not_waited_for_for_ever(settings, far_end, key):
    """Each page comes within the time for a page, but all of them together take too long."""
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 0.2
    settings.VIDEO_API_BASE_URL = far_end.url
    far_end.answer(200, {"nextPageToken": "again"}, seconds=0.1)

    started = time.monotonic()
    error = refusal(CALLS[key])

    assert facts(error) == {"code": "no_answer", **LATER}
    assert time.monotonic() - started < 2


# -- hostile answers -------------------------------------------------------------------------------

ENTRY = {"operations": f"models/{MODEL}/operations/a", "generatedFiles": "generatedFiles/a"}


@both_lists
@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\x1f\x8b\x08 compressed",
    ],
)
def test_what_is_no_object_is_no_list(answers, key, body):
    answers(body)

    assert facts(refusal(CALLS[key])) == {"code": "no_answer", **LATER}


@both_lists
def test_a_page_has_a_largest_size(answers, key):
    answers(b"{}" + b" " * (4 * 1024**2 - 2))
    assert CALLS[key]() == ()

    answers(b"{}" + b" " * (4 * 1024**2 - 1))
    # The server gives the first answer once more, then the larger one for ever.
    CALLS[key]()
    error = refusal(CALLS[key])

    assert facts(error) == {"code": "no_answer", **LATER}
    assert "larger than 4 MB" in error.sentence


@both_lists
@pytest.mark.parametrize("entries", [7, "text", {"name": "x"}, None, [None], [7], [[]], ["name"]])
def test_entries_of_wrong_types_are_no_list(answers, key, entries):
    answers({key: entries})

    assert facts(refusal(CALLS[key])) == {"code": "no_answer", **LATER}


@both_lists
@pytest.mark.parametrize(
    "name",
    [
        None,
        7,
        "",
        "a",
        "operations/",
        "operations/../files/x",
        "operations/a?key=b",
        "operations/a/b",
        "models/../operations/a",
        "https://elsewhere.test/operations/a",
        "operations/a\n",
        "operations/ａ",
        "generatedFiles/../a",
        "generatedFiles/a:download",
    ],
)
def test_a_name_that_could_lead_elsewhere_is_no_name(answers, key, name):
    answers({key: [{"name": ENTRY[key]}, {"name": name}]})

    assert facts(refusal(CALLS[key])) == {"code": "no_answer", **LATER}


@both_lists
@pytest.mark.parametrize("token", [7, ["a"], {"a": 1}, True])
def test_a_page_token_that_is_no_text_is_no_token(answers, key, token):
    far_end = answers({key: [], "nextPageToken": token})

    assert facts(refusal(CALLS[key])) == {"code": "no_answer", **LATER}
    assert len(far_end.requests) == 1


@pytest.mark.parametrize("done", ["true", 1, 0, [], {}])
def test_an_operation_is_done_or_not(answers, done):
    answers({"operations": [{"name": ENTRY["operations"], "done": done}]})

    assert refusal(CALLS["operations"]).code == "no_answer"


@pytest.mark.parametrize("state", [7, ["GENERATED"], {}, None])
def test_a_files_state_is_a_word(answers, state):
    answers({"generatedFiles": [{"name": ENTRY["generatedFiles"], "state": state}]})

    assert refusal(CALLS["generatedFiles"]).code == "no_answer"


@pytest.mark.parametrize(
    "strange",
    [
        {"metadata": 7},
        {"metadata": {"createTime": 7, "webhookConfig": "x"}},
        {"metadata": {"createTime": "yesterday", "webhookConfig": {"userMetadata": []}}},
        {"metadata": {"createTime": "2026-01-01T00:00:00"}},
        {"metadata": {"webhookConfig": {"userMetadata": {"submission_token": 7}}}},
        {"metadata": {"webhookConfig": {"userMetadata": {"submission_token": "a\u0000b"}}}},
        {"metadata": {"webhookConfig": {"userMetadata": {"submission_token": "x" * 2001}}}},
        {"response": []},
        {"response": {"generateVideoResponse": {"generatedSamples": {"a": 1}}}},
        {"response": {"generateVideoResponse": {"generatedSamples": [7, {"video": []}]}}},
        {"response": {"generateVideoResponse": {"generatedSamples": [{"video": {"uri": 7}}]}}},
        {
            "response": {
                "generateVideoResponse": {"generatedSamples": [{"video": {"uri": "\ud800"}}]}
            }
        },
        {"somethingNew": {"a": [1]}},
    ],
)
def test_what_is_told_strangely_is_not_told(answers, strange):
    answers({"operations": [{"name": ENTRY["operations"], "done": True} | strange]})

    (listed,) = open_client("gemini").list_operations(MODEL)

    assert listed == ListedOperation(
        ENTRY["operations"], is_done=True, uri=None, submitted_at=None, token=None
    )


@pytest.mark.parametrize(
    "strange",
    [
        {"uri": 7, "createTime": 7, "mimeType": 7},
        {"uri": "", "createTime": "", "mimeType": ""},
        {"uri": "a\nb", "createTime": "2026-01-01", "mimeType": "x" * 3000},
    ],
)
def test_what_is_told_strangely_of_a_file_is_not_told(answers, strange):
    far_end = answers({"generatedFiles": [{"name": ENTRY["generatedFiles"]} | strange]})

    (listed,) = open_client("gemini").list_generated_files()

    link = f"{far_end.url}/v1beta/generatedFiles/a?alt=media"
    assert listed == GeneratedFile(ENTRY["generatedFiles"], link, None, "")


@pytest.mark.parametrize("name", ["user_metadata", "userMetadata"])
def test_metadata_is_read_in_both_spellings(answers, name):
    user = {name: {"submission_token": "6f1e"}}
    metadata = {"webhookConfig": user, "createTime": "2026-11-22T10:00:00.123456789Z"}
    answers({"operations": [{"name": ENTRY["operations"], "metadata": metadata}]})

    (listed,) = open_client("gemini").list_operations(MODEL)

    assert listed.token == "6f1e"
    assert listed.submitted_at == datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)


@both_lists
@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_the_key_is_in_no_text_of_a_failed_list(answers, key, status):
    message = f"The key {KEY} is not welcome at /v1beta?key={KEY}"
    answers({"error": {"code": status, "message": message, "status": "X"}}, status=status)

    error = refusal(CALLS[key])

    assert KEY not in f"{error} {error.sentence}"
    assert "[key] is not welcome" in error.sentence
