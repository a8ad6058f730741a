from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from storybook.models import Story
from tests.support.admin_clients import VIEWS, browser_of, producer, viewer
from tests.support.factories import (
    State,
    force,
    make_batch,
    make_lane,
    make_render,
    make_story,
    make_submission,
    shots_of,
)
from tests.support.pages import page_of, slices
from videogen.billing.budget_use import BudgetUse, budget_use
from videogen.billing.forecasts import forecasts
from videogen.views.components.money_bar import MoneyBar

pytestmark = pytest.mark.django_db

HOME = "/admin/"
STATE = "/admin/storybook/story/dashboard/state/"


def all_shots(story):
    return list(shots_of(story).select_related("scenelet__story"))


def part(response, key):
    """Return the part of the page with that key."""
    return page_of(response).hook("live-key", key)


def failed(part):
    """How many there are of each state, as the failures are shown."""
    return [(each["failure"], int(each["number"])) for each in part.hooks("failure")]


def buttons(part, name):
    """What the buttons with that name send."""
    found = [each.attributes for each in part.tags("button")]
    return [each["value"] for each in found if each.get("name") == name]


def spend(shot, usd, *, days_ago=0, outcome="accepted"):
    render = make_render(shot, State.CANCELLED, submission=False)
    at = timezone.now() - timedelta(days=days_ago)
    make_submission(render, outcome, price_usd=Decimal(usd), claimed_at=at)


def test_the_page_says_what_there_is_and_what_to_do(admin_client):
    empty = admin_client.get(HOME).text
    story = make_story(shots=4)
    batch = make_batch(story)
    for shot, state in zip(all_shots(story), ("done", "failed", "running", "unknown"), strict=True):
        make_render(shot, state, batch=batch)
    page = admin_client.get(HOME).text

    assert "No story yet" in empty and "python manage.py import_story" in empty
    for words in (
        "no worker is running",
        "1 of 4 done, 1 to go, 1 outcome unknown, 1 failed.",
        "outcome unknown",
        "4 shots · 0 approved",
        "The simulator charges nothing.",
    ):
        assert words in page


def test_a_fresh_installation_has_no_updates(admin_client):
    page = page_of(admin_client.get(HOME))

    assert "no-story" in page and "live-url" not in page


def test_what_needs_review_comes_first_the_newest_before_the_others():
    shots = all_shots(make_story(shots=3))
    for shot in (shots[1], shots[0]):
        make_render(shot, State.DONE, poster_file=f"poster-{shot.shot_index}.jpg")

    review = part(viewer().get(HOME), "review")

    assert review.values("shot") == [str(shots[0].pk), str(shots[1].pk)]
    assert all(each.startswith("/media/take-") for each in review.values("video"))
    assert [each.attributes["src"] for each in review.tags("img")] == [
        "/media/poster-1.jpg",
        "/media/poster-2.jpg",
    ]
    assert review.hook("review-count").text == "2"


def test_stories_show_how_far_they_are_and_lead_to_their_boards():
    story = make_story(shots=4)
    shots = all_shots(story)
    make_render(shots[0], State.DONE, review="approved")
    make_render(shots[1], State.FAILED)
    board = f"/admin/storybook/story/{story.pk}/board/"

    shown = part(viewer().get(HOME), "stories").hook("story", story.story_id)

    assert {board, f"{board}?status=failed"} <= set(shown.links)
    assert slices(shown) == [("approved", 1), ("failed", 1), ("ready", 2)]
    widths = [(each.attributes["x"], each.attributes["width"]) for each in shown.hooks("slice")]
    assert widths == [("0.0%", "25.0%"), ("25.0%", "25.0%"), ("50.0%", "50.0%")]


