from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from storybook.models import DesignDocument, KeyFrame, Picture, Scenelet, Shot, Story
from tests.support.admin_clients import BAR_QUERIES, VIEWS, browser_of, producer, viewer
from tests.support.factories import (
    ATTIC,
    PAYLOAD,
    State,
    force,
    make_render,
    make_story,
    shots_of,
)
from tests.support.pages import levels, page_of
from tests.support.takes import make_take
from videogen.models import RenderBatch, TakeNote, VideoRender
from videogen.views.components.badges import GONE, OUTDATED
from videogen.views.components.branch_map import branch_nodes, in_tree_order

pytestmark = pytest.mark.django_db

LIST = "/admin/storybook/shot/"


def board_of(story, rest=""):
    return f"/admin/storybook/story/{story.pk}/board/{rest}"


def all_shots(story):
    return list(shots_of(story).select_related("scenelet__story"))


def codes(response):
    """Return the shots that the page shows, in its order."""
    return [int(each["shot"]) for each in page_of(response).tags("article")]


def badge(html):
    """Return the code of the badge in a part of the page."""
    return page_of(html).hook("badge")["badge"]


def drafted(batch):
    return set(batch.shots.values_list("pk", flat=True))


# -- what the board shows ------------------------------------------------------------------------


def test_scenelets_come_in_the_order_of_the_tree_with_the_choice_that_leads_there():
    story = make_story(scenelets=("start", "left", "right", "left-end"))
    start, left, right, end = story.scenelets.order_by("sequence")
    for scenelet, parent, choice in (
        (left, start, "Go left"),
        (right, start, "Go right"),
        (end, left, "Knock"),
    ):
        scenelet.parent, scenelet.choice_label = parent, choice
        scenelet.save()

    page = page_of(viewer().get(board_of(story)))

    assert page.values("scenelet") == ["start", "left", "left-end", "right"]
    assert page.texts("choice") == ["Go left", "Knock", "Go right"]


def test_scenelets_whose_parents_form_a_circle_are_all_there():
    story = make_story(scenelets=("a", "b", "c"))
    a, b, c = story.scenelets.order_by("sequence")
    Scenelet.objects.filter(pk=a.pk).update(parent=b)
    Scenelet.objects.filter(pk=b.pk).update(parent=a)

    ordered = in_tree_order(list(story.scenelets.all()))

    assert sorted(each.scenelet_id for each in ordered) == ["a", "b", "c"]


def test_a_shot_without_a_video_shows_its_first_key_frame():
    story = make_story()
    file = KeyFrame.objects.get().picture.file

    page = page_of(viewer().get(board_of(story)))

    assert page.values("still") == [f"/media/{story.story_id}/thumbnails/{file.split('/')[2]}.jpg"]
    assert "video" not in page
    assert page.hook("shot").values("badge") == ["ready"]


def test_the_take_that_the_story_uses_is_shown_else_the_newest():
    first, second = all_shots(make_story(shots=2))
    for shot in (first, second):
        for name in ("one", "two"):
            file = f"{shot.pk}-{name}"
            make_render(shot, State.DONE, video_file=f"{file}.mp4", poster_file=f"{file}.jpg")
    force(VideoRender.objects.filter(video_file=f"{first.pk}-one.mp4"), review="selected")

    page = page_of(viewer().get(board_of(first.scenelet.story)))

    assert [(each["video"], each["still"]) for each in page.hooks("video")] == [
        (f"/media/{first.pk}-one.mp4", f"/media/{first.pk}-one.jpg"),
        (f"/media/{second.pk}-two.mp4", f"/media/{second.pk}-two.jpg"),
    ]
    assert page.values("take-count") == ["2", "2"]


def test_the_player_gets_selected_takes_and_stills_where_none_is():
    story = make_story(shots=4)
    reviews = ("unreviewed", "selected", "approved", "rejected")
    for shot, review in zip(all_shots(story), reviews, strict=True):
        name = f"{shot.pk}-{review}"
        make_render(
            shot,
            State.DONE,
            review=review,
            video_file=f"{name}.mp4",
            poster_file=f"{name}.jpg",
        )
        make_render(shot, State.DONE, video_file=f"{name}-newer.mp4")

    cards = page_of(viewer().get(board_of(story))).tags("article")

    selected = [[each.partition("-")[2] for each in card.values("selected")] for card in cards]
    assert selected == [[], ["selected.mp4"], ["approved.mp4"], []]
    assert len(cards) == 4 and all("still" in card for card in cards)


