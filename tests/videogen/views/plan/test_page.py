from __future__ import annotations

import re
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from django.urls import reverse

from storybook.models import DesignDocument, Shot, Story
from tests.support.admin_clients import BAR_QUERIES, VIEWS, browser_of, producer, viewer
from tests.support.drafts import look, make_draft, make_shots, offer, plan_url, progress_url
from tests.support.factories import PAYLOAD, State, make_render
from tests.support.pages import levels, page_of, told
from videogen.models import ReferenceChoice, RenderBatch, VideoRender
from videogen.views.plan.rows import CHILDREN

pytestmark = pytest.mark.django_db

DRAFT = RenderBatch.Status.DRAFT


LIST = "/admin/storybook/shot/"


def select(shots, **values):
    ids = [shot.pk for shot in shots]
    return {"action": "generate_videos", "_selected_action": ids} | values


@pytest.fixture
def paid(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_BUDGET_USD = None


# -- the selection ---------------------------------------------------------------------------------


def test_action_stores_a_draft_and_shows_its_plan():
    shots = make_shots(2)

    response = producer(username="ines").post(LIST, select(shots), follow=True)

    draft = RenderBatch.objects.get()
    assert response.redirect_chain == [(plan_url(draft), 302)]
    assert draft.status == DRAFT and draft.requested_by_name == "ines"
    assert set(draft.shots.all()) == set(shots)
    assert offer(response) == ({"generate": 2}, 0, True)
    assert page_of(response).values("shot") == [str(shot.pk) for shot in shots]
    assert not VideoRender.objects.exists()


def test_smuggled_shot_is_not_in_the_draft():
    mine = make_shots(1)
    other = make_shots(1)
    address = f"{LIST}?scenelet__story__id__exact={mine[0].scenelet.story_id}"
    browser = producer()

    response = browser.post(address, select(mine + other), follow=True)
    assert list(RenderBatch.objects.get().shots.all()) == mine
    assert levels(response) == ["warning"]

    browser.post(address, select(other))
    assert RenderBatch.objects.count() == 1


def test_shot_of_another_story_is_left_out_of_the_board_and_told():
    mine, others = make_shots(1), make_shots(1)
    board = reverse("admin:storybook_story_board", args=[mine[0].scenelet.story_id])
    browser = browser_of(*VIEWS, "storybook.view_story", "videogen.generate_video")
    asked = {"shots": f"{mine[0].pk},{others[0].pk},999999"}

    response = browser.post(board, asked, follow=True)

    assert list(RenderBatch.objects.get().shots.all()) == mine
    assert levels(response) == ["warning"]


def test_selection_of_all_of_the_list_is_stored_whole():
    shots = make_shots(3)

    response = producer().post(LIST, select(shots[:1], select_across=1), follow=True)

    assert offer(response) == ({"generate": 3}, 0, True)


def test_selection_over_two_stories_becomes_a_draft_each():
    shots = make_shots(1) + make_shots(2)
    browser = producer()

    browser.post(LIST, select(shots))

    first, second = RenderBatch.objects.order_by("pk")
    assert (first.shots.count(), second.shots.count()) == (1, 2)
    assert plan_url(second) in page_of(look(browser, first)).links


def test_without_the_permission_there_is_no_action():
    shots = make_shots(1)
    browser = viewer()

    assert "generate_videos" not in browser.get(LIST).content.decode()
    assert browser.post(LIST, select(shots)).status_code == 403
    assert not RenderBatch.objects.exists()


def test_permission_to_generate_does_not_open_the_list():
    shots = make_shots(1)

    response = browser_of("videogen.generate_video").post(LIST, select(shots))

    assert response.status_code == 403


# -- the page --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("default", ({"generate": 1, "skip": 2}, Decimal("3.20"), True)),
        ("resume", ({"generate": 1, "resume": 1, "skip": 1}, Decimal("3.20"), True)),
        ("override", ({"generate": 2, "skip": 1}, Decimal("6.40"), True)),
        ("dry-run", ({"rehearse": 3}, 0, True)),
    ],
)
def test_the_foot_tells_what_the_mode_does_and_costs(paid, mode, expected):
    first, second, third = make_shots(3)
    make_render(second, State.DONE, backend="gemini")
    make_render(third, State.INTERRUPTED, backend="gemini")
    draft = make_draft([first, second, third])

    response = look(producer(), draft, mode)

    assert offer(response) == expected
    chosen = [card for card in page_of(response).hooks("mode") if "aria-current" in card.attributes]
    assert [card["mode"] for card in chosen] == [mode]
    # Every card tells what its mode would do.
    assert cards(response)["override"] == ["2", "$6.40"]
    assert cards(response)["dry-run"] == ["3"]


