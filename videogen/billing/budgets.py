"""What may be spent: on everything, on one story, or by one person on one day.

What counts towards a limit is the cost of every submission that was paid or may have been, which
includes those in flight and the kept charges of wiped stories, and the price of every queued
render. Queueing reserves money under `lock_budgets`. A render that ends without a charge gives its
money back. What is left is asked for by planning/plan.py (`within_budgets`), by pipeline/claims.py
before each paid call, by planning/model_switch.py, and by what shows budgets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.db.models import Q, QuerySet, Sum
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from storybook.models import Story
from videogen.common.formats import month_day
from videogen.models import Budget, KeptCharge, Submission, VideoRender
from videogen.models.people import Person

Scope = Budget.Scope

# A plan that costs something says so where no limit applies to it.
NO_BUDGET = "No budget applies to this: only the account limits what is spent."

# Any number that nothing else on this database uses for an advisory lock.
_LOCK = 7_203_160_441


def lock_budgets() -> None:
    """Hold off every other reservation and claim until the transaction ends.

    There is one lock for everything, because two batches that compete for the last dollars may
    belong to different stories and lanes. On PostgreSQL it is an advisory lock: if the lanes' rows
    were locked, the pumps could not renew their leases during a long batch. On SQLite a transaction
    that writes has the database to itself. Take it after a story's lock and before a lane's.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("lock_budgets has to be called within a transaction.")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


class Used(NamedTuple):
    """What was paid or may have been, and what the queued renders will cost when they are sent."""

    spent_usd: Decimal = Decimal(0)
    queued_usd: Decimal = Decimal(0)

    @property
    def total_usd(self) -> Decimal:
        return self.spent_usd + self.queued_usd


class LimitKind(models.TextChoices):
    """What a limit is about, and its name in a sentence."""

    SETTINGS = "settings", "the budget"
    EVERYTHING = "everything", "the budget for everything"
    STORY = "story", "the budget of the story"
    PERSON_DAY = "person_day", "the budget of {person} for {day}"


@dataclass(frozen=True)
class LimitName:
    """Which limit is meant. `person` and `day` belong to a person's daily budget."""

    kind: LimitKind
    person: str = ""
    day: date | None = None

    @property
    def words(self) -> str:
        day = month_day(self.day) if self.day else ""
        return str(self.kind.label).format(person=self.person or "nobody", day=day)

    def as_params(self) -> dict[str, str]:
        """For JSON; `of_params` reads it."""
        day = {"person": self.person, "day": self.day.isoformat()} if self.day else {}
        return {"kind": self.kind.value, **day}

    @classmethod
    def of_params(cls, params: Mapping[str, str]) -> LimitName:
        day = date.fromisoformat(params["day"]) if "day" in params else None
        return cls(LimitKind(params["kind"]), params.get("person", ""), day)


@dataclass(frozen=True)
class Limit:
    """One budget, and how much of it is used."""

    name: LimitName
    limit_usd: Decimal
    spent_usd: Decimal = Decimal(0)
    reserved_usd: Decimal = Decimal(0)

    @property
    def words(self) -> str:
        """Its name in a sentence, such as "the budget of the story"."""
        return self.name.words

    @property
    def left_usd(self) -> Decimal:
        return max(Decimal(0), self.limit_usd - self.spent_usd - self.reserved_usd)


def usage(scope: _Scope | None = None) -> Used:
    """How much is used in this scope, or of everything. Three queries."""
    scope = scope or _Scope()
    # Spent comes first: a render that is refused between the two queries, and waits again, is then
    # counted twice. In the other order it would not be counted at all.
    return Used(_spent_usd(scope), _total(_queued(scope)))


def queued_usd_of_story(story: int) -> Decimal:
    """What the queued renders of that story will cost when they are sent. One query."""
    return _total(_queued(_Scope(story=story)))


def limits_for(story: int, person: Person | None) -> tuple[Limit, ...]:
    """The limits on what this person asks for today for this story, the tightest first. One query
    where there is none, ten at most."""
    person = person or Person()
    about = _Charge(story, person, timezone.localdate())
    of_person = Q(user=None) | Q(user=person.user_id) | Q(user__username=person.name)
    budgets = Budget.objects.select_related("user").filter(
        Q(scope=Scope.OVERALL) | Q(scope=Scope.STORY, story=story) | Q(of_person, story=None)
    )
    used: dict[_Scope, Used] = {}
    limits = []
    for name, limit, scope in _applying(budgets, about):
        if scope not in used:
            used[scope] = usage(scope)
        limits.append(Limit(name, limit, *used[scope]))
    return tuple(sorted(limits, key=lambda limit: limit.left_usd))