def test_the_board_has_the_whole_width(admin_client):
    page = admin_client.get(board_of(make_story())).text

    assert 'id="nav-sidebar"' not in page and 'id="toggle-nav-sidebar"' not in page
    assert 'class="breadcrumbs"' in page


def test_trouble_is_told_to_the_title_and_goes_when_it_is_over():
    story = make_story(shots=4)
    shots = all_shots(story)
    stuck = [make_render(shots[0], State.UNKNOWN)]
    stuck += [make_render(shot, State.FAILED) for shot in shots[1:3]]
    browser = viewer()

    page = page_of(browser.get(board_of(story)))
    force(VideoRender.objects.filter(pk__in=[each.pk for each in stuck]), state="cancelled")
    calm = page_of(browser.get(board_of(story)))

    assert page.hook("trouble")["trouble"] == "2 failed, 1 needs a decision"
    icon = page.hook("trouble-icon")
    assert icon.attributes["href"].endswith("favicon.svg")
    assert icon["trouble-icon"].endswith("favicon-trouble.svg")
    assert "trouble" not in calm


def test_nothing_is_loaded_before_somebody_looks():
    shot = all_shots(make_story())[0]
    make_render(shot, State.DONE, poster_file="poster.jpg")

    page = page_of(viewer().get(board_of(shot.scenelet.story)))

    [video] = page.tags("video")
    assert video.attributes["preload"] == "none" and "src" not in video.attributes
    [image] = [each for each in page.tags("img") if "src" in each.attributes]
    assert image.attributes["src"] == "/media/poster.jpg"
    assert image.attributes["loading"] == "lazy"


def test_chips_count_and_filter():
    shots = all_shots(make_story(shots=4))
    make_render(shots[0], State.DONE)
    make_render(shots[1], State.FAILED)
    address = board_of(shots[0].scenelet.story)
    browser = viewer()

    everything = browser.get(address)
    failed = browser.get(address, {"status": "failed"})
    unknown = browser.get(address, {"status": "<b>"})

    chips = page_of(everything).hooks("chip")
    assert [(each["chip"], each.attributes["href"], each["number"]) for each in chips] == [
        ("", address, "4"),
        ("needs review", f"{address}?status=needs+review", "1"),
        ("failed", f"{address}?status=failed", "1"),
        ("ready", f"{address}?status=ready", "2"),
    ]
    assert codes(everything) == codes(unknown) == [shot.pk for shot in shots]
    assert codes(failed) == [shots[1].pk]
    chips = page_of(failed).hooks("chip")
    assert [each["chip"] for each in chips if "aria-current" in each.attributes] == ["failed"]


def test_a_filter_that_nothing_fits_leads_back_to_all():
    story = make_story()

    page = page_of(viewer().get(board_of(story), {"status": "approved"}))

    assert page.hook("no-scenelet").links == [board_of(story)]


def test_the_board_says_what_it_shows_and_what_to_do():
    story = make_story()
    empty = Story.objects.create(story_id="empty", title="Empty")

    page = producer().get(board_of(story)).text
    filtered = viewer().get(board_of(story), {"status": "approved"}).text

    assert ">to do</span>" in page and "Generate videos…" in page
    assert "No shot has the status “approved” now." in filtered
    assert "Generate videos…" not in viewer().get(board_of(story)).text
    assert "manage.py import_story" in viewer().get(board_of(empty)).text


def test_hostile_names_are_escaped_and_kept_apart():
    story = make_story(
        scenelets=("<script>alert(1)</script>",),
        payload={"compositionAndContent": '"><img src=x onerror=alert(2)> שלום'},
    )
    Story.objects.update(title='<b>مصباح</b>"')
    Scenelet.objects.update(choice_label="<i>go</i>")

    page = viewer().get(board_of(story)).text

    for hostile in ("<script>alert", "<img src=x", "<b>مصباح", "<i>go"):
        assert hostile not in page
    assert "<bdi>&lt;b&gt;مصباح&lt;/b&gt;&quot;</bdi>" in page
    assert "onerror=alert(2)&gt; שלום</bdi>" in page


