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
]
