from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import flatten_fieldsets
from django.urls import reverse
from django_q.models import OrmQ

from storybook.models import Shot
from tests.support.admin_clients import BAR_QUERIES, browser_of, producer, viewer
from tests.support.factories import (
    State,
    make_batch,
    make_lane,
    make_render,
    make_story,
    only_shot,
    shots_of,
)
from tests.support.pages import page_of
from videogen.admin.records import StoryOfRecordsFilter
from videogen.models import Lane, ReferenceChoice, RenderBatch, Submission, VideoRender
from videogen.views.components.urls import decide_url

pytestmark = pytest.mark.django_db

RECORDS = [VideoRender, RenderBatch, Submission, Lane]


def url_of(model, page, *args):
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{page}", args=args)


@pytest.fixture
def shot():
    return only_shot(make_story())


@pytest.mark.parametrize("state", VideoRender.State.values)
def test_every_state_can_be_looked_at(admin_client, shot, state):
    render = make_render(shot, state, error_details={"codes": [1]}, warnings=["careful"])

    for url in (
        url_of(VideoRender, "changelist"),
        url_of(VideoRender, "change", render.pk),
        url_of(RenderBatch, "changelist"),
        url_of(RenderBatch, "change", render.batch_id),
    ):
        response = admin_client.get(url)
        assert response.status_code == 200
        assert "renderbatch" in url or state in page_of(response).values("badge")