def overall_limit_usd() -> Decimal | None:
    """The lower of VIDEO_BUDGET_USD and the budget for everything; None without either."""
    found = Budget.objects.filter(scope=Scope.OVERALL).values_list("limit_usd", flat=True)
    given = [each for each in (settings.VIDEO_BUDGET_USD, *found) if each is not None]
    return min(given, default=None)


class BudgetHeadroom:
    """How much the budgets leave for the renders that are submitted now.

    Each render that is taken counts from then on. Queued renders do not count: the oldest are sent
    first, and a limit may have been lowered since they were queued. The renders have to be loaded
    with their shot and its scenelet.
    """

    def __init__(self) -> None:
        self._budgets = list(Budget.objects.select_related("user"))
        self._spent: dict[_Scope, Decimal] = {}

    def refusal(self, render: VideoRender) -> str:
        """Why the render must not be sent, or ""."""
        price = render.price_estimate_usd
        if not price:
            return ""
        for name, limit, scope in self.limits_on(render):
            left = limit - self._spent_of(scope)
            if price > left:
                # Whoever reads this looks for the setting, not for a budget in the admin.
                is_setting = name.kind == LimitKind.SETTINGS
                words = "VIDEO_BUDGET_USD" if is_setting else name.words
                left = max(left, Decimal(0))
                return f"Not sent: it costs ${price:.2f} and ${left:.2f} is left of {words}."
        return ""

    def take(self, render: VideoRender) -> None:
        for scope in self._spent:
            if scope.is_about(render):
                self._spent[scope] += render.price_estimate_usd

    def limits_on(self, render: VideoRender) -> Iterable[tuple[LimitName, Decimal, _Scope]]:
        person = Person(render.requested_by_id, render.requested_by_name)
        day = timezone.localdate(render.queued_at)
        return _applying(self._budgets, _Charge(render.shot.scenelet.story_id, person, day))

    def _spent_of(self, scope: _Scope) -> Decimal:
        if scope not in self._spent:
            self._spent[scope] = _spent_usd(scope)
        return self._spent[scope]


@dataclass(frozen=True)
class BudgetImpact:
    """How much more queued renders would cost, and a limit that applies to them."""

    limit: Limit
    more_usd: Decimal

    @property
    def fits(self) -> bool:
        return self.more_usd <= 0 or self.more_usd <= self.limit.left_usd

    @property
    def sentence(self) -> str:
        return (
            f"Over {self.limit.words}: it costs ${self.more_usd:.2f} more, "
            f"${self.limit.left_usd:.2f} is left."
        )


def find_budget_impacts(changes: Iterable[tuple[VideoRender, Decimal]]) -> list[BudgetImpact]:
    """What it means for each limit if each of these queued renders cost so much more; the tightest
    first. The renders have to be loaded with their shot and its scenelet. One query, and at most
    three for every limit."""
    headroom = BudgetHeadroom()
    found: dict[tuple[LimitName, Decimal, _Scope], Decimal] = {}
    for render, more in changes:
        for limit in headroom.limits_on(render):
            found[limit] = found.get(limit, Decimal(0)) + more
    impacts = [
        BudgetImpact(Limit(name, usd, *usage(scope)), more)
        for (name, usd, scope), more in found.items()
    ]
    return sorted(impacts, key=lambda each: each.limit.left_usd - each.more_usd)


def usage_of(budgets: Iterable[Budget]) -> dict[int, Limit]:
    """By primary key: each budget and how much of it is used. Of a daily budget, that is what was
    used today; of everybody's, by the person who has used most. At most ten queries."""
    budgets = list(budgets)
    today = timezone.localdate()
    of = {scope: [each for each in budgets if each.scope == scope] for scope in Scope}
    used: dict[int, Used] = {}
    for budget in of[Scope.OVERALL]:
        used[budget.pk] = usage()
    if of[Scope.STORY]:
        stories = {each.pk: each.story_id for each in of[Scope.STORY] if each.story_id}
        by_story = _by_story(set(stories.values()))
        used |= {pk: by_story[story] for pk, story in stories.items()}
    if of[Scope.PERSON_DAY]:
        used |= _used_today(of[Scope.PERSON_DAY], today)
    # A budget whose story somebody has just cleared in its form counts for nothing yet.
    return {
        each.pk: Limit(_name_of(each, today), each.limit_usd, *used.get(each.pk, Used()))
        for each in budgets
    }


