"""The bar above every page: the five places and their counts, the budget, notices, the person.

Everything is looked up when the template asks for it. For one page that is at most eight queries,
however many rows there are, and none for somebody who has not logged in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from django.contrib.admin import site
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from storybook.models import Shot
from storybook.theme import THEMES
from videogen.billing.budget_use import BudgetUse, budget_use
from videogen.models import Notice, VideoRender
from videogen.models.states import BadgeWord
from videogen.planning.shot_status import standings_at_work, standings_with

from .access import GENERATE, signed_in

# Which notice a browser has seen last; the page of notices says so. Notices have no readers of
# their own, and a cookie needs no row for each of them.
SEEN_COOKIE = "notices_seen"
SEEN_KEPT_SECONDS = 400 * 24 * 3600
MOST_UNREAD = 99
NEARLY_USED_PERCENT = 80

Counted = TypeVar("Counted")

# The place that a page belongs to, by the name of its address or the beginning of that.
_PLACES = (
    ("review", ("videogen_review",)),
    ("queue", ("videogen_renderbatch_",)),
    ("spending", ("videogen_submission_spending",)),
    ("trouble", ("videogen_unresolved", "videogen_decide")),
    (
        "stories",
        ("index", "storybook_story_board", "storybook_story_watch", "storybook_story_films"),
    ),
)


@dataclass(frozen=True)
class Place:
    """A link of the bar. `code` names it to programs, `number` is what waits there."""

    code: str
    name: str
    url: str
    is_current: bool
    number: int = 0
    hint: str = ""

    @property
    def is_trouble(self) -> bool:
        return self.code == "trouble"


class Money:
    """The use of the budget in whole dollars."""

    def __init__(self, use: BudgetUse) -> None:
        self.used = _whole(use.used_usd)
        self.limit = "" if use.budget_usd is None else _whole(use.budget_usd)
        self.percent = 0.0
        if use.budget_usd is not None:
            share = 100 * use.used_usd / use.budget_usd if use.budget_usd else Decimal(100)
            self.percent = round(min(100.0, float(share)), 1)

    @property
    def is_nearly_used(self) -> bool:
        return self.percent >= NEARLY_USED_PERCENT

    @property
    def words(self) -> str:
        if not self.limit:
            return f"Spending: {self.used} spent or reserved, no budget is set"
        return f"Spending: {self.used} of {self.limit} spent or reserved"


class Bar:
    """The bar as one person may see it."""

    themes = THEMES

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._user = signed_in(request)

    # -- the places

    @cached_property
    def places(self) -> list[Place]:
        found = [self._place("stories", "Stories", reverse("admin:index"))]
        if self._may_see_takes:
            number = number_to_review(self._request)
            hint = f"{number} to review"
            found.append(self._place("review", "Review", _review_url(), number, hint))
        if self._user.has_perm("videogen.view_renderbatch"):
            number = VideoRender.objects.at_work().values("batch").distinct().count()
            url = reverse("admin:videogen_renderbatch_changelist", query={"at_work": "yes"})
            hint = f"{number} running"
            found.append(self._place("queue", "Queue", url, number, hint))
        if self._user.has_perm("videogen.view_submission"):
            url = reverse("admin:videogen_submission_spending")
            found.append(self._place("spending", "Spending", url))
        if self._may_see_takes:
            number = number_to_decide(self._request)
            url = reverse("admin:videogen_unresolved")
            hint = f"{number} to decide"
            found.append(self._place("trouble", "Trouble", url, number, hint))
        return found

    def _place(self, code: str, name: str, url: str, number: int = 0, hint: str = "") -> Place:
        return Place(code, name, url, code == self._current, number, hint)

    @cached_property
    def _current(self) -> str:
        match = self._request.resolver_match
        name = (match.url_name or "") if match else ""
        found = (code for code, names in _PLACES if name.startswith(names))
        return next(found, "") if name else ""

    @cached_property
    def _may_see_takes(self) -> bool:
        return site.get_model_admin(Shot).has_view_permission(
            self._request
        ) and self._user.has_perm("videogen.view_videorender")

    # -- the budget

    @cached_property
    def money(self) -> Money | None:
        if not self._user.has_perm("videogen.view_submission"):
            return None
        return Money(budget_use_for(self._request))

    # -- the notices

    @property
    def may_see_notices(self) -> bool:
        return self._user.has_perm("videogen.view_notice")

    @cached_property
    def unread(self) -> int:
        """How many notices came since the person looked at their list in this browser; at most
        MOST_UNREAD."""
        seen = self._request.COOKIES.get(SEEN_COOKIE, "")
        newest = int(seen) if seen.isdecimal() and len(seen) < 18 else 0
        return Notice.objects.filter(pk__gt=newest).order_by()[:MOST_UNREAD].count()

    # -- the person

    @property
    def person(self) -> str:
        return self._user.get_full_name() or self._user.get_username()

    @property
    def initials(self) -> str:
        words = self.person.replace(".", " ").replace("_", " ").split()
        letters = [word[0] for word in (words[0], *words[1:][-1:])] if words else []
        return "".join(letters).upper() if len(letters) > 1 else self.person[:2].upper()

    @property
    def may_see_data(self) -> bool:
        return self._user.is_staff

    @property
    def may_see_internals(self) -> bool:
        return self._user.is_superuser

    @property
    def may_see_doctor(self) -> bool:
        return self._user.has_perms(["videogen.view_lane", GENERATE])


# -- what the first page shows twice, in the bar and in full: it is counted once for a request


def budget_use_for(request: HttpRequest) -> BudgetUse:
    """The use of the budget at the moment of the request."""
    return _once(request, budget_use)


def number_to_review(request: HttpRequest) -> int:
    """How many shots have takes that wait for a verdict."""
    return _once(request, _count_to_review)


def number_to_decide(request: HttpRequest) -> int:
    """How many shots wait for a decision. What may have been paid for counts also where its story
    is archived."""
    return _once(request, _count_to_decide)


def _count_to_review() -> int:
    return standings_at_work(BadgeWord.NEEDS_REVIEW).count()


def _count_to_decide() -> int:
    return standings_with(BadgeWord.NEEDS_DECISION).count()


def _once(request: HttpRequest, count: Callable[[], Counted]) -> Counted:
    kept: dict[Callable[[], Any], Any] = request.__dict__.setdefault("counted_once", {})
    if count not in kept:
        kept[count] = count()
    return kept[count]


def bar_for(request: HttpRequest) -> Bar | None:
    """Return the bar's content; None for somebody whom the site does not know."""
    user = getattr(request, "user", None)
    return Bar(request) if user and user.is_authenticated and user.is_staff else None


def _review_url() -> str:
    try:
        return reverse("admin:videogen_review")
    except NoReverseMatch:
        # There is no page of its own for it: the list of shots, filtered.
        status = BadgeWord.NEEDS_REVIEW.value
        return reverse("admin:storybook_shot_changelist", query={"status": status})


def _whole(amount: Decimal) -> str:
    return f"${amount:,.0f}" if amount >= 10 or amount == int(amount) else f"${amount:,.2f}"
