from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.simulator_calls import MODEL, SUBMIT, submission

OPERATIONS = f"/v1beta/models/{MODEL}/operations"
FILES = "/v1beta/generatedFiles"
BOTH = {"list_operations": True, "list_generated_files": True}
WEBHOOK = {"uris": ["https://studio.test/hook"], "user_metadata": {"token": "t-1"}}


@pytest.fixture
def listing(start):
    return start(**BOTH)


def pages(caller, path, key, **query):
    """Every page's entries."""
    found = []
    while True:
        page = caller.http.get(path, params=query).json()
        found.append(page.get(key, []))
        if "nextPageToken" not in page:
            return found
        query["pageToken"] = page["nextPageToken"]


@pytest.mark.parametrize("path", [OPERATIONS, FILES, f"{FILES}/abc"])
def test_lists_are_not_implemented_unless_switched_on(caller, path):
    answer = caller.http.get(path)

    assert answer.status_code == 501
    assert answer.json()["error"]["status"] == "UNIMPLEMENTED"


def test_an_empty_list_is_an_empty_object(listing):
    assert listing.http.get(OPERATIONS).json() == {}
    assert listing.http.get(FILES).json() == {}


def test_operations_are_listed_newest_first_running_or_done(listing):
    done = listing.submit().json()["name"]
    listing.wait(done)
    listing.simulator.change_settings({"latency": 60})
    running = listing.submit().json()["name"]

    first, second = listing.http.get(OPERATIONS).json()["operations"]

    assert first == {"name": running}
    assert second == listing.poll(done).json()


def test_operations_of_another_model_are_listed_there(listing):
    other = SUBMIT.replace(MODEL, "veo-3.1-fast-generate-preview")
    name = listing.http.post(other, json=submission()).json()["name"]

    fast = listing.http.get(OPERATIONS.replace(MODEL, "veo-3.1-fast-generate-preview")).json()

    assert listing.http.get(OPERATIONS).json() == {}
    assert [one["name"] for one in fast["operations"]] == [name]
    assert listing.http.get("/v1beta/models/no-such/operations").status_code == 404


def test_files_have_the_fields_of_the_published_schema(listing):
    link = listing.render()

    (file,) = listing.http.get(FILES).json()["generatedFiles"]

    assert file == {"name": file["name"], "mimeType": "video/mp4", "state": "GENERATED"}
    assert file["name"].removeprefix("generatedFiles/") in link


def test_a_generated_file_is_shown_and_sent(listing):
    link = listing.render()
    (file,) = listing.http.get(FILES).json()["generatedFiles"]

    shown = listing.http.get(f"/v1beta/{file['name']}")
    sent = listing.http.get(f"/v1beta/{file['name']}", params={"alt": "media"})

    assert shown.json() == file
    assert sent.content == listing.http.get(link).content
    assert listing.http.get(f"{FILES}/nosuchfile").status_code == 404


def test_pages_have_ten_entries_unless_asked_and_fifty_at_most(listing):
    names = [listing.submit().json()["name"] for _ in range(53)]

    by_default = pages(listing, OPERATIONS, "operations")
    asked = pages(listing, OPERATIONS, "operations", pageSize=1000)

    assert [len(page) for page in by_default] == [10] * 5 + [3]
    assert [len(page) for page in asked] == [50, 3]
    for found in (by_default, asked):
        assert [one["name"] for page in found for one in page] == names[::-1]


def test_what_is_accepted_between_two_pages_moves_nothing(listing):
    old = [listing.submit().json()["name"] for _ in range(3)]
    first = listing.http.get(OPERATIONS, params={"pageSize": 2}).json()
    listing.submit()

    rest = listing.http.get(OPERATIONS, params={"pageToken": first["nextPageToken"]}).json()

    assert [one["name"] for one in rest["operations"]] == old[:1]
    assert "nextPageToken" not in rest


@pytest.mark.parametrize(
    "query",
    [
        {"pageSize": "many"},
        {"pageSize": "-1"},
        {"pageToken": "nonsense"},
        {"pageToken": "bm9uc2Vuc2U="},
        {"filter": "done"},
        {"page_size": "5"},
    ],
)
@pytest.mark.parametrize("path", [OPERATIONS, FILES])
def test_a_wrong_query_is_refused(listing, path, query):
    assert listing.http.get(path, params=query).status_code == 400