def test_running_batch_shows_its_progress():
    story = make_story(shots=3)
    batch = make_batch(story)
    for shot, state in zip(all_shots(story), ("done", "failed", "running"), strict=True):
        make_render(shot, state, batch=batch)

    running = part(viewer().get(HOME), "running")

    assert slices(running.hook("batch", str(batch.pk))) == [
        ("done", 1),
        ("failed", 1),
        ("running", 1),
    ]
    assert "no-worker" in running


def test_drafts_and_what_ended_long_ago_are_not_running():
    story = make_story()
    make_batch(story, status="draft")
    make_render(all_shots(story)[0], State.DONE, ended_at=timezone.now() - timedelta(hours=1))

    assert "batch" not in part(viewer().get(HOME), "running")


def test_an_end_without_anything_made_is_none_to_be_proud_of():
    story = make_story(shots=3)
    batch = make_batch(story)
    for shot, state in zip(
        all_shots(story), ("not_downloaded", "not_downloaded", "failed"), strict=True
    ):
        make_render(shot, state, batch=batch)

    response = viewer().get(HOME)

    assert slices(part(response, "running")) == [("not_downloaded", 2), ("failed", 1)]
    [shown] = response.context["dashboard"].batches
    assert (shown.progress.made, shown.progress.open) == (0, 0)


def test_rehearsals_do_not_stand_on_top():
    story = make_story(shots=3)
    shots = all_shots(story)
    rendering = make_batch(story)
    make_render(shots[0], State.RUNNING, batch=rendering)
    ended = make_batch(story, mode="dry-run")
    make_render(shots[1], State.REHEARSED, batch=ended)
    rehearsing = make_batch(story, mode="dry-run")
    make_render(shots[2], State.QUEUED, kind="rehearsal", batch=rehearsing)

    running = part(viewer().get(HOME), "running")

    assert running.values("batch") == [str(rendering.pk), str(rehearsing.pk)]


def test_a_queue_that_stands_still_says_why():
    make_story()
    make_lane("gemini", paused_at=timezone.now(), pause_reason="The key is <not> valid.")

    page = viewer().get(HOME)

    assert part(page, "running").hook("pause-reason").text == "The key is <not> valid."
    assert "<not>" not in page.text


def test_more_failures_than_are_shown_are_one_click_away_by_their_badge():
    shots = all_shots(make_story(shots=9))
    for shot in shots[:7]:
        make_render(shot, State.FAILED)
    for shot in shots[7:]:
        make_render(shot, State.UNKNOWN)

    failures = part(viewer().get(HOME), "failures")

    assert failures.hook("failure-count").text == "9"
    for word, number in (("needs%20a%20decision", 2), ("failed", 7)):
        (url,) = [link for link in failures.links if link.endswith(f"status={word}")]
        assert viewer().get(url).context["cl"].result_count == number


def test_failures_come_with_their_reasons_what_waits_for_a_decision_first():
    shots = all_shots(make_story(shots=3))
    make_render(shots[0], State.FAILED, error_message="Old words.")
    make_render(shots[0], State.BLOCKED, error_message="<b>Refused</b> by the filter.")
    make_render(shots[1], State.UNKNOWN, error_message="The line broke.")
    make_render(shots[2], State.FAILED, error_message="Settled meanwhile.")
    make_render(shots[2], State.DONE)

    failures = part(viewer().get(HOME), "failures")

    assert failures.texts("reason") == ["The line broke.", "<b>Refused</b> by the filter."]
    assert "b" not in [each.tag for each in failures]


def test_trouble_of_one_cause_stands_together_with_one_button():
    shots = all_shots(make_story(shots=7))
    sent = timezone.now() - timedelta(hours=46, minutes=10)
    left = [
        make_render(shot, State.NOT_DOWNLOADED, claimed_at=sent, rendered_at=sent)
        for shot in shots[:3]
    ]
    make_render(shots[3], State.UNKNOWN)
    for shot in shots[4:6]:
        make_render(shot, State.FAILED, error_code="filter")
    make_render(shots[6], State.FAILED, error_code="other")
    browser = producer()

    failures = part(browser.get(HOME), "failures")

    assert failed(failures) == [("not_downloaded", 3), ("unknown", 1), ("failed", 1), ("failed", 2)]
    resume = "/admin/videogen/videorender/unresolved/resume/"
    first = failures.hook("failure", "not_downloaded")
    assert "kept" in first.values("badge")
    assert first.actions == {resume} and resume in failures.actions
    browser.post(resume, {"render": [each.pk for each in left]})
    failures = part(browser.get(HOME), "failures")
    assert failed(failures) == [("unknown", 1), ("failed", 1), ("failed", 2)]


