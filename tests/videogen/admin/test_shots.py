"""The list of shots: what it shows, how it is filtered, and its action."""

from __future__ import annotations

import pytest

from storybook.models import Shot, Story
from tests.support.admin_clients import BAR_QUERIES, browser_of, producer, viewer
from tests.support.factories import State, make_render, make_story, shots_of
from tests.support.pages import page_of
from videogen.admin.shot_filters import StoryFilter
from videogen.models import RenderBatch

pytestmark = pytest.mark.django_db

LIST = "/admin/storybook/shot/"


def all_shots(story):
    return list(shots_of(story).select_related("scenelet__story"))


def drafted(batch):
    return set(batch.shots.values_list("pk", flat=True))


def test_list_shows_picture_storyboard_badge_takes_and_video():
    shot = all_shots(make_story(payload={"compositionAndContent": "A lamp in the rain."}))[0]
    make_render(shot, State.DONE, poster_file="poster.jpg", video_file="take.mp4")

    page = page_of(viewer().get(LIST))

    [image] = page.hook("shot", str(shot.pk)).tags("img")
    assert (image.attributes["src"], image.attributes["loading"]) == ("/media/poster.jpg", "lazy")
    assert "A lamp in the rain." in page.text
    assert page.values("badge") == ["needs review"]
    links = {each.attributes.get("href"): each.numbers for each in page.tags("a") if each.text}
    assert links[f"{LIST}{shot.pk}/takes/"] == ["1"]
    assert "/media/take.mp4" in links


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "failed"}, [1]),
        ({"status": "needs review"}, [0]),
        ({"status": "nonsense"}, [0, 1, 2]),
        ({"video": "yes"}, [0]),
        ({"video": "no"}, [1, 2]),
        ({"status": "ready", "video": "no", "q": "opening"}, [2]),
    ],
)
def test_list_is_filtered(query, expected):
    shots = all_shots(make_story(shots=3))
    make_render(shots[0], State.DONE)
    make_render(shots[1], State.FAILED)

    response = viewer().get(LIST, query)

    found = [shot.pk for shot in response.context["cl"].result_list]
    assert found == [shots[place].pk for place in expected]


def test_filters_count_what_they_would_leave():
    shots = all_shots(make_story(scenelets=("one", "two"), shots=2))
    make_render(shots[0], State.DONE)

    page = viewer().get(LIST).text

    # The one test of what the list says.
    for words in ("needs review (1)", "to do (3)", "failed (0)", "has a video (1)", "two (2)"):
        assert words in page


def test_stories_are_counted_as_the_other_filters_leave_them():
    lamp, gull = make_story("lamp", shots=3), make_story("gull", shots=2)
    for shot in (*all_shots(lamp)[:2], all_shots(gull)[0]):
        make_render(shot, State.DONE)
    browser = viewer()

    def counted(**asked):
        shown = browser.get(LIST, asked).context["cl"]
        [by_story] = [each for each in shown.filter_specs if isinstance(each, StoryFilter)]
        numbers = by_story.get_facet_queryset(shown)
        return {
            int(key): numbers[f"{place}__c"]
            for place, (key, _) in enumerate(by_story.lookup_choices)
        }

    to_review = {lamp.pk: 2, gull.pk: 1}
    assert counted() == {lamp.pk: 3, gull.pk: 2}
    assert counted(status="needs review") == to_review
    assert counted(status="needs review", scenelet__story__id__exact=gull.pk) == to_review
    assert counted(status="needs review", q="S01-02") == {lamp.pk: 1, gull.pk: 0}
    assert counted(status="failed") == {lamp.pk: 0, gull.pk: 0}


