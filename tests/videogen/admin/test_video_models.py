"""The screens of the table of video models and of the options of a story."""

from __future__ import annotations

import importlib
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.urls import reverse

from tests.support.admin_clients import VIEWS, browser_of, producer
from tests.support.drafts import make_draft, make_shots, offer, plan_url
from tests.support.factories import make_story, shots_of
from tests.support.pages import page_of
from videogen.catalog.capabilities import ModelTable, RequestedVideo
from videogen.models import Price, RenderBatch, StorySettings, VideoModel
from videogen.models.problems import ProblemCode
from videogen.models.routes import Route
from videogen.planning.plan import plan_shots

pytestmark = pytest.mark.django_db

STANDARD, FAST = "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"
VERTEX, OMNI = "veo-3.1-generate-001", "gemini-omni-1.1-flash"


def plan(story):
    return plan_shots(story, shots_of(story), "default")


def problems(model, resolution="1080p", references=0):
    return ModelTable().find(model).problems(RequestedVideo("16:9", resolution, 8, references))


# -- the screen of the table -----------------------------------------------------------------------

KEEP = [
    f"videogen.{verb}_{model}"
    for verb in ("view", "add", "change", "delete")
    for model in ("videomodel", "videoformat")
]
COLUMNS = (
    "resolution",
    "aspect_ratios",
    "durations",
    "reference_aspect_ratios",
    "reference_durations",
)
WIDE = ("1080p", "16:9", "8", "16:9", "8")


def keeper():
    return browser_of(*KEEP, "videogen.view_price")


def form_of(model=None, formats=None, **values):
    """Return what the form on the page of the model would post."""
    rows = []
    if formats is None:
        rows = [
            {"id": each.pk, **{name: getattr(each, name) for name in COLUMNS}}
            for each in (model.formats.all() if model else ())
        ]
    else:
        rows = [dict(zip(COLUMNS, each, strict=True)) for each in formats]
    initial = sum("id" in row for row in rows)
    form = {"formats-TOTAL_FORMS": len(rows), "formats-INITIAL_FORMS": initial}
    for number, row in enumerate(rows):
        form |= {f"formats-{number}-{name}": value for name, value in row.items()}
        form[f"formats-{number}-model"] = model.pk if model else ""
    usual = {
        "name": model.name if model else "veo-9",
        "route": model.route if model else "vertex",
        "max_references": model.max_references if model else 3,
        "source": "a page",
        "checked_on": "2026-11-22",
    }
    return form | usual | values


def errors(response):
    """The codes of what was wrong, with the names of the fields."""
    assert response.status_code == 200
    context = response.context
    sets = [inline.formset for inline in context["inline_admin_formsets"]]
    forms = [context["adminform"].form, *(form for each in sets for form in each.forms)]
    of_fields = (item for form in forms for item in form.errors.as_data().items())
    found = [(name, error.code) for name, wrong in of_fields for error in wrong]
    return found + [("", e.code) for each in sets for e in each.non_form_errors().as_data()]


ADD = "/admin/videogen/videomodel/add/"


def test_a_model_is_added_with_what_goes_together():
    response = keeper().post(ADD, form_of(formats=[WIDE]))

    assert response.status_code == 302
    assert problems("veo-9", references=3) == []
    [problem] = problems("veo-9", resolution="4k")
    assert problem.code == ProblemCode.RESOLUTION_NOT_MADE
    assert problem.params["known"] == ["1080p"]


WRONG = {
    "ratios": ({}, [("1080p", "16/9", "8", "16:9", "8")], ("aspect_ratios", "invalid")),
    "seconds": ({}, [("1080p", "16:9", "eight", "16:9", "8")], ("durations", "invalid")),
    "no format": ({}, [], ("", "no_format")),
    "half of the references": (
        {},
        [("1080p", "16:9", "8", "", "8")],
        ("__all__", "half_of_references"),
    ),
    "no number of references": ({"max_references": 0}, [WIDE], ("", "no_reference_number")),
    "nowhere to put references": (
        {},
        [("1080p", "16:9", "8", "", "")],
        ("", "no_reference_formats"),
    ),
    "a seed that is not sent": (
        {"takes_seed": "on", "route": "gemini"},
        [WIDE],
        ("takes_seed", "seed_not_sent"),
    ),
    "words": ({"person_generation": "allow adult!"}, [WIDE], ("person_generation", "invalid")),
    "no source": ({"source": ""}, [WIDE], ("source", "required")),
    "no day": ({"checked_on": ""}, [WIDE], ("checked_on", "required")),
}


