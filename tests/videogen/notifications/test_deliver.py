"""Notices are sent by e-mail and webhook, once each, and without any secret."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.factories import (
    State,
    make_batch,
    make_lane,
    make_notice,
    make_render,
    make_shot,
    make_story,
)
from tests.support.far_end import KEY
from tests.support.installations import Installation, wait_until, write_story
from tests.support.pipeline import queue
from tests.support.receivers import is_genuine, new_secret, running_receiver
from videogen import tasks
from videogen.common.standard_webhooks import keys_of, signature
from videogen.models import Notice, OutgoingEvent, Submission, VideoRender
from videogen.notifications import deliver
from videogen.notifications.deliver import MAX_ATTEMPTS, WAITS, redeliver, run_slice, take_notice
from videogen.notifications.detect import due_notices, look_for_news

SECRET = new_secret()


@pytest.fixture
def receiver(settings):
    settings.DEBUG = True  # http, on this machine
    settings.VIDEO_NOTICE_WEBHOOK_SECRET = SECRET
    with running_receiver() as receiver:
        settings.VIDEO_NOTICE_WEBHOOK_URL = receiver.url
        yield receiver


@pytest.fixture
def by_email(settings):
    settings.VIDEO_NOTICE_EMAILS = ["desk@studio.example"]


def later(notice, **values):
    """Make the notice due now."""
    Notice.objects.filter(pk=notice.pk).update(next_attempt_at=timezone.now(), **values)


def only():
    return Notice.objects.get()


# -- to whom and what ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_notice_goes_to_both_once(settings, receiver, by_email):
    settings.VIDEO_SITE_URL = "https://videogen.example"
    notice = make_notice(story=make_story())

    assert run_slice() is False
    assert run_slice() is False

    [message] = mail.outbox
    assert (message.subject, message.to) == ("Notice 1", ["desk@studio.example"])
    assert message.body == "It happened.\n\nhttps://videogen.example/admin/\n"
    [(headers, body)] = receiver.requests
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": "notice.queue_paused",
        "timestamp": notice.created_at.isoformat(),
        "data": {
            "subject": "Notice 1",
            "text": "It happened.",
            "story_id": "the-lamp",
            "url": "https://videogen.example/admin/",
        },
    }
    stored = only()
    assert stored.emailed_at and stored.webhook_sent_at
    assert (stored.attempts, stored.next_attempt_at, stored.last_error) == (0, None, "")


@pytest.mark.django_db
def test_without_a_site_the_link_is_a_path(by_email):
    make_notice()

    run_slice()

    assert mail.outbox[0].body.endswith("\n\n/admin/\n")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("email", "is_active", "wanted"),
    [
        ("ines@studio.example", True, ["desk@studio.example", "ines@studio.example"]),
        ("Desk@studio.example", True, ["Desk@studio.example"]),
        ("", True, ["desk@studio.example"]),
        ("ines@studio.example", False, ["desk@studio.example"]),
    ],
    ids=["has an address", "is the desk", "has none", "has left"],
)
def test_whoever_asked_for_the_batch_is_told_of_it(by_email, email, is_active, wanted):
    person = get_user_model().objects.create_user("ines", email=email, is_active=is_active)
    shot = make_shot()
    batch = make_batch(shot.scenelet.story, requested_by=person)
    make_render(shot, State.DONE, batch=batch)
    look_for_news()

    run_slice()

    assert [message.to for message in mail.outbox] == [wanted]


@pytest.mark.django_db
def test_where_nothing_is_set_up_it_is_only_shown():
    make_notice()

    run_slice()

    stored = only()
    assert (stored.next_attempt_at, stored.emailed_at, stored.last_error) == (None, None, "")
    assert mail.outbox == []


@pytest.mark.django_db
def test_without_a_mail_server_nobody_is_mailed(settings, by_email):
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    make_notice()

    run_slice()

    assert only().emailed_at is None and only().next_attempt_at is None


# -- the signature ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_receiver_can_tell_that_it_is_ours(receiver):
    make_notice()

    run_slice()

    [(headers, body)] = receiver.requests
    assert re.fullmatch(r"msg_[0-9a-f]{32}", headers["webhook-id"])
    assert is_genuine(SECRET, headers, body)
    assert not is_genuine(SECRET, headers, body + b" ")
    assert not is_genuine(new_secret(), headers, body)
    assert not is_genuine(SECRET, headers | {"webhook-id": "msg_0"}, body)


def test_the_signature_is_the_standards_own_example():
    # This is one of the test vectors that the standard's own libraries share.
    keys = keys_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'

    assert signature(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.django_db
def test_two_secrets_sign_while_one_takes_the_place_of_the_other(settings, receiver):
    new = new_secret()
    settings.VIDEO_NOTICE_WEBHOOK_SECRET = f"{new} {SECRET}"
    make_notice()

    run_slice()

    [request] = receiver.requests
    assert is_genuine(SECRET, *request) and is_genuine(new, *request)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"VIDEO_NOTICE_WEBHOOK_SECRET": ""},
        {"VIDEO_NOTICE_WEBHOOK_SECRET": "whsec_c2hvcnQ="},
        {"DEBUG": False},
    ],
    ids=["no secret", "a short one", "http outside debug"],
)
def test_nothing_leaves_unsigned_or_in_the_clear(settings, receiver, wrong):
    for name, value in wrong.items():
        setattr(settings, name, value)
    make_notice()

    run_slice()

    assert receiver.requests == []
    assert "manage.py check" in only().last_error and only().next_attempt_at


# -- failures --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_receiver_that_fails_gets_it_again_under_the_same_id(receiver, by_email):
    receiver.answers = [(500, {}), (503, {"Retry-After": "180"}), (200, {})]
    notice = make_notice()
    waits = []

    for _ in range(3):
        before = timezone.now()
        run_slice()
        stored = only()
        waits.append(stored.next_attempt_at and stored.next_attempt_at - before)
        if stored.next_attempt_at:
            assert "the receiver answered 50" in stored.last_error
            assert run_slice() is False  # not before its time
            later(notice)

    assert [wait and round(wait.total_seconds() / 60) for wait in waits] == [1, 5, None]
    assert len(receiver.requests) == 3 and len(set(receiver.ids)) == 1
    assert all(is_genuine(SECRET, headers, body) for headers, body in receiver.requests)
    # The e-mail was sent at the first attempt.
    assert len(mail.outbox) == 1
    assert (only().attempts, only().last_error) == (2, "")


@pytest.mark.django_db
def test_a_receiver_may_ask_for_a_longer_wait_but_not_for_ever(receiver):
    receiver.answers = [(429, {"Retry-After": "7200"}), (429, {"Retry-After": "99999999"})]
    notice = make_notice()
    run_slice()
    asked = only().next_attempt_at - timezone.now()
    later(notice)
    run_slice()

    assert timedelta(minutes=119) < asked <= timedelta(hours=2)
    assert only().next_attempt_at - timezone.now() <= timedelta(hours=24)


@pytest.mark.django_db
def test_after_the_last_attempt_it_says_so_and_a_person_can_send_it_again(receiver, by_email):
    receiver.answers = [(500, {})]
    notice = make_notice()
    for _ in range(MAX_ATTEMPTS):
        run_slice()
        later(notice) if only().next_attempt_at else None
    stored = only()
    assert stored.next_attempt_at is None
    assert stored.last_error == "Given up after 8 attempts. Webhook: the receiver answered 500."
    assert len(receiver.requests) == MAX_ATTEMPTS
    receiver.answers = [(200, {})]

    assert redeliver(stored)
    tasks.send_notices()

    # Only the receiver had not had the notice, and it may know it by its id.
    assert len(mail.outbox) == 1
    assert len(receiver.requests) == MAX_ATTEMPTS + 1 and len(set(receiver.ids)) == 1
    assert only().webhook_sent_at and not only().last_error


@pytest.mark.django_db
def test_what_everyone_has_is_sent_again_to_everyone(receiver, by_email):
    notice = make_notice()
    run_slice()

    assert redeliver(only())
    assert OrmQ.objects.get().task["func"] == "videogen.tasks.send_notices"
    run_slice()

    assert (len(mail.outbox), len(receiver.requests)) == (2, 2)
    assert len(set(receiver.ids)) == 1
    assert notice.pk == only().pk


@pytest.mark.django_db
def test_without_a_channel_nothing_can_be_sent_again():
    make_notice(next_attempt_at=None)

    assert redeliver(only()) is False
    assert only().next_attempt_at is None


@pytest.mark.django_db
def test_a_receiver_that_wants_no_more_is_not_asked_again(receiver):
    receiver.answers = [(410, {})]
    make_notice()

    run_slice()

    assert only().next_attempt_at is None
    assert only().last_error.startswith("Given up after 1 attempt. Webhook: the receiver answered")


@pytest.mark.django_db
def test_redirects_are_not_followed(receiver):
    with running_receiver() as elsewhere:
        receiver.answers = [(307, {"Location": elsewhere.url})]
        make_notice()

        run_slice()

        assert elsewhere.requests == []
    assert "answered 307" in only().last_error


@pytest.mark.django_db
def test_a_receiver_that_does_not_answer_is_left_after_a_while(settings, receiver):
    settings.VIDEO_NOTICE_WEBHOOK_TIMEOUT_SECONDS = 0.2
    receiver.seconds = 1
    make_notice()

    run_slice()

    assert only().last_error == "Webhook: no answer (ReadTimeout)."


@pytest.mark.django_db
def test_an_address_that_is_a_secret_stays_out_of_what_is_stored(settings, receiver, caplog):
    settings.VIDEO_NOTICE_WEBHOOK_URL = "http://127.0.0.1:9/hooks/T0KEN-of-the-channel"
    make_notice()

    run_slice()

    assert only().last_error == "Webhook: no answer (ConnectError)."
    assert "T0KEN" not in caplog.text


@pytest.mark.django_db
def test_a_dead_mail_server_does_not_keep_the_webhook_from_leaving(settings, receiver, by_email):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    settings.EMAIL_HOST_PASSWORD = "Connection refused"  # nosec
    notice = make_notice()

    run_slice()

    stored = only()
    assert len(receiver.requests) == 1 and stored.webhook_sent_at
    assert stored.emailed_at is None
    assert stored.last_error == "E-mail: ConnectionRefusedError: [Errno 111] [password]"
    assert stored.next_attempt_at > timezone.now()
    later(notice)
    run_slice()
    assert len(receiver.requests) == 1


# -- who sends -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_of_two_senders_who_see_the_same_notice_one_takes_it(receiver):
    make_notice()
    others = []

    def someone_is_faster(execute, sql, params, many, context):
        if not others and sql.startswith("UPDATE"):
            others.append(None)
            others[0] = take_notice()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(someone_is_faster):
        mine = take_notice()

    assert mine is None
    assert others[0].attempts == only().attempts == 1


@pytest.mark.django_db
def test_a_sender_that_is_killed_has_used_an_attempt_and_another_one_goes_on(receiver):
    notice = make_notice()
    assert take_notice()  # and never heard of again
    assert take_notice() is None
    assert "was sending it ended" in only().last_error
    assert timezone.now() < only().next_attempt_at <= timezone.now() + deliver.LEASE

    later(notice)
    run_slice()

    assert len(receiver.requests) == 1 and only().webhook_sent_at
    assert only().attempts == 1


@pytest.mark.django_db
def test_one_that_kills_its_senders_is_given_up(receiver):
    later(make_notice(), attempts=MAX_ATTEMPTS, last_error="It ended in the middle.")

    run_slice()

    assert receiver.requests == []
    assert only().next_attempt_at is None
    assert only().last_error == "Given up after 8 attempts. It ended in the middle."


def test_waits_grow_from_a_minute_to_a_day():
    assert (WAITS[0], WAITS[-1]) == (timedelta(minutes=1), timedelta(days=1))
    assert list(WAITS) == sorted(set(WAITS))


@pytest.fixture
def installation(tmp_path, migrated_database):
    """A real installation and a real receiver of its webhooks."""
    with running_receiver() as receiver:
        installation = Installation(
            tmp_path,
            DJANGO_DEBUG="1",
            VIDEO_NOTICE_WEBHOOK_URL=receiver.url,
            VIDEO_NOTICE_WEBHOOK_SECRET=SECRET,
        )
        installation.begin_with(migrated_database)
        installation.receiver = receiver
        yield installation
        installation.close()


def test_processes_that_send_at_once_send_everything_once(installation, tmp_path):
    number, go = 30, tmp_path / "go"
    installation.receiver.seconds = 0.05
    installation.manage(
        "shell",
        "--command",
        "from videogen.models import Notice\n"
        f"for n in range({number}): Notice.objects.create(kind='queue_paused', key=n, "
        "subject='Paused', text='It was.')",
    )
    code = (
        "import pathlib, time; from videogen.notifications import deliver\n"
        f"pathlib.Path({str(tmp_path)!r}, f'ready-{{time.time_ns()}}').touch()\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)\n"
        "while deliver.run_slice(): pass"
    )
    senders = [installation.start("shell", "--command", code) for _ in range(3)]
    wait_until(lambda: len(list(tmp_path.glob("ready-*"))) == len(senders), 60)

    go.touch()

    assert [sender.wait(120) for sender in senders] == [0, 0, 0]
    assert installation.receiver.most > 1
    assert sorted(Counter(installation.receiver.ids).values()) == [1] * number
    rows = installation.query("SELECT attempts, next_attempt_at, last_error FROM videogen_notice")
    assert rows == [(0, None, "")] * number


def test_a_cluster_finds_and_sends_by_itself(installation, tmp_path):
    installation.manage("import_story", str(write_story(tmp_path, "story", 2)))
    installation.start_simulator("--latency=0.2")
    installation.start("work")
    installation.run_task("story", "--no-wait")

    wait_until(lambda: installation.receiver.requests, 60, "for a webhook: see work.log")

    [payload] = installation.receiver.payloads
    assert payload["data"]["subject"].endswith("has ended: 2 of 2 done")
    assert is_genuine(SECRET, *installation.receiver.requests[0])


# -- from the pump to the receiver -----------------------------------------------------------------


@pytest.mark.django_db
def test_a_batch_that_is_rendered_is_told_of_at_the_end(
    settings, simulator, fail, receiver, by_email
):
    settings.VIDEO_SITE_URL = "https://videogen.example"
    fail("done", "blocked")
    receiver.answers = [(500, {}), (200, {})]
    batch = queue(make_story(shots=3))[0].batch

    tasks.pump()
    assert not Notice.objects.exists()
    tasks.download()
    tasks.send_notices()
    assert only().webhook_sent_at is None
    later(only())
    tasks.send_notices()

    [message] = mail.outbox
    assert message.subject.endswith("has ended: 2 of 3 done, 1 blocked")
    address = f"https://videogen.example/admin/videogen/renderbatch/{batch.pk}/progress/"
    assert address in message.body
    notices = [each for each in receiver.requests if b'"notice.' in each[1]]
    payload = json.loads(notices[-1][1])
    assert (payload["type"], payload["data"]["url"]) == ("notice.batch_finished", address)
    assert all(is_genuine(SECRET, headers, body) for headers, body in receiver.requests)
    assert len(notices) == 2 and len({headers["webhook-id"] for headers, _ in notices}) == 1


@pytest.mark.django_db
def test_nothing_secret_leaves(settings, receiver, by_email, caplog):
    settings.EMAIL_HOST_PASSWORD = "the-mail-password"
    story = make_story(shots=3)
    lane = make_lane(
        paused_at=timezone.now(), pause_code="bad_key", pause_reason=f"The key {KEY} is refused."
    )
    shots = [shot for scenelet in story.scenelets.all() for shot in scenelet.shots.all()]
    secret = {"lane": lane, "prompt_text": '{"prompt": "of the render"}'}
    make_render(shots[0], State.DONE, **secret)
    make_render(shots[1], State.QUEUED, **secret)
    made = timezone.now() - timedelta(hours=40)
    render = make_render(shots[2], State.NOT_DOWNLOADED, rendered_at=made, **secret)
    look_for_news()
    receiver.answers = [(500, {}), (200, {})]

    run_slice()

    stored = json.dumps(list(Notice.objects.values()), default=str)
    sent = b"".join(
        json.dumps(headers).encode() + body for headers, body in receiver.requests
    ).decode() + "".join(message.message().as_string() for message in mail.outbox)
    assert len(mail.outbox) == Notice.objects.count() == 4
    assert len(receiver.requests) == 4 + OutgoingEvent.objects.count() == 7
    assert "S01-03 · opening" in sent
    forbidden = (
        KEY,
        SECRET,
        SECRET.removeprefix("whsec_"),
        settings.EMAIL_HOST_PASSWORD,
        django_settings.SECRET_KEY,
        render.download_uri,
        "/v1beta/",
        render.operation_name,
        "of the render",
        str(Submission.objects.first().token),
    )
    for text in (stored, sent, caplog.text):
        assert [each for each in forbidden if each in text] == []
    assert VideoRender.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize(("hours", "is_due"), [(23, False), (25, True)], ids=["told", "set back"])
def test_nothing_waits_longer_than_the_longest_wait(hours, is_due):
    make_notice(next_attempt_at=timezone.now() + timedelta(hours=hours))

    assert due_notices().exists() is is_due
