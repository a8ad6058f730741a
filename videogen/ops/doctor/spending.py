"""Price, budget, quota and deadlines: settings with which nothing would be sent, or too much."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.conf import settings
from django.utils.translation import ngettext

from videogen.billing.budgets import overall_limit_usd, usage, usage_of
from videogen.catalog.prices import KnownPrice, PriceList
from videogen.common.formats import usd
from videogen.common.task_queue import DOWNLOAD_SECONDS
from videogen.lanes.quota import span_in_words, window_problem
from videogen.models import Budget
from videogen.models.routes import Route, account_of, is_simulating, spend_window_usd

from .check import Examination
from .findings import Finding, Topic

PRICE = Topic("price", "Price")
QUOTA = Topic("quota", "Quota")
BUDGET = Topic("budget", "Budget")
PATIENCE = Topic("patience", "Patience")

# Google's documentation says that a video takes up to six minutes.
LATENCY_MINUTES = 6
RESTART = "and restart the workers"


def check_price(exam: Examination) -> Iterator[Finding]:
    what = (
        f"{settings.VIDEO_DURATION_SECONDS} seconds of {settings.VIDEO_MODEL} at "
        f"{settings.VIDEO_RESOLUTION}"
    )
    if price := _price(exam):
        yield PRICE.ok(f"{usd(price.usd)} for {what}.")
    else:
        yield PRICE.fail(
            f"No price is known for {what}, and nothing is sent without a known price.",
            f"Add it: admin, Prices. Or set VIDEO_PRICE_USD_PER_SECOND {RESTART}.",
        )


def check_quota(exam: Examination) -> Iterator[Finding]:
    none = [
        name
        for name in (
            "VIDEO_MAX_IN_FLIGHT",
            "VIDEO_SUBMISSIONS_PER_MINUTE",
            "VIDEO_SUBMISSIONS_PER_DAY",
        )
        if getattr(settings, name) == 0
    ]
    if none:
        yield QUOTA.fail(
            ngettext("Nothing is ever sent: %s is 0.", "Nothing is ever sent: %s are 0.", len(none))
            % " and ".join(none),
            f"Set a number above 0, or none at all, {RESTART}.",
        )
        return
    price = _price(exam)
    backend = account_of(exam.route)
    if price and price.usd and (problem := window_problem(backend, price.usd)):
        yield QUOTA.fail(
            f"No video fits into the account's spend window: {problem.sentence}",
            f"Set the account's real tier or window {RESTART}, or use a cheaper model.",
        )
        return
    window = spend_window_usd(backend)
    if window is None and backend == Route.GEMINI:
        yield QUOTA.warn(
            "The account's tier is not set: batches run into the API's refusals instead of waiting "
            "for quota.",
            f"Set VIDEO_QUOTA_TIER to 1, 2 or 3 {RESTART}.",
        )
        return
    spans = [f"{usd(window)} in {span_in_words()}"] if window is not None else []
    if settings.VIDEO_SUBMISSIONS_PER_MINUTE is not None:
        spans.append(f"{settings.VIDEO_SUBMISSIONS_PER_MINUTE} a minute")
    if settings.VIDEO_SUBMISSIONS_PER_DAY is not None:
        spans.append(f"{settings.VIDEO_SUBMISSIONS_PER_DAY} a day")
    spans.append(f"{settings.VIDEO_MAX_IN_FLIGHT} at once")
    yield QUOTA.ok(f"At most {', '.join(spans)}.")


def check_budget(exam: Examination) -> Iterator[Finding]:
    limit, price = overall_limit_usd(), _price(exam)
    used_up = [each for each in usage_of(Budget.objects.all()).values() if not each.left_usd]
    if limit is None:
        if not is_simulating():
            yield BUDGET.warn(
                "There is no budget over everything: only the account limits what is spent.",
                "Set VIDEO_BUDGET_USD, or add one: admin, Budgets.",
            )
    else:
        left = limit - usage().total_usd
        if price and price.usd and left < price.usd:
            yield BUDGET.fail(
                f"{usd(max(left, Decimal(0)))} of {usd(limit)} are left, and a video costs "
                f"{usd(price.usd)}: nothing more is sent.",
                "Raise VIDEO_BUDGET_USD or the budget in the admin, if more may be spent.",
            )
            return
    for each in used_up[:3]:
        yield BUDGET.warn(
            f"Used up: {each.words}, {usd(each.limit_usd)}.",
            "Raise it in the admin, Budgets, or wait.",
        )
    if limit is not None and not used_up:
        yield BUDGET.ok(f"{usd(left)} of {usd(limit)} are left.")
    elif limit is None and is_simulating() and not used_up:
        yield BUDGET.ok("There is none, and the simulator charges nothing.")


def check_patience(exam: Examination) -> Iterator[Finding]:
    wait, download = (
        settings.VIDEO_OPERATION_DEADLINE_MINUTES,
        settings.VIDEO_DOWNLOAD_DEADLINE_MINUTES,
    )
    if wait <= LATENCY_MINUTES and not is_simulating():
        yield PATIENCE.warn(
            f"VIDEO_OPERATION_DEADLINE_MINUTES is {wait:g}, and a video takes up to "
            f"{LATENCY_MINUTES}: renders that would have finished are interrupted.",
            f"Set 20 or more {RESTART}.",
        )
    if download * 60 >= DOWNLOAD_SECONDS:
        yield PATIENCE.warn(
            f"VIDEO_DOWNLOAD_DEADLINE_MINUTES is {download:g}: the queue ends the task earlier.",
            f"Set less than {DOWNLOAD_SECONDS // 60} {RESTART}.",
        )
    elif wait > LATENCY_MINUTES or is_simulating():
        yield PATIENCE.ok(f"A video may take {_minutes(wait)}, its download {_minutes(download)}.")


def _minutes(number: float) -> str:
    # ngettext takes whole numbers only.
    return ngettext("%g minute", "%g minutes", 1 if number == 1 else 2) % number


def _price(exam: Examination) -> KnownPrice | None:
    return PriceList().find(
        account_of(exam.route),
        settings.VIDEO_MODEL,
        settings.VIDEO_RESOLUTION,
        settings.VIDEO_DURATION_SECONDS,
    )