@pytest.mark.parametrize("model", RECORDS)
def test_records_are_read_only(admin_client, shot, model):
    make_render(shot, State.DONE)
    row = model.objects.first()

    assert admin_client.get(url_of(model, "changelist")).status_code == 200
    shown = admin_client.get(url_of(model, "change", row.pk))
    assert shown.status_code == 200 and "_save" not in page_of(shown).fields
    assert admin_client.get(url_of(model, "add")).status_code == 403
    assert admin_client.post(url_of(model, "change", row.pk), {}).status_code == 403
    assert admin_client.post(url_of(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", RECORDS)
def test_records_take_a_view_permission(model):
    assert browser_of("storybook.view_shot").get(url_of(model, "changelist")).status_code == 403


def test_page_of_a_render_shows_every_field(rf, admin_user):
    request = rf.get("/")
    request.user = admin_user
    screen = admin.site.get_model_admin(VideoRender)
    told_otherwise = {
        "id": "the address",
        "prompt_text": "prompt",
        "references": "reference_pictures",
        "dropped_references": "dropped_pictures",
        "prompt_left_out": "prompt",
        "warnings": "warning_list",
        "price": "price_source",
        "price_estimate_usd": "cost",
        "actual_cost_usd": "actual",
        "error_details": "error_facts",
    }

    shown = set(flatten_fieldsets(screen.get_fieldsets(request)))

    fields = {field.name for field in VideoRender._meta.concrete_fields}
    assert fields - shown == told_otherwise.keys()
    assert set(told_otherwise.values()) - {"the address"} <= shown


def test_render_is_shown_with_player_pictures_and_indented_prompt(shot):
    render = make_render(
        shot,
        State.DONE,
        video_file="s/take-1.mp4",
        poster_file="s/take-1.jpg",
        prompt_text='{"a":1}',
        references=[{"kind": "environment", "id": "attic", "path": "s/attic.png"}],
    )

    response = viewer().get(url_of(VideoRender, "change", render.pk))

    page = page_of(response)
    [video] = page.tags("video")
    assert video.attributes["poster"] == "/media/s/take-1.jpg" and "controls" in video.attributes
    assert "/media/s/attic.png" in [each.attributes["src"] for each in page.tags("img")]
    assert page.hook("prompt").text == '{ "a": 1 }'
    assert reverse("admin:storybook_shot_takes", args=[shot.pk]) in page.links


@pytest.mark.parametrize(
    "query", ["state__exact=done", "kind__exact=rehearsal", "mode__exact=default"]
)
def test_renders_can_be_filtered(shot, query):
    make_render(shot, State.DONE)

    assert viewer().get(f"{url_of(VideoRender, 'changelist')}?{query}").status_code == 200


def test_batch_shows_what_became_of_its_plan(shot):
    render = make_render(shot, State.FAILED, error_message="No such voice.")
    RenderBatch.objects.update(
        plan=[
            {
                "shot": shot.pk,
                "scenelet_id": "opening",
                "shot_index": 1,
                "decision": "generate",
                "reason": "no render, or only rehearsals",
                "render": render.pk,
            },
            {
                "shot": 999,
                "scenelet_id": "gone",
                "shot_index": 2,
                "decision": "blocked",
                "reason": "The shot has no storyboard payload.",
                "render": None,
            },
        ]
    )

    page = page_of(viewer().get(url_of(RenderBatch, "change", render.batch_id)))

    # The one test of what this page says.
    assert page.texts("reason") == ["No video yet.", "The shot has no storyboard payload."]
    assert page.texts("error") == ["No such voice.", "–"]
    assert page.texts("decision") == ["generate", "blocked"]
    assert url_of(VideoRender, "change", render.pk) in page.links


def test_batch_tells_that_nobody_works_on_it(shot):
    render = make_render(shot, State.QUEUED)

    page = page_of(viewer().get(url_of(RenderBatch, "change", render.batch_id)))

    assert "no-worker" in page


def stopped_lane():
    return make_lane(paused_at="2026-01-01T00:00Z", pause_code="key", pause_reason="No key is set.")


@pytest.mark.parametrize("way", ["action", "button"])
def test_resuming_a_queue_wakes_the_pump(way):
    lane = stopped_lane()
    browser = producer()
    page = page_of(browser.get(url_of(Lane, "change", lane.pk)))
    assert url_of(Lane, "resume", lane.pk) in page.actions

    if way == "action":
        browser.post(url_of(Lane, "changelist"), {"action": "resume", "_selected_action": lane.pk})
    else:
        browser.post(url_of(Lane, "resume", lane.pk))

    lane.refresh_from_db()
    assert (lane.paused_at, lane.pause_reason) == (None, "")
    assert OrmQ.objects.count() == 1
    assert LogEntry.objects.get().get_edited_object() == lane


def test_resuming_a_queue_takes_the_permission_to_spend():
    lane = stopped_lane()
    browser = viewer()

    page = page_of(browser.get(url_of(Lane, "change", lane.pk)))
    assert url_of(Lane, "resume", lane.pk) not in page.actions
    assert browser.post(url_of(Lane, "resume", lane.pk)).status_code == 403
    browser.post(url_of(Lane, "changelist"), {"action": "resume", "_selected_action": lane.pk})
    lane.refresh_from_db()
    assert lane.paused_at


def test_looking_at_an_address_resumes_nothing():
    lane = stopped_lane()

    assert producer().get(url_of(Lane, "resume", lane.pk)).status_code == 405


@pytest.mark.parametrize(
    ("kind", "reference_id", "complaint"),
    [
        ("character", "ada", ""),
        ("environment", "attic", ""),
        ("key_frame", "1", ""),
        ("character", "bob", "It has: ada."),
        ("key_frame", "2", "It has: 1."),
        ("key_frame", "0", "It has: 1."),
    ],
)
def test_choice_names_a_reference_that_the_shot_has(
    admin_client, shot, kind, reference_id, complaint
):
    response = admin_client.post(
        url_of(ReferenceChoice, "add"),
        {
            "shot": shot.pk,
            "kind": kind,
            "reference_id": reference_id,
            "choice": "pinned",
            "position": 1,
        },
    )

    assert ReferenceChoice.objects.count() == (0 if complaint else 1)
    if complaint:
        [[error]] = response.context["adminform"].form.errors.as_data().values()
        assert (error.code, complaint in str(error)) == ("no_such_reference", True)


def test_choices_are_made_on_the_shot(admin_client, shot):
    url = url_of(Shot, "change", shot.pk)
    assert admin_client.get(url).status_code == 200
    form = {
        "scenelet": shot.scenelet_id,
        "shot_index": 1,
        "storyboard_payload": '{"referencedDesigns": {"characters": ["ada"]}}',
        "key_frames-TOTAL_FORMS": 0,
        "key_frames-INITIAL_FORMS": 0,
        "reference_choices-TOTAL_FORMS": 1,
        "reference_choices-INITIAL_FORMS": 0,
        "reference_choices-0-kind": "character",
        "reference_choices-0-reference_id": "ada",
        "reference_choices-0-choice": "left_out",
        "reference_choices-0-position": 1,
    }

    assert admin_client.post(url, form).status_code == 302

    choice = ReferenceChoice.objects.get()
    assert (choice.shot, choice.choice) == (shot, "left_out")
    shown = admin_client.get(url_of(ReferenceChoice, "change", choice.pk))
    assert shown.status_code == 200


LISTS = ["videorender", "renderbatch", "submission", "lane", "referencechoice"]


@pytest.mark.parametrize(
    "address", [f"/admin/videogen/{name}/" for name in LISTS] + ["/admin/storybook/shot/"]
)
def test_number_of_queries_of_a_list_does_not_grow(
    admin_client, django_assert_max_num_queries, address
):
    story = make_story(shots=20)
    shots = list(shots_of(story).select_related("scenelet__story"))
    counts = []
    for number in (2, 20):
        for shot in shots[number - 2 : number] if number == 2 else shots[2:]:
            make_render(shot, State.DONE)
            make_render(shot, State.FAILED)
            ReferenceChoice.objects.create(
                shot=shot, kind="character", reference_id="ada", choice="pinned"
            )
            make_lane(f"lane {shot.pk}")
        with django_assert_max_num_queries(15 + BAR_QUERIES) as captured:
            admin_client.get(address)
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_number_of_queries_of_a_batch_does_not_grow(admin_client, django_assert_max_num_queries):
    story = make_story(shots=20)
    shots = list(shots_of(story).select_related("scenelet__story"))
    counts = []
    # The first request also makes queries whose results Django keeps.
    for number in (2, 2, 20):
        batch = make_batch(story)
        renders = [make_render(shot, State.DONE, batch=batch) for shot in shots[:number]]
        batch.plan = [
            {
                "shot": render.shot_id,
                "scenelet_id": "opening",
                "shot_index": render.shot.shot_index,
                "decision": "generate",
                "reason": "",
                "render": render.pk,
            }
            for render in renders[1:]
        ]
        batch.save(update_fields=["plan"])
        with django_assert_max_num_queries(15 + BAR_QUERIES) as captured:
            admin_client.get(url_of(RenderBatch, "change", batch.pk))
        counts.append(len(captured))

    assert counts[1] == counts[2]


@pytest.mark.parametrize("state", ["unknown", "interrupted", "not_downloaded"])
def test_giving_up_lets_the_shot_be_rendered_again(shot, state):
    render = make_render(shot, state)
    browser = producer()

    response = browser.post(
        url_of(VideoRender, "changelist"),
        {"action": "allow_new_render", "_selected_action": [render.pk]},
    )
    assert response.url == decide_url("give-up", [render.pk])
    assert VideoRender.objects.get().state == state
    browser.post(response.url, {"render": render.pk})

    render.refresh_from_db()
    assert render.state == "cancelled"
    assert LogEntry.objects.get().object_id == str(render.pk)


def test_looking_again_polls_and_submits_nothing(shot):
    render = make_render(shot, "unknown", operation_name="models/veo/operations/1")

    producer().post(
        url_of(VideoRender, "changelist"),
        {"action": "look_again", "_selected_action": [render.pk]},
    )

    render.refresh_from_db()
    assert render.state == "running"
    assert render.next_poll_at is not None
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(
    ("action", "state"), [("allow_new_render", "done"), ("look_again", "unknown")]
)
def test_what_cannot_be_decided_stays_as_it_is(shot, action, state):
    render = make_render(shot, state, **({"operation_name": ""} if state == "unknown" else {}))

    response = producer().post(
        url_of(VideoRender, "changelist"),
        {"action": action, "_selected_action": [render.pk]},
        follow=True,
    )

    render.refresh_from_db()
    assert render.state == state
    [message] = response.context["messages"]
    assert message.level_tag == "warning" and str(message).startswith("1 ")


def test_deciding_needs_the_permission_to_generate(shot):
    render = make_render(shot, "unknown")

    viewer().post(
        url_of(VideoRender, "changelist"),
        {"action": "allow_new_render", "_selected_action": [render.pk]},
    )

    render.refresh_from_db()
    assert render.state == "unknown"


def test_looking_again_leaves_the_charge_to_what_the_operation_becomes(shot):
    render = make_render(
        shot,
        "unknown",
        operation_name="models/veo/operations/1",
        submission={"outcome": "unknown"},
    )

    producer().post(
        url_of(VideoRender, "changelist"),
        {"action": "look_again", "_selected_action": [render.pk]},
    )

    assert render.submissions.get().outcome == "accepted"


def test_a_render_of_another_backend_is_not_looked_at_again(shot, settings):
    render = make_render(shot, "unknown", operation_name="models/veo/operations/1")
    settings.VIDEO_BACKEND = "gemini"

    producer().post(
        url_of(VideoRender, "changelist"),
        {"action": "look_again", "_selected_action": [render.pk]},
    )

    render.refresh_from_db()
    assert render.state == "unknown"


def test_what_is_shown_as_interrupted_can_be_given_up(shot):
    render = make_render(shot, "running", touched_ago=60)

    producer().post(decide_url("give-up", [render.pk]), {"render": render.pk})

    render.refresh_from_db()
    assert render.state == "cancelled"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (VideoRender, "shot__scenelet__story__id__exact"),
        (RenderBatch, "story__id__exact"),
        (Submission, "story"),
    ],
)
def test_filters_by_story_offer_the_newest_batches_and_what_was_chosen(
    admin_client, monkeypatch, model, name
):
    monkeypatch.setattr("videogen.admin.records.MOST_STORIES", 2)
    stories = [make_story(each) for each in ("worked on", "long ago", "today", "never rendered")]
    for story in (stories[1], stories[0], stories[2], stories[0]):
        make_render(only_shot(story), State.DONE)
    url = url_of(model, "changelist")

    def offered(**chosen):
        [story_filter] = [
            each
            for each in admin_client.get(url, chosen).context_data["cl"].filter_specs
            if name in each.expected_parameters()
        ]
        return story_filter.title, [int(key) for key, _ in story_filter.lookup_choices]

    # They have one title; those of different titles are in the order of the titles.
    keys = [each.pk for each in stories]
    told = "story (the 2 with the newest batches)"
    assert offered() == (told, [keys[0], keys[2]])
    assert offered(**{name: keys[1]}) == ("story", [keys[0], keys[2], keys[1]])
    make_render(only_shot(stories[1]), State.DONE)
    assert offered() == (told, [keys[1], keys[0]])
    monkeypatch.setattr("videogen.admin.records.MOST_STORIES", 3)
    assert offered() == ("story", [keys[1], keys[0], keys[2]])


def test_batches_are_filtered_by_the_story_of_a_plan(admin_client):
    planned, *rendered = (make_story(each) for each in ("planned", "one", "two"))
    make_batch(planned)
    for story in rendered:
        make_render(only_shot(story), State.DONE)

    with_renders = {each.pk for each in rendered}
    for model, stories in ((RenderBatch, {planned.pk} | with_renders), (VideoRender, with_renders)):
        shown = admin_client.get(url_of(model, "changelist")).context_data["cl"]
        [by_story] = [each for each in shown.filter_specs if isinstance(each, StoryOfRecordsFilter)]
        assert {int(key) for key, _ in by_story.lookup_choices} == stories
