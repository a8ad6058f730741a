"""The ledger: the list of submissions with outcomes, costs, sums and filters, and its CSV."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from storybook.models import Story
from tests.support.admin_clients import VIEWS, browser_of, viewer
from tests.support.factories import State, make_render, make_story, make_submission, shots_of
from tests.support.pages import page_of
from videogen.admin.submissions import SubmissionAdmin
from videogen.common.errors import VeoError
from videogen.common.processes import this_process
from videogen.models import Submission, VideoRender
from videogen.pipeline.claims import claim_renders
from videogen.pipeline.results import apply_accepted, apply_poll, apply_submit_error
from videogen.providers.messages import Blocked, Finished
from videogen.simulator.operations import AUDIO

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

BOOKS = reverse("admin:videogen_submission_changelist")
SHEET = reverse("admin:videogen_submission_export")
PRICE = Decimal("3.20")


@pytest.fixture
def books():
    """Make one submission of each outcome, and a render that was never sent."""
    lamp, gull = (make_story(each, shots=7) for each in ("lamp", "gull"))
    Story.objects.filter(pk=gull.pk).update(title="=1+1")
    shots = list(shots_of(lamp).select_related("scenelet__story"))
    other = shots_of(gull).select_related("scenelet__story")[0]
    may = timezone.make_aware(datetime(2026, 5, 2, 12))
    values = {"backend": "gemini", "requested_by_name": "Ada"}
    for shot, state in zip(
        shots, (State.DONE, State.BLOCKED, State.UNKNOWN, State.RUNNING), strict=False
    ):
        make_render(shot, state, **values, submission={"price_usd": PRICE, "claimed_at": may})
    refused = make_render(shots[4], State.FAILED, **values, submission=False, claimed_at=may)
    make_submission(refused, "rejected", error_message="No.")
    make_render(other, State.DONE, **values | {"requested_by_name": "@Ben"})
    make_render(other, State.DONE, requested_by_name="Ben", submission={"price_usd": Decimal(0)})
    make_render(shots[5], State.REHEARSED, backend="gemini")
    make_render(shots[6], State.CANCELLED, backend="gemini", submission=False)
    return lamp, gull


def totals(response):
    return page_of(response).hook("totals").text


def sheet(response):
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def outcomes(browser, **asked):
    return sorted(row["outcome"] for row in sheet(browser.get(SHEET, asked)))


ALL = ["blocked", "failed", "in_flight", "simulated", "succeeded", "succeeded", "unknown"]


def test_every_submission_is_a_line_with_its_outcome(books):
    response = viewer().get(BOOKS)

    badges = {each["badge"]: each.text for each in page_of(response).hooks("badge")}
    # The one test of these words.
    assert badges == {
        "succeeded": "succeeded",
        "blocked": "blocked, not charged",
        "failed": "failed, not charged",
        "unknown": "unknown: maybe paid",
        "in_flight": "in flight",
        "simulated": "simulated",
    }
    assert totals(response) == ("7 submissions · estimated $19.20 · $6.40 actual · $6.40 open")


def test_filters_go_together_with_sums_and_sheet(books):
    lamp, gull = books
    browser = viewer()

    assert outcomes(browser) == ALL
    assert outcomes(browser, outcome="unknown") == ["unknown"]
    assert outcomes(browser, story=gull.pk) == ["simulated", "succeeded"]
    assert outcomes(browser, person="Ben") == ["simulated"]
    assert outcomes(browser, day="2026-05-03") == []
    assert outcomes(browser, day="2026-05-02") == ["blocked", "in_flight", "succeeded", "unknown"]
    assert outcomes(browser, story=lamp.pk, outcome="succeeded", person="Ada") == ["succeeded"]
    assert outcomes(browser, outcome="succeeded", person="Ben") == []
    response = browser.get(BOOKS, {"story": gull.pk})
    assert totals(response) == ("2 submissions · estimated $3.20 · $3.20 actual · $0.00 open")
    assert f"{SHEET}?story={gull.pk}" in page_of(response).links


def test_sheet_has_the_facts_and_no_formulas(books):
    _, gull = books

    [row] = sheet(viewer().get(SHEET, {"story": gull.pk, "outcome": "succeeded"}))

    assert row["story"] == "'=1+1" and row["person"] == "'@Ben"
    assert (row["estimate USD"], row["actual USD"]) == ("3.20", "3.20")
    assert (row["story id"], row["scenelet id"], row["shot"]) == ("gull", "opening", "1")
    assert row["code"] == "S01-01"
    assert row["claimed at"].startswith(f"{timezone.localdate():%Y-%m-%d} ")


def test_open_costs_are_empty_cells(books):
    rows = sheet(viewer().get(SHEET))

    assert {row["outcome"] for row in rows if not row["actual USD"]} == {"unknown", "in_flight"}


def test_one_line_by_itself(books):
    unknown = Submission.objects.get(outcome="unknown")

    page = page_of(viewer().get(reverse("admin:videogen_submission_change", args=[unknown.pk])))

    assert page.values("badge") == ["unknown"] and "$3.20" in page.sums


@pytest.mark.parametrize("asked", [{"colour__is": "red"}, {"day": "tomorrow"}], ids=str)
@pytest.mark.parametrize("url", [BOOKS, SHEET])
def test_nonsense_in_the_address_leads_back(books, url, asked):
    assert viewer().get(url, asked).status_code == 302


def test_who_may_not_see_submissions_gets_no_sheet(books):
    assert browser_of("videogen.view_videorender").get(SHEET).status_code == 403


def test_links_are_for_those_who_may_follow_them(books):
    def places(browser):
        links = [each or "" for each in page_of(browser.get(BOOKS)).links]
        kinds = ("storybook/shot", "videogen/renderbatch")
        return {kind for kind in kinds if any(each.startswith(f"/admin/{kind}/") for each in links)}

    assert places(viewer()) == {"storybook/shot", "videogen/renderbatch"}
    assert places(browser_of("videogen.view_submission")) == set()


def test_renders_are_filtered_by_outcome_too(books):
    browser = viewer()
    url = reverse("admin:videogen_videorender_changelist")
    expected = dict.fromkeys(VideoRender.Outcome.values, 1) | {"succeeded": 2}

    for outcome, number in expected.items():
        found = browser.get(url, {"outcome": outcome}).context_data["cl"].result_count
        assert found == number, outcome


def test_sums_are_of_all_pages(books, monkeypatch, django_assert_num_queries):
    browser = viewer()
    with CaptureQueriesContext(connection) as of_one_page:
        expected = totals(browser.get(BOOKS))
    monkeypatch.setattr(SubmissionAdmin, "list_per_page", 3)

    with django_assert_num_queries(len(of_one_page)):
        pages = [browser.get(BOOKS)]
    pages += [browser.get(BOOKS, {"p": number}) for number in (2, 3)]

    assert {totals(page) for page in pages} == {expected}
    shown = [row.pk for page in pages for row in page.context["cl"].result_list]
    newest_first = Submission.objects.order_by("-claimed_at", "-pk")
    assert shown == list(newest_first.values_list("pk", flat=True))


def test_sheet_asks_as_often_for_much_as_for_little(books, django_assert_max_num_queries):
    browser = browser_of(*VIEWS)
    with django_assert_max_num_queries(12) as few:
        sheet(browser.get(SHEET))
    shot = shots_of(make_story("third")).select_related("scenelet__story").get()
    for _ in range(20):
        make_render(shot, State.DONE, backend="gemini")
    with django_assert_max_num_queries(12) as many:
        assert len(sheet(browser.get(SHEET))) == 27

    assert len(few) == len(many)


# -- the audio filter, and the second submission ---------------------------------------------------

LINK = "https://generativelanguage.googleapis.com/v1beta/files/one:download?alt=media"


def waits(render):
    pass


def send_second(render):
    [claim] = claim_renders(render.lane, owner=this_process(), limit=1)
    return claim.submission


def runs(render):
    apply_accepted(send_second(render).token, "models/m/operations/second")
    render.refresh_from_db()


def is_done(render):
    runs(render)
    apply_poll(render, Finished(LINK))
    render.move(State.DOWNLOADING, State.DONE, take=1, video_file="take-1.mp4")


def is_blocked_again(render):
    runs(render)
    apply_poll(render, Blocked((AUDIO,), ()))


def is_unknown(render):
    error = VeoError("No answer.", code="no_answer", permanent=False, maybe_accepted=True)
    apply_submit_error(send_second(render), error)


def is_refused(render):
    error = VeoError("No.", code="http_400", permanent=True)
    apply_submit_error(send_second(render), error)


def is_cancelled(render):
    render.move(State.QUEUED, State.CANCELLED)


FIRST = ("blocked", "3.20", "0.00")
SECOND = {
    waits: ([], "0.00", "3.20"),
    runs: ([("in_flight", "3.20", "")], "0.00", "3.20"),
    is_done: ([("succeeded", "3.20", "3.20")], "3.20", "0.00"),
    is_blocked_again: ([("blocked", "3.20", "0.00")], "0.00", "0.00"),
    is_unknown: ([("unknown", "3.20", "")], "0.00", "3.20"),
    is_refused: ([("failed", "3.20", "0.00")], "0.00", "0.00"),
    is_cancelled: ([], "0.00", "0.00"),
}


@pytest.mark.parametrize("second", SECOND, ids=lambda each: each.__name__)
def test_a_block_of_the_audio_filter_and_what_came_next_are_a_line_each(settings, second):
    """Make an attempt with two submissions. It costs what the second one costs."""
    settings.VIDEO_RETRY_AUDIO_BLOCK = True
    settings.VIDEO_BACKEND = "gemini"
    shot = shots_of(make_story()).select_related("scenelet__story").get()
    hour_ago = timezone.now() - timedelta(hours=1)
    render = make_render(
        shot,
        State.RUNNING,
        backend="gemini",
        price_estimate_usd=PRICE,
        submission={"price_usd": PRICE, "claimed_at": hour_ago},
    )
    apply_poll(render, Blocked((AUDIO,), ()))

    second(VideoRender.objects.get())

    lines, spent, left_open = SECOND[second]
    browser = viewer()
    rows = sorted(sheet(browser.get(SHEET)), key=lambda row: row["claimed at"])
    found = [(row["outcome"], row["estimate USD"], row["actual USD"]) for row in rows]
    assert found == [FIRST, *lines]
    spending = reverse("admin:videogen_submission_spending_csv", args=["story"])
    [story] = sheet(browser.get(spending))
    assert (story["attempts"], story["spent_usd"], story["open_usd"]) == ("1", spent, left_open)
    estimate = PRICE * len(found)
    assert totals(browser.get(BOOKS)).startswith(
        f"{len(found)} submission{'s' * (len(found) > 1)} · estimated ${estimate} · ${spent} actual"
    )
