"""The page of spending, its tables as CSV, and the command that prints the same."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from storybook.models import Story
from tests.support.admin_clients import BAR_QUERIES, browser_of, viewer
from tests.support.factories import State, make_render, make_story, shots_of
from tests.support.pages import page_of, told
from videogen.billing.statistics import By
from videogen.models import Budget, Submission
from videogen.models.outcomes import entries

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:videogen_submission_spending")
PRICE = Decimal("3.20")
MAY = "videogen.view_submission"


@pytest.fixture(autouse=True)
def paid(settings):
    settings.VIDEO_BACKEND = "gemini"


def csv_of(by):
    return reverse("admin:videogen_submission_spending_csv", args=[by])


def all_shots(story):
    return list(shots_of(story).select_related("scenelet__story"))


def attempt(shot, state=State.DONE, **values):
    price = values.pop("price", PRICE)
    defaults = {"backend": "gemini", "price_estimate_usd": price}
    return make_render(shot, state, submission={"price_usd": price}, **defaults | values)


def fill_story(story_id="lamp", takes=4):
    story = make_story(story_id, scenelets=("opening", "storm"), shots=takes)
    for shot in all_shots(story)[:takes]:
        attempt(shot, review="rejected", requested_by_name="Ada")
        attempt(shot, review="approved", requested_by_name="Ben")
    return story


def sheet(response):
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_page_shows_what_was_spent_and_on_what():
    fill_story()
    attempt(all_shots(make_story("gull"))[0], State.UNKNOWN)

    response = browser_of(MAY).get(PAGE)

    page = page_of(response)
    assert (page.hook("open").text, page.hook("per-approved").text) == ("$3.20", "$6.40")
    assert [each.text for each in page.hooks("spent") if each.tag == "dd"] == ["$25.60"]
    assert page.values("table") == [
        "story",
        "model",
        "character",
        "reason",
        "verdict",
        "person",
        "day",
    ]
    stories = {each["row"]: each for each in page.hook("table", "story").hooks("row")}
    assert stories["lamp"].hook("spent").text == "$25.60"
    assert stories["lamp"].hook("to-finish").text == "$19.20–38.40"
    assert stories["gull"].hook("to-finish").sums == ["$3.20"]
    [drawn] = [each for each in page.tags("svg") if each.attributes.get("role") == "img"]
    assert "$25.60" in drawn.attributes["aria-label"]
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", response.text)


def test_one_story_is_shown_by_scenelet_with_its_forecast():
    story = fill_story()
    make_story("gull")

    page = page_of(browser_of(MAY).get(PAGE, {"story": story.pk}))

    assert "scenelet" in page.values("table") and "story" not in page.values("table")
    finish = next(each for each in page.hooks("to-finish") if each.tag == "p")
    assert finish.numbers == ["$19.20", "38.40", "6", "12", "$3.20", "$12.80"]
    assert page.hook("verdicts").numbers == ["4", "8"]
    assert f"{csv_of('scenelet')}?story={story.pk}" in page.links


def test_the_page_says_what_was_spent_and_what_it_takes_to_finish(settings):
    known, few = fill_story(), make_story("gull", shots=3)
    attempt(all_shots(few)[0])
    browser = browser_of(MAY)

    pages = [told(browser.get(PAGE, {"story": story.pk})) for story in (known, few)]
    whole = told(browser.get(PAGE))
    nothing = told(browser.get(PAGE, {"until": "2020-01-01"}))
    settings.VIDEO_BACKEND = "simulator"

    for words in ("By story", "By reason", "By person", "By day", "Day by day"):
        assert words in whole, words
    assert "Nothing was sent in these days." in nothing
    assert "About $19.20–38.40 for 6 to 12 more takes at $3.20, at least $12.80." in pages[0]
    assert "4 of 8 paid takes with a verdict were approved so far." in pages[0]
    few_words = "Too few verdicts to tell. At least $6.40: 2 shots need a take at $3.20."
    assert few_words in pages[1]
    assert "1 take still waits for a review" in pages[1]
    assert "The simulator charges nothing" in told(browser.get(PAGE))


def test_few_verdicts_are_too_few_for_a_forecast():
    story = make_story(shots=3)
    attempt(all_shots(story)[0])

    response = browser_of(MAY).get(PAGE, {"story": story.pk})

    forecast = response.context["forecast"].forecast
    assert (forecast.is_known, forecast.needed, forecast.waiting) == (False, 2, 1)
    [finish] = page_of(response).hooks("to-finish")
    assert finish.sums == ["$6.40", "$3.20"]


def test_the_simulator_charges_nothing(settings):
    settings.VIDEO_BACKEND = "simulator"
    attempt(all_shots(make_story())[0], backend="simulator")

    page = page_of(browser_of(MAY).get(PAGE))

    assert "simulated" in page
    assert {each.text for each in page.hooks("spent")} == {"$0.00"}
    assert page.hook("attempts").text == "1"


@pytest.mark.parametrize(
    ("asked", "spent", "problem"),
    [
        ({"since": "2026-05-04"}, "$0.00", None),
        ({"since": "2026-05-03", "until": "2026-05-03"}, "$3.20", None),
        ({"since": "2026-05-03", "until": "2026-05-01"}, "$6.40", "backwards"),
        ({"since": "tomorrow"}, "$6.40", "invalid"),
        ({"story": "4711"}, "$6.40", "invalid_choice"),
        ({}, "$6.40", None),
    ],
    ids=str,
)
def test_days_and_stories_that_make_no_sense_are_told(asked, spent, problem):
    shots = all_shots(make_story(shots=2))
    for shot, day in zip(shots, (2, 3), strict=True):
        attempt(shot, claimed_at=timezone.make_aware(datetime(2026, 5, day, 12)))

    response = browser_of(MAY).get(PAGE, asked)

    page = page_of(response)
    assert response.status_code == 200
    assert [each.text for each in page.hooks("spent") if each.tag == "dd"] == [spent]
    assert ("nothing" in page) == (spent == "$0.00")
    errors = response.context["form"].errors.as_data()
    assert [each.code for found in errors.values() for each in found] == [problem] * len(errors)
    assert page.values("problem") == list(errors) and bool(errors) == bool(problem)


@pytest.mark.parametrize("by", By.values)
def test_every_table_is_a_sheet(by):
    fill_story()

    rows = sheet(browser_of(MAY).get(csv_of(by)))

    assert sum(Decimal(row["spent_usd"]) for row in rows) == Decimal("25.60")
    assert sum(int(row["approved"]) for row in rows) == 4


def test_no_cell_is_a_formula():
    story = fill_story()
    Story.objects.filter(pk=story.pk).update(title='=HYPERLINK("http://x", "y")')

    [row] = sheet(browser_of(MAY).get(csv_of("story")))

    assert row["story"] == '\'=HYPERLINK("http://x", "y")'


def test_unknown_tables_do_not_exist():
    assert browser_of(MAY).get(csv_of("colour")).status_code == 404


@pytest.mark.parametrize("url", [PAGE, csv_of("story")])
def test_who_may_not_see_submissions_sees_no_figures(url):
    assert browser_of("videogen.view_videorender").get(url).status_code == 403


@pytest.mark.parametrize("asked", [{}, {"story": True}])
def test_page_asks_as_often_for_much_as_for_little(asked, django_assert_max_num_queries):
    browser = viewer()
    counts = []
    for number in (1, 4):
        story = [fill_story(f"story-{number}-{each}", takes=number) for each in range(number)][0]
        with django_assert_max_num_queries(18 + BAR_QUERIES) as captured:
            assert browser.get(PAGE, {"story": story.pk} if asked else {}).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_dashboard_offers_it_to_those_who_may_see_it():
    fill_story()
    browser = browser_of("storybook.view_shot", "videogen.view_videorender")

    assert PAGE not in page_of(browser.get("/admin/")).links


# -- the burn-down ---------------------------------------------------------------------------------


def ledger():
    return sum(each.actual_usd or 0 for each in entries(Submission.objects.all()))


def test_what_is_left_of_the_budget_burns_down_to_what_the_ledger_says(settings):
    settings.VIDEO_BUDGET_USD = Decimal("40.00")
    shots = all_shots(make_story(shots=3))
    for shot, days in zip(shots, (90, 2, 0), strict=True):
        attempt(shot, claimed_at=timezone.now() - timedelta(days=days))
    attempt(shots[0], State.RUNNING)

    response = browser_of(MAY).get(PAGE)

    burn = page_of(response).hook("burn-down")
    left = response.context["burn_down"].burned.left_usd
    assert left == Decimal("40.00") - ledger() == Decimal("30.40")
    assert burn.hook("left").sums == ["$30.40"] and burn.hook("limit").text == "$40.00"
    # The table beside the chart: what was spent before its first day is gone already.
    rows = burn.texts("day-left")
    assert rows[0] == "$36.80 left" and rows[-3:] == ["$33.60 left", "$33.60 left", "$30.40 left"]
    heights = [float(each) for each in burn.values("column")]
    assert heights == sorted(heights, reverse=True) and heights[-1] == 91.2
    assert response.context["burn_down"].open == "$3.20"


def test_a_story_burns_down_its_own_budget(settings):
    settings.VIDEO_BUDGET_USD = Decimal("1000.00")
    story = fill_story()
    asked = {"story": story.pk}
    assert "burn-down" not in page_of(browser_of(MAY).get(PAGE, asked))
    Budget.objects.create(scope="story", story=story, limit_usd=20)

    burn = page_of(browser_of(MAY).get(PAGE, asked)).hook("burn-down")

    assert burn.hook("left").text == "$5.60 over"


def test_without_a_budget_or_with_the_simulator_nothing_burns_down(settings):
    fill_story()
    assert "burn-down" not in page_of(browser_of(MAY).get(PAGE))
    settings.VIDEO_BUDGET_USD, settings.VIDEO_BACKEND = Decimal("10.00"), "simulator"
    assert "burn-down" not in page_of(browser_of(MAY).get(PAGE))


def test_yield_and_waste_are_told():
    fill_story()

    page = page_of(browser_of(MAY).get(PAGE))

    assert page.hook("waste").text == "$12.80"
    figures = [each for each in page.hooks("yield") if each.tag == "dd"]
    assert [each.text for each in figures] == ["50 %"]
    [model] = page.hook("table", "model").hooks("row")
    assert (model.hook("yield").text, model.hook("per-second").text) == ("50 %", "$0.80")
    [character] = page.hook("table", "character").hooks("row")
    assert character["row"] == "ada"


# -- the command -----------------------------------------------------------------------------------


def spend(*arguments):
    out = StringIO()
    call_command("spend", *arguments, stdout=out)
    return out.getvalue()


def test_command_tells_programs_everything():
    fill_story()

    told = json.loads(spend("--json"))

    assert list(told["by"]) == By.values
    assert told["by"]["story"] == [
        {
            "key": "lamp",
            "label": "The lamp",
            "attempts": 8,
            "videos": 8,
            "approved": 4,
            "rejected": 4,
            "not_charged": 0,
            "simulated": 0,
            "spent_usd": "25.60",
            "open_usd": "0.00",
            "cost_per_approved_usd": "6.40",
            "approved_seconds": 32.0,
            "cost_per_approved_second_usd": "0.80",
            "approved_share": 0.5,
        }
    ]
    assert told["total"]["spent_usd"] == "25.60"
    assert (told["forecast"], told["is_simulated"]) == (None, False)


def test_command_forecasts_one_story():
    fill_story()

    told = json.loads(spend("--json", "--story-id=lamp", "--by=scenelet"))

    assert list(told["by"]) == ["scenelet"]
    assert [row["key"] for row in told["by"]["scenelet"]] == ["lamp/opening"]
    assert told["forecast"] == {
        "story_id": "lamp",
        "shots": 8,
        "approved": 4,
        "left": 4,
        "needed": 4,
        "paid_takes": 8,
        "approved_takes": 4,
        "rejected_takes": 4,
        "waiting_for_a_verdict": 0,
        "takes_left": 8,
        "price_usd": "3.20",
        "forecast_usd": "25.60",
        "forecast_from_usd": "19.20",
        "forecast_to_usd": "38.40",
        "at_least_usd": "12.80",
        "cost_per_approved_usd": "6.40",
        "is_simulated": False,
    }


def test_command_shows_people_a_table():
    fill_story()

    table = spend("--by=person")

    assert re.search(r"^Ada +\$12\.80 +4 +4 +0 +4 +0", table, re.M)
    assert re.search(r"^total +\$25\.60 +8 +8 +0 +4 +4 +\$6\.40", table, re.M)
    assert "about $19.20–38.40 for 6 to 12 more takes" in spend("--story-id=lamp")


def test_command_without_anything_says_so(settings):
    settings.VIDEO_BACKEND = "simulator"

    assert "Nothing was sent." in spend() and "The simulator charges nothing" in spend()
    assert json.loads(spend("--json"))["total"]["spent_usd"] == "0.00"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--story-id=nobody"],
        ["--since=yesterday"],
        ["--by=colour"],
        ["--since=2026-05-03", "--until=2026-05-01"],
    ],
    ids=str,
)
def test_wrong_usage(arguments):
    with pytest.raises(CommandError) as error:
        spend(*arguments)

    assert error.value.returncode == 2 or "argument" in str(error.value)
