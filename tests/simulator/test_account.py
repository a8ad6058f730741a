"""What the account allows, switched while the simulator runs, and how files grow old."""

from __future__ import annotations

import time

import pytest

from tests.support.simulator_calls import MODEL, SUBMIT, submission

FAST = "veo-3.1-fast-generate-preview"


def switch(caller, **settings):
    answer = caller.http.post("/_simulator/settings", json=settings)
    assert answer.status_code == 200, answer.text


def age(caller, **wanted):
    return caller.http.post("/_simulator/age", json=wanted)


def test_a_full_spend_window_has_room_again(start):
    # The window shrinks in the middle: how long four submissions take is the machine's to say.
    caller = start(spend_limit=10, spend_window=600.0)

    full = [caller.submit().status_code for _ in range(4)]
    refused = caller.submit().json()["error"]
    switch(caller, spend_window=0.001)
    time.sleep(0.01)

    assert full == [200, 200, 200, 429]
    assert refused["status"] == "RESOURCE_EXHAUSTED"
    assert refused["message"].startswith("You exceeded your spend-based rate limit.")
    assert "details" not in refused
    assert caller.submit().status_code == 200


def test_the_spend_window_counts_the_price_of_the_model(start):
    """8 s at 1080p: 3.20 for the standard model, 0.96 for the fast one."""
    caller = start(spend_limit=4.2)
    fast = SUBMIT.replace(MODEL, FAST)

    statuses = [
        caller.http.post(path, json=submission()).status_code
        for path in (SUBMIT, SUBMIT, fast, fast)
    ]

    assert statuses == [200, 429, 200, 429]
    state = caller.http.get("/_simulator/state").json()
    assert state["spent_usd_in_window"] == pytest.approx(4.16)


def test_what_was_refused_is_not_booked(start):
    caller = start(spend_limit=10)
    caller.script("submit", "unavailable", times=5)

    statuses = [caller.submit().status_code for _ in range(8)]

    assert statuses == [503] * 5 + [200] * 3


@pytest.mark.parametrize(
    ("switched", "status", "words"),
    [
        ({"key_revoked": True}, 400, "API key not valid"),
        ({"credits_depleted": True}, 429, "prepayment credits are depleted"),
        ({"retired_models": f"veo-2.0-generate-001, {MODEL}"}, 404, "no longer available"),
    ],
)
def test_the_account_changes_while_it_runs(caller, switched, status, words):
    caller.submit()

    switch(caller, **switched)
    refused = caller.submit()
    switch(caller, key_revoked=False, credits_depleted=False, retired_models="")

    assert refused.status_code == status
    assert words in refused.json()["error"]["message"]
    assert caller.log()["submissions"][1]["operation"] is None
    assert caller.submit().status_code == 200


def test_a_revoked_key_opens_nothing(start):
    caller = start(list_operations=True, list_generated_files=True)
    link = caller.render()
    name = caller.log()["submissions"][0]["operation"]

    switch(caller, key_revoked=True)
    paths = (f"/v1beta/{name}", link, "/v1beta/models", "/v1beta/generatedFiles")

    assert [caller.http.get(path).status_code for path in paths] == [400] * 4


def test_without_credit_what_was_accepted_is_still_made(caller):
    name = caller.submit().json()["name"]

    switch(caller, credits_depleted=True)

    assert caller.wait(name)["done"] is True


def test_a_retired_model_is_not_listed_and_its_operations_end(caller):
    name = caller.submit().json()["name"]

    switch(caller, retired_models=MODEL)
    models = [model["name"] for model in caller.http.get("/v1beta/models").json()["models"]]

    assert f"models/{MODEL}" not in models
    assert f"models/{FAST}" in models
    assert caller.http.get(f"/v1beta/models/{MODEL}").status_code == 404
    assert caller.wait(name)["done"] is True


def test_files_are_gone_after_two_days(start):
    caller = start(list_generated_files=True)
    old, young = caller.render(), caller.render()
    file_id = old.partition("/files/")[2].partition(":")[0]

    just_not = age(caller, of=file_id, seconds=47.9 * 3600)
    kept = caller.http.get(old).status_code
    age(caller, of=file_id, seconds=0.2 * 3600)
    gone = caller.http.get(old)

    assert just_not.json()["aged"] == [caller.log()["submissions"][0]["operation"]]
    assert kept == 200
    assert gone.status_code == 404
    assert "has expired" in gone.json()["error"]["message"]
    assert caller.http.get(young).status_code == 200
    assert len(caller.http.get("/v1beta/generatedFiles").json()["generatedFiles"]) == 1


def test_without_a_name_everything_grows_old(caller):
    links = [caller.render() for _ in range(2)]

    assert len(age(caller).json()["aged"]) == 2
    assert [caller.http.get(link).status_code for link in links] == [404, 404]


@pytest.mark.parametrize(
    "wanted",
    [{"of": "nosuchfile"}, {"of": 7}, {"seconds": "long"}, {"seconds": -1}, {"older": 1}],
)
def test_ageing_refuses_what_it_does_not_know(caller, wanted):
    link = caller.render()

    assert age(caller, **wanted).status_code == 400
    assert caller.http.get(link).status_code == 200
