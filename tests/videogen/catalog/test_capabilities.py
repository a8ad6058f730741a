"""The table of video models: every rule with its sentence, the rows that an installation starts
with, and their effect on plans and requests."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from tests.support.admin_clients import VIEWS, browser_of, producer, viewer
from tests.support.admin_urls import person
from tests.support.drafts import confirm, make_draft, make_shots, offer, plan_url
from tests.support.factories import make_render, make_shot, make_story, shots_of
from tests.support.pages import page_of
from videogen.catalog.capabilities import ModelTable, RequestedVideo
from videogen.catalog.options import RequestSettings
from videogen.catalog.prices import PriceList
from videogen.common.errors import RequestError
from videogen.models import StorySettings, VideoModel, VideoRender
from videogen.models.people import Requester
from videogen.models.problems import Problem, ProblemCode
from videogen.models.render_warnings import WarningCode
from videogen.ops.doctor.run import examine
from videogen.planning.modes import Action
from videogen.planning.plan import plan_shots
from videogen.planning.rerun import generate_exactly
from videogen.prompts.payload import load_request
from videogen.providers.registry import open_client

pytestmark = pytest.mark.django_db

STANDARD, FAST = "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"
LITE = "veo-3.1-lite-generate-preview"
VERTEX, VERTEX_FAST = "veo-3.1-generate-001", "veo-3.1-fast-generate-001"
OMNI, OMNI_NEXT = "gemini-omni-1.1-flash", "gemini-omni-1.2-flash"
GEMINI_VEO, VEO = (STANDARD, FAST), (STANDARD, FAST, VERTEX, VERTEX_FAST)
ALL = (*VEO, LITE, OMNI, OMNI_NEXT)


def asked(**values):
    usual = {"aspect_ratio": "16:9", "resolution": "1080p", "seconds": 8, "references": 0}
    return RequestedVideo(**usual | values)


def problems(model, **values):
    return ModelTable().find(model).problems(asked(**values))


def plan(story=None, mode="default", **wishes):
    story = story or make_story()
    return plan_shots(story, shots_of(story), mode, **wishes)


# -- every rule, model by model --------------------------------------------------------------------

USUAL = [(model, {}) for model in ALL]
TAKEN = [
    *USUAL,
    *((model, {"references": 3}) for model in (*VEO, OMNI, OMNI_NEXT)),
    *((model, {"aspect_ratio": "9:16"}) for model in ALL),
    *((model, {"resolution": "4k"}) for model in (*VEO, OMNI, OMNI_NEXT)),
    *((model, {"resolution": "720p", "seconds": 4}) for model in ALL),
    *((model, {"resolution": "720p", "references": 1}) for model in (*VEO, OMNI)),
    *((model, {"resolution": "4k", "references": 2}) for model in (*VEO, OMNI)),
    *(
        (model, {"references": 3, "aspect_ratio": "9:16", "seconds": 3})
        for model in (OMNI, OMNI_NEXT)
    ),
    *((model, {"references": 1, "person_generation": "allow_adult"}) for model in VEO),
    *((model, {"person_generation": "allow_all"}) for model in VEO),
    (VERTEX, {"references": 1, "person_generation": "allow_all"}),
]


@pytest.mark.parametrize(("model", "values"), TAKEN)
def test_what_a_model_takes_is_no_problem(model, values):
    assert problems(model, **values) == []


CODE = ProblemCode
# What is asked of which models, and the problem: its code, and its parameters beside the model and
# the resolution.
REFUSED = [
    # unknown resolutions
    (
        (*VEO, OMNI, OMNI_NEXT),
        {"resolution": "360p"},
        (CODE.RESOLUTION_NOT_MADE, {"known": ["1080p", "4k", "720p"]}),
    ),
    ((LITE,), {"resolution": "4k"}, (CODE.RESOLUTION_NOT_MADE, {"known": ["1080p", "720p"]})),
    # aspect ratios, without and with references
    (
        ALL,
        {"aspect_ratio": "1:1"},
        (
            CODE.ASPECT_RATIO_NOT_MADE,
            {"aspect_ratio": "1:1", "with_references": False, "known": ["16:9", "9:16"]},
        ),
    ),
    (
        VEO,
        {"aspect_ratio": "9:16", "references": 1},
        (
            CODE.ASPECT_RATIO_NOT_MADE,
            {"aspect_ratio": "9:16", "with_references": True, "known": ["16:9"]},
        ),
    ),
    # durations, without and with references
    (
        (*VEO, LITE),
        {"seconds": 6},
        (CODE.DURATION_NOT_MADE, {"seconds": 6, "with_references": False, "known": [8]}),
    ),
    (
        VEO,
        {"seconds": 6, "resolution": "720p", "references": 1},
        (CODE.DURATION_NOT_MADE, {"seconds": 6, "with_references": True, "known": [8]}),
    ),
    (
        (*VEO, LITE),
        {"seconds": 5, "resolution": "720p"},
        (CODE.DURATION_NOT_MADE, {"seconds": 5, "with_references": False, "known": [4, 6, 8]}),
    ),
    (
        (OMNI, OMNI_NEXT),
        {"seconds": 11},
        (
            CODE.DURATION_NOT_MADE,
            {"seconds": 11, "with_references": False, "known": list(range(3, 11))},
        ),
    ),
    # references: none at all, too many
    ((LITE,), {"references": 1}, (CODE.NO_REFERENCES, {})),
    (
        (*VEO, OMNI, OMNI_NEXT),
        {"references": 4},
        (CODE.TOO_MANY_REFERENCES, {"most": 3, "references": 4}),
    ),
    # people
    (
        GEMINI_VEO,
        {"references": 1, "person_generation": "allow_all"},
        (CODE.PERSON_GENERATION_NOT_TAKEN, {"asked": "allow_all", "known": ["allow_adult"]}),
    ),
]


@pytest.mark.parametrize(
    ("model", "values", "expected"),
    [(model, values, expected) for models, values, expected in REFUSED for model in models],
)
def test_what_a_model_does_not_take_is_a_problem_with_what_it_knows(model, values, expected):
    [problem] = problems(model, **values)

    code, params = expected
    of_all = {"model": model, "resolution": values.get("resolution", "1080p")}
    assert problem == Problem(code, of_all | params)
    assert problem.is_of_model


def test_several_problems_are_told_at_once():
    assert len(problems(STANDARD, references=4, aspect_ratio="9:16", seconds=4)) == 3


def test_references_at_one_resolution_only():
    VideoModel.objects.get(name=STANDARD).formats.filter(resolution="4k").update(
        reference_aspect_ratios="", reference_durations=""
    )

    params = {"model": STANDARD, "resolution": "4k"}
    assert problems(STANDARD, resolution="4k", references=1) == [
        Problem(CODE.NO_REFERENCES_AT_RESOLUTION, params)
    ]
    assert problems(STANDARD, resolution="4k") == problems(STANDARD, references=1) == []


def test_nothing_is_asked_of_a_model_that_nobody_knows():
    assert problems("veo-9", resolution="8k", seconds=99, references=9) == []


EXTRAS = {"seed": 7, "negative_prompt": "rain", "person_generation": "allow_adult"}
NOT_SENT = {
    STANDARD: {"seed": f"{STANDARD} takes no seed: it is not sent."},
    FAST: {"seed": f"{FAST} takes no seed: it is not sent."},
    LITE: {"seed": f"{LITE} takes no seed: it is not sent."},
    VERTEX: {},
    VERTEX_FAST: {},
    **{
        model: {
            name: f"{model} takes no {name.replace('_', ' ')}: it is not sent." for name in EXTRAS
        }
        for model in (OMNI, OMNI_NEXT)
    },
}


@pytest.mark.parametrize("model", ALL)
def test_seed_negative_prompt_and_people_go_along_where_the_model_takes_them(settings, model):
    settings.VIDEO_MODEL = model
    for name, value in EXTRAS.items():
        setattr(settings, f"VIDEO_{name.upper()}", value)

    request = RequestSettings.current(make_story())

    left_out = NOT_SENT[model]
    assert {name: request.sent[name] or None for name in EXTRAS} == {
        name: None if name in left_out else value for name, value in EXTRAS.items()
    }
    assert request.notes == tuple(left_out.values())


def test_a_word_about_people_that_the_model_does_not_know_is_left_out(settings):
    settings.VIDEO_PERSON_GENERATION = "dont_allow"

    request = RequestSettings.current(make_story())

    assert request.person_generation == ""
    assert request.notes == (
        f"{STANDARD} knows no person generation 'dont_allow', so none is asked for: it knows "
        "allow_all, allow_adult.",
    )


@pytest.mark.parametrize(
    ("backend", "taken"),
    [
        ("gemini", {"negative_prompt", "person_generation"}),
        ("vertex", {"seed", "negative_prompt", "person_generation"}),
        ("omni", set()),
    ],
)
def test_a_model_that_nobody_knows_is_sent_what_its_route_has_a_place_for(settings, backend, taken):
    settings.VIDEO_BACKEND, settings.VIDEO_MODEL = backend, "veo-9"
    for name, value in EXTRAS.items():
        setattr(settings, f"VIDEO_{name.upper()}", value)

    sent = RequestSettings.current(make_story()).sent

    assert {name for name in EXTRAS if sent[name]} == taken


@pytest.mark.parametrize(
    ("model", "limit"),
    [*((model, 1024) for model in (*VEO, LITE)), (OMNI, 131072), ("veo-9", 1024)],
)
def test_the_prompt_limit_is_the_models_own(settings, model, limit):
    settings.VIDEO_MODEL, settings.VIDEO_PROMPT_LIMIT_TOKENS = model, None
    assert RequestSettings.current(make_story()).prompt_limit == limit

    settings.VIDEO_PROMPT_LIMIT_TOKENS = 77
    assert RequestSettings.current(make_story("other")).prompt_limit == 77


PRICES = {
    STANDARD: {"720p": "3.20", "1080p": "3.20", "4k": "4.80"},
    FAST: {"720p": "0.80", "1080p": "0.96", "4k": "2.40"},
    LITE: {"720p": "0.40", "1080p": "0.64", "4k": None},
    VERTEX: {"720p": "3.20", "1080p": "3.20", "4k": "4.80"},
    VERTEX_FAST: {"720p": "0.80", "1080p": "0.96", "4k": "2.40"},
    OMNI: {"720p": "0.81", "1080p": "1.22", "4k": None},
    OMNI_NEXT: {"720p": "0.81", "1080p": "1.22", "4k": None},
}


@pytest.mark.parametrize("model", ALL)
def test_what_eight_seconds_cost(model):
    prices = PriceList()

    for resolution, usd in PRICES[model].items():
        found = prices.find("gemini", model, resolution, 8)
        assert (found and found.usd) == (usd and Decimal(usd))


# -- the table that the installation comes with ----------------------------------------------------


def test_every_model_of_the_table_has_its_rules_in_these_tests():
    assert set(VideoModel.objects.values_list("name", flat=True)) == set(ALL)


def test_the_table_says_where_and_when_it_was_read():
    for model in VideoModel.objects.all():
        assert "documentation" in model.source
        assert model.checked_on == date(2026, 11, 22)


@pytest.mark.parametrize("model", [STANDARD, FAST, LITE])
def test_the_shutdown_that_was_announced_is_known(model):
    assert VideoModel.objects.get(name=model).shuts_down_on == date(2026, 10, 22)


def test_a_model_of_every_route():
    routes = dict(VideoModel.objects.values_list("name", "route"))

    assert {routes[model] for model in (STANDARD, FAST, LITE)} == {"gemini"}
    assert {routes[model] for model in (VERTEX, VERTEX_FAST)} == {"vertex"}
    assert {routes[model] for model in (OMNI, OMNI_NEXT)} == {"omni"}


# -- which model: batch before story before installation -------------------------------------------


def test_the_batch_wins_over_the_story_and_the_story_over_the_installation(settings):
    story = make_story()
    assert plan(story).request.model == STANDARD

    StorySettings.objects.create(story=story, model=VERTEX)
    assert (plan(story).request.model, plan(story).request.route) == (VERTEX, "vertex")

    batch = plan(story, model=OMNI)
    assert (batch.request.model, batch.request.route) == (OMNI, "omni")
    assert batch.request.chosen_model == OMNI
    assert plan(story, model=VERTEX).request.chosen_model == ""


def test_the_storys_wishes_win_over_those_of_the_installation(settings):
    settings.VIDEO_MODEL, settings.VIDEO_SEED = VERTEX, 1
    settings.VIDEO_NEGATIVE_PROMPT, settings.VIDEO_PERSON_GENERATION = "rain", "allow_adult"
    story, other = make_story(), make_story("other")
    StorySettings.objects.create(
        story=story, seed=0, negative_prompt="snow", person_generation="dont_allow"
    )

    sent = RequestSettings.current(story).sent
    assert [sent[name] for name in EXTRAS] == [0, "snow", "dont_allow"]
    sent = RequestSettings.current(other).sent
    assert [sent[name] for name in EXTRAS] == [1, "rain", "allow_adult"]


# -- what is sent, shown and kept ------------------------------------------------------------------


def test_the_far_end_receives_what_the_model_takes(settings, simulator, log):
    settings.VIDEO_SEED, settings.VIDEO_NEGATIVE_PROMPT = 7, "rain"
    settings.VIDEO_PERSON_GENERATION = "allow_adult"
    draft = make_draft(make_shots(1))
    confirm(producer(), draft)

    open_client("gemini", submits=True).submit(load_request(VideoRender.objects.get()))

    (received,) = log()["submissions"]
    assert received["parameters"] == {
        "sampleCount": 1,
        "durationSeconds": 8,
        "aspectRatio": "16:9",
        "resolution": "1080p",
        "negativePrompt": "rain",
        "personGeneration": "allow_adult",
    }


def test_nothing_of_it_is_sent_where_nobody_asks_for_it(simulator, log):
    confirm(producer(), make_draft(make_shots(1)))

    open_client("gemini", submits=True).submit(load_request(VideoRender.objects.get()))

    (received,) = log()["submissions"]
    assert set(received["parameters"]) == {
        "sampleCount",
        "durationSeconds",
        "aspectRatio",
        "resolution",
    }


@pytest.mark.parametrize(
    ("seed", "extra"), [(None, {}), (2**32 - 1, {"seed": 2**32 - 1, "negative_prompt": "rain"})]
)
def test_the_commands_json_has_what_is_sent(settings, capsys, seed, extra):
    settings.VIDEO_MODEL = VERTEX
    settings.VIDEO_SEED, settings.VIDEO_NEGATIVE_PROMPT = seed, extra.get("negative_prompt", "")
    make_story()

    call_command(
        "run_task",
        "--task=CREATE_SHOT_VIDEO",
        "--story-id=the-lamp",
        "--mode=dry-run",
        "--json",
    )

    row = json.loads(capsys.readouterr().out.splitlines()[0])
    assert row["request"] == {
        "model": VERTEX,
        "aspect_ratio": "16:9",
        "resolution": "1080p",
        "duration_seconds": 8,
        **extra,
    }


def test_the_take_says_how_it_was_made():
    shot = make_shot()
    make_render(
        shot,
        "done",
        model=VERTEX,
        route="vertex",
        seed=4294967295,
        negative_prompt="rain",
        sdk_version="google-genai 2.34.0",
    )

    page = page_of(viewer().get(reverse("admin:storybook_shot_takes", args=[shot.pk])))

    assert page.hook("made-by").text == "simulator, Veo on Vertex AI, google-genai 2.34.0"
    extras = {each["extra"]: each.text for each in page.hooks("extra")}
    assert extras == {"seed": "4294967295", "negative prompt": "rain"}


# -- the plan's page -------------------------------------------------------------------------------


def plan_page(draft, browser=None, **wishes):
    return (browser or producer()).get(plan_url(draft), wishes)


def notes_of(response):
    """The codes of what the page of a plan says once of the model and the options."""
    notes = response.context["page"].plan.notes
    assert page_of(response).texts("note") == [str(each) for each in notes]
    return [each.code for each in notes]


def test_what_the_model_does_not_take_is_said_once_and_blocks_every_row(settings):
    settings.VIDEO_ASPECT_RATIO = "9:16"

    response = plan_page(make_draft(make_shots(3)))

    page = page_of(response)
    beginning = f"{STANDARD} makes no 9:16 at 1080p with reference pictures"
    assert len([each for each in page.texts("not-taken") if each.startswith(beginning)]) == 1
    assert [number for _, number in response.context["page"].not_taken] == ["3 shots"]
    # The one test of these words.
    assert page.texts("reason") == ["The model does not accept this: see above."] * 3
    assert offer(response) == ({"blocked": 3}, 0, False)


def test_a_row_by_itself_says_what_the_page_says_above_the_rows(settings):
    settings.VIDEO_ASPECT_RATIO, settings.VIDEO_SEED = "9:16", 7
    shots = make_shots(2)
    url = reverse("admin:videogen_renderbatch_plan_row", args=[make_draft(shots).pk, shots[0].pk])

    # Somebody who reads the names of settings as they are.
    response = person("superuser").get(url)

    row = response.context["each"].row
    assert [each.code for each in row.not_taken] == [ProblemCode.ASPECT_RATIO_NOT_MADE]
    assert page_of(response).texts("reason") == [each.sentence for each in row.not_taken]
    assert [each.code for each in row.warnings] == [WarningCode.OPTION_NOT_TAKEN]
    assert str(row.warnings[0]) in page_of(response).texts("warning")


def test_the_plan_links_to_what_is_known_of_the_model(settings):
    settings.VIDEO_ASPECT_RATIO = "9:16"
    draft = make_draft(make_shots(1))
    pk = VideoModel.objects.get(name=STANDARD).pk
    url = reverse("admin:videogen_videomodel_change", args=[pk])

    keeper = browser_of(*VIEWS, "videogen.view_videomodel")
    assert url in page_of(plan_page(draft, keeper)).links
    assert url not in page_of(plan_page(draft, viewer())).links


def test_only_what_would_be_asked_for_anew_is_checked(settings):
    story = make_story(shots=2)
    first, second = shots_of(story).select_related("scenelet__story")
    make_render(first, "done")
    make_render(second, "interrupted", operation_name="models/x/operations/1")
    settings.VIDEO_RESOLUTION = "360p"

    assert [row.decision.action for row in plan(story).rows] == ["skip", "skip"]
    assert [row.decision.action for row in plan(story, "resume").rows] == ["skip", "resume"]
    assert [row.decision.action for row in plan(story, "override").rows] == ["blocked", "skip"]


def test_every_mode_counts_what_the_model_does_not_take(settings):
    shots = make_shots(2)
    for shot in shots:
        make_render(shot, "done")
    settings.VIDEO_RESOLUTION = "360p"

    response = plan_page(make_draft(shots))

    counts = {each.value: each.counts for each in response.context["modes"]}
    assert Action.GENERATE not in counts["override"] and counts["override"] == {"blocked": 2}


def test_what_the_model_does_not_take_matters_only_where_something_new_is_sent(settings):
    shots = make_shots(1)
    make_render(shots[0], "done")
    settings.VIDEO_RESOLUTION = "360p"

    for mode in ("override", "default"):
        [row] = plan(shots[0].scenelet.story, mode).rows

        assert [each.code for each in row.not_taken] == [CODE.RESOLUTION_NOT_MADE]
        assert row.impossible == (row.not_taken if mode == "override" else ())
        assert row.impossible_in("override") == row.not_taken
        assert row.impossible_in("default") == row.impossible_in("resume") == ()


def test_where_only_the_model_refuses_nothing_is_to_be_fixed_at_the_shot(settings):
    settings.VIDEO_RESOLUTION = "360p"

    [row] = plan_page(make_draft(make_shots(1))).context["page"].rows

    assert (row.is_blocked, row.ways) == (True, ())


def test_what_is_left_out_is_said_once_on_the_page_and_in_each_row_of_the_record(settings):
    settings.VIDEO_SEED = 7
    draft = make_draft(make_shots(3))

    assert notes_of(plan_page(draft)).count(WarningCode.OPTION_NOT_TAKEN) == 1
    for row in plan(draft.story).rows:
        assert WarningCode.OPTION_NOT_TAKEN in [each.code for each in row.warnings]


@pytest.mark.parametrize(("days", "is_told"), [(0, True), (-30, True), (1, False), (None, False)])
def test_a_shutdown_that_is_past_is_told_once_and_blocks_nothing(days, is_told):
    day = None if days is None else timezone.localdate() + timedelta(days=days)
    VideoModel.objects.filter(name=STANDARD).update(shuts_down_on=day)
    draft = make_draft(make_shots(2))

    response = plan_page(draft)

    assert notes_of(response) == [WarningCode.MODEL_SHUTS_DOWN] * is_told
    assert offer(response)[-1]
    codes = {each.code for row in plan(draft.story).rows for each in row.warnings}
    assert WarningCode.MODEL_SHUTS_DOWN not in codes


def test_the_shutdown_is_told_with_its_day():
    VideoModel.objects.filter(name=STANDARD).update(shuts_down_on=date(2020, 10, 2))

    [note] = ModelTable().find(STANDARD).notes

    params = {
        "model": STANDARD,
        "day": "2020-10-02",
        "successors": [
            "veo-3.1-generate-001",
            "veo-3.1-fast-generate-001",
            "gemini-omni-1.1-flash",
        ],
    }
    assert (note.code, note.params) == (WarningCode.MODEL_SHUTS_DOWN, params)
    assert note == (
        f"{STANDARD} is announced to shut down on or after 2 Oct 2020: it may answer "
        '"not found". Move to veo-3.1-generate-001, veo-3.1-fast-generate-001 or '
        "gemini-omni-1.1-flash."
    )


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ("veo-3.1-generate-preview", "veo-3.1-generate-001"),
        ("veo-3.1-fast-generate-preview", "veo-3.1-fast-generate-001"),
    ],
)
def test_the_nearest_model_is_named_first_in_the_place_of_one_that_may_be_gone(model, first):
    VideoModel.objects.exclude(shuts_down_on=None).update(shuts_down_on=date(2020, 10, 2))

    found = ModelTable().find(model)

    assert found.may_be_gone
    assert found.successors[0] == first
    assert not {"veo-3.1-lite-generate-preview", "veo-3.1-generate-preview"} & {*found.successors}


def test_doctor_and_story_settings_say_it_in_the_words_of_the_plan(settings):
    settings.VIDEO_BACKEND = "gemini"
    VideoModel.objects.filter(name=STANDARD).update(shuts_down_on=date(2020, 10, 2))
    [note] = ModelTable().find(STANDARD).notes
    story = make_shots(1)[0].scenelet.story

    form = person("superuser").get(reverse("admin:storybook_story_change", args=[story.pk]))
    told = [each.sentence for each in examine(is_offline=True)]

    [model] = [
        each
        for each in page_of(form)
        if each.attributes.get("id") == "id_video_settings-0-model_helptext"
    ]
    assert str(note) in model.text
    assert str(note) in told


def test_a_model_that_nobody_knows_is_told_and_blocks_nothing(settings):
    settings.VIDEO_MODEL = "veo-9"

    response = plan_page(make_draft(make_shots(1)))

    assert notes_of(response) == [WarningCode.MODEL_NOT_KNOWN]
    assert offer(response) == ({"generate": 1}, 0, True)


def test_what_goes_along_with_every_request_is_on_the_page(settings):
    settings.VIDEO_MODEL, settings.VIDEO_SEED, settings.VIDEO_NEGATIVE_PROMPT = VERTEX, 0, "<rain>"

    page = page_of(plan_page(make_draft(make_shots(1))))

    assert {each["sent"]: each.text for each in page.hooks("sent")} == {
        "asked of": f"{VERTEX} (Veo on Vertex AI)",
        "shape": "16:9, 1080p, 8 s",
        "seed": "0",
        "negative prompt": "<rain>",
    }


# -- exactly this, and promotions ------------------------------------------------------------------


def draft_take(**values):
    shot = make_shot()
    references = [row.as_dict() for row in plan(shot.scenelet.story).rows[0].selection.picks]
    return make_render(shot, "done", model=FAST, references=references, **values)


def test_another_model_is_asked_by_the_table_before_anything_is_queued(settings):
    settings.VIDEO_BACKEND = "gemini"
    take = draft_take(backend="gemini")

    with pytest.raises(RequestError, match=f"{LITE} takes no reference pictures"):
        generate_exactly(take, Requester("admin"), model=LITE)

    assert VideoRender.objects.count() == 1


def test_the_page_of_a_promotion_says_what_the_table_says_of_references(settings):
    settings.VIDEO_BACKEND = "gemini"
    take = draft_take(backend="gemini")
    url = reverse("admin:videogen_takes_promote", args=[take.shot_id, take.pk])

    said = producer().get(url).context["on_references"]

    assert said == f"{STANDARD} takes up to 3 reference pictures at 1080p: 16:9, 8 seconds."


def test_a_promotion_is_offered_to_a_model_that_takes_what_the_draft_sent(settings):
    settings.VIDEO_BACKEND = "gemini"
    take = draft_take(backend="gemini")
    takes = reverse("admin:storybook_shot_takes", args=[take.shot_id])
    promote = reverse("admin:videogen_takes_promote", args=[take.shot_id, take.pk])
    browser = producer()
    assert promote in page_of(browser.get(takes)).links

    VideoModel.objects.filter(name=STANDARD).update(max_references=1)

    assert promote not in page_of(browser.get(takes)).links
    assert browser.get(promote).status_code == 302


def test_a_draft_is_promoted_to_the_model_of_its_story(settings):
    settings.VIDEO_BACKEND = "gemini"
    take = draft_take(backend="gemini")
    StorySettings.objects.create(story=take.shot.scenelet.story, model=OMNI)
    browser = producer()

    takes = page_of(browser.get(reverse("admin:storybook_shot_takes", args=[take.shot_id])))
    assert takes.hook("promote").text == f"Promote to {OMNI} · $1.22"

    queued = generate_exactly(take, Requester("admin"), model=OMNI)
    render = VideoRender.objects.get(pk__in=queued.render_ids)
    assert (render.model, render.route, queued.batch.model) == (OMNI, "omni", "")