def cards(response):
    """By mode: the numbers and sums that its card tells, those of the budget last."""
    cards = page_of(response).hooks("mode")
    return {card["mode"]: card.hook("outcome").numbers for card in cards}


def reasons(response):
    return page_of(response).texts("reason")


def test_the_plan_says_what_is_done_and_what_it_costs(paid, settings):
    settings.VIDEO_BUDGET_USD = Decimal("10.00")
    shots = make_shots(4)
    make_render(shots[0], State.DONE, backend="gemini")
    make_render(shots[1], State.INTERRUPTED, backend="gemini")
    Shot.objects.filter(pk=shots[3].pk).update(storyboard_payload=None)
    draft = make_draft(shots)
    browser = producer()

    pages = {
        mode: told(look(browser, draft, mode))
        for mode in ("default", "resume", "override", "dry-run")
    }

    for mode, words in {
        "default": "Generate 1 video · $3.20",
        "resume": "Resume 1 free, 1 new $3.20",
        "override": "Generate 1 video · $3.20",
        "dry-run": "Rehearse 3 shots · free",
    }.items():
        assert words in pages[mode]
    for words in (
        "4 shots selected. Nothing is sent or paid before you press the button of the receipt.",
        "Left in the budget $3.60 → $0.40",
        "1 × veo-3.1-generate-preview",
        "1080p · 16:9 · 8 s · $3.20 each",
        "Over the budget: $3.60 left, no room for 1 more",
        "The shot has no storyboard payload.",
        "In the queue before the others in turn after the others",
        "generate 1",
    ):
        assert words in pages["default"], words
    settings.VIDEO_BUDGET_USD = None
    no_budget = "No budget applies to this: only the account limits what is spent."
    assert no_budget in told(look(browser, draft))
    VideoRender.objects.update(backend="simulator")
    assert "Started with simulator: ask an administrator" in told(look(browser, draft, "resume"))


@pytest.mark.parametrize("mode", ["default", "override", "dry-run"])
def test_cards_say_what_is_over_the_budget_whichever_is_chosen(paid, settings, mode):
    settings.VIDEO_BUDGET_USD = Decimal("10.00")
    shots = make_shots(4)
    make_render(shots[0], State.DONE, backend="gemini")
    make_render(shots[1], State.DONE, backend="gemini", submission=False)

    # One take was paid: $6.80 are left.
    response = look(producer(), make_draft(shots), mode)
    assert cards(response) == {
        "default": ["2", "$6.40"],
        "resume": ["2", "$6.40"],
        # As many as there is room for; what is left; how many too many.
        "override": ["2", "$6.40", "$6.80", "2"],
        "dry-run": ["4"],
    }
    over = [card["mode"] for card in page_of(response).hooks("mode") if "over-budget" in card]
    assert over == ["override"]


def test_the_foot_has_total_counts_budget_and_both_buttons(paid, settings):
    settings.VIDEO_BUDGET_USD = Decimal("10.00")
    shots = make_shots(3)
    Shot.objects.filter(pk=shots[0].pk).update(storyboard_payload=None)
    make_render(shots[1], State.DONE, backend="gemini")
    draft = make_draft(shots)
    browser = producer()

    default = page_of(look(browser, draft))
    assert default.hook("total").text == "$3.20"
    assert default.hook("limit").sums == ["$6.80", "$3.60"]
    counts = {"generate": 1, "skip": 1, "blocked": 1}
    assert offer(look(browser, draft)) == (counts, Decimal("3.20"), True)
    cancel = reverse("admin:videogen_renderbatch_plan_cancel", args=[draft.pk])
    assert {plan_url(draft), cancel} <= default.actions
    dry_run = page_of(look(browser, draft, "dry-run"))
    assert dry_run.hook("total").numbers == []
    assert dry_run.hook("if-sent").numbers[0] == "$6.40"
    assert offer(look(browser, draft, "dry-run")) == ({"rehearse": 2, "blocked": 1}, 0, True)


