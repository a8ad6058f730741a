"""The price list: which price is valid, what a render keeps of it, and the page that shows it."""

from __future__ import annotations

import importlib
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.support.admin_clients import browser_of
from tests.support.factories import (
    make_lane,
    make_price,
    make_render,
    make_shot,
    make_story,
    shots_of,
)
from videogen.catalog.built_in_prices import built_in_price
from videogen.catalog.prices import PriceList, describe_price, is_used
from videogen.models import Price, VideoRender
from videogen.models.people import Requester
from videogen.pipeline.claims import claim_renders
from videogen.planning.enqueue import queue_link, queue_renders
from videogen.planning.plan import plan_shots

pytestmark = pytest.mark.django_db

STANDARD = "veo-3.1-generate-preview"
REQUESTER = Requester("admin", name="mira")


def price(model=STANDARD, resolution="1080p"):
    found = PriceList().find("gemini", model, resolution, 8)
    return found and found.usd


def queue(mode="default"):
    story = make_story()
    plan = plan_shots(story, shots_of(story), mode)
    queue_renders(plan, REQUESTER, task="CREATE_SHOT_VIDEO", wake=False)
    return VideoRender.objects.get()


# -- which one is valid ----------------------------------------------------------------------------


def test_the_newest_that_has_begun_is_valid():
    make_price("0.30", days_ago=2)
    make_price("0.25", days_ago=1)
    make_price("0.10", days_ago=-1)

    assert price() == Decimal("2.00")


def test_a_price_is_of_its_model_and_resolution_only():
    make_price("0.01", resolution="4k")
    make_price("0.01", model="veo-9")

    assert price() == Decimal("3.20")


def test_what_has_not_begun_is_no_price():
    make_price("0.10", model="veo-9", days_ago=-1)

    assert price("veo-9") is None


def test_however_much_is_asked_it_is_one_query(django_assert_num_queries):
    prices = PriceList()

    with django_assert_num_queries(1):
        for model in (STANDARD, "veo-9", "veo-3.1-fast-generate-preview"):
            prices.find("gemini", model, "720p", 8)
        assert prices.models("4k") == [
            "veo-3.1-generate-001",
            STANDARD,
            "veo-3.1-fast-generate-001",
            "veo-3.1-fast-generate-preview",
        ]


def test_the_list_that_comes_with_it_says_where_it_is_from():
    sources = Price.objects.values_list("source", flat=True)

    assert len(sources) == 18
    assert all("Google's price list" in each and "2026-11-22" in each for each in sources)


# -- what a render keeps ---------------------------------------------------------------------------


def test_a_render_keeps_the_price_that_it_was_queued_under(settings):
    settings.VIDEO_BACKEND = "gemini"
    listed = make_price("0.5", source="invoice of May")

    render = queue()
    make_price("0.9", resolution="720p")
    Price.objects.filter(pk=listed.pk).delete()

    render.refresh_from_db()
    assert render.price_estimate_usd == Decimal("4.00")
    assert render.price_source == (
        f"$0.5000 per second of {STANDARD} at 1080p, valid since {listed.since}: invoice of May"
    )
    (claim,) = claim_renders(make_lane("gemini"), owner="host|boot|1|1.0", limit=1)
    assert claim.submission.price_usd == Decimal("4.00")


def test_a_price_of_the_settings_is_kept_as_that(settings):
    settings.VIDEO_BACKEND, settings.VIDEO_MODEL = "gemini", "veo-9"
    settings.VIDEO_PRICE_USD_PER_SECOND = Decimal("0.125")

    assert queue().price_source == (
        "$0.1250 per second of veo-9 at 1080p: VIDEO_PRICE_USD_PER_SECOND"
    )


def test_what_is_free_says_so():
    assert queue().price_source == "free: the simulator charges nothing"