def test_old_trouble_can_be_dismissed_and_new_trouble_comes_back():
    shots = all_shots(make_story(shots=4))
    for shot in shots[:2]:
        render = make_render(shot, State.FAILED, error_code="filter")
    other = make_render(shots[2], State.FAILED, error_code="other")
    browser = producer()

    answer = browser.post("/admin/videogen/videorender/dismiss/", {"newest": render.pk})

    assert answer.url == HOME
    failures = part(browser.get(HOME), "failures")
    assert failures.hook("failure-count").text == "1"
    assert failed(failures) == [("failed", 1)]
    assert buttons(failures, "newest") == [str(other.pk)]
    (link,) = [each for each in failures.links if each.endswith("status=failed")]
    assert browser.get(link).context["cl"].result_count == 3, "it leads to all that failed"
    make_render(shots[3], State.FAILED, error_code="filter")
    assert part(browser.get(HOME), "failures").hook("failure-count").text == "2"


def test_what_was_dismissed_last_is_brought_back():
    shots = all_shots(make_story(shots=3))
    older = make_render(shots[0], State.FAILED, error_code="other")
    newer = [make_render(shot, State.FAILED, error_code="filter") for shot in shots[1:]]
    browser = producer()
    for render in (older, newer[1]):
        browser.post("/admin/videogen/videorender/dismiss/", {"newest": render.pk})
    assert buttons(part(browser.get(HOME), "failures"), "back") == [str(newer[1].pk)]

    browser.post("/admin/videogen/videorender/dismiss/", {"back": newer[1].pk})

    failures = part(browser.get(HOME), "failures")
    assert failed(failures) == [("failed", 2)] and failures.hook("failure-count").text == "2"
    assert buttons(failures, "back") == [str(older.pk)], "what was dismissed before is next"
    older.refresh_from_db()
    assert older.dismissed_at
    assert not buttons(part(viewer().get(HOME), "failures"), "back")


def test_nothing_is_brought_back_that_was_not_dismissed():
    render = make_render(all_shots(make_story())[0], State.FAILED)

    for number in (render.pk, "", "x", 10**30):
        answer = producer().post(
            "/admin/videogen/videorender/dismiss/", {"back": number}, follow=True
        )
        assert [each.level_tag for each in answer.context["messages"]] == ["warning"]


def test_what_may_be_paid_for_cannot_be_dismissed():
    render = make_render(all_shots(make_story())[0], State.UNKNOWN)
    browser = producer()

    for number in (render.pk, "", "x", 10**30):
        browser.post("/admin/videogen/videorender/dismiss/", {"newest": number})

    assert failed(part(browser.get(HOME), "failures")) == [("unknown", 1)]


# -- spending --------------------------------------------------------------------------------------


def bar_of(page):
    """The parts of the bar of money, and how wide they are."""
    found = part(page, "spending").hooks("money")
    return {each["money"]: each.attributes["width"] for each in found if each["money"] != "budget"}


