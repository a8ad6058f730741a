"""A model that is gone stops the queue once; what waits moves to another one, as seen and once."""

from __future__ import annotations

import importlib
import json
import re
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from tests.support.admin_clients import browser_of, producer, viewer
from tests.support.databases import prices_deleted_once_read
from tests.support.factories import (
    force,
    make_batch,
    make_budget,
    make_lane,
    make_price,
    make_render,
    make_shot,
    make_story,
    shots_of,
)
from tests.support.pages import levels, page_of, told
from tests.support.pipeline import queue, work
from videogen.billing.budgets import usage
from videogen.catalog.capabilities import ModelTable
from videogen.catalog.missing_models import (
    facts_of_pause,
    missing_model,
    models_of_account,
    where_to_choose,
)
from videogen.common.errors import RequestError
from videogen.common.formats import day_in_words
from videogen.lanes.pauses import pause_by_person, pause_lane, resume_lane
from videogen.models import Lane, Notice, StorySettings, Submission, VideoModel, VideoRender
from videogen.models.people import Requester
from videogen.notifications.detect import Kind, look_for_news
from videogen.pipeline.claims import claim_renders
from videogen.planning.model_switch import (
    CHANGED,
    move_queued,
    plan_move,
    references_in_words,
    renders_to_move,
)
from videogen.prompts.fingerprints import hashes_of
from videogen.prompts.omni_prompt import prompt_for_route
from videogen.prompts.prompt import CRITICAL_INSTRUCTION
from videogen.providers.errors import stop
from videogen.providers.registry import open_client

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State

GONE = "veo-2.0-generate-001"  # the simulator has retired it
STANDARD = "veo-3.1-generate-preview"
FAST = "veo-3.1-fast-generate-preview"
LITE = "veo-3.1-lite-generate-preview"
MIRA = Requester("admin", name="mira")
REASON = f"The model is not available (models/{GONE})."
PICTURE = {"kind": "character", "id": "ada", "path": "a.png", "sha256": "0" * 64}
DOCUMENT = {"storyboard_payload": {"a": 1}, "critical_instruction": [*CRITICAL_INSTRUCTION]}


@pytest.fixture(autouse=True)
def gone(settings):
    """The settings name a model of $3.20 a video that the API has no more."""
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_MODEL = GONE
    make_price("0.40", model=GONE)


def renders_waiting(number=3, *, references=3, lane=None, story=None, **values):
    story = story or make_story(shots=number)
    batch = make_batch(story, estimated_cost_usd=Decimal("3.20") * number)
    wanted = {
        "batch": batch,
        "lane": lane or make_lane("gemini"),
        "backend": "gemini",
        "model": GONE,
        "price_estimate_usd": Decimal("3.20"),
        "price_source": "as listed",
        "references": [PICTURE] * references,
        "prompt_text": json.dumps(DOCUMENT),
        "requested_by_name": "noor",
    }
    shots = shots_of(story).select_related("scenelet__story")
    return [make_render(shot, State.QUEUED, **wanted | values) for shot in shots]


def stopped(models=(FAST, STANDARD)):
    lane = Lane.objects.get(name="gemini")
    waiting = VideoRender.objects.filter(lane=lane, model=GONE).first()
    error = stop("model_not_found", REASON, {"models": [*models]})
    pause_lane(lane, error, where_to_choose(waiting), facts_of_pause(waiting))
    lane.refresh_from_db()
    return lane


def plan(lane, model, source=GONE):
    return plan_move(renders_to_move(lane, source), model)


def move(lane, model, *, source=GONE, who=MIRA):
    """As somebody does who has just looked."""
    return move_queued(lane, source, model, who, seen=plan(lane, model, source).fingerprint)


def refusal(lane, model):
    before = list(VideoRender.objects.order_by("pk").values())
    with pytest.raises(RequestError) as caught:
        move(lane, model)
    assert list(VideoRender.objects.order_by("pk").values()) == before
    return caught.value.sentence


def move_url(lane, **wishes):
    return reverse("admin:videogen_lane_move", args=[lane.pk], query=wishes or None)


