from __future__ import annotations

from tests.faults.fault import Fault

BUDGETS = "videogen/billing/budgets.py"
TESTS = ("tests/videogen/billing/test_budgets.py",)

FAULTS = [
    Fault(
        "no-lock-on-postgres",
        BUDGETS,
        'if connection.vendor == "postgresql":',
        'if connection.vendor == "oracle":',
        TESTS,
        "two reservations at once both win the last dollars",
        needs_postgres=True,
    ),
    Fault(
        "everybodys-day-before-ones-own",
        BUDGETS,
        "(budget.user_id is None and daily is None)",
        "budget.user_id is None",
        TESTS,
        "everybody's daily budget, which PostgreSQL sorts last, replaces a person's own",
        needs_postgres=True,
    ),
    Fault(
        "namesake-is-charged",
        BUDGETS,
        'named &= Q(**{f"{prefix}requested_by": None})',
        "pass",
        TESTS,
        "an account is charged with what another one asked for under the same former name",
    ),
    Fault(
        "namesake-is-charged-at-the-claim",
        BUDGETS,
        "if self.person.user_id is None or render.requested_by_id is None:",
        "if self.person.user_id is None or is_named:",
        TESTS,
        "the same, where one claim takes several renders",
    ),
    Fault(
        "midnight-twice",
        BUDGETS,
        'f"{prefix}queued_at__lt": ends',
        'f"{prefix}queued_at__lte": ends',
        TESTS,
        "a day includes the next midnight",
    ),
    Fault(
        "taken-room-is-free",
        "videogen/billing/budgets.py",
        "                self._spent[scope] += render.price_estimate_usd",
        "                pass",
        (
            "tests/videogen/pipeline/test_claims.py::test_what_the_budget_has_no_room_for_is_not_sent_and_says_so",
        ),
        "one claim of many renders goes over the budget",
    ),
    Fault(
        "sums-off-the-cent",
        "videogen/billing/budgets.py",
        'return (total or Decimal(0)).quantize(Decimal("0.01"))',
        "return total or Decimal(0)",
        ("tests/videogen/billing/test_budgets.py::test_many_small_sums_leave_room_to_the_cent",),
        "the last video does not fit for a millionth of a dollar",
    ),
    Fault(
        "unknown-is-free",
        "videogen/models/states.py",
        "{SubmissionOutcome.CLAIMED, SubmissionOutcome.ACCEPTED, SubmissionOutcome.UNKNOWN}",
        "{SubmissionOutcome.CLAIMED, SubmissionOutcome.ACCEPTED}",
        (
            "tests/videogen/pipeline/test_claims.py::test_whatever_may_have_cost_counts_towards_the_budget",
        ),
        "what may have been paid does not count",
    ),
    Fault(
        "price-of-tomorrow",
        "videogen/catalog/prices.py",
        "since__lte=timezone.localdate(), usd_per_second__gte",
        "usd_per_second__gte",
        ("tests/videogen/catalog/test_prices.py",),
        "a price counts before its first day",
    ),
    Fault(
        "oldest-price",
        "videogen/catalog/prices.py",
        '.order_by("since")',
        '.order_by("-since")',
        ("tests/videogen/catalog/test_prices.py",),
        "the oldest price counts",
    ),
    Fault(
        "price-of-nothing",
        "videogen/catalog/prices.py",
        "since__lte=timezone.localdate(), usd_per_second__gte=LOWEST_USD_PER_SECOND",
        "since__lte=timezone.localdate()",
        ("tests/videogen/catalog/test_prices.py::test_a_price_of_nothing_is_none",),
        "a price of 0 lets every video through all budgets",
    ),
    Fault(
        "setting-of-nothing",
        "videogen/catalog/prices.py",
        "if per_second is None or per_second < LOWEST_USD_PER_SECOND:",
        "if per_second is None:",
        ("tests/videogen/catalog/test_prices.py::test_a_price_of_nothing_is_none",),
        "VIDEO_PRICE_USD_PER_SECOND=0 lets every video through all budgets",
    ),
    Fault(
        "price-without-an-upper-bound",
        "videogen/models/prices.py",
        "                HIGHEST_USD_PER_SECOND,\n",
        "                Decimal(9999),\n",
        ("tests/videogen/catalog/test_prices.py::test_a_price_has_bounds",),
        "the price of a whole video is taken for that of a second",
    ),
    Fault(
        "floor-of-a-later-day",
        "videogen/catalog/prices.py",
        "found = begun or newest_first",
        "found = newest_first",
        (
            "tests/videogen/catalog/test_prices.py::test_a_lower_price_of_a_later_day_allows_none_before",
        ),
        "a lower price of a later day allows one before without the right",
    ),
    Fault(
        "price-is-not-held",
        "videogen/planning/plan.py",
        "if not keep_price(request.price):",
        "if False:",
        (
            "tests/videogen/planning/test_enqueue.py::test_nobody_deletes_the_price_while_something_is_queued_under_it",
        ),
        "a price is deleted while something is queued under it",
        needs_postgres=True,
    ),
]