# -- what a limit is about -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Charge:
    story: int
    person: Person
    day: date


@dataclass(frozen=True)
class _Scope:
    """What counts towards a limit: all renders that match each field that is set."""

    story: int | None = None
    person: Person | None = None
    day: date | None = None

    def is_about(self, render: VideoRender) -> bool:
        """Whether the render counts. It answers as `about` does, which is the same as SQL. A render
        without an account, or a person without one, is compared by name."""
        if self.story is not None and render.shot.scenelet.story_id != self.story:
            return False
        if self.day is not None and timezone.localdate(render.queued_at) != self.day:
            return False
        if self.person is None:
            return True
        is_named = self.person.name == render.requested_by_name
        if self.person.user_id is None or render.requested_by_id is None:
            return is_named
        return self.person.user_id == render.requested_by_id

    def about(self, prefix: str) -> Q:
        """As a condition on renders, or on rows that refer to them by `prefix`. A render counts on
        the day on which it was asked for, even where it is sent after midnight."""
        found = self._asked(prefix)
        if self.story is not None:
            found &= Q(**{f"{prefix}batch__story": self.story})
        return found

    def about_kept(self) -> Q:
        """As a condition on kept charges. A story has those that were made under its id."""
        found = self._asked("")
        if self.story is not None:
            same = Story.objects.filter(pk=self.story).order_by().values("story_id")
            found &= Q(story__story_id__in=same)
        return found

    def _asked(self, prefix: str) -> Q:
        found = Q()
        if self.person is not None:
            named = Q(**{f"{prefix}requested_by_name": self.person.name})
            if self.person.user_id is not None:
                named &= Q(**{f"{prefix}requested_by": None})
                named |= Q(**{f"{prefix}requested_by": self.person.user_id})
            found &= named
        if self.day is not None:
            begins = timezone.make_aware(datetime.combine(self.day, time.min))
            ends = timezone.make_aware(datetime.combine(self.day + timedelta(days=1), time.min))
            found &= Q(**{f"{prefix}queued_at__gte": begins, f"{prefix}queued_at__lt": ends})
        return found


def _applying(
    budgets: Iterable[Budget], charge: _Charge
) -> Iterator[tuple[LimitName, Decimal, _Scope]]:
    """Every limit on the charge, with its amount and with what counts towards it."""
    if settings.VIDEO_BUDGET_USD is not None:
        yield LimitName(LimitKind.SETTINGS), settings.VIDEO_BUDGET_USD, _Scope()
    daily: Budget | None = None
    for budget in budgets:
        if budget.scope == Scope.OVERALL:
            yield _name_of(budget), budget.limit_usd, _Scope()
        elif budget.scope == Scope.STORY:
            if budget.story_id == charge.story:
                yield _name_of(budget), budget.limit_usd, _Scope(story=charge.story)
        elif _is_of(budget, charge.person) or (budget.user_id is None and daily is None):
            daily = budget
    if daily:
        name = LimitName(LimitKind.PERSON_DAY, charge.person.name, charge.day)
        yield name, daily.limit_usd, _Scope(person=charge.person, day=charge.day)


def _is_of(budget: Budget, person: Person) -> bool:
    if budget.user is None:
        return False
    if person.user_id is None:
        return budget.user.get_username() == person.name
    return budget.user_id == person.user_id


def _name_of(budget: Budget, day: date | None = None) -> LimitName:
    if budget.scope == Scope.OVERALL:
        return LimitName(LimitKind.EVERYTHING)
    if budget.scope == Scope.STORY:
        return LimitName(LimitKind.STORY)
    whose = budget.user.get_username() if budget.user else "everybody"
    return LimitName(LimitKind.PERSON_DAY, whose, day)


# -- what counts -----------------------------------------------------------------------------------


def _spent(scope: _Scope) -> QuerySet[Submission]:
    may_cost = Submission.objects.filter(outcome__in=Submission.MAY_COST)
    return may_cost.filter(scope.about("render__"))


def _kept(scope: _Scope) -> QuerySet[KeptCharge]:
    return KeptCharge.objects.filter(scope.about_kept(), outcome__in=Submission.MAY_COST)