def moves(response):
    """How many renders the button moves, and the sums on it: what they will and did cost."""
    button = page_of(response).hook("moves")
    return button["moves"], button.sums


def press(browser, lane, model, page=None, **options):
    """Look at the page, then press its button."""
    page = page or browser.get(move_url(lane, to=model))
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', page.text)[1]
    return browser.post(move_url(lane), {"from": GONE, "to": model, "seen": seen}, **options)


# -- the whole way ---------------------------------------------------------------------------------


def test_a_model_that_is_gone_stops_the_queue_once_and_all_is_made_on_another(simulator, log):
    renders = queue(make_story(shots=3))
    lane = Lane.objects.get(name="gemini")
    work(lane, until=lambda found: Lane.objects.get(name="gemini").paused_at)
    lane.refresh_from_db()
    look_for_news()
    look_for_news()

    assert set(VideoRender.objects.values_list("state", flat=True)) == {State.QUEUED}
    assert [each.outcome for each in Submission.objects.all()] == ["rejected"]
    assert Notice.objects.filter(kind=Kind.QUEUE_PAUSED).count() == 1
    assert lane.pause_code == "model_not_found"
    assert f"The key has: {FAST}, {STANDARD}, {LITE}." in lane.pause_reason
    assert f"{GONE} comes from the settings: set VIDEO_MODEL" in lane.pause_reason
    assert claim_renders(lane, owner="host|boot|1|1.0", limit=9) == []

    browser = producer(username="ines")
    page = browser.get(move_url(lane, to=FAST))
    assert moves(page) == ("3", ["$2.88", "$9.60"])
    # The one test of this page's words.
    words = told(page)
    assert "Move 3 renders to veo-3.1-fast-generate-preview · $2.88, was $9.60" in words
    assert "3 queued renders on" in words and "None of them was sent yet." in words
    response = press(browser, lane, FAST, page, follow=True)
    assert levels(response)[0] == "success"
    assert Lane.objects.get(name="gemini").paused_at is None
    work(lane)

    asked = [(each["model"], each["operation"] is not None) for each in log()["submissions"]]
    assert Counter(asked) == {(GONE, False): 1, (FAST, True): 3}
    for render in renders:
        render.refresh_from_db()
        assert (render.state, render.model, render.error_message) == (State.DONE, FAST, "")
        assert (render.price_estimate_usd, render.actual_cost_usd) == (Decimal("0.96"),) * 2
        assert FAST in render.price_source
        assert vars(render).items() >= hashes_of(render).items()
    batch = renders[0].batch
    batch.refresh_from_db()
    assert (batch.model, batch.estimated_cost_usd) == (FAST, Decimal("2.88"))
    assert usage().total_usd == Decimal("2.88")


def test_who_moved_what_is_kept():
    [render] = renders_waiting(1, warnings=["The shot names nobody.", f"{GONE} takes no seed."])
    lane = stopped()

    press(producer(username="ines"), lane, FAST)

    render.refresh_from_db()
    today = timezone.localdate()
    assert render.warnings == [
        "The shot names nobody.",
        f"Moved from {GONE} to {FAST} by ines on {day_in_words(today)}: $3.20 → $0.96.",
    ]
    assert {str(each.get_edited_object()): each.change_message for each in _entries()} == {
        "gemini": f"Moved 1 render from {GONE} to {FAST} · $0.96, was $3.20.",
        str(render.batch): f"Moved 1 render from {GONE} to {FAST}.",
    }
    assert render.requested_by_name == "noor", "the money stays in her books"


def _entries():
    return LogEntry.objects.all()


def test_after_the_move_it_waits_for_nothing_any_more():
    [render] = renders_waiting(1)
    later = timezone.now() + timedelta(hours=1)
    VideoRender.objects.update(not_before=later, refusals=4, error_code="x", error_message="y")
    before = render.queued_at

    move(stopped(), FAST)

    render.refresh_from_db()
    waits = (render.not_before, render.refusals, render.error_code, render.error_message)
    assert waits == (None, 0, "", "")
    assert render.queued_at == before, "its place in the queue"


# -- what the pause says ---------------------------------------------------------------------------


