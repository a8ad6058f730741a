from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.support.admin_clients import BAR_QUERIES, browser_of
from tests.support.factories import make_batch, make_notice, make_story
from tests.support.pages import messages, page_of
from videogen.common.formats import moment
from videogen.models import Notice
from videogen.notifications.deliver import run_slice

pytestmark = pytest.mark.django_db

LIST = reverse("admin:videogen_notice_changelist")


def url_of(notice):
    return reverse("admin:videogen_notice_change", args=[notice.pk])


def send_again(browser, *notices):
    data = {"action": "send_again", "_selected_action": [each.pk for each in notices]}
    return browser.post(LIST, data, follow=True)


def test_the_list_tells_what_became_of_a_notice():
    now = timezone.now()
    make_notice(emailed_at=now, webhook_sent_at=now, next_attempt_at=None)
    make_notice(attempts=2, last_error="Webhook: the receiver answered 500.")
    make_notice(attempts=8, last_error="Given up after 8 attempts.", next_attempt_at=None)
    make_notice(next_attempt_at=None)
    make_notice()

    response = browser_of("videogen.view_notice").get(LIST)

    page = page_of(response)
    # The newest is the first.
    assert page.values("sent") == ["due", "here", "given-up", "retry", "e-mail", "webhook"]
    assert [each.last_error for each in response.context["cl"].result_list if each.last_error] == [
        "Given up after 8 attempts.",
        "Webhook: the receiver answered 500.",
    ]
    assert "action" not in page.fields


def test_the_words_of_what_became_of_a_notice():
    now = timezone.now()
    make_notice(emailed_at=now, webhook_sent_at=now, next_attempt_at=None)
    make_notice(attempts=8, last_error="Given up after 8 attempts.", next_attempt_at=None)

    page = page_of(browser_of("videogen.view_notice").get(LIST))

    assert page.texts("sent") == ["given up", f"e-mail {moment(now)}", f"webhook {moment(now)}"]


def test_a_notice_is_read_and_not_changed():
    notice = make_notice()
    browser = browser_of("videogen.view_notice", "videogen.change_notice")

    page = browser.get(url_of(notice))

    assert page.status_code == 200 and "_save" not in page_of(page).fields
    assert browser.post(url_of(notice), {"subject": "Another"}).status_code == 403
    assert Notice.objects.get().subject == "Notice 1"


@pytest.mark.parametrize(
    ("kind", "permissions", "is_linked"),
    [
        ("queue_paused", [], False),
        ("queue_paused", ["videogen.view_lane"], True),
        ("batch_finished", ["videogen.view_lane"], False),
        ("batch_finished", ["videogen.view_renderbatch"], True),
        ("budget_80", [], True),
    ],
)
def test_its_page_is_linked_for_those_whom_it_lets_in(kind, permissions, is_linked):
    notice = make_notice(kind=kind)
    browser = browser_of("videogen.view_notice", *permissions)

    page = page_of(browser.get(url_of(notice)))

    assert [each.attributes["href"] for each in page.hooks("about")] == ["/admin/"] * is_linked


def test_a_notice_links_to_its_batch_in_the_list_and_on_its_page(django_assert_max_num_queries):
    batch = make_batch(make_story(pictures={}))
    url = reverse("admin:videogen_renderbatch_progress", args=[batch.pk])
    for number in range(3):
        notice = make_notice(kind="batch_finished", batch=batch, path=url, key=f"batch {number}")
    rights = ["videogen.view_notice", "videogen.view_renderbatch", "videogen.view_lane"]
    browser = browser_of(*rights)

    with django_assert_max_num_queries(8 + BAR_QUERIES):
        listed = page_of(browser.get(LIST))

    for page, number in ((listed, 3), (page_of(browser.get(url_of(notice))), 1)):
        found = [(each.attributes["href"], each.text) for each in page.hooks("about")]
        assert found == [(url, str(batch))] * number
    assert "about" not in page_of(browser_of(*rights[:1]).get(LIST))


@pytest.mark.parametrize("group", ["viewer", "artist", "producer"])
def test_every_group_sees_notices_and_producers_send_them_again(settings, group):
    settings.VIDEO_NOTICE_EMAILS = ["desk@studio.example"]
    notice = make_notice(next_attempt_at=None, emailed_at=timezone.now())
    browser = browser_of()
    person = get_user_model().objects.get()
    person.groups.add(Group.objects.get(name=group))

    assert browser.get(LIST).status_code == 200
    send_again(browser, notice)
    run_slice()

    assert len(mail.outbox) == LogEntry.objects.count() == (group == "producer")


def test_staff_without_the_right_sees_none():
    notice = make_notice()
    browser = browser_of()

    assert browser.get(LIST).status_code == browser.get(url_of(notice)).status_code == 403


def test_what_cannot_be_sent_again_is_told():
    notice = make_notice(next_attempt_at=None)
    browser = browser_of("videogen.view_notice", "videogen.generate_video")

    response = send_again(browser, notice)

    assert [each.level_tag for each in response.context["messages"]] == ["warning"]
    assert messages(response) == [
        "1 notice was not sent: neither e-mail nor a webhook is set up for it."
    ]
    notice.refresh_from_db()
    assert notice.next_attempt_at is None


def test_the_list_costs_the_same_however_long_it_is():
    browser = browser_of("videogen.view_notice")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(LIST).status_code == 200
        return len(captured)

    make_notice()
    queries()
    before = queries()
    for _ in range(20):
        make_notice()

    assert queries() == before
