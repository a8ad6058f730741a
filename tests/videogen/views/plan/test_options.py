"""A batch on another model, what becomes of one that is over the budget, and a draft's promotion:
on the plan's page, on the command line and on the page of takes."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.support.admin_clients import VIEWS, browser_of, fingerprint, producer
from tests.support.drafts import make_draft, make_shots, offer, plan_url, progress_url
from tests.support.factories import (
    State,
    force,
    make_batch,
    make_budget,
    make_price,
    make_render,
    make_shot,
    make_story,
)
from tests.support.pages import levels, page_of, told
from videogen.models import RenderBatch, VideoModel, VideoRender
from videogen.models.people import Requester
from videogen.planning.batch_actions import retry_failed
from videogen.views.plan.options import PlanOptionsForm

pytestmark = pytest.mark.django_db

STANDARD, FAST = "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"
LITE = "veo-3.1-lite-generate-preview"
VERTEX, VERTEX_FAST = "veo-3.1-generate-001", "veo-3.1-fast-generate-001"
OMNI, OMNI_NEXT = "gemini-omni-1.1-flash", "gemini-omni-1.2-flash"
ELSEWHERE = [
    (VERTEX, ["$3.20"], f"?mode=default&model={VERTEX}", False),
    (VERTEX_FAST, ["$0.96"], f"?mode=default&model={VERTEX_FAST}", False),
    (OMNI, ["$1.22"], f"?mode=default&model={OMNI}", False),
    (OMNI_NEXT, ["$1.22"], f"?mode=default&model={OMNI_NEXT}", False),
]


@pytest.fixture(autouse=True)
def paid(settings):
    settings.VIDEO_BACKEND = "gemini"


def look(browser, draft, **wishes):
    return browser.get(plan_url(draft), wishes)


def confirm(browser, draft, **wishes):
    page = look(browser, draft, **wishes)
    [form] = [each for each in page_of(page).tags("form") if "planned" in each.fields]
    inputs = [each.attributes for each in form.tags("input")]
    hidden = {
        each["name"]: each["value"]
        for each in inputs
        if each["name"] in ("mode", "model", "over_budget")
    }
    return browser.post(plan_url(draft), hidden | {"planned": fingerprint(page), "confirm": 1})


def choices(response, name):
    """(link, is chosen) of the links under that name."""
    links = page_of(response).hook("choices", name).tags("a")
    return [(each.attributes["href"], "aria-current" in each.attributes) for each in links]


def models(response):
    """(name, price, link, is chosen) of the models that can be chosen."""
    return [
        (
            each["model"],
            each.hook("price").numbers,
            each.attributes["href"],
            "aria-current" in each.attributes,
        )
        for each in page_of(response).hook("choices", "model").hooks("model")
    ]


# -- another model, on the plan's page -------------------------------------------------------------


def test_the_models_with_a_price_are_offered_with_it():
    draft = make_draft(make_shots(2))

    response = look(producer(), draft)

    assert models(response) == [
        (STANDARD, ["$3.20"], "?mode=default", True),
        (FAST, ["$0.96"], f"?mode=default&model={FAST}", False),
        *ELSEWHERE,
    ]


def test_the_choices_say_what_can_be_chosen_and_why_not():
    make_budget("7.00")

    response = look(producer(), make_draft(make_shots(3)))

    page = page_of(response)
    assert page.hook("choices", "model").texts("route") == [
        "Veo on the Gemini API",
        "Veo on Vertex AI",
        "Omni on the Gemini API",
    ]
    why = f"{LITE} takes no reference pictures: choose another model."
    assert page.hook("choices", "model").texts("not-taken") == [why]
    assert (
        "Over the budget. 3 videos: $9.60, and $7.00 is left of the budget for everything. "
        f"Cheaper: {FAST} · $2.88 {OMNI} (Omni on the Gemini API) · $3.66 "
        f"{OMNI_NEXT} (Omni on the Gemini API) · $3.66 "
        f"{VERTEX_FAST} (Veo on Vertex AI) · $2.88 "
        f"{FAST} at 720p · $2.40 "
        f"{OMNI} (Omni on the Gemini API) at 720p · $2.43 "
        "the first 2 of them · $6.40"
    ) in told(response)


def test_a_model_whose_account_is_not_set_up_is_named_with_what_to_set(settings):
    settings.VIDEO_VERTEX_PROJECT = ""
    draft = make_draft(make_shots(1))

    # Who can set variables: others are told to ask.
    response = look(browser_of(is_superuser=True), draft)

    assert not {VERTEX, VERTEX_FAST} & {name for name, *_ in models(response)}
    why = page_of(response).hook("choices", "model").texts("not-taken")
    assert any("GOOGLE_CLOUD_PROJECT" in each for each in why)


def test_a_model_without_references_is_offered_where_none_go_along():
    draft = make_draft(make_shots(1, pictures={}))

    assert models(look(producer(), draft))[2][:2] == (LITE, ["$0.64"])


def test_a_model_that_takes_no_references_blocks_shots_that_have_some(settings):
    settings.VIDEO_MODEL = LITE

    response = look(producer(), make_draft(make_shots(1)))

    [problem] = response.context["page"].plan.rows[0].impossible
    assert problem.code == "no_references"
    assert page_of(response).texts("not-taken")[0] == problem.sentence
    assert offer(response) == ({"blocked": 1}, 0, False)


def test_looking_at_another_model_stores_nothing():
    draft = make_draft(make_shots(2))
    browser = producer()

    response = look(browser, draft, mode="override", model=FAST)

    assert offer(response) == ({"generate": 2}, Decimal("1.92"), True)
    card = page_of(response).hook("mode", "default")
    assert card.attributes["href"] == f"?mode=default&model={FAST}", "the modes keep the model"
    assert models(response)[0][2:] == ("?mode=override", False)
    assert RenderBatch.objects.get().model == ""


def test_what_was_seen_is_queued_on_that_model():
    draft = make_draft(make_shots(2))
    browser = producer()

    confirm(browser, draft, model=FAST)

    batch = RenderBatch.objects.get()
    assert (batch.status, batch.model, batch.estimated_cost_usd) == (
        "confirmed",
        FAST,
        Decimal("1.92"),
    )
    for render in VideoRender.objects.all():
        assert (render.model, render.price_estimate_usd) == (FAST, Decimal("0.96"))
        assert render.price_source.startswith(f"$0.1200 per second of {FAST} at 1080p")
    assert page_of(browser.get(progress_url(batch))).texts("batch-model") == [FAST]


def test_a_batch_of_the_usual_model_names_none():
    draft = make_draft(make_shots(1))
    browser = producer()
    confirm(browser, draft, model=STANDARD)

    assert RenderBatch.objects.get().model == ""
    assert "batch-model" not in page_of(browser.get(progress_url(draft)))


def test_another_model_is_another_plan():
    draft = make_draft(make_shots(1))
    browser = producer()
    seen = fingerprint(look(browser, draft))

    browser.post(plan_url(draft), {"mode": "default", "model": FAST, "planned": seen})

    assert not VideoRender.objects.exists()


def test_a_model_that_nobody_knows_is_not_taken():
    draft = make_draft(make_shots(1))

    response = look(producer(), draft, model="veo-0")

    assert offer(response) == ({"generate": 1}, Decimal("3.20"), True)


def test_the_row_of_a_plan_keeps_the_model():
    shots = make_shots(1)
    draft = make_draft(shots)
    url = reverse("admin:videogen_renderbatch_plan_row", args=[draft.pk, shots[0].pk])
    browser = producer()

    assert f"{url}?mode=default&model={FAST}" in page_of(look(browser, draft, model=FAST)).links
    page = page_of(browser.get(url, {"mode": "default", "model": FAST}))
    assert f"{plan_url(draft)}?mode=default&model={FAST}" in page.links


def test_what_failed_on_a_model_is_tried_again_on_it():
    draft = make_draft(make_shots(1))
    browser = producer()
    confirm(browser, draft, model=FAST)
    VideoRender.objects.get().move(State.QUEUED, State.FAILED)

    again = retry_failed(RenderBatch.objects.get(), Requester("admin", name="mira"))

    assert again.model == FAST
    assert models(look(browser, again)) == [
        (STANDARD, ["$3.20"], "?mode=default&model=", False),
        (FAST, ["$0.96"], f"?mode=default&model={FAST}", True),
        *ELSEWHERE,
    ]
    confirm(browser, again, model="")
    assert VideoRender.objects.order_by("pk").last().model == STANDARD


# -- over the budget, on the plan's page -----------------------------------------------------------


def test_what_is_short_is_told_with_what_would_be_cheaper():
    make_budget("7.00")

    response = look(producer(), make_draft(make_shots(3)))

    short = page_of(response).hook("shortage")
    assert short.hook("over").numbers == ["3", "$9.60", "$7.00"]
    prices = ["$2.88", "$3.66", "$3.66", "$2.88", "$2.40", "$2.43", "$6.40"]
    assert short.texts("price") == prices
    assert f"?mode=default&model={FAST}" in short.links
    assert "too-much" not in short


def test_a_cheaper_way_that_is_still_too_much_says_so():
    make_budget("2.50")

    short = page_of(look(producer(), make_draft(make_shots(3)))).hook("shortage")

    [fast] = [
        each for each in short.hooks("cheaper") if f"?mode=default&model={FAST}" in each.links
    ]
    assert fast.hook("price").text == "$2.88" and "too-much" in fast
    assert "?mode=default" not in short.links, "no part of them fits"
    assert f"?mode=default&model={FAST}&resolution=720p" in short.links


def test_all_or_nothing_is_a_link_and_queues_nothing_where_it_does_not_fit():
    make_budget("7.00")
    draft = make_draft(make_shots(3))
    browser = producer()
    assert choices(look(browser, draft), "over_budget") == [
        ("?mode=default", True),
        ("?mode=default&over_budget=none", False),
    ]

    response = look(browser, draft, over_budget="none")

    assert offer(response) == ({"blocked": 3}, 0, False)
    page = page_of(response)
    assert page.hooks("reason")[0].numbers == ["3", "$9.60", "$7.00"]
    assert "?mode=default" in page.hook("shortage").links
    told = confirm(browser, draft, over_budget="none")
    assert levels(told)[-1] == "warning"
    assert "$9.60" in str(list(get_messages(told.wsgi_request))[-1])
    assert not VideoRender.objects.exists()


def test_the_choice_is_kept_with_the_batch():
    make_budget("9.60")
    draft = make_draft(make_shots(3))

    confirm(producer(), draft, over_budget="none")

    assert RenderBatch.objects.get().over_budget == "none"
    assert VideoRender.objects.count() == 3


def test_without_a_budget_or_a_price_there_is_nothing_to_choose(settings):
    draft = make_draft(make_shots(1))
    format_too = ["preset", "model", "resolution"]
    assert page_of(look(producer(), draft)).values("choices") == format_too
    make_budget(5)
    assert page_of(look(producer(), draft)).values("choices") == [*format_too, "over_budget"]

    settings.VIDEO_BACKEND = "simulator"

    assert "over_budget" not in page_of(look(producer(), draft)).values("choices")


def test_the_receipt_says_what_is_left_of_every_budget_before_and_after(settings):
    settings.VIDEO_BUDGET_USD = Decimal(50)
    shots = make_shots(2)
    make_budget(40, story=shots[0].scenelet.story)
    make_budget(30, scope="person_day")
    make_render(shots[1], "queued", backend="gemini", price_estimate_usd=Decimal("3.20"))

    page = page_of(look(producer(username="ines"), make_draft(shots)))

    found = [(each.hook("before").text, each.hook("after").text) for each in page.hooks("limit")]
    assert found == [("$30.00", "$26.80"), ("$36.80", "$33.60"), ("$46.80", "$43.60")]
    # The one test of these words.
    assert [each.text for each in page.hooks("limit")][1:] == [
        "Left in the budget of the story ($3.20 reserved by others)$36.80 → $33.60",
        "Left in the budget ($3.20 reserved by others)$46.80 → $43.60",
    ]
    assert page.hook("reserved").sums == ["$3.20"]


# -- on the command line ---------------------------------------------------------------------------


@pytest.fixture
def run(capsys):
    """run(…) → (exit code, rows, summary, stderr)"""

    def run(*arguments):
        code = 0
        try:
            call_command(
                "run_task",
                "--task=CREATE_SHOT_VIDEO",
                "--story-id=the-lamp",
                "--no-wait",
                "--json",
                *arguments,
            )
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        *rows, summary = [json.loads(line) for line in out.splitlines()]
        return code, rows, summary["summary"], err

    return run


def test_the_command_takes_a_model(run):
    make_story(shots=2)

    code, rows, summary, _ = run("--model", FAST)

    assert (code, summary["estimated_cost_usd"]) == (0, "1.92")
    assert {row["request"]["model"] for row in rows} == {FAST}
    assert RenderBatch.objects.get().model == FAST


def test_a_model_without_a_price_is_blocked_on_the_command_line(run):
    VideoModel.objects.create(name="veo-9", route="gemini", checked_on="2026-01-01")
    make_story()

    code, (row,), _, _ = run("--model", "veo-9")

    assert (code, row["decision"]) == (1, "blocked")
    assert row["reason"].startswith("No price is known for veo-9 at 1080p")


def test_the_command_queues_as_many_as_fit(run):
    make_budget("7.00")
    make_story(shots=3)

    code, rows, _, err = run()

    assert code == 1
    assert [row["decision"] for row in rows] == ["generate", "generate", "blocked"]
    assert (
        "Over the budget. 3 videos: $9.60, and $7.00 is left of the budget for everything. "
        f"Cheaper: {FAST} $2.88; {OMNI} (Omni on the Gemini API) $3.66; "
        f"{OMNI_NEXT} (Omni on the Gemini API) $3.66; {VERTEX_FAST} (Veo on Vertex AI) $2.88; "
        f"{FAST} at 720p $2.40; {OMNI} (Omni on the Gemini API) at 720p $2.43; "
        "the first 2 of them $6.40."
    ) in err


def test_the_command_queues_all_or_nothing(run):
    make_budget("7.00")
    make_story(shots=3)

    code, rows, summary, err = run("--all-or-nothing")

    assert (code, summary["blocked"], summary["estimated_cost_usd"]) == (1, 3, "0.00")
    assert not VideoRender.objects.exists()
    assert "3 videos: $9.60, and $7.00 is left" in err
    assert run("--all-or-nothing", "--model", FAST)[2]["estimated_cost_usd"] == "2.88"


def test_the_daily_budget_holds_on_the_command_line(run, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "otto")
    make_budget("3.20", scope="person_day")
    make_story(shots=2)

    _, rows, *_ = run()

    assert rows[1]["reason"].startswith("Over the budget of otto for ")


# -- promotion -------------------------------------------------------------------------------------


@pytest.fixture
def shot():
    return make_shot()


@pytest.fixture
def browser():
    return browser_of(*VIEWS, "videogen.generate_video", username="ida")


def draft_take(shot, **values):
    defaults = {"backend": "gemini", "model": FAST, "price_estimate_usd": Decimal("0.96")}
    return make_render(shot, State.DONE, **defaults | values)


def takes(browser, shot):
    return page_of(browser.get(reverse("admin:storybook_shot_takes", args=[shot.pk])))


def promote_url(render):
    return reverse("admin:videogen_takes_promote", args=[render.shot_id, render.pk])


def press(browser, render):
    page = browser.get(promote_url(render))
    return browser.post(
        promote_url(render), {key: page.context[key] for key in ("newest", "price")}
    )


def test_a_draft_is_promoted_with_its_price_on_the_button(browser, shot):
    render = draft_take(shot, prompt_text='{"as": "it was"}')
    [button] = takes(browser, shot).hooks("promote")
    page = browser.get(promote_url(render)).text
    # The one test of these words.
    assert button.text == f"Promote to {STANDARD} · $3.20"
    assert "The draft cost $0.96, this one costs $3.20." in page
    assert f"Promote to {STANDARD} · $3.20" in page

    response = press(browser, render)

    copy = VideoRender.objects.get(copy_of=render)
    assert (copy.model, copy.state, copy.prompt_text) == (STANDARD, "queued", '{"as": "it was"}')
    assert copy.references == render.references
    assert copy.price_estimate_usd == Decimal("3.20")
    assert copy.price_source.startswith(f"$0.4000 per second of {STANDARD} at 1080p")
    assert (copy.batch.model, copy.requested_by_name) == ("", "ida")
    assert copy.batch.plan[0]["reason"] == f"exactly as take 1 on {STANDARD}"
    assert LogEntry.objects.get().change_message == f"Asked for: an earlier request, on {STANDARD}."
    assert response.url.endswith(f"#render-{copy.pk}")


def test_exactly_this_stays_on_its_model_and_the_batch_says_so(browser, shot):
    render = draft_take(shot)
    url = reverse("admin:videogen_takes_generate", args=[shot.pk, render.pk])
    page = browser.get(url)

    browser.post(url, {key: page.context[key] for key in ("newest", "price")})

    copy = VideoRender.objects.get(copy_of=render)
    assert (copy.model, copy.batch.model) == (FAST, FAST)
    assert page_of(browser.get(progress_url(copy.batch))).texts("batch-model") == [FAST]


@pytest.mark.parametrize("values", [{"model": STANDARD}, {"model": "veo-9"}, {"prompt_text": ""}])
def test_what_is_no_draft_is_not_promoted(browser, shot, values):
    render = draft_take(shot, **values)

    assert promote_url(render) not in takes(browser, shot).links
    browser.post(promote_url(render), {"newest": render.pk, "price": "$3.20"})
    assert VideoRender.objects.count() == 1


@pytest.mark.parametrize("state", [State.FAILED, State.REHEARSED])
def test_only_a_take_is_promoted(browser, shot, state):
    render = make_render(shot, state, backend="gemini", model=FAST)

    assert promote_url(render) not in takes(browser, shot).links
    assert press_anyway(browser, render).status_code == 302
    assert VideoRender.objects.count() == 1


def press_anyway(browser, render):
    return browser.post(promote_url(render), {"newest": render.pk, "price": "$3.20"})


def test_second_click_promotes_nothing(browser, shot):
    render = draft_take(shot)
    form = {"newest": render.pk, "price": "$3.20"}

    browser.post(promote_url(render), form)
    force(VideoRender.objects.filter(copy_of=render), state=State.FAILED)
    browser.post(promote_url(render), form)

    assert VideoRender.objects.filter(copy_of=render).count() == 1


def test_a_promotion_at_another_price_is_asked_for_again(browser, shot):
    render = draft_take(shot)
    make_price("0.5")

    browser.post(promote_url(render), {"newest": render.pk, "price": "$3.20"})

    assert VideoRender.objects.count() == 1
    assert takes(browser, shot).hook("promote").sums == ["$4.00"]


def test_a_promotion_over_the_budget_says_what_is_cheaper_and_queues_nothing(browser, shot):
    render = draft_take(shot, submission={"price_usd": Decimal("0.96")})
    make_budget("3.00")

    page = page_of(browser.get(promote_url(render)))

    sums = page.hook("shortage").sums
    assert sums[:2] == ["$3.20", "$2.04"] and "$0.96" in sums
    assert "disabled" in page.hook("price").attributes
    assert press_anyway(browser, render).status_code == 302
    assert VideoRender.objects.count() == 1


def test_an_approved_draft_locks_its_shot_not_against_its_own_final_take(browser, shot):
    render = draft_take(shot, review="approved")
    assert promote_url(render) in takes(browser, shot).links

    press_anyway(browser, render)

    assert VideoRender.objects.get(copy_of=render).model == STANDARD


def test_a_shot_that_another_take_locks_is_not_promoted(browser, shot):
    render = draft_take(shot)
    draft_take(shot, review="approved")

    press_anyway(browser, render)

    assert VideoRender.objects.count() == 2


def test_who_may_not_generate_promotes_nothing(shot):
    render = draft_take(shot)
    browser = browser_of(*VIEWS)

    assert promote_url(render) not in takes(browser, shot).links
    assert browser.get(promote_url(render)).status_code == 403
    assert press_anyway(browser, render).status_code == 403


def test_many_drafts_take_no_more_queries(browser, shot, django_assert_num_queries):
    draft_take(shot)
    takes(browser, shot)
    with CaptureQueriesContext(connection) as few:
        takes(browser, shot)
    for _ in range(5):
        draft_take(shot)

    with django_assert_num_queries(len(few)):
        takes(browser, shot)


# -- the form --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ({}, ("override", FAST, "none", True)),
        ({"mode": "x", "model": "veo-0", "over_budget": "x", "repeat": "x"}, None),
        ({"mode": "", "over_budget": "", "repeat": ""}, None),
        ({"model": "a\0b"}, None),
        ({"model": "", "repeat": "1"}, ("override", "", "none", False)),
        ({"mode": "resume", "model": STANDARD, "over_budget": "fit"}, ("resume", "", "fit", True)),
    ],
)
def test_what_cannot_be_chosen_is_as_the_draft_has_it(asked, chosen):
    make_price("0.1", model=FAST)
    draft = make_batch(
        make_story(),
        status="draft",
        mode="override",
        model=FAST,
        over_budget="none",
        skips_repeats=True,
    )

    options = PlanOptionsForm(asked, draft).options

    found = (options.mode, options.model, options.over_budget, options.skips_repeats)
    assert found == (chosen or ("override", FAST, "none", True))