def test_no_script_and_no_style_is_written_into_the_pages():
    shot = all_shots(make_story())[0]
    make_render(shot, State.DONE)
    browser = producer()

    pages = [
        browser.get(address).text
        for address in (board_of(shot.scenelet.story), LIST, "/admin/storybook/story/")
    ]

    for page in pages:
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page)


# -- filters, groups, the map ----------------------------------------------------------------------


@pytest.fixture
def pier():
    """Three scenelets of two shots. The first shots of `left` and `right` are not as the others."""
    story = make_story(scenelets=("start", "left", "right"), shots=2)
    start, left, right = story.scenelets.order_by("sequence")
    story.scenelets.filter(pk__in=[left.pk, right.pk]).update(parent=start)
    shots_of(story).filter(scenelet=left, shot_index=1).update(
        storyboard_payload={
            "compositionAndContent": "A lantern on the Pier",
            "referencedDesigns": {"characters": ["heron", "ada"], "environments": ["pier"]},
        }
    )
    take = make_render(shots_of(story).get(scenelet=right, shot_index=1), State.DONE)
    force(take, requested_by_name="ann")
    return story


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "lantern  PIER"}, ["S02-01"]),
        ({"q": "lantern whale"}, []),
        ({"q": "heron"}, ["S02-01"]),
        ({"q": "s03-02"}, ["S03-02"]),
        ({"q": "left"}, ["S02-01", "S02-02"]),
        ({"character": "heron"}, ["S02-01"]),
        ({"environment": "pier"}, ["S02-01"]),
        ({"person": "ann"}, ["S03-01"]),
        ({"person": "ann", "status": "ready"}, []),
        ({"character": "ada", "q": "S01"}, ["S01-01", "S01-02"]),
    ],
)
def test_filters_of_the_address(pier, query, found):
    response = viewer().get(board_of(pier), query)

    assert [card.shot.code for card in response.context["board"].cards] == found
    page = page_of(response)
    for name, value in query.items():
        if name not in ("q", "status"):
            [chosen] = [
                each.attributes["value"]
                for each in page.hook("choice-of", name).tags("option")
                if "selected" in each.attributes
            ]
            assert chosen == value
    assert page.hook("search").attributes["value"] == " ".join(query.get("q", "").split())


def test_the_review_room_and_the_chips_keep_the_filters(pier):
    page = page_of(viewer().get(board_of(pier), {"person": "ann", "group": "status"}))

    review = page.hook("review").tags("a") or [page.hook("review")]
    assert review[0].attributes["href"] == f"/admin/review/?story={pier.pk}&person=ann"
    needs_review = page.hook("chip", "needs review").attributes["href"]
    assert needs_review == board_of(pier, "?status=needs+review&person=ann&group=status")


def test_a_whole_scenelet_is_selected_as_the_search_showed_it(pier):
    left = pier.scenelets.get(scenelet_id="left")

    producer().post(board_of(pier, "?q=lantern"), {"scenelet": [left.pk]})

    assert drafted(RenderBatch.objects.get(status="draft")) == {left.shots.get(shot_index=1).pk}


@pytest.mark.parametrize(
    ("group", "titles"),
    [
        ("scenelet", ["start", "left", "right"]),
        ("status", ["needs review", "to do"]),
        ("character", ["Ada", "heron"]),
        ("environment", ["Attic", "pier"]),
        ("person", ["no person", "ann"]),
    ],
)
def test_each_shot_stands_once_in_its_group(pier, group, titles):
    board = viewer().get(board_of(pier), {"group": group}).context["board"]

    assert [each.title for each in board.groups] == titles
    shown = [card.shot.pk for each in board.groups for card in each.cards]
    assert sorted(shown) == sorted(shots_of(pier).values_list("pk", flat=True))


def test_a_head_counts_all_shots_of_its_scenelet(pier):
    force(VideoRender.objects.all(), review="approved", reviewed_at=timezone.now())

    page = page_of(viewer().get(board_of(pier), {"q": "s03-02"}))

    [head] = page.hooks("group-approved")
    assert (head["group-approved"], head.text) == ("1", "1 of 2 approved")


def test_the_map_has_a_row_for_each_scenelet_and_leads_there(pier):
    start, left, right = pier.scenelets.order_by("sequence")
    force(VideoRender.objects.all(), review="approved", reviewed_at=timezone.now())

    page = page_of(viewer().get(board_of(pier), {"q": "lantern"}))

    board = board_of(pier)
    assert [
        (each["map"], each["approved"], each.attributes["href"]) for each in page.hooks("map")
    ] == [
        (str(start.pk), "0", f"{board}#scenelet-{start.pk}"),
        (str(left.pk), "0", f"#scenelet-{left.pk}"),
        (str(right.pk), "1", f"{board}#scenelet-{right.pk}"),
    ]


