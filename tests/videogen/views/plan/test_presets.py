"""Draft and final on the plan's page, “Other…” beside them, and the plan of a promotion."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from storybook.models import Shot
from tests.support.admin_clients import VIEWS, browser_of, fingerprint, producer, viewer
from tests.support.drafts import make_draft, make_shots, offer, plan_url
from tests.support.factories import State, make_batch, make_render
from tests.support.pages import levels, page_of
from videogen.catalog.options import ChosenFormat
from videogen.models import RenderBatch, StorySettings, VideoRender
from videogen.models.people import Requester
from videogen.planning.drafts import draft_batches
from videogen.views.plan.options import PlanOptionsForm

pytestmark = pytest.mark.django_db

STANDARD, FAST = "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"
CHEAP = f"?mode=default&model={FAST}&resolution=720p"


@pytest.fixture(autouse=True)
def paid(settings):
    settings.VIDEO_BACKEND = "gemini"


def look(browser, draft, query="?mode=default"):
    return browser.get(plan_url(draft) + query)


def confirm(browser, draft, query):
    response = look(browser, draft, query)
    [form] = [each for each in page_of(response).tags("form") if "planned" in each.fields]
    sent = {
        each.attributes["name"]: each.attributes["value"]
        for each in form.tags("input")
        if each.attributes["type"] == "hidden"
    }
    assert sent["planned"] == fingerprint(response)
    return browser.post(plan_url(draft), sent | {"confirm": 1})


def switch(response):
    """By preset: its price, its link, whether it is chosen."""
    return {
        each["preset"]: (
            each.hook("price").text,
            each.attributes["href"],
            "aria-current" in each.attributes,
        )
        for each in page_of(response).hooks("preset")
    }


def links(response, name):
    return {
        each.text: each.attributes["href"]
        for each in page_of(response).hook("choices", name).tags("a")
    }


# -- the switch ------------------------------------------------------------------------------------


def test_draft_and_final_are_one_switch():
    draft = make_draft(make_shots(1))
    browser = producer()

    assert switch(look(browser, draft)) == {
        "draft": ("$0.80 each", CHEAP, False),
        "final": ("$3.20 each", "?mode=default", True),
    }
    response = look(browser, draft, CHEAP)
    assert switch(response)["draft"][2] and not switch(response)["final"][2]
    assert page_of(response).hook("other")["other"] == "0"
    assert offer(response) == ({"generate": 1}, Decimal("0.80"), True)


def test_what_the_switch_says_is_queued_and_stored_with_the_batch():
    draft = make_draft(make_shots(1))

    confirm(producer(), draft, CHEAP)

    render, batch = VideoRender.objects.get(), RenderBatch.objects.get()
    assert (render.model, render.resolution) == (FAST, "720p")
    assert render.price_estimate_usd == batch.estimated_cost_usd == Decimal("0.80")
    assert (batch.model, batch.resolution, batch.aspect_ratio) == (FAST, "720p", "")


def test_the_presets_of_the_story_are_offered():
    shots = make_shots(1)
    StorySettings.objects.create(
        story=shots[0].scenelet.story, resolution="4k", draft_model=FAST, draft_resolution="1080p"
    )
    draft = make_draft(shots)

    assert switch(look(producer(), draft)) == {
        "draft": ("$0.96 each", f"?mode=default&model={FAST}&resolution=1080p", False),
        "final": ("$4.80 each", "?mode=default", True),
    }


# -- other -----------------------------------------------------------------------------------------


def test_other_offers_what_the_table_allows_and_nothing_else():
    with_references = look(producer(), make_draft(make_shots(1)))
    without = look(producer(), make_draft(make_shots(1, pictures={})), "?mode=default")

    names = page_of(with_references).values("choices")
    assert names == ["preset", "model", "resolution"], "8 seconds and 16:9 with references"
    assert links(with_references, "resolution") == {
        "1080p · $3.20 each": "?mode=default",
        "4k · $4.80 each": "?mode=default&resolution=4k",
        "720p · $3.20 each": "?mode=default&resolution=720p",
    }
    assert links(without, "shape") == {
        "16:9 · $3.20 each": "?mode=default",
        "9:16 · $3.20 each": "?mode=default&shape=9%3A16",
    }


def test_a_length_is_chosen_at_a_resolution_that_has_it():
    draft = make_draft(make_shots(1, pictures={}))
    browser = producer()
    at_720 = look(browser, draft, "?mode=default&resolution=720p")
    assert links(at_720, "length")["4 s · $1.60 each"] == ("?mode=default&resolution=720p&length=4")

    short = look(browser, draft, "?mode=default&resolution=720p&length=4")

    assert offer(short) == ({"generate": 1}, Decimal("1.60"), True)
    assert page_of(short).hook("other")["other"] == "1"
    assert links(short, "resolution")["1080p · $3.20 each"] == "?mode=default"
    confirm(browser, draft, "?mode=default&resolution=720p&length=4")
    assert VideoRender.objects.get().duration_seconds == 4


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"resolution": "720p", "shape": "9:16", "length": "4"}, ChosenFormat("720p", "9:16", 4)),
        ({"resolution": "8k", "shape": "1:1", "length": "7"}, ChosenFormat()),
        ({"resolution": "a\0b", "length": "x"}, ChosenFormat()),
        ({"resolution": "1080p", "shape": "16:9", "length": "8"}, ChosenFormat()),
    ],
)
def test_what_is_not_in_the_table_cannot_be_chosen(asked, expected):
    draft = make_batch(make_shots(1)[0].scenelet.story, status="draft")

    assert PlanOptionsForm(asked, draft).options.format == expected


# -- the list and the receipt ----------------------------------------------------------------------


def test_the_list_folds_scenelets_with_what_each_costs():
    shots = make_shots(2, scenelets=("one", "two"))
    make_render(shots[0], State.DONE, backend="gemini", submission=False)
    Shot.objects.filter(pk=shots[3].pk).update(storyboard_payload=None)

    page = page_of(look(producer(), make_draft(shots)))

    found = [(each["scenelet"], "open" in each.attributes) for each in page.hooks("scenelet")]
    assert found == [("one", False), ("two", True)], "a scenelet with a blocked shot is unfolded"
    # The one test of these words.
    assert page.texts("summary") == [
        "1 generate · 1 skip · $3.20",
        "1 generate · 1 blocked · $3.20",
    ]


def test_the_receipt_has_items_reservation_and_warnings_with_counts(settings):
    settings.VIDEO_BUDGET_USD = Decimal("10.00")
    shots = make_shots(3, pictures={})
    make_render(shots[0], State.INTERRUPTED, backend="gemini", submission=False)

    page = page_of(look(producer(), make_draft(shots), "?mode=resume"))

    items = {each["item"]: each.numbers for each in page.hooks("item")}
    assert items["generate"][0] == "2" and items["generate"][-1] == "$6.40"
    assert items["resume"][0] == "1"
    assert page.hook("reserved").sums == ["$6.40"]
    assert any("2 shots" in each for each in page.texts("warned"))


def test_the_tabs_say_what_the_click_gives():
    shots = make_shots(3)
    make_render(shots[0], State.DONE, backend="gemini", submission=False)
    browser, draft = producer(), make_draft(shots)
    query = "?mode={}&takes=2"

    told = {
        each["mode"]: each.hook("outcome").text
        for each in page_of(look(browser, draft, query.format("default"))).hooks("mode")
    }

    for mode in RenderBatch.Mode.values:
        [tab] = [
            each
            for each in page_of(look(browser, draft, query.format(mode))).hooks("mode")
            if "aria-current" in each.attributes
        ]
        assert (mode, tab.hook("outcome").text) == (mode, told[mode])


# -- promoting -------------------------------------------------------------------------------------


def draft_take(shot, **values):
    usual = {"backend": "gemini", "model": FAST, "resolution": "720p", "submission": False}
    return make_render(shot, State.DONE, **usual | values)


@pytest.fixture
def promotion():
    shots = make_shots(2)
    for shot in shots:
        draft_take(shot, review="approved")
    chosen = Shot.objects.filter(pk__in=[each.pk for each in shots])
    (draft,) = draft_batches(chosen, "override", Requester("admin", name="ines"), promotes=True)
    return draft


def test_the_plan_of_a_promotion_has_one_button_with_its_cost(promotion):
    browser = producer()
    response = look(browser, promotion)
    assert "mode" not in page_of(response)
    assert offer(response) == ({"generate": 2}, Decimal("6.40"), True)
    # The one test of these words.
    assert "Promote 2 drafts · $6.40" in page_of(response).text

    confirm(browser, promotion, "?mode=default")

    assert VideoRender.objects.filter(copy_of__isnull=False, state="queued").count() == 2


def test_the_row_of_a_promotion_shows_what_its_draft_sent(promotion):
    shot = promotion.shots.first()
    url = reverse("admin:videogen_renderbatch_plan_row", args=[promotion.pk, shot.pk])

    page = page_of(producer().get(url))

    assert page.hook("prompt").text == '{ "storyboard_payload": {} }'


def test_a_selection_of_the_board_and_all_approved_drafts_are_promoted():
    shots = make_shots(3)
    for shot in shots:
        draft_take(shot, review="approved" if shot == shots[0] else "unreviewed")
    story = shots[0].scenelet.story
    board = reverse("admin:storybook_story_board", args=[story.pk])
    browser = browser_of(*VIEWS, "storybook.view_story", "videogen.generate_video")
    [button] = page_of(browser.get(board)).hooks("promote-approved")
    assert button["promote-approved"] == "1"

    browser.post(board, {"verb": "promote_approved"})
    browser.post(board, {"verb": "promote", "shots": f"{shots[1].pk},{shots[2].pk}"})

    approved, selected = RenderBatch.objects.filter(status="draft").order_by("pk")
    assert (approved.promotes, selected.promotes) == (True, True)
    assert list(approved.shots.all()) == shots[:1]
    assert list(selected.shots.all()) == shots[1:]


def test_without_an_approved_draft_nothing_is_drafted():
    story = make_shots(1)[0].scenelet.story
    board = reverse("admin:storybook_story_board", args=[story.pk])
    browser = browser_of(*VIEWS, "storybook.view_story", "videogen.generate_video")

    response = browser.post(board, {"verb": "promote_approved"}, follow=True)

    assert levels(response) == [] or response.context["messages"]
    assert not RenderBatch.objects.exists()


def test_the_list_of_shots_promotes_too():
    shots = make_shots(2)
    asked = {"action": "promote_drafts", "_selected_action": [each.pk for each in shots]}

    producer().post("/admin/storybook/shot/", asked)

    assert RenderBatch.objects.get().promotes
    assert viewer().post("/admin/storybook/shot/", asked).status_code == 403