def test_the_pause_names_where_the_model_was_chosen():
    [render] = renders_waiting(1)
    assert f"{GONE} comes from the settings: set VIDEO_MODEL" in where_to_choose(render)

    StorySettings.objects.create(story=render.batch.story, model=GONE)
    assert f"{GONE} comes from the story's video settings" in where_to_choose(render)

    render.batch.model = GONE
    assert f"{GONE} was chosen for batch {render.batch.number}." in where_to_choose(render)


def test_the_pause_keeps_which_model_is_missing_and_which_there_are():
    [render] = renders_waiting(1)
    renders_waiting(1, story=make_story("other"), model=FAST)
    lane = stopped()
    # Its words are for people, whatever they come to say.
    lane.pause_reason = f"{FAST} comes from Google. The key has: {GONE}."

    assert models_of_account(lane) == [FAST, STANDARD]
    assert missing_model(lane) == GONE
    render.move(State.QUEUED, State.CANCELLED)
    assert missing_model(lane) == "", "nothing of it waits any more"


@pytest.mark.parametrize(
    ("model", "other"),
    [
        (STANDARD, FAST),
        ("veo-3.1-generate-001", "veo-3.1-fast-generate-001"),
        ("gemini-omni-1.1-flash", "gemini-omni-1.2-flash"),
    ],
    ids=["gemini", "vertex", "omni"],
)
def test_every_api_tells_which_models_there_are(settings, simulator, fail, model, other):
    settings.VIDEO_BACKEND = "simulator"
    settings.VIDEO_MODEL = model
    fail("submit", "model_not_found")
    (render,) = queue(make_story())
    work(render.lane, until=lambda found: Lane.objects.get(pk=render.lane_id).paused_at)
    lane = Lane.objects.get(pk=render.lane_id)

    assert missing_model(lane) == model
    assert other in models_of_account(lane)
    assert all(each in lane.pause_reason for each in models_of_account(lane))

    resume_lane(lane)
    lane.refresh_from_db()
    assert lane.pause_details == {}


def test_what_cannot_be_a_models_name_is_offered_to_nobody(settings, far_end):
    strange = [FAST, "", "a\0b", "x" * 101, "two words", "veo,3", "\ud800", "<b>"]
    models = [
        {"name": f"models/{name}", "supportedGenerationMethods": ["predictLongRunning"]}
        for name in strange
    ]
    far_end.answer(200, {"models": models}, Content_Type="application/json")
    settings.VIDEO_API_BASE_URL = far_end.url

    assert open_client("gemini").list_models() == [FAST]


@pytest.mark.parametrize("whose", ["The key has", "Google publishes"])
def test_a_pause_from_before_keeps_what_it_said(whose):
    [render] = renders_waiting(1)
    words = f"{REASON} {whose}: {FAST}, {STANDARD}. {where_to_choose(render)}"
    lane = make_lane("gemini", pause_code="model_not_found", pause_reason=words)
    other = make_lane("vertex", pause_code="key_refused", pause_reason=words)
    migration = importlib.import_module("videogen.migrations.0021_pause_details")

    migration.fill(apps, SimpleNamespace(connection=connection))

    lane.refresh_from_db()
    other.refresh_from_db()
    assert (missing_model(lane), models_of_account(lane)) == (GONE, [FAST, STANDARD])
    assert other.pause_details == {}


def test_a_pause_for_another_reason_offers_no_move_on_the_notice():
    renders_waiting(1)
    lane = Lane.objects.get(name="gemini")
    pause_lane(lane, stop("key_refused", f"Not with {GONE}."))

    assert move_url(lane) not in producer().get("/admin/").text


# -- what stays ------------------------------------------------------------------------------------


