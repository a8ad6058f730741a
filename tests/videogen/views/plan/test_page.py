from __future__ import annotations

import html
import re
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from django.urls import reverse

from storybook.models import DesignDocument, Shot, Story
from tests.support.admin_clients import VIEWS, browser_of, producer, viewer
from tests.support.drafts import button, look, make_draft, make_shots, plan_url, progress_url
from tests.support.factories import PAYLOAD, State, make_render
from tests.support.pages import messages
from videogen.models import ReferenceChoice, RenderBatch, VideoRender

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
    assert button(response) == ("Generate 2 videos · free", False)
    assert response.content.decode().count("No video yet.") == 2
    assert not VideoRender.objects.exists()


def test_smuggled_shot_is_not_in_the_draft():
    mine = make_shots(1)
    other = make_shots(1)
    address = f"{LIST}?scenelet__story__id__exact={mine[0].scenelet.story_id}"
    browser = producer()

    response = browser.post(address, select(mine + other), follow=True)
    assert list(RenderBatch.objects.get().shots.all()) == mine
    (message,) = messages(response)
    assert message.startswith("1 of 2 selected shots was left out: 1 is not among those")

    browser.post(address, select(other))
    assert RenderBatch.objects.count() == 1


def test_shot_of_another_story_is_left_out_of_the_board_and_told():
    mine, others = make_shots(1), make_shots(1)
    board = reverse("admin:storybook_story_board", args=[mine[0].scenelet.story_id])
    browser = browser_of(*VIEWS, "storybook.view_story", "videogen.generate_video")
    asked = {"shots": f"{mine[0].pk},{others[0].pk},999999"}

    response = browser.post(board, asked, follow=True)

    assert list(RenderBatch.objects.get().shots.all()) == mine
    (message,) = messages(response)
    assert message.startswith("2 of 3 selected shots were left out: 1 is not among those")


def test_selection_of_all_of_the_list_is_stored_whole():
    shots = make_shots(3)

    response = producer().post(LIST, select(shots[:1], select_across=1), follow=True)

    assert button(response) == ("Generate 3 videos · free", False)


def test_selection_over_two_stories_becomes_a_draft_each():
    shots = make_shots(1) + make_shots(2)
    browser = producer()

    browser.post(LIST, select(shots))

    first, second = RenderBatch.objects.order_by("pk")
    assert (first.shots.count(), second.shots.count()) == (1, 2)
    assert plan_url(second) in look(browser, first).content.decode()


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
        ("default", ("Generate 1 video · $3.20", False)),
        ("resume", ("Resume 1 free, 1 new $3.20", False)),
        ("override", ("Generate 2 videos · $6.40", False)),
        ("dry-run", ("Rehearse 3 shots · free", False)),
    ],
)
def test_button_names_what_the_mode_does_and_costs(paid, mode, expected):
    first, second, third = make_shots(3)
    make_render(second, State.DONE, backend="gemini")
    make_render(third, State.INTERRUPTED, backend="gemini")
    draft = make_draft([first, second, third])

    response = look(producer(), draft, mode)

    assert button(response) == expected
    page = response.content.decode()
    assert f'<a href="?mode={mode}" class="st-plan-mode" aria-current="true">' in page
    # Every card tells what its mode would do.
    assert "Generate 2 videos · $6.40" in page and "Rehearse 3 shots · free" in page


def cards(response):
    """By mode: what its card says of number, price and budget."""
    found = re.findall(
        r'href="\?mode=([a-z-]+)" class="st-plan-mode".*?class="st-plan-outcome">(.*?)</span>\n',
        response.content.decode(),
        re.DOTALL,
    )
    return {mode: re.sub(r"<[^>]*>", "", words) for mode, words in found}


@pytest.mark.parametrize("mode", ["default", "override", "dry-run"])
def test_cards_say_what_is_over_the_budget_whichever_is_chosen(paid, settings, mode):
    settings.VIDEO_BUDGET_USD = Decimal("10.00")
    shots = make_shots(4)
    make_render(shots[0], State.DONE, backend="gemini")
    make_render(shots[1], State.DONE, backend="gemini", submission=False)

    # One take was paid: $6.80 are left.
    assert cards(look(producer(), make_draft(shots), mode)) == {
        "default": "Generate 2 videos · $6.40",
        "resume": "Generate 2 videos · $6.40",
        "override": "Generate 4 videos · $12.80 Over the budget: $6.80 left, room for 2",
        "dry-run": "Rehearse 4 shots · free",
    }


def test_the_foot_has_total_counts_budget_and_both_buttons(paid, settings):
    settings.VIDEO_BUDGET_USD = Decimal("10.00")
    shots = make_shots(3)
    Shot.objects.filter(pk=shots[0].pk).update(storyboard_payload=None)
    make_render(shots[1], State.DONE, backend="gemini")
    draft = make_draft(shots)
    browser = producer()

    def foot(mode):
        page = look(browser, draft, mode).content.decode()
        page = page[page.index('class="st-plan-foot"') : page.index("<footer")]
        return " ".join(re.sub(r"<[^>]*>", " ", page.split(">", 1)[1]).split())

    assert foot("default") == (
        "$3.20 of $6.80 left in the budget generate 1 skip 1 blocked 1 "
        "Cancel In the queue before the others in turn after the others Generate 1 video · $3.20"
    )
    told = (
        "Free $6.80 left in the budget free; $6.40 with veo-3.1-generate-preview if sent rehearse 2"
    )
    assert foot("dry-run").startswith(f"{told} blocked 1 Cancel")