def test_lines_of_the_map_meet_below_a_branching(pier):
    start, left, right = branch_nodes(list(pier.scenelets.all()))

    assert (start.way_in, start.goes_on, start.passing) == ("", True, [])
    assert left.x == right.x > start.x
    # The line to the second branch passes by the first one.
    assert (left.passing, right.passing) == ([start.x], [])
    assert left.way_in.startswith(f"M{start.x} 0") and not left.goes_on


def test_a_circle_of_parents_has_rows_and_no_line_upwards():
    story = make_story(scenelets=("a", "b", "c"))
    a, b, c = story.scenelets.order_by("sequence")
    for child, parent in ((a, c), (b, a), (c, b)):
        Scenelet.objects.filter(pk=child.pk).update(parent=parent)

    nodes = branch_nodes(list(story.scenelets.all()))

    assert len(nodes) == 3 and [bool(each.way_in) for each in nodes] == [False, True, True]


def test_a_shot_without_a_picture_shows_its_characters(pier):
    KeyFrame.objects.all().delete()

    page = page_of(viewer().get(board_of(pier)))

    # The shot of the heron, who has no sheet, shows that of ada; the one with a take has none.
    sheets = [each.tags("img")[0].attributes["src"] for each in page.hooks("sheets")]
    assert len(sheets) == 6 and set(sheets) == {sheets[0]}
    assert "/thumbnails/" in sheets[0]


def test_the_foot_knows_what_is_to_be_made_and_its_price(pier, settings):
    settings.VIDEO_BACKEND = "gemini"

    page = page_of(producer().get(board_of(pier)))

    assert page.hook("generate")["price-usd"] == "3.20"
    assert len(page.hooks("to-make")) == 6


# -- selecting -----------------------------------------------------------------------------------


def test_a_selection_becomes_a_draft_and_leads_to_its_plan():
    story = make_story(shots=3)
    first, second, _ = all_shots(story)

    response = producer(username="ann").post(board_of(story), {"shot": [first.pk, second.pk]})

    batch = RenderBatch.objects.get()
    assert (response.status_code, response.url) == (
        302,
        f"/admin/videogen/renderbatch/{batch.pk}/plan/",
    )
    assert (batch.status, batch.mode, batch.door) == ("draft", "default", "admin")
    assert batch.requested_by_name == "ann"
    assert drafted(batch) == {first.pk, second.pk}
    assert not VideoRender.objects.exists()


def test_many_ids_fit_into_one_field():
    story = make_story(shots=1200, key_frames=False)
    ids = [shot.pk for shot in all_shots(story)]

    response = producer().post(board_of(story), {"shots": ",".join(map(str, ids))})

    assert response.status_code == 302
    assert drafted(RenderBatch.objects.get()) == set(ids)


def test_a_whole_scenelet_is_selected_as_it_was_shown():
    story = make_story(scenelets=("one", "two"), shots=2)
    shots = all_shots(story)
    make_render(shots[0], State.FAILED)
    form = {"scenelet": [shots[0].scenelet_id]}
    browser = producer()

    browser.post(board_of(story), form)
    browser.post(board_of(story, "?status=failed"), form | {"shot": [shots[3].pk]})

    filtered, whole = RenderBatch.objects.filter(status="draft").order_by("-pk")
    assert drafted(whole) == {shots[0].pk, shots[1].pk}
    assert drafted(filtered) == {shots[0].pk, shots[3].pk}


def test_shots_of_another_story_are_left_out():
    story, other = make_story("one"), make_story("two")
    ids = [all_shots(each)[0].pk for each in (story, other)]

    producer().post(board_of(story), {"shot": ids, "scenelet": ["x", "٣", "9" * 30]})

    assert drafted(RenderBatch.objects.get()) == {ids[0]}