@pytest.mark.parametrize(("values", "formats", "error"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_not_taken(values, formats, error):
    response = keeper().post(ADD, form_of(formats=formats, **values))

    assert errors(response) == [error]
    assert not VideoModel.objects.filter(name="veo-9").exists()


def test_the_same_resolution_twice_is_not_taken():
    response = keeper().post(ADD, form_of(formats=[WIDE, WIDE]))

    assert errors(response)
    assert not VideoModel.objects.filter(name="veo-9").exists()


def test_another_spelling_of_a_model_is_no_model():
    name = f"models/{STANDARD}"

    response = keeper().post(ADD, form_of(formats=[WIDE], name=name))

    assert errors(response) == [("name", "model_name")]
    assert not VideoModel.objects.filter(name=name).exists()


def test_what_is_edited_counts_in_the_very_next_plan():
    story = make_story()
    assert plan(story).counts == {"generate": 1}
    browser = keeper()
    model = VideoModel.objects.get(name=STANDARD)
    url = reverse("admin:videogen_videomodel_change", args=[model.pk])

    assert browser.post(url, form_of(model, max_references=2)).status_code == 302

    [row] = plan(story).rows
    assert row.decision.action == "blocked"
    assert [each.code for each in row.not_taken] == [ProblemCode.TOO_MANY_REFERENCES]


def test_the_page_of_a_model_has_its_prices_and_leads_to_them():
    model = VideoModel.objects.get(name=OMNI)
    url = reverse("admin:videogen_videomodel_change", args=[model.pk])
    browser = keeper()

    page = page_of(browser.get(url))

    # The one test of these words.
    assert page.hook("price", "1080p").text == "1080p: $0.1525 per second since 2026-11-01"
    assert page.hook("price-list").attributes["href"] == f"/admin/videogen/price/?model={OMNI}"
    assert "no-price" not in page
    Price.objects.filter(model=OMNI).delete()
    assert "no-price" in page_of(browser.get(url))


def test_the_list_of_models_asks_a_fixed_number_of_queries(django_assert_max_num_queries):
    browser = keeper()

    with django_assert_max_num_queries(8):
        page = page_of(browser.get("/admin/videogen/videomodel/"))

    cells = [each for each in page.tags("td") if each.attributes["class"] == "field-resolutions"]
    assert len(cells) == VideoModel.objects.count()
    assert "1080p, 4k, 720p" in [each.text for each in cells]


# -- a story's own settings ------------------------------------------------------------------------

STORY = ("storybook.view_story", "storybook.change_story")
GENERATES = (*VIEWS, *STORY, "videogen.generate_video")


def story_form(story, **values):
    own = StorySettings.objects.filter(story=story).first()
    form = {"title": story.title}
    for prefix in ("documents", "scenelets"):
        form |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    form |= {"video_settings-TOTAL_FORMS": 1, "video_settings-INITIAL_FORMS": int(bool(own))}
    given = {"id": own.pk if own else "", "story": story.pk, **values}
    return form | {f"video_settings-0-{name}": value for name, value in given.items()}


def save_story(browser, story, **values):
    url = reverse("admin:storybook_story_change", args=[story.pk])
    return browser.post(url, story_form(story, **values))


def test_who_may_generate_sets_a_storys_model():
    story = make_story()

    response = save_story(browser_of(*GENERATES), story, model=VERTEX, seed=4294967295)

    assert response.status_code == 302, errors(response)
    assert (
        plan(story).request.sent | {"model": VERTEX, "seed": 2**32 - 1} == plan(story).request.sent
    )


def test_an_empty_form_makes_no_row_and_an_emptied_one_removes_it():
    story = make_story()
    browser = browser_of(*GENERATES)

    save_story(browser, story, model="", seed="", negative_prompt="", person_generation="")
    assert not StorySettings.objects.exists()

    save_story(browser, story, negative_prompt="rain")
    assert StorySettings.objects.get().negative_prompt == "rain"
    assert save_story(browser, story, negative_prompt="").status_code == 302
    assert not StorySettings.objects.exists()


def test_others_see_a_storys_settings_and_change_nothing():
    story = make_story()
    StorySettings.objects.create(story=story, model=VERTEX)
    browser = browser_of(*VIEWS, *STORY)

    page = page_of(browser.get(reverse("admin:storybook_story_change", args=[story.pk])))
    save_story(browser, story, model=OMNI)

    assert VERTEX in page.text and "video_settings-0-model" not in page.fields
    assert StorySettings.objects.get().model == VERTEX


@pytest.mark.parametrize(
    "values",
    [{"seed": 2**32}, {"seed": -1}, {"model": "veo-0"}, {"person_generation": "everybody"}],
    ids=str,
)
def test_wishes_that_cannot_be_are_not_taken(values):
    story = make_story()

    response = save_story(browser_of(*GENERATES), story, **values)

    assert errors(response)
    assert not StorySettings.objects.exists()


def test_the_models_are_offered_by_route_with_what_a_video_costs(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story()
    StorySettings.objects.create(story=story, model="veo-0")

    response = browser_of(*GENERATES).get(reverse("admin:storybook_story_change", args=[story.pk]))

    [select] = [
        each
        for each in page_of(response).tags("select")
        if each.attributes["name"] == "video_settings-0-model"
    ]
    groups = {
        group.attributes["label"]: {
            each.attributes["value"]: each.sums for each in group.tags("option")
        }
        for group in select.tags("optgroup")
    }
    assert list(groups)[: len(Route)] == Route.labels
    assert groups[Route.VERTEX.label][VERTEX] == ["$3.20"]
    assert groups[Route.OMNI.label][OMNI] == ["$1.22"]
    # What was chosen stays to be chosen, although the table does not have it.
    assert list(groups)[len(Route) :] == ["Not in the table"]
    assert list(groups["Not in the table"]) == ["veo-0"]


def test_a_storys_own_model_is_the_usual_one_on_its_plans_page(settings):
    settings.VIDEO_BACKEND = "gemini"
    shots = make_shots(1)
    StorySettings.objects.create(story=shots[0].scenelet.story, model=FAST)
    draft = make_draft(shots)

    browser = producer()
    page = page_of(browser.get(plan_url(draft)))
    usual, other = page.hook("model", FAST), page.hook("model", STANDARD)
    assert usual.attributes["href"] == "?mode=default" and "aria-current" in usual.attributes
    assert other.attributes["href"] == f"?mode=default&model={STANDARD}"
    assert (usual.sums, other.sums) == (["$0.96"], ["$3.20"])

    chosen = browser.get(plan_url(draft), {"model": STANDARD})
    assert offer(chosen) == ({"generate": 1}, Decimal("3.20"), True)
    assert RenderBatch.objects.get().model == ""


# -- what comes with an upgrade --------------------------------------------------------------------


def test_what_a_team_has_entered_itself_stays_as_it_is():
    migration = importlib.import_module("videogen.migrations.0017_video_models")
    VideoModel.objects.all().delete()
    Price.objects.all().delete()
    old = date(2026, 10, 1)
    Price.objects.create(
        model=VERTEX, resolution="1080p", since=old, usd_per_second="0.75", source="our contract"
    )
    own = VideoModel.objects.create(name=VERTEX, route="vertex", source="our tests", checked_on=old)

    for _ in range(2):
        migration.create(apps, SimpleNamespace(connection=connection))

    prices = Price.objects.filter(model=VERTEX)
    assert [each.source for each in prices.filter(resolution="1080p")] == ["our contract"]
    assert prices.filter(resolution="4k").count() == 1, "where the team has none"
    own.refresh_from_db()
    assert (own.source, own.formats.count()) == ("our tests", 0)
    assert VideoModel.objects.get(name=STANDARD).formats.count() == 3