@pytest.mark.parametrize("path", [OPERATIONS, FILES])
def test_lists_need_the_key(listing, path):
    assert listing.http.get(path, headers={"x-goog-api-key": ""}).status_code == 403
    assert listing.http.get(path, params={"key": "a-key"}).status_code == 400
    assert listing.log()["violations"][0]["rule"] == "key_in_query"


def test_metadata_of_a_submission_comes_back_with_a_poll_and_with_details(listing):
    body = submission() | {"webhookConfig": WEBHOOK}
    name = listing.http.post(SUBMIT, json=body).json()["name"]
    plain = listing.submit().json()["name"]
    before = datetime.now(UTC) - timedelta(seconds=30)

    bare = listing.http.get(OPERATIONS).json()["operations"]
    listing.simulator.change_settings({"list_details": True})
    told = {one["name"]: one for one in listing.http.get(OPERATIONS).json()["operations"]}

    expected = {"uris": WEBHOOK["uris"], "userMetadata": {"token": "t-1"}}
    assert listing.poll(name).json()["metadata"]["webhookConfig"] == expected
    assert "metadata" not in listing.poll(plain).json()
    assert not any("metadata" in one for one in bare)
    assert told[name]["metadata"]["webhookConfig"] == expected
    assert "webhookConfig" not in told[plain]["metadata"]
    created = datetime.fromisoformat(told[plain]["metadata"]["createTime"])
    assert before < created <= datetime.now(UTC)


def test_metadata_survives_a_restart(start):
    first = start()
    body = submission() | {"webhookConfig": WEBHOOK}
    name = first.http.post(SUBMIT, json=body).json()["name"]
    first.simulator.stop()

    assert start().poll(name).json()["metadata"]["webhookConfig"]["uris"] == WEBHOOK["uris"]


def test_details_of_files_lead_to_them(start):
    caller = start(**BOTH, list_details=True)
    link = caller.render()

    (file,) = caller.http.get(FILES).json()["generatedFiles"]

    assert file["uri"] == link
    assert datetime.fromisoformat(file["createTime"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    "webhook",
    [
        "https://studio.test/hook",
        {"uri": "https://studio.test/hook"},
        {"uris": "https://studio.test/hook"},
        {"uris": [7]},
        {"uris": [""]},
        {"uris": ["ftp://studio.test/hook"]},
        {"uris": ["http://studio.test/hook"]},
        {"user_metadata": "t-1"},
        {"user_metadata": ["t-1"]},
        {"userMetadata": {}, "user_metadata": {}},
    ],
)
def test_a_wrong_webhook_is_refused(caller, webhook):
    answer = caller.http.post(SUBMIT, json=submission() | {"webhookConfig": webhook})

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert caller.log()["submissions"][0]["operation"] is None


# -- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [OPERATIONS, FILES])
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("unimplemented", 501),
        ("not_found", 404),
        ("quota", 429),
        ("internal", 500),
        ("unavailable", 503),
        ("key_invalid", 400),
        ("permission_denied", 403),
        ("garbage", 200),
        ("html_200", 200),
        ("empty", 200),
        ("nothing", 200),
        ("wrong_types", 200),
    ],
)
def test_a_list_can_fail_and_the_next_is_right(listing, path, fault, status):
    listing.render()
    right = listing.http.get(path).json()
    listing.script("list", fault)

    wrong = listing.http.get(path)

    assert wrong.status_code == status
    assert wrong.text != listing.http.get(path).text
    assert listing.http.get(path).json() == right


def test_a_fault_of_a_list_can_be_meant_for_one_of_them(listing):
    listing.script("list", "internal", match="generatedFiles", times=-1)

    assert listing.http.get(OPERATIONS).status_code == 200
    assert listing.http.get(FILES).status_code == 500


def test_an_endless_list_never_ends(listing):
    listing.render()
    listing.script("list", "endless", times=-1)

    tokens, query = set(), {}
    for _ in range(4):
        page = listing.http.get(OPERATIONS, params=query).json()
        assert len(page["operations"]) == 1
        tokens.add(page["nextPageToken"])
        query = {"pageToken": page["nextPageToken"]}

    assert len(tokens) == 4


def test_a_huge_list_is_huge(listing):
    listing.script("list", "huge", params={"megabytes": 3})

    assert len(listing.http.get(OPERATIONS).content) == 3 * 1024**2