def test_nothing_selected_stores_nothing():
    story = make_story()

    response = producer().post(board_of(story, "?status=ready"), {}, follow=True)

    assert response.redirect_chain == [(board_of(story, "?status=ready"), 302)]
    assert levels(response) == ["warning"]
    assert not RenderBatch.objects.exists()


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["storybook.view_shot", "videogen.view_videorender"])
def test_board_needs_both_views(missing):
    story = make_story()
    browser = browser_of(*(set(VIEWS) - {missing}), "videogen.generate_video")

    assert browser.get(board_of(story)).status_code == 403
    assert browser.get(board_of(story, "state/")).status_code == 403
    assert browser.post(board_of(story), {"shot": [1]}).status_code == 403


def test_who_may_only_look_is_not_offered_to_generate_and_stores_nothing():
    story = make_story()
    browser = viewer()

    page = page_of(browser.get(board_of(story)))
    response = browser.post(board_of(story), {"shot": [all_shots(story)[0].pk]})

    assert "generate" not in page
    assert response.status_code == 403
    assert not RenderBatch.objects.exists()


def test_board_of_no_story_leads_home():
    browser = viewer()

    assert browser.get("/admin/storybook/story/99/board/").status_code == 302
    assert browser.get("/admin/storybook/story/99/board/state/").status_code == 404


def test_stories_and_their_pages_lead_to_the_board(admin_client):
    story = make_story()

    for address in ("/admin/storybook/story/", f"/admin/storybook/story/{story.pk}/change/"):
        assert board_of(story) in page_of(admin_client.get(address)).links
    without = page_of(browser_of("storybook.view_story").get("/admin/storybook/story/"))
    assert board_of(story) not in without.links


# -- what changes meanwhile ------------------------------------------------------------------------


def test_state_has_a_part_for_each_card_the_chips_and_the_queue():
    story = make_story(shots=2)
    first, second = all_shots(story)
    render = make_render(first, State.QUEUED)
    browser = viewer()

    running = browser.get(board_of(story, "state/")).json()
    force(render, state="failed", state_since=timezone.now())
    ended = browser.get(board_of(story, "state/")).json()

    assert running["active"] and not ended["active"]
    assert set(running["parts"]) == {
        "summary",
        "chips",
        "map",
        "money",
        "queue",
        f"head-{first.scenelet_id}",
        f"card-{first.pk}",
        f"card-{second.pk}",
    }
    assert badge(running["parts"][f"card-{first.pk}"]) == "generating"
    assert badge(ended["parts"][f"card-{first.pk}"]) == "failed"
    assert running["parts"][f"card-{second.pk}"] == ended["parts"][f"card-{second.pk}"]


def test_state_sends_only_what_changed_since():
    story = make_story(shots=300, key_frames=False)
    shots = all_shots(story)
    render = make_render(shots[7], State.RUNNING)
    browser = viewer()
    known = page_of(browser.get(board_of(story))).hook("live-since")["live-since"]

    def ask(since):
        response = browser.get(board_of(story, "state/"), {"since": since})
        return response.json(), len(response.content)

    (everything, all_bytes) = ask("")
    (nothing, no_bytes) = ask(known)
    force(render, state="failed", state_since=timezone.now())
    (ended, one_bytes) = ask(known)
    (after, _) = ask(ended["since"])

    assert len(everything["parts"]) == 306 and everything["since"] == known
    assert (nothing["active"], nothing["parts"], nothing["since"]) == (True, {}, known)
    # A card that changed brings along the other cards of its group.
    assert {f"card-{shots[7].pk}", "chips"} <= ended["parts"].keys()
    assert len(ended["parts"]) <= 30
    assert badge(ended["parts"][f"card-{shots[7].pk}"]) == "failed"
    assert not ended["active"] and after["parts"] == {}
    assert no_bytes < 500 and one_bytes < all_bytes / 8


def _note(take, **values):
    return TakeNote.objects.create(render=take, frame=1, text="Wait.", author_name="", **values)