def test_a_given_link_has_no_price(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story()
    plan = plan_shots(story, shots_of(story), "default")

    queue_link(plan, "https://127.0.0.1/clip", REQUESTER, task="CREATE_SHOT_VIDEO", worked_by="me")

    render = VideoRender.objects.get()
    assert (render.price_estimate_usd, render.price_source) == (0, "free: nothing is submitted")


def test_the_longest_source_fits():
    listed = make_price("9.5", source="x" * 500, model="m" * 100, resolution="r" * 10)

    found = PriceList().find("gemini", listed.model, listed.resolution, 8)

    assert len(found.source) == 600


# -- without a price nothing is sent ---------------------------------------------------------------


def test_an_unknown_price_blocks_in_the_plan(settings):
    settings.VIDEO_BACKEND = "gemini"
    Price.objects.filter(model=STANDARD).delete()
    story = make_story(shots=2)

    plan = plan_shots(story, shots_of(story), "default")

    assert plan.counts == {"blocked": 2}
    assert f"No price is known for {STANDARD} at 1080p" in plan.rows[0].decision.reason


def test_an_unknown_price_blocks_the_claim():
    render = make_render(make_shot(), backend="gemini")

    assert claim_renders(make_lane("gemini"), owner="host|boot|1|1.0", limit=1) == []

    render.refresh_from_db()
    assert (render.state, render.error_code) == ("failed", "unknown_price")
    assert render.error_message.startswith(f"Not sent: no price is known for {STANDARD} at 1080p.")
    assert not render.submissions.exists()


def test_a_price_that_is_known_is_claimed():
    """Also one that was queued before sources were kept."""
    make_render(make_shot(), backend="gemini", price_estimate_usd="3.20")

    assert len(claim_renders(make_lane("gemini"), owner="host|boot|1|1.0", limit=1)) == 1


# -- a price of nothing would switch every budget off ----------------------------------------------


@pytest.mark.parametrize("usd_per_second", ["0", "0.0004", "0.0099"])
def test_a_price_of_nothing_is_none(usd_per_second, settings):
    """The price before it stays valid."""
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_PRICE_USD_PER_SECOND = Decimal(usd_per_second)
    make_price(usd_per_second)
    make_price(usd_per_second, model="veo-9")

    assert price() == Decimal("3.20")
    assert price("veo-9") is None
    assert queue().price_estimate_usd == Decimal("3.20")


def test_what_was_queued_for_nothing_is_not_sent():
    render = make_render(make_shot(), backend="gemini", price_source="free until May")

    assert claim_renders(make_lane("gemini"), owner="host|boot|1|1.0", limit=1) == []

    render.refresh_from_db()
    assert (render.state, render.error_code) == ("failed", "unknown_price")


def test_the_built_in_prices_are_those_of_the_list():
    rows = Price.objects.all()

    assert [built_in_price(each.model, each.resolution) for each in rows] == [
        each.usd_per_second for each in rows
    ]
    assert built_in_price("veo-9", "1080p") is None
    assert built_in_price(STANDARD, "8k") is None


# -- the screen ------------------------------------------------------------------------------------

LIST, ADD = "/admin/videogen/price/", "/admin/videogen/price/add/"
ALL = [f"videogen.{verb}_price" for verb in ("view", "add", "change", "delete")]


def of_group(name):
    user = get_user_model().objects.create_user(username=name, is_staff=True)
    user.groups.add(Group.objects.get(name=name))
    browser = Client()
    browser.force_login(user)
    return browser


def test_producers_add_prices_and_others_look():
    form = {
        "model": "veo-9",
        "resolution": "1080p",
        "usd_per_second": "0.2",
        "since": "2026-01-01",
        "source": "quote of May",
    }

    for name in ("viewer", "artist"):
        browser = of_group(name)
        assert browser.get(LIST).status_code == 200
        assert browser.post(ADD, form).status_code == 403
    assert of_group("producer").post(ADD, form).status_code == 302

    assert price("veo-9") == Decimal("1.60")


def entered(browser, usd_per_second, model=STANDARD, resolution="1080p"):
    """What the page says against it, or None if it was stored."""
    form = {
        "model": model,
        "resolution": resolution,
        "usd_per_second": usd_per_second,
        "since": "2026-11-15",
        "source": "quote of May",
    }
    response = browser.post(ADD, form)
    if response.status_code == 302:
        return None
    return response.context["adminform"].form.errors


@pytest.mark.parametrize("usd_per_second", ["0", "0.00", "0.009", "-1", "20.01", "9999", "NaN"])
@pytest.mark.parametrize("model", [STANDARD, "veo-9"])
def test_a_price_has_bounds(usd_per_second, model):
    browser = browser_of(*ALL, is_superuser=True)

    assert list(entered(browser, usd_per_second, model)) == ["usd_per_second"]
    assert not Price.objects.filter(source="quote of May").exists()


@pytest.mark.parametrize(
    ("model", "usd_per_second", "is_lower"),
    [
        (STANDARD, "0.39", True),
        (f" {STANDARD} ", "0.39", True),
        (STANDARD, "0.40", False),
        (STANDARD, "0.50", False),
        ("veo-9", "0.29", True),
        ("veo-9", "0.30", False),
        ("veo-10", "0.01", False),
    ],
)
def test_a_lower_price_needs_a_right_of_its_own(model, usd_per_second, is_lower):
    make_price("0.30", model="veo-9", days_ago=30)
    # Google's list counts, whatever was entered or removed since.
    Price.objects.filter(model=STANDARD).delete()

    refused = entered(of_group("producer"), usd_per_second, model)

    assert bool(refused) is is_lower
    if is_lower:
        assert "right of its own" in refused["usd_per_second"][0]
        allowed = browser_of(*ALL, "videogen.lower_price")
        assert entered(allowed, usd_per_second, model) is None
        told = [str(each) for each in allowed.get(LIST).context["messages"]]
        assert any("Every budget" in each for each in told)


def test_a_lower_price_of_a_later_day_allows_none_before():
    make_price("0.30", model="veo-9", days_ago=365)
    make_price("0.10", model="veo-9", days_ago=-365)

    assert list(entered(of_group("producer"), "0.10", "veo-9")) == ["usd_per_second"]


@pytest.mark.parametrize(
    "name",
    [
        f"models/{STANDARD}",
        f"publishers/google/models/{STANDARD}",
        f"google/{STANDARD}",
        STANDARD.replace("-", "%2D"),
        f"./{STANDARD}",
        f"{STANDARD}#",
    ],
)
def test_another_spelling_of_a_model_gets_no_price_of_its_own(name):
    for browser in (of_group("producer"), browser_of(*ALL, "videogen.lower_price")):
        assert list(entered(browser, "0.01", name)) == ["model"]
    assert not Price.objects.filter(source="quote of May").exists()


def test_a_price_is_not_edited():
    listed = make_price("0.5")
    url = reverse("admin:videogen_price_change", args=[listed.pk])
    browser = browser_of(*ALL)

    assert 'name="_save"' not in browser.get(url).text
    assert browser.post(url, {"usd_per_second": "0.1"}).status_code == 403
    assert Price.objects.get(pk=listed.pk).usd_per_second == Decimal("0.5")


def test_only_a_price_that_nothing_was_queued_under_is_removed(settings):
    settings.VIDEO_BACKEND = "gemini"
    used, mistyped = make_price("0.5"), make_price("50", model="veo-9")
    queue()
    browser = browser_of(*ALL)

    def remove(each):
        url = reverse("admin:videogen_price_delete", args=[each.pk])
        return browser.post(url, {"post": "yes"}).status_code

    assert (remove(used), remove(mistyped)) == (403, 302)
    assert Price.objects.filter(pk=used.pk).exists()
    picked = {"action": "delete_selected", "_selected_action": [used.pk], "post": "yes"}
    browser.post(LIST, picked)
    assert Price.objects.filter(pk=used.pk).exists()


def test_a_price_is_used_whatever_is_said_of_it(settings):
    settings.VIDEO_BACKEND = "gemini"
    price = make_price("0.5")
    queue()
    assert is_used(price)

    Price.objects.filter(pk=price.pk).update(source="said otherwise")
    VideoRender.objects.update(price_source="in other words")

    price.refresh_from_db()
    assert is_used(price)


def test_renders_of_before_get_their_price_by_what_they_kept_of_it():
    price, other = make_price("0.5"), make_price("0.5", model="veo-9")
    words = describe_price(price)
    render = make_render(make_shot(), price_source=words)
    unlisted = make_render(make_shot(story_id="second"), price_source="free")
    migration = importlib.import_module("videogen.migrations.0023_price_of_renders")

    migration.fill(apps, SimpleNamespace(connection=connection))

    for each in (render, unlisted):
        each.refresh_from_db()
    assert (render.price, unlisted.price) == (price, None)
    assert is_used(price) and not is_used(other)


def test_the_list_says_which_price_is_valid():
    make_price("0.5", model="veo-9", days_ago=9)
    make_price("0.6", model="veo-9", days_ago=1)
    make_price("0.7", model="veo-9", days_ago=-9)

    response = browser_of(*ALL).get(LIST, {"model": "veo-9"})

    shown = [(str(each.usd_per_second), each.valid_pk == each.pk) for each in _rows(response)]
    assert shown == [("0.7000", False), ("0.6000", True), ("0.5000", False)]
    assert response.text.count("icon-yes") == 1


def _rows(response):
    return response.context["cl"].result_list