def _spent_usd(scope: _Scope) -> Decimal:
    return _total(_spent(scope)) + _total(_kept(scope))


def _queued(scope: _Scope) -> QuerySet[VideoRender]:
    waiting = VideoRender.objects.open().filter(
        state=VideoRender.State.QUEUED, kind=VideoRender.Kind.GENERATION
    )
    return waiting.filter(scope.about(""))


def _price_column(rows: QuerySet[Any]) -> str:
    return "price_estimate_usd" if rows.model is VideoRender else "price_usd"


def _total(rows: QuerySet[Any]) -> Decimal:
    return _cents(rows.aggregate(total=Sum(_price_column(rows)))["total"])


def _grouped(rows: QuerySet[Any], *by: str) -> dict[tuple[Any, ...], Decimal]:
    sums = rows.order_by().values_list(*by).annotate(total=Sum(_price_column(rows)))
    return {tuple(key): _cents(total) for *key, total in sums}


def _cents(total: Decimal | None) -> Decimal:
    # SQLite adds floating-point numbers. Many of them end slightly off the cent, and then the last
    # video would not fit.
    return (total or Decimal(0)).quantize(Decimal("0.01"))


def _by_story(stories: Iterable[int]) -> dict[int, Used]:
    everything = _Scope()
    spent = _spent(everything).filter(render__batch__story__in=stories)
    queued = _queued(everything).filter(batch__story__in=stories)
    spent_by = _grouped(spent, "render__batch__story")
    queued_by = _grouped(queued, "batch__story")
    ids = dict(Story.objects.filter(pk__in=stories).order_by().values_list("pk", "story_id"))
    kept = _kept(everything).filter(story__story_id__in=ids.values())
    kept_by = _grouped(kept, "story__story_id")
    nothing = Decimal(0)
    return {
        story: Used(
            spent_by.get((story,), nothing) + kept_by.get((ids.get(story),), nothing),
            queued_by.get((story,), nothing),
        )
        for story in stories
    }


def used_by_people(budgets: list[Budget], today: date) -> list[tuple[Budget, str, Used]]:
    """For everybody who asked for something today: which of these daily budgets applies to them,
    their name, and what they have used. An account and its name on the command line are one person,
    and so is an account that was renamed. Four queries."""
    everybody = next((each for each in budgets if each.user_id is None), None)
    of_day = _Scope(day=today)
    spent = _grouped(_spent(of_day), "render__requested_by", "render__requested_by_name")
    kept = _grouped(_kept(of_day), "requested_by", "requested_by_name")
    for asked, usd in kept.items():
        spent[asked] = spent.get(asked, Decimal(0)) + usd
    queued = _grouped(_queued(of_day), "requested_by", "requested_by_name")
    charged = spent.keys() | queued.keys()
    names = _names_of_accounts(charged)
    accounts = {name: user for user, name in names.items()}
    found: dict[int | str, tuple[Budget, str, Used]] = {}
    for user, asked_as in charged:
        used = Used(
            spent.get((user, asked_as), Decimal(0)), queued.get((user, asked_as), Decimal(0))
        )
        account: int | None = accounts.get(asked_as) if user is None else user
        name = asked_as if account is None else names.get(account, asked_as)
        own = next((each for each in budgets if _is_of(each, Person(account, name))), None)
        if budget := own or everybody:
            _, _, before = found.get(account or name, (budget, name, Used()))
            found[account or name] = (budget, name, _added(before, used))
    return list(found.values())


def _names_of_accounts(charged: Iterable[tuple[int | None, str]]) -> dict[int, str]:
    """By primary key: the accounts that asked, and those whose name was used without an account."""
    users = {user for user, _ in charged if user is not None}
    names = {name for user, name in charged if user is None}
    model = get_user_model()
    username = model.USERNAME_FIELD
    rows = model._default_manager.filter(Q(pk__in=users) | Q(**{f"{username}__in": names}))
    return dict(rows.values_list("pk", username))


def _used_today(budgets: list[Budget], today: date) -> dict[int, Used]:
    found: dict[int, Used] = {each.pk: Used() for each in budgets}
    for budget, _, used in used_by_people(budgets, today):
        found[budget.pk] = max(found[budget.pk], used, key=lambda each: each.total_usd)
    return found


def _added(one: Used, other: Used) -> Used:
    return Used(one.spent_usd + other.spent_usd, one.queued_usd + other.queued_usd)