def test_a_render_with_more_pictures_than_the_new_model_takes_stays_with_its_reason():
    with_pictures, bare = renders_waiting(2)
    VideoRender.objects.filter(pk=bare.pk).update(references=[])
    lane = stopped()
    browser = producer()
    page = browser.get(move_url(lane, to=LITE))
    assert moves(page)[0] == "1"
    [stays] = [row for row in page.context["page"].move.rows if not row.goes]
    assert [each.code for each in stays.problems] == ["no_references"]
    assert page_of(page).texts("problem") == [each.sentence for each in stays.problems]

    response = press(browser, lane, LITE, follow=True)

    assert [each.model for each in VideoRender.objects.order_by("pk")] == [GONE, LITE]
    assert levels(response) == ["success", "warning"]
    lane.refresh_from_db()
    assert lane.paused_at, "something of the missing model still waits"
    with_pictures.batch.refresh_from_db()
    assert with_pictures.batch.model == "", "half of it is on the old one"


def test_where_none_can_go_nothing_is_moved():
    renders_waiting(2)

    assert refusal(stopped(), LITE).startswith("Nothing can be moved: veo-3.1-lite")


@pytest.mark.parametrize(
    ("model", "resolution", "number", "words"),
    [
        (STANDARD, "1080p", 3, "all 3 are sent"),
        (STANDARD, "1080p", 0, "no pictures"),
        (LITE, "1080p", 2, "takes none at 1080p"),
        ("veo-9", "1080p", 2, "all 2 are sent"),
        (LITE, "8k", 2, "not known"),
    ],
)
def test_the_table_says_what_becomes_of_the_pictures(model, resolution, number, words):
    assert references_in_words(ModelTable().find(model), resolution, number) == words


def test_a_model_that_takes_fewer_pictures_says_how_many():
    VideoModel.objects.filter(name=FAST).update(max_references=1)
    assert references_in_words(ModelTable().find(FAST), "1080p", 3) == "takes at most 1 of 3"


def test_what_is_claimed_in_between_stays_and_the_page_is_shown_once_more():
    first, *others = renders_waiting(3)
    lane = Lane.objects.get(name="gemini")
    browser = producer()
    page = browser.get(move_url(lane, to=FAST))
    [claim] = claim_renders(lane, owner="host|boot|1|1.0", limit=1)

    response = press(browser, lane, FAST, page)

    assert claim.render.pk == first.pk
    assert response.status_code == 200
    assert levels(response) == ["warning"]
    assert moves(response) == ("2", ["$1.92", "$6.40"])
    assert set(VideoRender.objects.values_list("model", flat=True)) == {GONE}
    press(browser, lane, FAST)
    first.refresh_from_db()
    assert (first.state, first.model) == (State.SUBMITTING, GONE)
    assert VideoRender.objects.filter(model=FAST, state=State.QUEUED).count() == len(others)


def test_of_two_people_who_move_at_once_one_wins():
    renders_waiting(2)
    lane = stopped()
    one, other = producer(), producer()
    pages = [each.get(move_url(lane, to=model)) for each, model in ((one, FAST), (other, STANDARD))]

    won = press(one, lane, FAST, pages[0])
    lost = press(other, lane, STANDARD, pages[1])

    assert (won.status_code, lost.status_code) == (302, 200)
    assert levels(lost) == ["warning"]
    assert set(VideoRender.objects.values_list("model", flat=True)) == {FAST}
    assert VideoRender.objects.count() == 2


def test_a_price_that_changed_meanwhile_is_seen_first():
    renders_waiting(1)
    lane = stopped()
    seen = plan(lane, FAST).fingerprint
    make_price("0.20", model=FAST)

    with pytest.raises(RequestError) as caught:
        move_queued(lane, GONE, FAST, MIRA, seen=seen)

    assert caught.value.code == CHANGED


def test_a_price_that_is_deleted_while_renders_are_moved_moves_nothing():
    renders_waiting(1)
    lane = stopped()
    seen = plan(lane, FAST).fingerprint

    with prices_deleted_once_read(), pytest.raises(RequestError) as caught:
        move_queued(lane, GONE, FAST, MIRA, seen=seen)

    assert caught.value.code == CHANGED
    assert VideoRender.objects.get().model == GONE


def test_with_an_unknown_price_nothing_is_moved():
    renders_waiting(1, references=0)

    assert "No price is known for veo-9 at 1080p" in refusal(stopped(), "veo-9")


