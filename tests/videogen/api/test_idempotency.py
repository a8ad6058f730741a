from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.api import problem, program
from tests.support.factories import make_story
from tests.support.installations import ROOT, Installation
from tests.support.servers import postgres_database
from videogen.common.processes import this_process
from videogen.models import ApiAnswer, RenderBatch

pytestmark = pytest.mark.django_db


@pytest.fixture
def asks():
    make_story()
    return program()


def order(asks, **body):
    body = {"story_id": "the-lamp", **body}
    seen = asks.post("/plans", body).json()["fingerprint"]
    return {**body, "fingerprint": seen}


def test_the_same_key_gives_the_same_answer(asks):
    body = order(asks)

    first = asks.post("/batches", body, key="k-1")
    again = asks.post("/batches", body, key="k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content and again["Location"] == first["Location"]
    assert again["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first
    assert RenderBatch.objects.count() == 1


def test_a_refusal_is_an_answer_too(asks):
    body = {**order(asks), "fingerprint": "0" * 64}

    first = asks.post("/batches", body, key="k-1")
    again = asks.post("/batches", body, key="k-1")

    assert problem(first) == problem(again) == (409, "plan_changed")
    assert again["Idempotent-Replayed"] == "true"


def test_another_body_with_the_key_is_refused(asks):
    body = order(asks)
    asks.post("/batches", body, key="k-1")

    other = {**body, "priority": "first"}

    assert problem(asks.post("/batches", other, key="k-1")) == (422, "idempotency_key_reused")


def test_the_key_is_one_persons_own(asks):
    body = order(asks)
    asks.post("/batches", body, key="k-1")

    assert problem(program().post("/batches", body, key="k-1")) == (409, "plan_changed")


def test_while_somebody_is_at_work_it_is_said(asks):
    body = order(asks)
    asks.post("/batches", body, key="k-1")
    ApiAnswer.objects.update(status=None, body="")

    assert problem(asks.post("/batches", body, key="k-1")) == (409, "still_at_work")


def test_where_the_worker_is_gone_the_next_one_goes_on(asks):
    body = order(asks)
    asks.post("/batches", {**body, "fingerprint": "0" * 64}, key="k-1")
    ApiAnswer.objects.update(status=None, worker=_gone())
    row = ApiAnswer.objects.get()
    response = asks.post("/batches", {**body, "fingerprint": "0" * 64}, key="k-1")

    assert problem(response) == (409, "plan_changed")
    assert "Idempotent-Replayed" not in response
    row.refresh_from_db()
    assert row.status == 409 and row.worker != _gone()


def _gone():
    """A process of this host that there is not."""
    return this_process().replace(f"|{os.getpid()}|", "|4194303|")


@pytest.mark.parametrize(
    ("worker", "minutes", "code"),
    [
        ("another-host|boot|1|1.0", 9, "still_at_work"),
        ("another-host|boot|1|1.0", 11, "plan_changed"),
        ("another-host|boot|1|1.0", -9, "still_at_work"),
        ("another-host|boot|1|1.0", -60, "plan_changed"),
        (this_process(), 11, "still_at_work"),
    ],
    ids=[
        "another host, perhaps at work",
        "another host, silent",
        "another host, its clock is ahead",
        "another host, before the clock was set back",
        "this process, slow",
    ],
)
def test_a_lost_host_does_not_keep_its_keys(asks, worker, minutes, code):
    body = {**order(asks), "fingerprint": "0" * 64}
    asks.post("/batches", body, key="k-1")
    long_ago = timezone.now() - timedelta(minutes=minutes)
    ApiAnswer.objects.update(status=None, worker=worker, made_at=long_ago)

    assert problem(asks.post("/batches", body, key="k-1")) == (409, code)


def test_who_was_only_slow_makes_nothing_after_another_has_gone_on(asks, monkeypatch):
    """Another host took the key over in the middle of the work."""
    body = order(asks)

    def overtaken(*args, **kwargs):
        ApiAnswer.objects.update(worker="another-host|boot|1|1.0")

    monkeypatch.setattr("videogen.api.batches.note", overtaken)

    assert problem(asks.post("/batches", body, key="k-1")) == (409, "still_at_work")
    assert not RenderBatch.objects.exists()


def test_a_key_is_kept_for_a_day(asks):
    body = order(asks)
    asks.post("/batches", body, key="k-1")
    ApiAnswer.objects.update(made_at=timezone.now() - timedelta(hours=24, seconds=1))

    assert problem(asks.post("/batches", body, key="k-1")) == (409, "plan_changed")
    ApiAnswer.objects.update(made_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert ApiAnswer.objects.delete_old() == 1


def test_a_bug_leaves_the_key_free(asks, monkeypatch):
    body = order(asks)
    with monkeypatch.context() as patch:
        patch.setattr("videogen.api.batches.note", lambda *a, **k: 1 / 0)
        assert problem(asks.post("/batches", body, key="k-1")) == (500, "internal")
    assert not RenderBatch.objects.exists() and not ApiAnswer.objects.exists()

    assert asks.post("/batches", body, key="k-1").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "ü", "x" * 201])
def test_a_key_that_is_none_is_refused(asks, key):
    response = asks.ask("POST", "/batches", order(asks), **{"Idempotency-Key": key})

    assert problem(response) == (422, "invalid")


def test_without_a_key_nothing_is_made(asks):
    assert problem(asks.ask("POST", "/batches", order(asks))) == (422, "invalid")
    assert not RenderBatch.objects.exists()


@pytest.mark.postgres
@pytest.mark.parametrize("repeats", [50, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_many_at_once_make_one_batch(database, repeats, tmp_path, migrated_database):
    with ExitStack() as stack:
        environment = {}
        if database == "postgresql":
            environment["DATABASE_URL"] = stack.enter_context(postgres_database("videogen_api"))
        installation = Installation(tmp_path, **environment)
        if database == "postgresql":
            installation.manage("migrate")
        else:
            installation.begin_with(migrated_database)
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.api_repeats", str(repeats)],
            cwd=ROOT,
            env=installation.environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    assert told["answers"] == repeats
    assert told["batches_told"] == told["batches"] and len(told["batches"]) == 1
    assert told["renders"] == 3
    assert {tuple(each) for each in told["kinds"]} <= {(201, ""), (409, "still_at_work")}