def test_cards_of_an_exhausted_budget(paid, settings):
    settings.VIDEO_BUDGET_USD = Decimal("3.00")

    response = look(producer(), make_draft(make_shots(1)))

    assert cards(response)["default"] == ["$3.00", "1"]
    assert offer(response) == ({"blocked": 1}, 0, False)
    assert f"{reverse('admin:index')}#st-spending-name" in page_of(response).links


def test_cards_do_not_count_what_another_backend_has_begun(paid):
    shots = make_shots(1)
    make_render(shots[0], State.INTERRUPTED, backend="gemini")
    draft = make_draft(shots)
    browser = producer()
    assert cards(look(browser, draft))["resume"] == ["1"]

    VideoRender.objects.update(backend="vertex")

    # Another account of Google's is asked all the same.
    assert cards(look(browser, draft))["resume"] == ["1"]

    VideoRender.objects.update(backend="simulator")

    assert cards(look(browser, draft))["resume"] == []
    response = look(browser, draft, "resume")
    assert offer(response) == ({"skip": 1}, 0, False)
    takes = reverse("admin:storybook_shot_takes", args=[shots[0].pk])
    assert page_of(response).hook("why").links == [takes], "it cannot be resumed here"


def test_nothing_without_a_price_is_offered_at_one(paid, settings):
    settings.VIDEO_MODEL = "veo-0"

    response = look(producer(), make_draft(make_shots(1)))

    assert cards(response)["default"] == []
    assert offer(response) == ({"blocked": 1}, 0, False)
    assert page_of(response).hook("why").links == []


def test_looking_in_another_mode_changes_nothing():
    draft = make_draft(make_shots(1))

    look(producer(), draft, "override")
    look(producer(), draft, "free beer")

    draft.refresh_from_db()
    assert (draft.mode, draft.status) == ("default", DRAFT)
    assert not VideoRender.objects.exists()


def test_button_is_disabled_when_there_is_nothing_to_do():
    shots = make_shots(1)
    running = make_render(shots[0], State.RUNNING)

    response = look(producer(), make_draft(shots))

    assert offer(response) == ({"skip": 1}, 0, False)
    assert page_of(response).hook("why").links == [progress_url(running.batch)]


@pytest.mark.parametrize(
    ("state", "mode", "words"),
    [
        (State.DONE, "default", "It has a video."),
        (State.DONE, "override", "Another take; the takes so far stay."),
        (State.FAILED, "default", "the last try failed. Code 13."),
        (State.UNKNOWN, "default", "a person must decide first"),
        (State.INTERRUPTED, "override", "resume it instead of paying again"),
        (State.NOT_DOWNLOADED, "resume", "only the file is fetched"),
        (State.INTERRUPTED, "resume", "the video that was already submitted: no new charge."),
        (State.CANCELLED, "dry-run", "nothing is sent"),
    ],
)
def test_reasons_are_a_producers_words(state, mode, words):
    shots = make_shots(1)
    make_render(shots[0], state, error_message="Code 13." if state == State.FAILED else "")

    # The one test of these words.
    [reason] = reasons(look(producer(), make_draft(shots), mode))
    assert words in reason


def test_the_way_to_resume_keeps_what_was_chosen():
    shots = make_shots(1)
    make_render(shots[0], State.INTERRUPTED)
    browser = producer()
    draft = make_draft(shots)
    chosen = {"model": "veo-3.1-fast-generate-preview", "over_budget": "none"}

    page = page_of(browser.get(plan_url(draft), {"mode": "default", **chosen}))

    [address] = page.hook("why").links
    assert dict(parse_qsl(address.removeprefix("?"))) == {"mode": "resume", **chosen}


def test_blocked_shots_come_first_with_the_way_to_mend_them():
    first, second = make_shots(2)
    Shot.objects.filter(pk=second.pk).update(storyboard_payload=None)

    page = page_of(look(producer(), make_draft([first, second])))

    assert page.values("shot") == [str(second.pk), str(first.pk)]
    blocked = page.hook("shot", str(second.pk))
    assert blocked.values("badge") == ["blocked"]
    assert blocked.hook("why").links == [reverse("admin:storybook_shot_change", args=[second.pk])]