def test_scenelets_are_offered_within_one_story():
    one, two = make_story("one", scenelets=("alpha",)), make_story("two", scenelets=("beta",))
    browser = viewer()

    everything = browser.get(LIST).context["cl"]
    of_one = browser.get(LIST, {"scenelet__story__id__exact": one.pk}).context["cl"]
    within = browser.get(LIST, {"scenelet": two.scenelets.get().pk}).context["cl"]

    assert "scenelet" not in [spec.title for spec in everything.filter_specs]
    assert "alpha" in str(
        [spec.lookup_choices for spec in of_one.filter_specs if spec.title == "scenelet"]
    )
    assert [shot.scenelet.story for shot in within.result_list] == [two]


def test_without_the_view_of_renders_the_list_shows_no_pictures():
    make_render(all_shots(make_story())[0], State.DONE, poster_file="poster.jpg")

    page = page_of(browser_of("storybook.view_shot").get(LIST))

    # The list's own search field has an icon.
    assert not any("/media/" in each.attributes["src"] for each in page.tags("img"))
    assert "shot" not in page
    assert not any(link and link.endswith("/takes/") for link in page.links)


def test_action_drafts_the_selection_of_one_story():
    shots = all_shots(make_story(shots=2))
    form = {"action": "generate_videos", "_selected_action": [shots[0].pk]}

    response = producer().post(LIST, form)

    batch = RenderBatch.objects.get()
    assert response.url == f"/admin/videogen/renderbatch/{batch.pk}/plan/"
    assert (batch.status, drafted(batch)) == ("draft", {shots[0].pk})


def test_action_drafts_one_batch_a_story():
    make_story("one")
    make_story("two")
    ids = list(Shot.objects.values_list("pk", flat=True))

    response = producer().post(
        LIST, {"action": "generate_videos", "_selected_action": ids}, follow=True
    )

    assert response.redirect_chain == [("/admin/videogen/renderbatch/?status__exact=draft", 302)]
    links = page_of(response).links
    for batch in RenderBatch.objects.all():
        assert f"/admin/videogen/renderbatch/{batch.pk}/plan/" in links


def test_action_keeps_to_the_filtered_list():
    shots = all_shots(make_story(shots=2))
    make_render(shots[0], State.DONE)
    form = {
        "action": "generate_videos",
        "_selected_action": [shots[0].pk],
        "select_across": 1,
        "index": 0,
    }

    producer().post(f"{LIST}?status=ready", form)

    assert drafted(RenderBatch.objects.latest("pk")) == {shots[1].pk}


def test_action_needs_the_permission_to_generate():
    shot = all_shots(make_story())[0]
    form = {"action": "generate_videos", "_selected_action": [shot.pk]}
    browser = viewer()

    assert "generate_videos" not in browser.get(LIST).text
    assert browser.post(LIST, form).status_code == 403
    assert not RenderBatch.objects.filter(status="draft").exists()


def test_list_queries_do_not_grow(django_assert_max_num_queries):
    browser = producer()
    counts = []
    make_story("another")
    for number in (2, 20):
        for shot in all_shots(make_story(f"story-{number}", shots=number)):
            make_render(shot, State.DONE)
        with django_assert_max_num_queries(16 + BAR_QUERIES) as captured:
            assert browser.get(LIST).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_filter_by_story_says_that_it_offers_some_and_offers_the_chosen_one(monkeypatch):
    monkeypatch.setattr("videogen.admin.records.MOST_STORIES", 2)
    keys = [make_story(each).pk for each in ("one", "two", "three")]
    browser = browser_of("storybook.view_shot")

    def offered(**chosen):
        [story_filter] = [
            each
            for each in browser.get(LIST, chosen).context["cl"].filter_specs
            if isinstance(each, StoryFilter)
        ]
        return story_filter.title, {int(key) for key, _ in story_filter.lookup_choices}

    told = "story (the 2 that were changed last)"
    assert offered() == (told, {*keys[1:]})
    assert offered(scenelet__story__id__exact=keys[0]) == ("story", {*keys})
    Story.objects.get(pk=keys[1]).delete()
    assert offered() == ("story", {keys[0], keys[2]})
