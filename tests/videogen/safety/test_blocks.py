"""Blocked renders explained: category, the filter's words, what is likely at fault, what to try."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from storybook.models import DesignDocument
from tests.support.admin_clients import VIEWS, browser_of, producer, viewer
from tests.support.drafts import progress_url
from tests.support.factories import make_batch, make_render, make_shot, make_story, shots_of
from tests.support.pages import page_of
from videogen.safety.blocks import _ADVICE, MEANINGS, Block, Place, where_of
from videogen.safety.codes import CATEGORIES, explain_block
from videogen.safety.suspicious_words import MOST, find_suspects
from videogen.simulator.operations import AUDIO

REASON = "Veo could not generate videos because the input violates the guidelines."


def prompt(*, storyboard=None, lines=(), character=None, environment=None, style=None):
    ada = {"character_id": "ada", "character_name": "Ada"}
    attic = {"environment_id": "attic", "environment_name": "Attic"}
    payload = {"referencedDesigns": {"characters": ["ada"]}, **(storyboard or {})}
    payload["audioAndNarrative"] = [{"source": "ada", "line": line} for line in lines]
    return json.dumps(
        {
            "global_aesthetic": style or {},
            "character_designs": [ada | (character or {})],
            "environment_designs": [attic | (environment or {})],
            "storyboard_payload": payload,
            "critical_instruction": ["A boy with a gun is no fault of the story."],
        }
    )


def suspects(category, **parts):
    return [(each.what, each.name, each.words) for each in find_suspects(prompt(**parts), category)]


# -- what is likely at fault -----------------------------------------------------------------------

ACTION = "characterActionAndEmotion"
FOUND = {
    "a design that says girl": (
        "child",
        {"character": {"description": "Tall. A girl of ten in a raincoat."}},
        ("character", "Ada", "girl"),
    ),
    "an age as a number": ("child", {"character": {"age": 9}}, ("character", "Ada", "9")),
    "an age in words": (
        "child",
        {"character": {"age": "about eleven"}},
        ("character", "Ada", "eleven"),
    ),
    "an age in a text": (
        "child",
        {"character": {"looks": "She is 12."}},
        ("character", "Ada", "is 12"),
    ),
    "young": ("child", {"character": {"looks": "A young keeper."}}, ("character", "Ada", "young")),
    "a child in the storyboard": (
        "child",
        {"storyboard": {ACTION: "Two children run."}},
        ("storyboard", ACTION, "children"),
    ),
    "a weapon": (
        "violence",
        {"storyboard": {ACTION: "She waits. He draws a sword and shouts."}},
        ("storyboard", ACTION, "sword"),
    ),
    "violence in a line": ("violence", {"lines": ["I will kill you!"]}, ("line", "ada", "kill")),
    "violence in a design": (
        "violence",
        {"environment": {"overall": "Blood on the floor."}},
        ("environment", "Attic", "Blood"),
    ),
    "skin": ("sexual", {"storyboard": {ACTION: "He is naked."}}, ("storyboard", ACTION, "naked")),
    "a slur": ("hate", {"lines": ["You racist!"]}, ("line", "ada", "racist")),
    "drugs": ("prohibited content", {"lines": ["Sell the drugs."]}, ("line", "ada", "drugs")),
    "a name of no design": (
        "celebrity",
        {"storyboard": {ACTION: "She waves to Tom Example, who smiles."}},
        ("storyboard", ACTION, "Tom Example"),
    ),
    "a brand": (
        "third-party content",
        {"storyboard": {ACTION: "A can with a logo on it."}},
        ("storyboard", ACTION, "logo"),
    ),
    "a style": (
        "third-party content",
        {"style": {"visual_style": "Ink, in the style of Somebody Known."}},
        ("style", "", "in the style of Somebody Known"),
    ),
    "violence for video safety": (
        "video safety",
        {"storyboard": {ACTION: "A bomb goes off."}},
        ("storyboard", ACTION, "bomb"),
    ),
    "song for the audio": ("audio", {"lines": ["Sing me a song."]}, ("line", "ada", "Sing")),
}


@pytest.mark.parametrize(("category", "parts", "expected"), FOUND.values(), ids=FOUND)
def test_what_is_likely_at_fault_is_found(category, parts, expected):
    assert suspects(category, **parts)[0] == expected


SILENT = {
    "an adult": ("child", {"character": {"age": 34, "looks": "A woman of forty."}}),
    "an old one": ("child", {"character": {"age": "three hundred years"}}),
    "what is denied": ("violence", {"storyboard": {ACTION: "There is no blood, and no real gun."}}),
    "a camera": ("violence", {"storyboard": {"framingAndAngle": "A long shot, from above."}}),
    "a longer word": ("violence", {"storyboard": {ACTION: "A gunwale; a killjoy; she axels."}}),
    "names of designs": ("celebrity", {"storyboard": {ACTION: "Then Ada looks at the Attic."}}),
    "the beginning of a sentence": ("celebrity", {"storyboard": {ACTION: "Light falls. Dust."}}),
    "a likeness to a thing": ("celebrity", {"storyboard": {ACTION: "It looks like old paper."}}),
    "another category": ("sexual", {"storyboard": {ACTION: "He draws a sword."}}),
    "two metres": ("child", {"character": {"looks": "He is two metres tall."}}),
    "one of them": ("child", {"character": {"looks": "He is one of them."}}),
    "our own words": ("violence", {}),
    "ids": ("child", {"character": {"parent_id": "the boy"}}),
    "no category": ("", {"storyboard": {ACTION: "He draws a sword."}}),
}


@pytest.mark.parametrize(("category", "parts"), SILENT.values(), ids=SILENT)
def test_nobody_is_accused_without_ground(category, parts):
    assert suspects(category, **parts) == []


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "1", '{"storyboard_payload": []}', "{}"])
def test_any_prompt_can_be_looked_at(text):
    assert find_suspects(text, "child") == []


def test_a_character_is_named_once_and_the_list_is_short():
    many = [f"The boy number {number} runs." for number in range(20)]
    found = suspects("child", character={"looks": "A girl.", "more": "A child."}, lines=many)

    assert found.count(("character", "Ada", "girl")) == 1
    assert len([each for each in found if each[0] == "character"]) == 1
    assert len(suspects("violence", lines=[f"A gun, {each}." for each in range(20)])) == MOST


def test_a_long_sentence_is_quoted_around_the_word():
    text = f"{'far and wide ' * 40}a sword {'by the sea ' * 40}."
    (suspect,) = find_suspects(prompt(storyboard={ACTION: text}), "violence")

    assert "sword" in suspect.quote
    assert len(suspect.quote) < 170
    assert suspect.quote.startswith("…") and suspect.quote.endswith("…")


# -- the explanation -------------------------------------------------------------------------------


def block(codes=(), reasons=(REASON,), text=None, render=None):
    render = render or make_render(make_shot(), "blocked")
    render.prompt_text = prompt(character={"age": 9}) if text is None else text
    render.error_details = {"reasons": list(reasons), "support_codes": list(codes)}
    render.error_message = explain_block(reasons, codes)
    render.save()
    return Block(render)


@pytest.mark.django_db
@pytest.mark.parametrize("code", CATEGORIES)
def test_every_support_code_is_explained_with_something_to_try(code):
    told = block([code])

    assert told.codes == [(code, CATEGORIES[code])]
    assert told.meanings == [MEANINGS[CATEGORIES[code]]]
    assert told.advice
    assert told.reasons == [REASON]


def test_every_meaning_has_advice():
    assert MEANINGS.keys() == _ADVICE.keys()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reason", "codes", "categories"),
    [
        ("We can't create videos with real people's names or likenesses.", (), ["celebrity"]),
        ("Please remove the celebrity reference.", (), ["celebrity"]),
        ("The input images contain photorealistic children.", (), ["child"]),
        ("It contains photorealistic children.", ("29310472",), ["child", "celebrity"]),
        ("It contains photorealistic children.", ("17301594",), ["child"]),
        ("This may infringe a third-party copyright.", (), ["third-party content"]),
        ("The prompt asks for graphic violence.", (), ["violence"]),
        ("It is sexually explicit.", (), ["sexual"]),
        ("It violates our policy on hate speech.", (), ["hate"]),
        ("It shows dangerous or illegal acts.", (), ["prohibited content"]),
        ("It violates the Generative AI Prohibited Use Policy.", (), [""]),
        ("The input violates Gemini API's usage guidelines.", (), [""]),
        ("", (), [""]),
    ],
)
def test_a_block_is_explained_by_its_words_as_by_its_codes(reason, codes, categories):
    told = block(codes, reasons=[reason])

    assert list(told.categories) == categories
    assert told.advice
    named = ", ".join(each for each in categories if each)
    assert (f"({named}" in told.render.error_message) is bool(named)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reason", "place"),
    [
        ("We can't create videos of real people.", Place.STORYBOARD),
        ("We can't create videos from input images of real people.", Place.REFERENCES),
    ],
)
def test_what_the_filter_saw_in_a_picture_is_looked_for_in_the_pictures_first(reason, place):
    assert block(reasons=[reason]).advice[0].place == place


@pytest.mark.django_db
def test_the_audio_filter_is_another_matter():
    told = block(reasons=[AUDIO], text=prompt(lines=["Sing!"]))

    assert told.meanings == ["It was the sound only: the API could not make it, or would not."]
    assert "the same prompt often passes" in told.advice[0].sentence
    assert told.hint == "Likely at fault: “Sing” in a line of ada."


@pytest.mark.django_db
@pytest.mark.parametrize("codes", [(), ("12345678",)])
def test_what_is_not_documented_is_said_to_be_so(codes):
    told = block(codes, text=prompt(storyboard={ACTION: "He draws a sword."}))

    assert told.meanings == ["The filter does not say what it minds."]
    assert told.codes == [(code, "not documented") for code in codes]
    assert (told.suspects, told.hint) == ([], "")


@pytest.mark.django_db
def test_several_categories_are_all_explained():
    text = prompt(character={"age": 9}, storyboard={ACTION: "He draws a sword."})
    told = block(["58061214", "61493863", "17301594"], text=text)

    assert len(told.meanings) == 2
    assert [where_of(each) for each in told.suspects] == [
        "the design of Ada",
        "the storyboard, character action and emotion",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("details", [{}, [], {"reasons": "x", "support_codes": 1}])
def test_rows_of_any_age_can_be_explained(details):
    render = make_render(make_shot(), "blocked", error_details=details)

    assert Block(render).meanings == ["The filter does not say what it minds."]


# -- the page of takes -----------------------------------------------------------------------------

CHANGES = (
    "storybook.change_shot",
    "videogen.change_referencechoice",
    "storybook.change_designdocument",
)


def takes_page(render, browser):
    url = reverse("admin:storybook_shot_takes", args=[render.shot_id])
    return page_of(browser.get(url))


def ways(page):
    """The addresses that the page leads to from each piece of advice, by where it is followed."""
    return [(each["advice"], each.links) for each in page.hooks("advice")]


@pytest.mark.django_db
def test_the_words_of_a_block():
    render = block(["58061214"]).render

    words = takes_page(render, viewer()).hook("blocked").text

    assert words.startswith(
        "The filter takes somebody in the pictures or in the words for a child. Blocked attempts "
        "are not charged. Support code: 58061214 (child). Likely at fault “9” in the design of Ada"
    )


@pytest.mark.django_db
def test_the_takes_explain_the_block_and_lead_to_what_can_be_changed():
    render = block(["58061214"]).render

    page = takes_page(render, browser_of(*VIEWS, *CHANGES))

    blocked = page.hook("blocked")
    assert blocked.values("support-code") == ["58061214"]
    assert [(each["suspect"], "no-suspect" in blocked) for each in blocked.hooks("suspect")] == [
        ("9", False)
    ]
    assert REASON in page.text
    shot_url = reverse("admin:storybook_shot_change", args=[render.shot_id])
    document = DesignDocument.objects.get(kind="visual")
    design_url = reverse("admin:storybook_designdocument_change", args=[document.pk])
    assert dict(ways(blocked)) == {
        Place.REFERENCES: [f"{shot_url}#reference_choices-group"],
        Place.STORYBOARD: [shot_url],
        Place.DESIGN: [design_url],
    }


@pytest.mark.django_db
def test_the_links_lead_somewhere():
    render = block(["58061214"]).render
    browser = browser_of(*VIEWS, *CHANGES, "storybook.view_designdocument")

    page = page_of(browser.get(reverse("admin:storybook_shot_change", args=[render.shot_id])))

    assert "reference_choices-group" in [each.attributes.get("id") for each in page]


@pytest.mark.django_db
def test_who_may_change_nothing_is_offered_no_way():
    render = block(["58061214"]).render

    found = ways(takes_page(render, viewer()))

    assert Place.REFERENCES in dict(found)
    assert not any(links for _, links in found)


@pytest.mark.django_db
def test_where_nothing_fits_the_page_says_so():
    render = block(["61493863"], text=prompt()).render

    page = takes_page(render, viewer())

    assert "no-suspect" in page and page.hooks("suspect") == []


@pytest.mark.django_db
def test_what_did_not_end_as_blocked_is_not_explained():
    render = make_render(make_shot(), "failed")

    page = takes_page(render, viewer())

    assert page.hooks("render") and "blocked" not in page


@pytest.mark.django_db
def test_the_words_of_the_story_are_escaped():
    hostile = "<script>alert(1)</script> with a sword."
    render = block(["61493863"], text=prompt(storyboard={ACTION: hostile})).render

    page = takes_page(render, viewer())

    assert "<script>alert(1)</script> with a sword." in page.hook("blocked").text
    assert not any("alert" in each.text for each in page.tags("script"))


# -- the page of the batch -------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_batch_says_it_in_short_and_leads_to_the_takes():
    shot = make_shot()
    batch = make_batch(shot.scenelet.story)
    render = block(["58061214"], render=make_render(shot, "blocked", batch=batch)).render

    failure = page_of(producer().get(progress_url(batch))).hook("failure")

    assert failure.texts("words") == [render.error_message]
    assert failure.texts("hint") == ["Likely at fault: “9” in the design of Ada."]
    url = reverse("admin:storybook_shot_takes", args=[shot.pk])
    way = failure.hook("what-to-try", str(render.pk))
    assert way.attributes["href"] == f"{url}#render-{render.pk}"


@pytest.mark.django_db
def test_number_of_queries_of_the_batch_does_not_grow(django_assert_max_num_queries):
    counts = []
    for number in (1, 6):
        story = make_story(f"story-{number}", shots=number)
        batch = make_batch(story)
        for shot in shots_of(story).select_related("scenelet__story"):
            block(["58061214"], render=make_render(shot, "blocked", batch=batch))
        browser = producer()
        with django_assert_max_num_queries(40) as captured:
            browser.get(progress_url(batch))
        counts.append(len(captured))

    assert counts[0] == counts[1]