def test_a_missing_design_document_is_named_and_linked():
    shots = make_shots(1, audio=None, visual={})
    visual = DesignDocument.objects.get(kind="visual")
    story = shots[0].scenelet.story

    page = page_of(look(producer(), make_draft(shots)))

    add = reverse("admin:storybook_designdocument_add")
    assert page.hook("why").links == [
        reverse("admin:storybook_designdocument_change", args=[visual.pk]),
        f"{add}?story={story.pk}&kind=audio",
    ]


def test_a_broken_pin_leads_to_the_reference_choices():
    shots = make_shots(1)
    ReferenceChoice.objects.create(
        shot=shots[0], kind="character", reference_id="nobody", choice="pinned"
    )

    page = page_of(look(producer(), make_draft(shots)))

    address = reverse("admin:storybook_shot_change", args=[shots[0].pk])
    assert page.hook("why").links == [f"{address}#reference_choices-group"]


@pytest.mark.parametrize(
    ("composition", "warned"),
    [("A boy of ten runs.", True), ("A 9-year-old at the rail", True), ("The tide ebbs.", False)],
)
def test_children_in_the_picture_are_warned_of(composition, warned):
    visual = {"global_aesthetic": {}, "character_designs": [], "environment_designs": []}
    shots = make_shots(1, visual=visual, payload={"compositionAndContent": composition})

    page = page_of(look(producer(), make_draft(shots)))

    assert page.texts("warning").count(CHILDREN) == warned


def test_what_stories_say_is_escaped():
    evil = "<img src=x onerror=alert(1)>"
    shots = make_shots(1, payload=PAYLOAD | {"compositionAndContent": evil})
    Story.objects.update(title=evil)
    make_render(shots[0], State.FAILED, error_message=evil)
    draft = make_draft(shots)
    browser = producer()
    row = reverse("admin:videogen_renderbatch_plan_row", args=[draft.pk, shots[0].pk])

    pages = [look(browser, draft), browser.get(row), browser.get(row, {"part": 1})]

    for page in pages:
        assert "<img src=x" not in page.content.decode()
    assert "<bdi>&lt;img src=x" in pages[0].content.decode()


def test_pages_have_neither_styles_nor_scripts_of_their_own():
    draft = make_draft(make_shots(1))

    page = look(producer(), draft).content.decode()
    content = page[page.index('id="content-main"') : page.index('id="footer"')]

    assert " style=" not in content and "<script" not in content
    assert not re.search(r"\son[a-z]+=", content)


# -- how much of it --------------------------------------------------------------------------------


def test_number_of_queries_does_not_grow_with_the_selection(django_assert_max_num_queries):
    browser = producer()
    counts = []
    for number in (2, 30):
        shots = make_shots(number)
        make_render(shots[0], State.DONE)
        draft = make_draft(shots)
        with django_assert_max_num_queries(25 + BAR_QUERIES) as captured:
            assert look(browser, draft).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_a_plan_of_many_shots_is_small():
    shots = make_shots(300)

    page = look(producer(), make_draft(shots)).content

    assert len(page) < 300 * 2500


def test_what_no_budget_limits_is_warned_of(paid, settings):
    shots = make_shots(2)
    draft = make_draft(shots)

    assert "no-budget" in page_of(look(producer(), draft))
    assert "no-budget" not in page_of(look(producer(), draft, "dry-run")), "it is free"
    settings.VIDEO_BUDGET_USD = 40
    assert "no-budget" not in page_of(look(producer(), draft))


@pytest.mark.parametrize(
    ("backend", "mode", "words"),
    [
        ("simulator", "dry-run", "free here; $6.40 with veo-3.1-generate-preview"),
        ("simulator", "default", "free here; $6.40 with veo-3.1-generate-preview"),
        ("gemini", "dry-run", "free; $6.40 with veo-3.1-generate-preview if sent"),
        ("gemini", "default", ""),
    ],
)
def test_what_is_free_says_what_it_would_cost(settings, backend, mode, words):
    settings.VIDEO_BACKEND = backend
    draft = make_draft(make_shots(2))

    page = page_of(look(producer(), draft, mode))

    # The one test of these words.
    assert page.texts("if-sent") == ([words] if words else [])


def test_the_resume_card_says_what_is_free_and_what_is_new(paid):
    shots = make_shots(5)
    for shot in shots[:3]:
        make_render(shot, State.NOT_DOWNLOADED, backend="gemini")

    found = cards(look(producer(), make_draft(shots)))

    assert (found["resume"], found["default"]) == (["3", "2", "$6.40"], ["2", "$6.40"])