# What can happen to a shot and to its rejected take, whose note is open.
CHANGES = {
    "selected": lambda shot, take: force(take, review="selected"),
    "reviewed": lambda shot, take: force(take, review="unreviewed"),
    "reason": lambda shot, take: force(take, review_reason="The hat is gone."),
    "named reason": lambda shot, take: force(take, review_reasons="face"),
    "poster": lambda shot, take: force(take, poster_file="another.jpg"),
    "video": lambda shot, take: force(take, video_file="another.mp4"),
    "length": lambda shot, take: force(take, video_seconds=3.0),
    "take": lambda shot, take: make_render(shot, State.DONE, review="rejected"),
    "render": lambda shot, take: make_render(shot, State.RUNNING),
    "render that nobody works on": lambda shot, take: make_render(
        shot, State.RUNNING, touched_ago=60
    ),
    "failure": lambda shot, take: make_render(shot, State.FAILED, error_message="Busy."),
    "note": lambda shot, take: _note(take),
    "note that is done": lambda shot, take: TakeNote.objects.update(done_at=timezone.now()),
    "gone": lambda shot, take: shots_of(shot.scenelet.story).update(gone_since=timezone.now()),
    "storyboard": lambda shot, take: shots_of(shot.scenelet.story).update(storyboard_payload=None),
    "document": lambda shot, take: DesignDocument.objects.filter(kind="audio").delete(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_card_shows_is_noticed(change):
    story = make_story()
    [shot] = all_shots(story)
    take = make_render(shot, State.DONE, review="rejected")
    _note(take)
    browser = viewer()
    page, before = _card_on_page(browser, shot), browser.get(board_of(story, "state/")).json()

    CHANGES[change](shot, take)
    after = browser.get(board_of(story, "state/"), {"since": before["since"]}).json()

    key = f"card-{shot.pk}"
    assert key in after["parts"]
    assert after["parts"][key] != before["parts"][key]
    assert page != _card_on_page(browser, shot)
    assert after["parts"][key].strip() in _card_on_page(browser, shot)


def _card_on_page(browser, shot):
    page = browser.get(board_of(shot.scenelet.story)).text
    return page[page.index("<article") : page.index("</article>")]


def test_a_new_picture_is_noticed_where_there_is_no_take():
    story = make_story(key_frames=False)
    [shot] = all_shots(story)
    browser = viewer()
    sheets = browser.get(board_of(story, "state/")).json()
    picture = Picture.objects.get(path=ATTIC)

    KeyFrame.objects.create(shot=shot, position=1, picture=picture)
    frame = browser.get(board_of(story, "state/"), {"since": sheets["since"]}).json()
    Picture.objects.filter(pk=picture.pk).update(file="the-lamp/pictures/0123456789abcdef/b.jpg")
    other = browser.get(board_of(story, "state/"), {"since": frame["since"]}).json()

    shown = [each["parts"][f"card-{shot.pk}"] for each in (sheets, frame, other)]
    assert len(set(shown)) == 3
    assert "0123456789abcdef.jpg" in shown[2]


def test_a_story_that_changes_makes_its_cards_out_of_date():
    story = make_story()
    [shot] = all_shots(story)
    make_take(shot, review="selected")
    browser = viewer()
    before = browser.get(board_of(story, "state/")).json()

    shots_of(story).update(storyboard_payload=PAYLOAD | {"compositionAndContent": "A door."})
    after = browser.get(board_of(story, "state/"), {"since": before["since"]}).json()

    assert OUTDATED.code in after["parts"][f"card-{shot.pk}"]
    assert OUTDATED.code not in before["parts"][f"card-{shot.pk}"]


def test_a_card_that_waits_turns_over_when_nobody_works_on_it(time_machine):
    story = make_story()
    [shot] = all_shots(story)
    make_render(shot, State.RUNNING)
    browser = viewer()
    before = browser.get(board_of(story, "state/")).json()

    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    after = browser.get(board_of(story, "state/"), {"since": before["since"]}).json()

    assert badge(before["parts"][f"card-{shot.pk}"]) == "generating"
    assert badge(after["parts"][f"card-{shot.pk}"]) == "needs a decision"


def test_the_rest_of_a_card_is_as_the_story_is_now():
    story = make_story()
    [shot] = all_shots(story)
    browser = viewer()
    before = _card_on_page(browser, shot)

    shots_of(story).update(storyboard_payload=PAYLOAD | {"compositionAndContent": "A door."})
    text = _card_on_page(browser, shot)
    Scenelet.objects.update(title="The pier")
    title = _card_on_page(browser, shot)

    assert "A door." in text and "A door." not in before
    assert "The pier" in title and "The pier" not in text


@pytest.mark.parametrize("since", ["x", "<script>", "A" * 256, "%00"])
def test_marks_that_are_none_of_ours_bring_everything(since):
    story = make_story(shots=2)

    answer = viewer().get(board_of(story, "state/"), {"since": since}).json()

    assert len(answer["parts"]) == 8


def test_a_card_that_a_filter_does_not_fit_any_more_is_told_all_the_same():
    story = make_story()
    [shot] = all_shots(story)
    render = make_render(shot, State.RUNNING)
    browser = viewer()
    page = page_of(browser.get(board_of(story), {"status": "generating"}))
    known = page.hook("live-since")["live-since"]

    force(render, state="failed", state_since=timezone.now())
    state = board_of(story, "state/")
    answer = browser.get(state, {"status": "generating", "since": known}).json()

    assert badge(answer["parts"][f"card-{shot.pk}"]) == "failed"


def test_state_shows_what_the_page_shows():
    story = make_story(shots=2)
    make_render(all_shots(story)[0], State.RUNNING)
    browser = viewer()

    response = browser.get(board_of(story), {"status": "generating"})
    page = page_of(response)
    address = page.hook("live-url")["live-url"]
    parts = browser.get(address).json()["parts"]
    shown = page.values("live-key")

    assert address == board_of(story, "state/?status=generating")
    assert len(shown) == 7
    assert all(parts[key].strip() in response.text for key in shown)


@pytest.mark.parametrize("rest", ["", "state/"])
def test_number_of_queries_does_not_grow(rest, django_assert_max_num_queries):
    browser = producer()
    counts = []
    for number in (2, 20):
        story = make_story(f"story-{number}", scenelets=[f"s{each}" for each in range(number)])
        for shot in all_shots(story):
            make_render(shot, State.DONE)
            make_render(shot, State.FAILED)
        with django_assert_max_num_queries(28 + BAR_QUERIES) as captured:
            assert browser.get(board_of(story, rest)).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_the_rail_tells_what_this_story_costs(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.GEMINI_API_KEY = "key"
    story, other = make_story(shots=4), make_story("another")
    first, second, third, _ = all_shots(story)
    for shot in (first, *all_shots(other)):
        make_render(shot, State.DONE, backend="gemini")
    make_render(second, State.QUEUED, backend="gemini", price_estimate_usd=Decimal("3.20"))
    make_render(third, State.UNKNOWN, backend="gemini", price_estimate_usd=Decimal("3.20"))

    page = page_of(viewer().get(board_of(story)))
    withheld = page_of(browser_of(*set(VIEWS) - {"videogen.view_submission"}).get(board_of(story)))

    for name in ("spent", "open", "reserved"):
        assert page.texts(name) == ["$3.20"], name
    # Three have no take yet.
    assert page.texts("forecast") == ["at least $9.60"]
    assert not withheld.hooks("spent") and not withheld.hooks("live-key", "money")


def test_json_of_the_state_is_plain():
    story = make_story(scenelets=("<b>",))

    response = viewer().get(board_of(story, "state/"))

    assert response["Content-Type"] == "application/json"
    assert "<b>" not in json.dumps(response.json()["parts"])


def test_a_card_says_why_in_one_line():
    story = make_story(shots=5)
    shots = all_shots(story)
    make_render(shots[0], State.FAILED, error_message="The model was busy for too long.")
    make_render(shots[1], State.NOT_DOWNLOADED, error_message="The server said 503.")
    make_render(shots[2], State.DONE, review="rejected", review_reason="The hat is gone.")
    Shot.objects.filter(pk=shots[3].pk).update(storyboard_payload=None)

    response = viewer().get(board_of(story))

    cards = response.context["board"].cards
    assert [(card.badge.code, card.reason) for card in cards] == [
        ("failed", "The model was busy for too long."),
        ("needs a decision", "Not downloaded. The server said 503."),
        ("retake", "The hat is gone."),
        ("blocked", ""),
        ("ready", ""),
    ]
    assert page_of(response).texts("reason") == [card.reason for card in cards[:3]]
    assert list(response.context["board"].progress.counts) == [
        "failed",
        "needs a decision",
        "retake",
        "blocked",
        "ready",
    ]


def test_a_shot_that_is_no_longer_in_the_bundle_is_marked():
    story = make_story(shots=2)
    gone = shots_of(story)[0]
    shots_of(story).filter(pk=gone.pk).update(gone_since=timezone.now())

    cards = viewer().get(board_of(story)).context["board"].cards

    marks = {card.shot.pk: card.look.second_badge for card in cards}
    assert marks[gone.pk] == GONE
    assert [badge for pk, badge in marks.items() if pk != gone.pk] == [None]