def test_cards_of_an_exhausted_budget(paid, settings):
    settings.VIDEO_BUDGET_USD = Decimal("3.00")

    response = look(producer(), make_draft(make_shots(1)))

    assert cards(response)["default"].endswith("Over the budget: $3.00 left, room for none")
    assert button(response) == ("Nothing to generate", True)
    assert f"{reverse('admin:index')}#st-spending-name" in response.content.decode()


def test_cards_do_not_count_what_another_backend_has_begun(paid):
    shots = make_shots(1)
    make_render(shots[0], State.INTERRUPTED, backend="gemini")
    draft = make_draft(shots)
    browser = producer()
    assert cards(look(browser, draft))["resume"] == "Resume 1 render · free"

    VideoRender.objects.update(backend="vertex")

    # Another account of Google's is asked all the same.
    assert cards(look(browser, draft))["resume"] == "Resume 1 render · free"

    VideoRender.objects.update(backend="simulator")

    assert cards(look(browser, draft))["resume"] == "Nothing to generate"
    page = look(browser, draft, "resume").content.decode()
    assert "Started with simulator: ask an administrator" in page
    assert "Plan to resume" not in page


def test_nothing_without_a_price_is_offered_at_one(paid, settings):
    settings.VIDEO_MODEL = "veo-0"

    response = look(producer(), make_draft(make_shots(1)))

    assert cards(response)["default"] == "Generate 1 video · no price known"
    assert "Look at the shot" not in response.content.decode()


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

    assert button(response) == ("Nothing to generate", True)
    page = response.content.decode()
    assert "A render of it is queued or running." in page and progress_url(running.batch) in page


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

    assert words in look(producer(), make_draft(shots), mode).content.decode()


def test_the_way_to_resume_keeps_what_was_chosen():
    shots = make_shots(1)
    make_render(shots[0], State.INTERRUPTED)
    browser = producer()
    draft = make_draft(shots)
    chosen = {"model": "veo-3.1-fast-generate-preview", "over_budget": "none"}

    page = browser.get(plan_url(draft), {"mode": "default", **chosen}).content.decode()

    address = html.unescape(re.search(r'<a href="([^"]*)">Plan to resume</a>', page)[1])
    assert dict(parse_qsl(address.removeprefix("?"))) == {"mode": "resume", **chosen}


def test_blocked_shots_come_first_with_the_way_to_mend_them():
    first, second = make_shots(2)
    Shot.objects.filter(pk=second.pk).update(storyboard_payload=None)

    page = look(producer(), make_draft([first, second])).content.decode()

    assert page.index("S01-02 · opening") < page.index("S01-01 · opening")
    assert "The shot has no storyboard payload." in page
    assert reverse("admin:storybook_shot_change", args=[second.pk]) in page


def test_a_missing_design_document_is_named_and_linked():
    shots = make_shots(1, audio=None, visual={})
    visual = DesignDocument.objects.get(kind="visual")
    story = shots[0].scenelet.story

    page = look(producer(), make_draft(shots)).content.decode()

    assert reverse("admin:storybook_designdocument_change", args=[visual.pk]) in page
    add = reverse("admin:storybook_designdocument_add")
    assert f"{add}?story={story.pk}&amp;kind=audio" in page


def test_a_broken_pin_leads_to_the_reference_choices():
    shots = make_shots(1)
    ReferenceChoice.objects.create(
        shot=shots[0], kind="character", reference_id="nobody", choice="pinned"
    )

    page = look(producer(), make_draft(shots)).content.decode()

    address = reverse("admin:storybook_shot_change", args=[shots[0].pk])
    assert f"{address}#reference_choices-group" in page


@pytest.mark.parametrize(
    ("composition", "warned"),
    [("A boy of ten runs.", True), ("A 9-year-old at the rail", True), ("The tide ebbs.", False)],
)
def test_children_in_the_picture_are_warned_of(composition, warned):
    visual = {"global_aesthetic": {}, "character_designs": [], "environment_designs": []}
    shots = make_shots(1, visual=visual, payload={"compositionAndContent": composition})

    page = look(producer(), make_draft(shots)).content.decode()

    assert ("Children in the picture are often blocked" in page) == warned


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
        with django_assert_max_num_queries(25) as captured:
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
    words = "No budget applies to this: only the account limits what is spent."

    assert words in look(producer(), draft).content.decode()
    assert words not in look(producer(), draft, "dry-run").content.decode(), "it is free"
    settings.VIDEO_BUDGET_USD = 40
    assert words not in look(producer(), draft).content.decode()


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

    page = look(producer(), draft, mode)

    assert page.context["page"].plan.price_in_words == words
    assert not words or words in page.content.decode()


def test_the_resume_card_says_what_is_free_and_what_is_new(paid):
    shots = make_shots(5)
    for shot in shots[:3]:
        make_render(shot, State.NOT_DOWNLOADED, backend="gemini")

    cards = {card.value: card for card in look(producer(), make_draft(shots)).context["modes"]}

    assert cards["resume"].outcome == "Resume 3 free, 2 new $6.40"
    assert cards["default"].outcome == "Generate 2 videos · $6.40"