def test_what_could_never_be_sent_stays(settings):
    settings.VIDEO_SPEND_WINDOW_USD = Decimal(3)
    renders_waiting(1)

    assert "On veo-3.1-generate-preview it costs $3.20" in refusal(stopped(), STANDARD)


@pytest.mark.parametrize("budget", [{}, {"scope": "person_day"}, "story"])
def test_over_a_budget_nothing_is_moved(budget):
    story = make_story(shots=3)
    renders_waiting(story=story)
    make_price("0.50", model=STANDARD)
    limit = make_budget("11.99", **({"story": story} if budget == "story" else budget))
    lane = stopped()

    sentence = refusal(lane, STANDARD)

    assert "it costs $2.40 more, $2.39 is left." in sentence
    assert sentence in told(producer().get(move_url(lane, to=STANDARD)))
    limit.limit_usd = Decimal("12.00")
    limit.save()
    move(lane, STANDARD)
    assert usage().total_usd == Decimal("12.00")


def test_a_cheaper_model_needs_no_room_in_the_budget():
    renders_waiting(2)
    make_budget("1.00")

    move(stopped(), FAST)

    assert usage().total_usd == Decimal("1.92")


def test_what_was_free_does_not_become_paid_nor_the_other_way_round(settings):
    renders_waiting(1)
    lane = stopped()
    settings.VIDEO_BACKEND = "simulator"
    assert "It was started with gemini: set VIDEO_BACKEND=gemini first." in refusal(lane, FAST)

    settings.VIDEO_BACKEND = "gemini"
    free = make_lane("simulator")
    force(VideoRender.objects.all(), lane=free, backend="simulator", is_simulated=True)
    assert "It was started with simulator" in refusal(free, FAST)


def test_with_the_simulator_the_page_says_that_it_is_free(settings):
    settings.VIDEO_BACKEND = "simulator"
    values = {"backend": "simulator", "is_simulated": True, "price_estimate_usd": Decimal(0)}
    renders_waiting(2, lane=make_lane(), **values)
    lane = Lane.objects.get(name="simulator")
    browser = producer()

    page = browser.get(move_url(lane, to=FAST))
    press(browser, lane, FAST)

    assert "simulated" in page_of(page) and moves(page) == ("2", ["$0.00", "$0.00"])
    moved = VideoRender.objects.values_list("model", "is_simulated", "price_estimate_usd")
    assert set(moved) == {(FAST, True, Decimal(0))}


def test_only_what_is_queued_to_be_generated_moves():
    [render] = renders_waiting(1)
    shot = make_shot(story_id="other")
    values = {"lane": render.lane, "backend": "gemini", "model": GONE}
    approved = make_render(shot, State.DONE, review="approved", **values)
    rehearsal = make_render(shot, State.QUEUED, kind="rehearsal", **values)
    running = make_render(shot, State.RUNNING, **values)
    standing = list(shot.standings.values())

    move(stopped(), FAST)

    for each in (approved, rehearsal, running):
        before = dict(each.__dict__)
        each.refresh_from_db()
        assert (each.model, each.state, each.review) == (
            GONE,
            before["state"],
            before["review"],
        )
    assert list(shot.standings.values()) == standing
    assert set(VideoRender.objects.filter(model=FAST)) == {render}


def test_a_persons_pause_stays():
    renders_waiting(1)
    lane = stopped()
    pause_by_person(lane, "ines", "Lunch.")

    press(producer(), lane, FAST, follow=True)

    lane.refresh_from_db()
    assert lane.pause_code == "person"


# -- across routes ---------------------------------------------------------------------------------


def test_a_prompt_for_omni_binds_its_pictures_and_one_for_veo_does_not():
    [render] = renders_waiting(1, references=2)
    row = plan(render.lane, "gemini-omni-1.1-flash").rows[0]

    sent = json.loads(row.changes["prompt_text"])
    assert sent["storyboard_payload"] == {"a": 1}
    assert sent["critical_instruction"][: len(CRITICAL_INSTRUCTION)] == [*CRITICAL_INSTRUCTION]
    assert ["<IMAGE_REF_0>" in each for each in sent["critical_instruction"]].count(True) == 1
    assert (row.changes["route"], row.changes["backend"]) == ("omni", "gemini")
    assert row.changes["request_sha256"] != render.request_sha256
    assert prompt_for_route(sent, [], "vertex") == DOCUMENT