def test_money_is_one_bar_against_the_budget(settings):
    settings.VIDEO_BUDGET_USD = Decimal(32)
    settings.VIDEO_BACKEND = "gemini"
    shots = all_shots(make_story(shots=3))
    spend(shots[0], "6.40")
    spend(shots[0], "3.20", outcome="rejected")
    make_render(shots[1], State.QUEUED, backend="gemini", price_estimate_usd=Decimal("3.20"))

    page = viewer().get(HOME)

    spending = part(page, "spending")
    texts = {name: spending.hook(name).text for name in ("spent", "reserved", "budget", "left")}
    assert texts == {"spent": "$6.40", "reserved": "$3.20", "budget": "$32.00", "left": "$22.40"}
    assert spending.hook("forecast").text == "at least $9.60", "too few verdicts for a range"
    assert bar_of(page) == {"spent": "20.0%", "reserved": "10.0%", "forecast": "30.0%"}
    assert "over-budget" not in spending
    settings.VIDEO_BUDGET_USD = Decimal(16)
    assert "over-budget" in part(viewer().get(HOME), "spending")


def test_the_forecast_is_a_range_once_there_are_verdicts(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story(shots=8)
    for place, shot in enumerate(all_shots(story)[:6]):
        review = "approved" if place % 2 else "rejected"
        make_render(shot, State.DONE, backend="gemini", review=review)

    money = MoneyBar(budget_use(), forecasts([story]))

    assert [each.kind for each in money.segments][-2:] == ["forecast", "perhaps"]
    assert money.is_known and "–" in money.forecast


@pytest.mark.parametrize(("budget", "at"), [("1", 31.25), ("0", 0.0), (None, None)])
def test_more_than_the_budget_fills_the_bar_and_no_more(budget, at):
    use = BudgetUse(Decimal("3.20"), Decimal(0), budget and Decimal(budget), is_simulated=False)

    money = MoneyBar(use, [])

    assert [(each.kind, each.start, each.width) for each in money.segments] == [
        ("spent", 0.0, 100.0)
    ]
    assert (money.budget_at, use.left) == (at, "$0.00")


def test_nothing_spent_is_an_empty_bar():
    money = MoneyBar(budget_use(), [])

    assert (money.segments, money.words) == ([], "$0.00 spent.")


# -- cards of stories ------------------------------------------------------------------------------


def test_a_card_shows_approved_takes_first_then_key_frames():
    story = make_story(scenelets=("one", "two"), shots=2)
    shots = all_shots(story)
    for shot, review in zip(shots, ("unreviewed", "approved", "unreviewed", ""), strict=True):
        if review:
            name = f"{shot.scenelet.scenelet_id}-{shot.shot_index}.jpg"
            make_render(shot, State.DONE, review=review, poster_file=name)

    (card,) = viewer().get(HOME).context["dashboard"].stories

    assert card.frames == ("/media/one-2.jpg", "/media/one-1.jpg", "/media/two-1.jpg")
    make_story("other")
    other = viewer().get(HOME).context["dashboard"].stories
    assert [len(each.frames) for each in other if each.story.story_id == "other"] == [1]


def test_a_card_tells_the_length_and_the_share_of_what_is_approved():
    story = make_story(shots=3)
    shots = all_shots(story)
    for shot in shots[:2]:
        make_render(shot, State.DONE, review="approved", video_seconds=7.9)

    (card,) = viewer().get(HOME).context["dashboard"].stories

    assert (card.percent, card.length) == (66, "≈ 0:24")
    make_render(shots[2], State.DONE, review="approved", video_seconds=7.9)
    (card,) = viewer().get(HOME).context["dashboard"].stories
    assert (card.percent, card.length, card.to_review) == (100, "0:24", 0)


def test_a_batch_tells_how_long_it_still_takes():
    story = make_story(shots=3)
    shots = all_shots(story)
    now = timezone.now()
    model = "veo-3.1-generate-preview"
    batch = make_batch(story, model=model)
    began = now - timedelta(minutes=30)
    make_render(
        shots[0],
        State.DONE,
        claimed_at=began,
        rendered_at=began + timedelta(minutes=4),
        model=model,
    )
    make_render(shots[1], State.RUNNING, batch=batch, claimed_at=now - timedelta(minutes=1))
    make_render(shots[2], State.QUEUED, batch=batch)

    batches = viewer().get(HOME).context["dashboard"].batches

    assert [each.time_left for each in batches if each.batch == batch] == ["7 min"]


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["storybook.view_shot", "videogen.view_videorender"])
def test_who_may_not_see_shots_sees_the_data_only(missing):
    make_story()
    browser = browser_of(*(set(VIEWS) - {missing}))

    page = page_of(browser.get(HOME))

    assert "live-key" not in page and "all-data" in page
    assert browser.get(STATE).status_code == 403


