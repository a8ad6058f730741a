"""Other programs are told of batches, takes and films, once. The examples of docs/api.md are what
is sent."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.utils import timezone

from tests.support.api import make_person, program
from tests.support.factories import force, make_render, make_shot
from tests.support.films import make_forked_story, work_on_films
from tests.support.installations import ROOT
from tests.support.receivers import is_genuine, new_secret, running_receiver
from videogen.models import Film, Notice, OutgoingEvent
from videogen.notifications.deliver import run_slice
from videogen.notifications.detect import look_for_news
from videogen.takes.reviews import approve_take, reject_take

pytestmark = pytest.mark.django_db

SECRET = new_secret()


@pytest.fixture
def receiver(settings):
    settings.DEBUG = True  # http, on this machine
    settings.VIDEO_NOTICE_WEBHOOK_SECRET = SECRET
    settings.VIDEO_NOTICE_EMAILS = ["desk@studio.example"]
    with running_receiver() as receiver:
        settings.VIDEO_NOTICE_WEBHOOK_URL = receiver.url
        yield receiver


def types():
    return sorted(OutgoingEvent.objects.values_list("type", flat=True))


def make_all():
    """Something of every type."""
    person = make_person("producer", username="rosa")
    approved = make_render(make_shot(), "done")
    approve_take(approved, person)
    rejected = make_render(make_shot(story_id="another"), "done")
    reject_take(rejected, person, "The hat is gone.", ["wardrobe"])
    story = make_forked_story("forked")
    Film.objects.create(
        story=story,
        ending=story.scenelets.get(scenelet_id="left"),
        status="done",
        file="left.mp4",
        byte_size=2048,
        sha256="0" * 64,
        manifest_sha256="1" * 64,
        wanted_sha256="1" * 64,
        seconds=42.5,
        made_at=timezone.now(),
    )
    return approved, rejected


def test_everything_is_told_once():
    make_all()

    look_for_news()
    told = types()
    look_for_news()

    assert types() == told
    assert set(told) == set(OutgoingEvent.Type.values)
    assert told.count("take.made") == 4 and told.count("batch.ended") == 4


def test_a_new_verdict_is_news():
    person = make_person()
    take = make_render(make_shot(), "done")
    reject_take(take, person)
    look_for_news()
    approve_take(take, person)

    look_for_news()

    assert [each for each in types() if each.startswith("take.")] == [
        "take.approved",
        "take.made",
        "take.rejected",
    ]


def test_what_is_old_is_no_news():
    take = make_render(make_shot(), "done")
    force(take, ended_at=timezone.now() - timedelta(days=3))

    look_for_news()

    assert not OutgoingEvent.objects.exists()


def test_a_rehearsal_is_no_news():
    make_render(make_shot(), "rehearsed")

    look_for_news()

    assert not OutgoingEvent.objects.exists()


def test_a_film_that_was_made_is_told():
    make_forked_story()
    program().post("/films", {"story_id": "the-lamp", "endings": ["left"]})
    work_on_films()

    look_for_news()

    [event] = OutgoingEvent.objects.filter(type="film.made")
    film = Film.objects.get()
    assert event.data["sha256"] == film.sha256 and event.data["ending"] == "left"


def test_the_examples_of_the_documents_are_sent(receiver):
    make_all()
    look_for_news()
    mail.outbox.clear()
    Notice.objects.update(next_attempt_at=None)

    while run_slice():
        pass

    sent = [json.loads(body) for _, body in receiver.requests]
    assert all(is_genuine(SECRET, *each) for each in receiver.requests)
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == len(sent)
    assert not mail.outbox
    examples = documented()
    assert {each["type"] for each in sent} == set(examples) == set(OutgoingEvent.Type.values)
    for each in sent:
        example = examples[each["type"]]
        assert each.keys() == example.keys()
        assert shape(each["data"]) == shape(example["data"]), each["type"]
    assert not OutgoingEvent.objects.exclude(next_attempt_at=None).exists()


def documented():
    """The examples of the page, by type."""
    page = Path(ROOT, "docs/api.md").read_text().partition("## Events")[2]
    found = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    return {each["type"]: each for each in found}


def shape(data):
    return {name: type(value).__name__ for name, value in data.items()}


def test_the_api_lists_what_the_webhook_sends(receiver):
    make_all()
    look_for_news()
    run_slice()
    sent = {
        headers["webhook-id"]: json.loads(body)["data"]
        for headers, body in receiver.requests
        if not json.loads(body)["type"].startswith("notice.")
    }

    listed = program().get("/events").json()["items"]

    assert {each["id"]: each["data"] for each in listed} == sent
    only = program().get("/events?type=film.made").json()["items"]
    assert [each["type"] for each in only] == ["film.made"]


def test_without_a_receiver_events_are_listed_and_not_sent():
    make_render(make_shot(), "done")

    look_for_news()

    assert not OutgoingEvent.objects.exclude(next_attempt_at=None).exists()
    assert program().get("/events").json()["items"]


def test_an_event_that_did_not_arrive_is_sent_again(receiver):
    make_render(make_shot(), "done")
    look_for_news()
    Notice.objects.update(next_attempt_at=None)
    receiver.answers = [(503, {}), (503, {}), (204, {})]

    run_slice()

    rows = OutgoingEvent.objects.filter(webhook_sent_at=None)
    assert rows.count() == 2 and all(each.attempts == 1 for each in rows)
    rows.update(next_attempt_at=timezone.now())
    run_slice()
    assert not rows.exists()
