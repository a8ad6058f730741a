"""The export of selected shots in the browser."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from django.urls import reverse
from django.utils import timezone

from storybook.models import Shot
from tests.support.admin_clients import BAR_QUERIES, browser_of, viewer
from tests.support.factories import make_story, shots_of
from tests.support.films import make_film_take
from tests.support.pages import messages, page_of

pytestmark = pytest.mark.django_db

LIST = "/admin/storybook/shot/"


@pytest.fixture
def story(settings, tmp_path):
    """Three shots; the last has no take, and the second only one that nobody approved."""
    settings.MEDIA_ROOT = tmp_path
    story = make_story(shots=3)
    first, second, _ = shots_of(story)
    make_film_take(first, review="approved")
    make_film_take(second)
    return story


def address(story):
    return reverse("admin:storybook_story_export", args=[story.pk])


def ids(*shots):
    return ",".join(str(shot.pk) for shot in shots)


def manifest_of(response):
    assert response.streaming
    with zipfile.ZipFile(io.BytesIO(response.getvalue())) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("manifest.json")]
        return json.loads(archive.read(name))


def test_a_selection_asks_for_the_rule_and_names_what_has_no_take(story):
    shots = list(shots_of(story))

    page = viewer().post(address(story), {"shots": ids(*shots)})

    [selection] = page.context["selections"]
    assert [shot.code for shot in selection.shots] == ["S01-01", "S01-02", "S01-03"]
    assert [shot.code for shot in selection.without_take] == ["S01-03"]
    assert selection.ids == ids(*shots)


@pytest.mark.parametrize(
    ("rule", "clips", "missing"),
    [("best", ["S01-01", "S01-02"], ["S01-03"]), ("approved", ["S01-01"], ["S01-02", "S01-03"])],
)
def test_the_zip_has_the_selected_shots_alone(story, rule, clips, missing):
    response = viewer().post(address(story), {"shots": ids(*shots_of(story)), "takes": rule})

    assert 'filename="the-lamp-shots.zip"' in response["Content-Disposition"]
    manifest = manifest_of(response)
    assert manifest["takes"] == rule
    assert [each["code"] for each in manifest["clips"]] == clips
    assert [each["code"] for each in manifest["missing"]] == missing
    assert manifest["paths"] == []


def test_without_scripts_single_shots_and_whole_scenelets_count(story):
    first, second, _ = shots_of(story)

    one = viewer().post(address(story), {"shot": [first.pk], "takes": "best"})
    whole = viewer().post(address(story), {"scenelet": [first.scenelet_id], "takes": "best"})

    assert [each["code"] for each in manifest_of(one)["clips"]] == ["S01-01"]
    assert len(manifest_of(whole)["clips"]) == 2


def test_a_shot_that_the_bundle_lost_is_exported_if_it_is_selected(story):
    first = shots_of(story).first()
    Shot.objects.filter(pk=first.pk).update(gone_since=timezone.now())

    response = viewer().post(address(story), {"shots": ids(first), "takes": "best"})

    assert [each["code"] for each in manifest_of(response)["clips"]] == ["S01-01"]


def test_shots_of_another_story_are_left_out_and_counted(story):
    other = make_story("other")
    browser = viewer()
    both = ids(shots_of(story).first(), shots_of(other).get())

    page = browser.post(address(story), {"shots": both})

    [selection] = page.context["selections"]
    assert [shot.code for shot in selection.shots] == ["S01-01"]
    assert [each.level_tag for each in page.context["messages"]] == ["warning"]
    assert "1 of 2" in messages(page)[0]


def test_nothing_selected_leads_back(story):
    response = viewer().post(address(story), {"takes": "best"}, follow=True)

    assert [each.level_tag for each in response.context["messages"]] == ["warning"]
    assert response.redirect_chain[0][0] == f"/admin/storybook/story/{story.pk}/board/"


def test_the_board_offers_it_to_whoever_sees_the_takes(story):
    page = page_of(viewer().get(f"/admin/storybook/story/{story.pk}/board/"))

    assert address(story) in page.actions
    assert "generate" not in page


def test_the_list_of_shots_offers_it_story_by_story(story):
    other = make_story("other")
    chosen = [*shots_of(story), *shots_of(other)]
    action = {"action": "export_shots", "_selected_action": [shot.pk for shot in chosen]}

    page = viewer().post(LIST, action)

    assert {each.story for each in page.context["selections"]} == {story, other}


def test_the_list_offers_nothing_to_whoever_does_not_see_takes(story):
    browser = browser_of("storybook.view_shot")
    action = {"action": "export_shots", "_selected_action": [shots_of(story).first().pk]}

    assert "selections" not in (browser.post(LIST, action).context or {})
    assert browser.post(address(story), {"shots": "1", "takes": "best"}).status_code == 403


def test_the_number_of_queries_does_not_depend_on_the_shots(django_assert_max_num_queries):
    browser = viewer()
    for number in (2, 40):
        story = make_story(f"story-{number}", shots=number, key_frames=False)
        with django_assert_max_num_queries(14 + BAR_QUERIES):
            page = browser.post(address(story), {"shots": ids(*shots_of(story))})
        assert len(page.context["selections"][0].shots) == number
