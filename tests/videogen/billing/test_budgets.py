"""What may be spent: which limits apply, what counts towards them, where they are reserved and
checked, and their screen."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from storybook.models import Story
from tests.support.admin_clients import browser_of
from tests.support.beside import beside
from tests.support.factories import (
    make_budget,
    make_lane,
    make_render,
    make_shot,
    make_story,
    shots_of,
)
from tests.support.pages import page_of
from videogen.billing.budget_use import budget_use
from videogen.billing.budgets import BudgetHeadroom, limits_for, lock_budgets, usage_of
from videogen.common.errors import RequestError
from videogen.common.formats import month_day
from videogen.models import Budget, RenderBatch, VideoRender
from videogen.models.people import Person, Requester
from videogen.pipeline.claims import claim_renders
from videogen.planning.batch_actions import retry_failed
from videogen.planning.drafts import confirm_batch, draft_batches, plan_draft, set_options
from videogen.planning.enqueue import queue_renders
from videogen.planning.plan import plan_shots
from videogen.planning.rerun import generate_exactly

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State


@pytest.fixture(autouse=True)
def paid(settings):
    settings.VIDEO_BACKEND = "gemini"


@pytest.fixture
def mira():
    return get_user_model().objects.create_user(username="mira")


def asks(user=None, name=""):
    return Requester("admin", user=user, name=name or (user.get_username() if user else ""))


def plan(story, requester=None, **wishes):
    return plan_shots(
        story, shots_of(story), "default", person=requester and requester.person, **wishes
    )


def queue(planned, requester=None):
    return queue_renders(
        planned, requester or asks(name="mira"), task="CREATE_SHOT_VIDEO", wake=False
    )


def actions(planned):
    return [str(row.decision.action) for row in planned.rows]


def used(story, person=None):
    """(words, left) of every limit, the tightest first."""
    return [(each.words, each.left_usd) for each in limits_for(story.pk, person)]


def at(render, moment):
    VideoRender.objects.filter(pk=render.pk).update(queued_at=moment)


# -- which limits there are ------------------------------------------------------------------------


def test_without_a_budget_there_is_no_limit(django_assert_num_queries):
    story = make_story()

    with django_assert_num_queries(1):
        assert limits_for(story.pk, Person(name="mira")) == ()


def test_each_limit_counts_what_it_is_about(settings, mira):
    settings.VIDEO_BUDGET_USD = Decimal(100)
    first, second = make_shot(story_id="first"), make_shot(story_id="second")
    story = first.scenelet.story
    make_budget(90)
    make_budget(80, story=story)
    make_budget(7, story=second.scenelet.story)
    make_budget(70, user=mira)
    make_render(first, State.DONE, backend="gemini", requested_by=mira, requested_by_name="mira")
    make_render(second, State.DONE, backend="gemini", requested_by_name="otto")

    assert used(story, Person(mira.pk, "mira")) == [
        ("the budget of mira for " + f"{month_day(timezone.localdate())}", Decimal("66.80")),
        ("the budget of the story", Decimal("76.80")),
        ("the budget for everything", Decimal("83.60")),
        ("the budget", Decimal("93.60")),
    ]


@pytest.mark.parametrize(
    ("state", "submission", "left"),
    [
        (State.QUEUED, None, "6.80"),
        (State.SUBMITTING, None, "6.80"),
        (State.RUNNING, None, "6.80"),
        (State.DOWNLOADING, None, "6.80"),
        (State.DONE, None, "6.80"),
        (State.UNKNOWN, None, "6.80"),
        (State.BLOCKED, None, "10.00"),
        (State.FAILED, None, "10.00"),
        (State.FAILED, {"outcome": "rejected"}, "10.00"),
        (State.CANCELLED, None, "10.00"),
    ],
)
def test_what_counts_and_what_is_given_back(mira, state, submission, left):
    shot = make_shot()
    story = shot.scenelet.story
    make_budget(10), make_budget(10, story=story), make_budget(10, user=mira)
    make_render(
        shot,
        state,
        backend="gemini",
        price_estimate_usd="3.20",
        requested_by=mira,
        requested_by_name="mira",
        submission=submission,
    )

    assert [left_ for _, left_ in used(story, Person(mira.pk, "mira"))] == [Decimal(left)] * 3


def test_the_price_that_was_paid_counts_not_the_one_of_today(mira):
    shot = make_shot()
    make_budget(10)
    make_render(shot, State.DONE, backend="gemini", submission={"price_usd": Decimal("1.25")})

    assert used(shot.scenelet.story) == [("the budget for everything", Decimal("8.75"))]


def test_rehearsals_and_given_links_reserve_nothing():
    shot = make_shot()
    make_budget(10)
    make_render(shot, State.QUEUED, kind="rehearsal", price_estimate_usd="3.20")

    assert used(shot.scenelet.story) == [("the budget for everything", Decimal(10))]


# -- a person and a day ----------------------------------------------------------------------------


def test_ones_own_daily_budget_goes_before_everybodys(mira):
    story = make_story()
    make_budget(5, scope="person_day")
    make_budget(50, user=mira)

    day = f"{month_day(timezone.localdate())}"
    assert used(story, Person(mira.pk, "mira")) == [(f"the budget of mira for {day}", 50)]
    assert used(story, Person(None, "otto")) == [(f"the budget of otto for {day}", 5)]


def test_everybody_has_the_daily_budget_for_himself(mira):
    shot = make_shot()
    make_budget(5, scope="person_day")
    make_render(shot, State.DONE, requested_by=mira, requested_by_name="mira")

    lefts = [used(shot.scenelet.story, Person(None, name))[0][1] for name in ("mira", "otto")]
    assert lefts == [Decimal("1.80"), Decimal(5)]


def test_the_command_line_and_the_admin_share_a_persons_day(mira):
    shot = make_shot()
    make_budget(10, user=mira)
    make_render(shot, State.DONE, requested_by=mira, requested_by_name="mira")
    make_render(shot, State.DONE, requested_by_name="mira")

    for person in (Person(mira.pk, "mira"), Person(None, "mira")):
        assert used(shot.scenelet.story, person)[0][1] == Decimal("3.60")


def test_an_account_is_not_charged_for_another_of_the_same_former_name(mira):
    """The other one was called mira, too, when it asked."""
    other = get_user_model().objects.create_user(username="otto")
    story = make_story(shots=2)
    first, second = shots_of(story).select_related("scenelet__story")
    make_budget("3.20", user=mira)
    of_other = {"requested_by": other, "requested_by_name": "mira"}
    of_other["price_estimate_usd"] = Decimal("3.20")
    made = make_render(first, State.DONE, **of_other)

    assert used(story, Person(mira.pk, "mira"))[0][1] == Decimal("3.20")

    asked = make_render(
        second, requested_by=mira, requested_by_name="mira", price_estimate_usd=Decimal("3.20")
    )
    headroom = BudgetHeadroom()
    assert headroom.refusal(asked) == ""
    headroom.take(made)
    assert headroom.refusal(asked) == "", "not by what is claimed beside it, either"


def test_the_next_midnight_is_another_day(mira):
    shot = make_shot()
    make_budget(10, user=mira)
    today = datetime.combine(timezone.localdate(), datetime.min.time())
    midnight = timezone.make_aware(today + timedelta(days=1))
    at(make_render(shot, State.DONE, requested_by=mira, requested_by_name="mira"), midnight)

    assert used(shot.scenelet.story, Person(mira.pk, "mira"))[0][1] == 10


def test_a_day_is_the_local_calendar_day(settings, mira):
    settings.TIME_ZONE = "Pacific/Kiritimati"
    timezone.deactivate()
    shot = make_shot()
    make_budget(10, user=mira)
    values = {"requested_by": mira, "requested_by_name": "mira"}
    zone = ZoneInfo("Pacific/Kiritimati")
    begins = datetime.combine(timezone.localdate(), datetime.min.time(), zone)
    at(make_render(shot, State.DONE, **values), begins - timedelta(seconds=1))
    assert used(shot.scenelet.story, Person(mira.pk, "mira"))[0][1] == 10

    at(make_render(shot, State.DONE, **values), begins)

    assert used(shot.scenelet.story, Person(mira.pk, "mira"))[0][1] == Decimal("6.80")


def test_what_is_sent_after_midnight_belongs_to_the_day_of_asking(mira):
    """Or else what fitted yesterday would be refused today."""
    shot = make_shot()
    make_budget(4, user=mira)
    values = {"requested_by": mira, "requested_by_name": "mira", "price_estimate_usd": "3.20"}
    at(make_render(shot, State.QUEUED, **values), timezone.now() - timedelta(days=1))
    make_render(make_shot(story_id="today"), State.DONE, **values)

    assert len(claim_renders(make_lane(), owner="host|boot|1|1.0", limit=1)) == 1


# -- reserving -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["overall", "story", "person"])
def test_every_limit_blocks_and_says_which_it_is(mira, scope):
    story = make_story(shots=3)
    about = {"overall": {}, "story": {"story": story}, "person": {"user": mira}}[scope]
    make_budget("7.00", **about)
    whose = {"overall": " for everything", "story": " of the story"}.get(
        scope, f" of mira for {month_day(timezone.localdate())}"
    )

    queued = queue(plan(story, asks(mira)), asks(mira))

    assert len(queued.render_ids) == 2
    assert queued.rows[2][0].decision.reason == (
        f"Over the budget{whose}: it costs $3.20, $0.60 is left."
    )


def test_the_tightest_limit_decides(settings, mira):
    settings.VIDEO_BUDGET_USD = Decimal(100)
    story = make_story(shots=3)
    make_budget(20)
    make_budget(4, story=story)
    make_budget(8, user=mira)

    assert actions(plan(story, asks(mira))) == ["generate", "blocked", "blocked"]


def test_what_another_batch_has_queued_meanwhile_is_reserved():
    make_budget("9.60")
    plans = [plan(make_story(name, shots=2)) for name in ("first", "second")]
    assert [actions(each) for each in plans] == [["generate"] * 2] * 2

    first, second = [queue(each) for each in plans]

    assert (len(first.render_ids), len(second.render_ids)) == (2, 1)
    assert [str(row.decision.action) for row, _ in second.rows] == ["generate", "blocked"]
    assert second.batch.estimated_cost_usd == Decimal("3.20")
    assert second.batch.counts == {"generate": 1, "blocked": 1}


def test_all_or_nothing_queues_nothing_where_one_does_not_fit():
    make_budget("7.00")
    story = make_story(shots=4)
    *_, broken = shots_of(story).select_related("scenelet__story")
    make_render(broken, State.INTERRUPTED, backend="gemini", submission=False)
    planned = plan_shots(story, shots_of(story), "resume", over_budget="none")

    queued = queue(planned)

    assert not queued.render_ids
    assert VideoRender.objects.get().state == State.INTERRUPTED
    assert [(str(row.decision.action), row.decision.reason) for row, _ in queued.rows] == [
        (
            "blocked",
            "Over the budget for everything: all or nothing, 3 videos cost $9.60, $7.00 is left.",
        )
    ] * 3 + [("skip", "all or nothing: the budget has no room for the rest")]
    assert queued.batch.over_budget == "none"


def test_all_or_nothing_queues_all_where_all_fit():
    make_budget("9.60")

    queued = queue(plan(make_story(shots=3), over_budget="none"))

    assert len(queued.render_ids) == 3


def test_all_or_nothing_loses_the_race_whole():
    make_budget("9.60")
    plans = [plan(make_story(name, shots=2), over_budget="none") for name in ("first", "second")]

    assert [len(queue(each).render_ids) for each in plans] == [2, 0]


def test_the_very_same_request_once_more_needs_room_too():
    make_budget("3.19")
    render = make_render(make_shot(), State.FAILED, backend="gemini")

    with pytest.raises(RequestError, match="Over the budget for everything: it costs"):
        generate_exactly(render, asks(name="mira"))


def test_a_retry_needs_room_too():
    story = make_story()
    failed = queue(plan(story, over_budget="none")).batch
    VideoRender.objects.get().move(State.QUEUED, State.FAILED)
    make_budget("3.19")

    draft = retry_failed(failed, asks(name="mira"))

    assert draft.over_budget == "none"
    seen = plan_draft(draft)
    assert actions(seen) == ["blocked"]
    with pytest.raises(RequestError) as caught:
        confirm_batch(draft, asks(name="mira"), seen=seen.fingerprint)
    assert caught.value.sentence == (
        "Nothing was queued: 1 video: $3.20, and $3.19 is left of the budget for everything. "
        "Cheaper: veo-3.1-fast-generate-preview $0.96; "
        "gemini-omni-1.1-flash (Omni on the Gemini API) $1.22; "
        "gemini-omni-1.2-flash (Omni on the Gemini API) $1.22; "
        "veo-3.1-fast-generate-001 (Veo on Vertex AI) $0.96; "
        "veo-3.1-fast-generate-preview at 720p $0.80; "
        "gemini-omni-1.1-flash (Omni on the Gemini API) at 720p $0.81."
    )


def test_many_small_sums_leave_room_to_the_cent(settings):
    settings.VIDEO_MODEL = "veo-3.1-fast-generate-preview"
    story = make_story(shots=24)
    *paid, last = shots_of(story).select_related("scenelet__story")
    # SQLite adds floating-point numbers: of this sum, 88.3200000000001 comes out.
    for shot in paid:
        make_render(shot, State.DONE, submission={"price_usd": Decimal("3.84")})
    make_budget(Decimal("88.32") + Decimal("0.96"))

    assert actions(plan_shots(story, shots_of(story).filter(pk=last.pk), "default")) == ["generate"]


def test_who_confirms_pays_not_who_drafted(mira):
    story = make_story(shots=2)
    make_budget("3.20", user=mira)
    (draft,) = draft_batches(shots_of(story), "default", asks(name="otto"))
    assert plan_draft(draft).counts == {"generate": 2}

    seen = plan_draft(draft, person=asks(mira).person)
    queued = confirm_batch(draft, asks(mira), seen=seen.fingerprint)

    assert len(queued.render_ids) == 1


def test_the_choice_is_part_of_what_was_seen():
    story = make_story()
    (draft,) = draft_batches(shots_of(story), "default", asks(name="mira"))
    seen = plan_draft(draft).fingerprint

    set_options(draft, model="", over_budget="none")

    with pytest.raises(RequestError) as caught:
        confirm_batch(draft, asks(name="mira"), seen=seen)
    assert caught.value.code == "plan_changed"


def test_the_lock_wants_a_transaction():
    connection.in_atomic_block, was = False, connection.in_atomic_block
    try:
        with pytest.raises(transaction.TransactionManagementError):
            lock_budgets()
    finally:
        connection.in_atomic_block = was


@pytest.mark.django_db(transaction=True)
def test_a_reservation_waits_for_the_one_before_it():
    def reserve():
        with transaction.atomic():
            lock_budgets()

    with transaction.atomic():
        lock_budgets()
        worker = beside(reserve)
        waits = worker.waits_for_a_lock()

    assert waits
    worker.result()


# -- before it is sent -----------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["overall", "story", "person"])
def test_a_limit_that_was_lowered_holds_at_the_claim(mira, scope):
    story = make_story(shots=3)
    queue(plan(story), asks(mira))
    about = {"overall": {}, "story": {"story": story}, "person": {"user": mira}}[scope]
    make_budget("7.00", **about)
    name = {"overall": "the budget for everything", "story": "the budget of the story"}.get(
        scope, f"the budget of mira for {month_day(timezone.localdate())}"
    )

    claims = claim_renders(make_lane("gemini"), owner="host|boot|1|1.0", limit=9)

    assert len(claims) == 2
    refused = VideoRender.objects.get(state=State.FAILED)
    assert (refused.error_code, refused.error_message) == (
        "over_budget",
        f"Not sent: it costs $3.20 and $0.60 is left of {name}.",
    )


def test_limits_of_others_do_not_hold_a_claim(mira):
    queue(plan(make_story()), asks(name="otto"))
    make_budget(0, user=mira)
    make_budget(0, story=make_story("other"))

    assert len(claim_renders(make_lane("gemini"), owner="host|boot|1|1.0", limit=9)) == 1


def test_claiming_many_takes_no_more_queries_for_the_budgets(mira):
    def queries(name, count):
        story = make_story(name, shots=count)
        make_budget(500, story=story)
        queue(plan(story), asks(mira))
        lane = make_lane("gemini")
        with CaptureQueriesContext(connection) as captured:
            assert len(claim_renders(lane, owner="host|boot|1|1.0", limit=99)) == count
        return sum("SUM(" in each["sql"] for each in captured)

    make_budget(500)
    make_budget(500, user=mira)
    assert queries("few", 2) == queries("many", 12) == 6


# -- the screens -----------------------------------------------------------------------------------

LIST, ADD = "/admin/videogen/budget/", "/admin/videogen/budget/add/"


def of_group(name):
    user = get_user_model().objects.create_user(username=name, is_staff=True)
    user.groups.add(Group.objects.get(name=name))
    browser = Client()
    browser.force_login(user)
    return browser


def test_producers_keep_budgets_and_others_look():
    budget = make_budget(10)
    change = reverse("admin:videogen_budget_change", args=[budget.pk])
    form = {"scope": "overall", "story": "", "user": "", "limit_usd": "20"}

    for name in ("viewer", "artist"):
        browser = of_group(name)
        assert browser.get(LIST).status_code == browser.get(change).status_code == 200
        assert browser.post(change, form).status_code == 403
    assert of_group("producer").post(change, form).status_code == 302

    assert Budget.objects.get().limit_usd == 20


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"scope": "story"}, ("story", "required")),
        ({"scope": "overall", "story": True}, ("story", "not_of_scope")),
        ({"scope": "overall", "user": True}, ("user", "not_of_scope")),
        ({"scope": "person_day", "story": True}, ("story", "not_of_scope")),
        ({"scope": "overall", "limit_usd": "-1"}, ("__all__", None)),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(mira, values, error):
    story = make_story()
    form = {"limit_usd": "5", "story": "", "user": ""} | values
    form["story"] = story.pk if values.get("story") else ""
    form["user"] = mira.pk if values.get("user") else ""

    response = of_group("producer").post(ADD, form)

    assert response.status_code == 200
    wrong = response.context["adminform"].form.errors.as_data()
    assert [(field, each.code) for field, errors in wrong.items() for each in errors] == [error]
    assert not Budget.objects.exists()


def test_there_is_one_budget_for_everything():
    make_budget(5)

    form = {"scope": "overall", "story": "", "user": "", "limit_usd": "6"}
    assert of_group("producer").post(ADD, form).status_code == 200
    with pytest.raises(IntegrityError), transaction.atomic():
        make_budget(6)


def test_the_list_says_what_is_spent_reserved_and_left(mira):
    shots = list(shots_of(make_story(shots=2)).select_related("scenelet__story"))
    values = {"requested_by": mira, "requested_by_name": "mira"}
    make_render(shots[0], State.DONE, **values)
    make_render(shots[1], State.QUEUED, price_estimate_usd="0.96", **values)
    other = make_render(make_shot(story_id="other"), State.DONE, requested_by_name="otto")
    budgets = [
        make_budget(20),
        make_budget(10, story=shots[0].scenelet.story),
        make_budget(9, story=other.shot.scenelet.story),
        make_budget(8, user=mira),
        make_budget(7, scope="person_day"),
    ]

    usage = usage_of(budgets)

    figures = [(usage[each.pk].spent_usd, usage[each.pk].reserved_usd) for each in budgets]
    expected = [("6.40", "0.96"), ("3.20", "0.96"), ("3.20", 0), ("3.20", "0.96"), ("3.20", 0)]
    assert figures == [tuple(map(Decimal, each)) for each in expected]
    browser = browser_of("videogen.view_budget")
    cells = page_of(browser.get(LIST)).tags("td")
    left = [each.text for each in cells if each.attributes["class"] == "field-left"]
    assert sorted(left) == ["$12.64", "$3.80", "$3.84", "$5.80", "$5.84"]
    one = reverse("admin:videogen_budget_change", args=[budgets[3].pk])
    assert "$3.84" in page_of(browser.get(one)).sums


def test_the_list_takes_no_more_queries_for_more_budgets(mira):
    browser = browser_of("videogen.view_budget")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(LIST).status_code == 200
        return len(captured)

    for each in (make_story("one"), make_story("two")):
        make_budget(5, story=each)
    make_budget(5, user=mira)
    few = queries()
    for number in range(9):
        make_budget(5, story=make_story(f"more-{number}"))
        user = get_user_model().objects.create_user(username=f"person-{number}")
        make_budget(5, user=user)

    assert queries() == few


def test_the_dashboard_takes_the_lower_of_both_budgets_for_everything(settings):
    make_render(make_shot(), State.DONE)
    settings.VIDEO_BUDGET_USD = Decimal(40)
    assert budget_use().budget == "$40.00"

    make_budget(20)

    assert (budget_use().budget, budget_use().left) == ("$20.00", "$16.80")


def test_a_deleted_story_takes_its_budget_with_it():
    make_budget(5, story=make_story())

    Story.objects.all().delete()

    assert not Budget.objects.exists()
    assert not RenderBatch.objects.exists()


def test_a_budget_whose_story_was_cleared_in_its_form_counts_for_nothing():
    budget = Budget.objects.create(
        scope=Budget.Scope.STORY, story=make_story(), limit_usd=Decimal(5)
    )
    budget.story = None

    assert usage_of([budget])[budget.pk].left_usd == 5
