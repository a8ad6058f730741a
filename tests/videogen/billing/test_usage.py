from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.factories import make_render, make_shot
from videogen.billing.budgets import usage
from videogen.billing.usage import budget_uses
from videogen.catalog.prices import PriceList
from videogen.models import VideoRender

pytestmark = pytest.mark.django_db

State = VideoRender.State


def price_of(*asked):
    found = PriceList().find(*asked)
    return found and found.usd


@pytest.mark.parametrize(
    ("model", "resolution", "seconds", "price"),
    [
        ("veo-3.1-generate-preview", "720p", 8, "3.20"),
        ("veo-3.1-generate-preview", "1080p", 8, "3.20"),
        ("veo-3.1-generate-preview", "4k", 8, "4.80"),
        ("veo-3.1-generate-preview", "720p", 4, "1.60"),
        ("veo-3.1-fast-generate-preview", "720p", 8, "0.80"),
        ("veo-3.1-fast-generate-preview", "1080p", 8, "0.96"),
        ("veo-3.1-fast-generate-preview", "4k", 6, "1.80"),
        ("veo-3.1-lite-generate-preview", "1080p", 8, "0.64"),
        ("veo-3.1-lite-generate-preview", "4k", 8, None),
        ("veo-9", "1080p", 8, None),
        ("veo-3.1-generate-preview", "480p", 8, None),
    ],
)
def test_price_list(model, resolution, seconds, price):
    found = price_of("gemini", model, resolution, seconds)

    assert found == (None if price is None else Decimal(price))
    assert found is None or str(found) == price


def test_the_simulator_costs_nothing_whatever_the_model():
    assert str(price_of("simulator", "veo-9", "8k", 8)) == "0.00"


def test_a_price_can_be_given_for_what_is_not_listed(settings):
    settings.VIDEO_PRICE_USD_PER_SECOND = Decimal("0.125")

    assert price_of("gemini", "veo-9", "1080p", 8) == Decimal("1.00")
    assert price_of("simulator", "veo-9", "1080p", 8) == 0
    assert price_of("gemini", "veo-3.1-generate-preview", "1080p", 8) == Decimal("3.20")


def test_what_is_committed():
    for number, (state, outcome) in enumerate(
        [
            (State.DONE, "accepted"),
            (State.UNKNOWN, "unknown"),
            (State.SUBMITTING, "claimed"),
            (State.BLOCKED, "not_charged"),
            (State.FAILED, "rejected"),
        ]
    ):
        shot = make_shot(story_id=f"story-{number}")
        price = Decimal(10) ** number
        make_render(shot, state, submission={"outcome": outcome, "price_usd": price})
    waiting = make_shot(story_id="waiting")
    make_render(waiting, State.QUEUED, price_estimate_usd=5)
    make_render(waiting, State.QUEUED, kind="rehearsal", price_estimate_usd=7)

    assert usage() == (111, 5)
    assert usage().total_usd == 116


def test_many_sums_are_told_to_the_cent(settings):
    """SQLite adds floats: 38 times $1.80 ends a hair below $68.40."""
    settings.VIDEO_BUDGET_USD = Decimal("68.40")
    for number in range(38):
        shot = make_shot(story_id=f"story-{number}")
        make_render(shot, State.DONE, submission={"price_usd": Decimal("1.80")})

    assert str(usage().spent_usd) == "68.40"
    assert [str(each.spent_usd) for each in budget_uses()] == ["68.40"]