def test_between_routes_of_veo_the_prompt_stays_letter_by_letter():
    [render] = renders_waiting(1)
    changes = plan(render.lane, "veo-3.1-generate-001").rows[0].changes

    assert "prompt_text" not in changes
    assert (changes["route"], changes["backend"]) == ("vertex", "vertex")


@pytest.mark.parametrize(
    ("model", "route"), [("gemini-omni-1.1-flash", "omni"), ("veo-3.1-generate-001", "vertex")]
)
def test_what_waits_for_a_model_that_is_gone_is_made_by_another_route(
    settings, simulator, log, model, route
):
    settings.VIDEO_BACKEND = "simulator"
    queue(make_story(shots=2))
    lane = Lane.objects.get(name="simulator")
    work(lane, until=lambda found: Lane.objects.get(name="simulator").paused_at)

    move(lane, model)
    work(lane, seconds=60)

    asked = [(each["model"], each["operation"] is not None) for each in log()["submissions"]]
    assert Counter(asked) == {(GONE, False): 1, (model, True): 2}
    sent = {each["prompt"] for each in log()["submissions"] if each["operation"]}
    for render in VideoRender.objects.all():
        assert (render.state, render.model, render.route) == (State.DONE, model, route)
        assert render.prompt_text in sent
        assert ("<IMAGE_REF_2>" in render.prompt_text) == (route == "omni")
    assert log()["violations"] == []


def test_what_moves_to_another_account_stands_in_its_lane():
    renders_waiting(2)
    lane = stopped()

    move(lane, "veo-3.1-generate-001")

    moved = VideoRender.objects.values_list("lane__name", "backend", "route", "state")
    assert set(moved) == {("vertex", "vertex", "vertex", "queued")}
    lane.refresh_from_db()
    assert lane.paused_at is None


def test_what_the_new_model_does_not_take_is_left_out_and_said():
    [render] = renders_waiting(1, seed=7, negative_prompt="rain")

    move(stopped(), FAST)

    render.refresh_from_db()
    assert (render.seed, render.negative_prompt) == (None, "rain")
    assert f"{FAST} takes no seed: it is not sent." in render.warnings


# -- the door --------------------------------------------------------------------------------------


def test_the_notice_leads_to_the_page_for_those_who_may():
    [render] = renders_waiting(1)
    lane = stopped()
    pages = [
        "/admin/",
        reverse("admin:videogen_renderbatch_progress", args=[render.batch_id]),
        reverse("admin:storybook_story_board", args=[render.batch.story_id]),
    ]

    for address in pages:
        [link] = links_to(move_url(lane), producer().get(address))
        assert link.numbers == ["1"], address
        assert not links_to(move_url(lane), viewer().get(address))
    record = producer().get(reverse("admin:videogen_lane_change", args=[lane.pk]))
    assert links_to(move_url(lane), record)


def links_to(url, response):
    return [each for each in page_of(response).tags("a") if each.attributes.get("href") == url]


def test_only_those_who_may_spend_money_move():
    renders_waiting(1)
    lane = stopped()

    assert viewer().get(move_url(lane)).status_code == 403
    assert viewer().post(move_url(lane)).status_code == 403
    blind = browser_of("videogen.generate_video")
    assert blind.post(move_url(lane)).status_code == 403


def test_what_the_account_has_comes_first_and_no_model_is_chosen_for_anybody():
    renders_waiting(1)
    lane = stopped(models=(FAST, "veo-9"))

    page = page_of(producer().get(move_url(lane)))

    names = page.values("model")
    assert set(names[:2]) == {FAST, "veo-9"} and GONE not in names
    assert "seen" not in page.fields


def test_the_page_takes_a_fixed_number_of_queries(django_assert_max_num_queries):
    renders_waiting(12)
    lane = stopped()
    browser = producer()
    browser.get(move_url(lane, to=FAST))

    with django_assert_max_num_queries(60):
        browser.get(move_url(lane, to=FAST))