@pytest.mark.parametrize(
    ("missing", "hook"),
    [
        ("videogen.view_submission", "spent"),
        ("videogen.view_renderbatch", "batch"),
        ("videogen.view_lane", "pause-reason"),
    ],
)
def test_parts_need_the_views_of_what_they_show(missing, hook):
    story = make_story()
    make_render(all_shots(story)[0], State.RUNNING, batch=make_batch(story))
    make_lane("gemini", paused_at=timezone.now(), pause_reason="No key.")
    address = {"shown": viewer(), "hidden": browser_of(*(set(VIEWS) - {missing}))}

    pages = {key: page_of(browser.get(HOME)) for key, browser in address.items()}

    assert hook in pages["shown"] and hook not in pages["hidden"]


def test_who_may_nothing_is_told_so():
    make_story()

    page = page_of(browser_of().get(HOME))

    assert "no-permission" in page and "all-data" not in page


# -- what changes meanwhile ------------------------------------------------------------------------


def test_state_says_what_the_page_says():
    story = make_story(shots=3)
    batch = make_batch(story)
    for shot, state in zip(all_shots(story), ("done", "failed", "running"), strict=True):
        make_render(shot, state, batch=batch)
    browser = viewer()

    page, state = browser.get(HOME), browser.get(STATE)

    assert state.json()["active"]
    for key, html in state.json()["parts"].items():
        assert html.strip() in page.text, key


def test_state_ends_when_nothing_runs():
    render = make_render(all_shots(make_story())[0], State.RUNNING)
    browser = viewer()
    assert browser.get(STATE).json()["active"]

    force(render, state="interrupted")

    assert not browser.get(STATE).json()["active"]


def test_right_to_left_and_hostile_titles():
    make_render(all_shots(make_story())[0], State.DONE)
    Story.objects.update(title="<script>alert(1)</script> מנורה")

    page = viewer().get(HOME).text

    assert "<script>alert" not in page
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt; מנורה</bdi>" in page
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("address", [HOME, STATE])
def test_number_of_queries_does_not_grow(address, django_assert_max_num_queries):
    browser = viewer()
    counts = []
    for number in (2, 10):
        for each in range(number):
            story = make_story(f"story-{number}-{each}", shots=3)
            first, second, third = all_shots(story)
            batch = make_batch(story)
            make_render(first, State.DONE, batch=batch)
            make_render(second, State.FAILED, batch=batch)
            make_render(third, State.RUNNING, batch=batch)
        with django_assert_max_num_queries(50) as captured:
            assert browser.get(address).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_the_title_counts_what_is_on_its_way():
    shots = all_shots(make_story(shots=3))
    make_render(shots[0], State.RUNNING)
    make_render(shots[1], State.QUEUED)
    make_render(shots[2], State.DONE)
    browser = viewer()

    page = page_of(browser.get(HOME))

    assert page.tags("title")[0].text.startswith("(2) Stories")
    assert page.hook("work")["work"] == "2"
    told = browser.get(f"{HOME}storybook/story/dashboard/state/").json()
    assert told["title"] == page.tags("title")[0].text


def test_the_title_counts_nothing_while_nothing_runs():
    make_render(all_shots(make_story())[0], State.DONE)

    page = page_of(viewer().get(HOME))

    assert page.tags("title")[0].text.startswith("Stories") and "work" not in page
