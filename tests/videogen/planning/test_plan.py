from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from storybook.models import Picture, Shot
from tests.support.factories import (
    AUDIO,
    KEY_FRAME,
    PAYLOAD,
    SHEET,
    VISUAL,
    make_picture,
    make_render,
    make_shot,
    make_story,
    picture_bytes,
    shots_of,
)
from videogen.common.errors import RequestError
from videogen.models import ReferenceChoice, VideoModel, VideoRender
from videogen.models.problems import Problem, ProblemCode
from videogen.models.render_warnings import RenderWarning
from videogen.planning.modes import Action, Reason
from videogen.planning.plan import plan_shots
from videogen.planning.targets import find_shots

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State

MODES = ("default", "resume", "override", "dry-run")


def plan_of(shot, mode="default"):
    """The plan's row of one shot."""
    plan = plan_shots(shot.scenelet.story, Shot.objects.filter(pk=shot.pk), mode)
    (row,) = plan.rows
    return row


def decision_of(shot, mode="default"):
    decision = plan_of(shot, mode).decision
    return str(decision.action), decision.reason


# -- the mode table --------------------------------------------------------------------------------

GENERATE_NOTHING = ("generate", "no render, or only rehearsals")
GENERATE_REJECTED = ("generate", "only rejected takes")
GENERATE_AGAIN = ("generate", "only failed / blocked / cancelled renders")
NEW_TAKE = ("generate", "generate a new take, keep the old ones")
RUNNING = ("skip", "already running")
RESUME = ("skip", "resume it")
RESUME_FIRST = ("skip", "resume it first")
PERSON = ("skip", "a person must decide")
EXISTS = ("skip", "exists")
APPROVED = ("skip", "approved")
UNLOCK = ("skip", "approved, unlock it first")
POLL = ("resume", "go on polling that operation")
DOWNLOAD = ("download", "download only")

# What the shot has → the decision in default, resume and override mode; dry-run always rehearses.
# A render is (state, values of the row); a stale one has not been touched for 31 seconds.
TABLE = {
    "nothing": ([], [GENERATE_NOTHING] * 3),
    "a rehearsal": ([(State.REHEARSED, {})], [GENERATE_NOTHING] * 3),
    "a queued rehearsal": ([(State.QUEUED, {"kind": "rehearsal"})], [GENERATE_NOTHING] * 3),
    "a failed rehearsal": ([(State.FAILED, {"kind": "rehearsal"})], [GENERATE_NOTHING] * 3),
    "failed": ([(State.FAILED, {})], [GENERATE_AGAIN] * 3),
    "blocked": ([(State.BLOCKED, {})], [GENERATE_AGAIN] * 3),
    "cancelled": ([(State.CANCELLED, {})], [GENERATE_AGAIN] * 3),
    "queued": ([(State.QUEUED, {})], [RUNNING] * 3),
    "queued for long": ([(State.QUEUED, {"touched_ago": 3600})], [RUNNING] * 3),
    "submitting": ([(State.SUBMITTING, {})], [RUNNING] * 3),
    "running": ([(State.RUNNING, {})], [RUNNING] * 3),
    "running, beat 25 s ago": ([(State.RUNNING, {"touched_ago": 25})], [RUNNING] * 3),
    "downloading": ([(State.DOWNLOADING, {})], [RUNNING] * 3),
    "interrupted": ([(State.INTERRUPTED, {})], [RESUME, POLL, RESUME_FIRST]),
    "stale running": ([(State.RUNNING, {"touched_ago": 31})], [RESUME, POLL, RESUME_FIRST]),
    "not downloaded": ([(State.NOT_DOWNLOADED, {})], [RESUME, DOWNLOAD, RESUME_FIRST]),
    "stale downloading": (
        [(State.DOWNLOADING, {"touched_ago": 31})],
        [RESUME, DOWNLOAD, RESUME_FIRST],
    ),
    "unknown": ([(State.UNKNOWN, {})], [PERSON] * 3),
    "a video": ([(State.DONE, {})], [EXISTS, EXISTS, NEW_TAKE]),
    "a selected video": ([(State.DONE, {"review": "selected"})], [EXISTS, EXISTS, NEW_TAKE]),
    "a video of a link": ([(State.DONE, {"kind": "link"})], [EXISTS, EXISTS, NEW_TAKE]),
    "approved": ([(State.DONE, {"review": "approved"})], [APPROVED, APPROVED, UNLOCK]),
    "a rejected video": ([(State.DONE, {"review": "rejected"})], [GENERATE_REJECTED] * 3),
    # Where several rows fit, the first of: in flight, unknown, interrupted, not downloaded,
    # approved, video, only rejected takes, failed, none. The older render is written first.
    "in flight and unknown": ([(State.UNKNOWN, {}), (State.RUNNING, {})], [RUNNING] * 3),
    "unknown and interrupted": ([(State.INTERRUPTED, {}), (State.UNKNOWN, {})], [PERSON] * 3),
    "interrupted and not downloaded": (
        [(State.NOT_DOWNLOADED, {}), (State.INTERRUPTED, {})],
        [RESUME, POLL, RESUME_FIRST],
    ),
    "not downloaded and approved": (
        [(State.DONE, {"review": "approved"}), (State.NOT_DOWNLOADED, {})],
        [RESUME, DOWNLOAD, RESUME_FIRST],
    ),
    "approved and a newer video": (
        [(State.DONE, {}), (State.DONE, {"review": "approved"})],
        [APPROVED, APPROVED, UNLOCK],
    ),
    "a video and failed": ([(State.FAILED, {}), (State.DONE, {})], [EXISTS, EXISTS, NEW_TAKE]),
    "a rejected video and another": (
        [(State.DONE, {}), (State.DONE, {"review": "rejected"})],
        [EXISTS, EXISTS, NEW_TAKE],
    ),
    "rejected and failed": (
        [(State.DONE, {"review": "rejected"}), (State.FAILED, {})],
        [GENERATE_REJECTED] * 3,
    ),
    "failed and rehearsed": ([(State.REHEARSED, {}), (State.FAILED, {})], [GENERATE_AGAIN] * 3),
}


for _name, (_renders, _expected) in list(TABLE.items()):
    if len(_renders) > 1:
        TABLE[f"{_name}, made in the other order"] = (_renders[::-1], _expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("renders", "expected"), TABLE.values(), ids=TABLE.keys())
def test_mode_table(renders, expected, mode):
    shot = make_shot()
    for state, values in renders:
        make_render(shot, state, **values)

    action, reason = decision_of(shot, mode)

    if mode == "dry-run":
        assert action == "rehearse"
    else:
        assert (action, reason) == expected[MODES.index(mode)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "states", [[], [State.FAILED], [State.RUNNING], [State.DONE], [State.INTERRUPTED]]
)
def test_the_impossible_is_blocked_in_every_mode_whatever_there_is(states, mode):
    shot = make_shot(payload=None)
    for state in states:
        make_render(shot, state)

    assert decision_of(shot, mode) == ("blocked", "The shot has no storyboard payload.")


NO_VISUAL = Problem(ProblemCode.NO_DOCUMENT, {"kind": "visual"})
NO_AUDIO = Problem(ProblemCode.NO_DOCUMENT, {"kind": "audio"})
NO_STORYBOARD = Problem(ProblemCode.NO_STORYBOARD)
IMPOSSIBLE = {
    "no visual document": ({"visual": None}, NO_VISUAL),
    "no audio document": ({"audio": None}, NO_AUDIO),
    "an empty document": ({"visual": {}}, NO_VISUAL),
    "no payload": ({"payload": None}, NO_STORYBOARD),
    "an empty payload": ({"payload": {}}, NO_STORYBOARD),
}


@pytest.mark.parametrize(("story", "problem"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_makes_a_shot_impossible_is_known_by_its_code(story, problem):
    shot = make_shot(**story)

    row = plan_of(shot)

    assert (row.decision.action, row.decision.code) == (Action.BLOCKED, Reason.IMPOSSIBLE)
    assert row.impossible == (problem,)
    assert row.decision.params == {"problems": [problem.as_dict()]}
    assert not row.is_new


def test_everything_that_is_missing_is_said_at_once():
    shot = make_shot(visual=None, audio=None, payload=None)

    row = plan_of(shot)

    assert row.impossible == (NO_VISUAL, NO_AUDIO, NO_STORYBOARD)
    assert row.decision.reason == " ".join(each.sentence for each in row.impossible)


def test_a_price_that_is_not_known_blocks(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_MODEL = "veo-9"
    shot = make_shot()

    action, reason = decision_of(shot)

    assert action == "blocked"
    assert "No price is known for veo-9 at 1080p" in reason


@pytest.mark.parametrize(
    ("kind", "reference_id"), [("character", "bob"), ("key_frame", "7"), ("environment", "attic")]
)
def test_a_pinned_reference_that_cannot_be_used_blocks(kind, reference_id):
    shot = make_shot(pictures={SHEET: picture_bytes()})
    ReferenceChoice.objects.create(shot=shot, kind=kind, reference_id=reference_id, choice="pinned")

    row = plan_of(shot)

    assert row.decision.action == Action.BLOCKED
    [problem] = row.impossible
    assert problem.code in (ProblemCode.PIN_MISSING, ProblemCode.PIN_UNUSABLE)
    assert problem.params["reference"].endswith(f" {reference_id}")
    assert problem.sentence in row.decision.reason


def test_one_impossible_shot_does_not_stop_the_others():
    story = make_story(shots=3)
    Shot.objects.filter(scenelet__story=story, shot_index=2).update(storyboard_payload=None)

    plan = plan_shots(story, shots_of(story), "default")

    assert [str(row.decision.action) for row in plan.rows] == ["generate", "blocked", "generate"]
    assert plan.counts == {"generate": 2, "blocked": 1}


# -- what a row of the plan holds ------------------------------------------------------------------


def test_a_shot_that_is_to_be_rendered_has_its_prompt_and_its_references():
    shot = make_shot()

    row = plan_of(shot)

    assert row.prompt.document["storyboard_payload"] == PAYLOAD
    assert [(pick.kind, pick.id) for pick in row.selection.picks] == [
        ("character", "ada"),
        ("environment", "attic"),
        ("key_frame", "1"),
    ]
    assert row.warnings == ()
    assert row.cause is None


def test_the_newest_render_of_the_row_that_fits_is_its_cause():
    shot = make_shot()
    make_render(shot, State.FAILED)
    make_render(shot, State.DONE)
    newest_video = make_render(shot, State.DONE)
    make_render(shot, State.BLOCKED)

    assert plan_of(shot).cause == newest_video


def test_a_prompt_over_the_limit_is_warned_of(settings):
    settings.VIDEO_PROMPT_LIMIT_TOKENS = 100
    shot = make_shot()

    row = plan_of(shot)

    assert row.decision.action == Action.GENERATE
    (warning,) = row.warnings
    assert f"The prompt has about {row.prompt.tokens} tokens, the model reads 100" in warning
    assert "what lies at its end may be ignored" in warning


@pytest.mark.parametrize("mode", MODES)
def test_a_prompt_over_the_limit_blocks_where_that_is_configured(settings, mode):
    settings.VIDEO_PROMPT_LIMIT_TOKENS = 100
    settings.VIDEO_PROMPT_LIMIT_BLOCKS = True
    shot = make_shot()

    row = plan_of(shot, mode)

    assert row.decision.action == Action.BLOCKED
    [problem] = row.impossible
    assert problem.code == ProblemCode.OVER_TOKEN_LIMIT
    assert problem.params["limit"] == 100


def test_a_shot_without_any_picture_is_rendered_with_a_warning():
    shot = make_shot(pictures={}, key_frames=False)

    row = plan_of(shot)

    assert row.decision.action == Action.GENERATE
    assert any("No reference picture is sent" in warning for warning in row.warnings)


def test_an_unusable_picture_is_warned_of_and_the_next_one_moves_up():
    story = make_story(pictures={KEY_FRAME: picture_bytes()})
    make_picture(story, SHEET, problem="The file is empty. Export the picture again.")

    (row,) = plan_shots(story, shots_of(story), "default").rows

    assert [pick.kind for pick in row.selection.picks] == ["key_frame"]
    assert any("ada" in warning and "The file is empty" in warning for warning in row.warnings)
    assert any("attic" in warning and "not imported" in warning for warning in row.warnings)


def test_key_frames_can_be_turned_off(settings):
    settings.VIDEO_USE_KEY_FRAMES = False
    shot = make_shot()

    row = plan_of(shot)

    assert [pick.kind for pick in row.selection.picks] == ["character", "environment"]


def test_nothing_is_assembled_for_a_shot_that_is_skipped():
    shot = make_shot()
    make_render(shot, State.DONE)

    assert plan_of(shot).prompt is None


# -- what the simulator made -----------------------------------------------------------------------


def test_a_simulated_video_is_none_to_the_real_api(settings):
    shot = make_shot()
    make_render(shot, State.DONE)
    settings.VIDEO_BACKEND = "gemini"

    assert decision_of(shot) == GENERATE_NOTHING


@pytest.mark.parametrize("state", [State.INTERRUPTED, State.NOT_DOWNLOADED])
def test_another_backends_operation_is_not_resumed_here(settings, state):
    shot = make_shot()
    make_render(shot, state, backend="gemini")

    action, reason = decision_of(shot, "resume")

    assert action == "skip"
    assert reason == "started with gemini: set VIDEO_BACKEND=gemini to resume it"


@pytest.mark.parametrize("mode", ["default", "resume", "override"])
@pytest.mark.parametrize("state", [State.RUNNING, State.DOWNLOADING])
def test_a_simulated_render_that_nobody_works_on_still_holds_its_shot(settings, state, mode):
    """The database allows one open render a shot: a plan must not promise a second one."""
    shot = make_shot()
    make_render(shot, state, touched_ago=31)
    settings.VIDEO_BACKEND = "gemini"

    assert decision_of(shot, mode)[0] != "generate"


# -- money -----------------------------------------------------------------------------------------


def test_simulated_renders_cost_nothing():
    story = make_story(shots=2)

    plan = plan_shots(story, shots_of(story), "default")

    assert plan.request.price_usd == Decimal("0.00")
    assert plan.cost_usd == 0


def test_a_plan_costs_what_its_new_renders_cost(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story(shots=3)
    make_render(shots_of(story).first(), State.DONE, backend="gemini")

    plan = plan_shots(story, shots_of(story), "default")

    assert plan.cost_usd == plan.cost_if_sent_usd == Decimal("6.40")


def test_a_rehearsal_costs_nothing_and_tells_what_it_would_cost(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story(shots=2)

    plan = plan_shots(story, shots_of(story), "dry-run")

    assert (plan.cost_usd, plan.cost_if_sent_usd) == (0, Decimal("6.40"))


def test_what_a_budget_has_no_room_for_is_blocked_with_the_figures(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_BUDGET_USD = Decimal("7.00")
    story = make_story(shots=3)

    plan = plan_shots(story, shots_of(story), "default")

    assert [str(row.decision.action) for row in plan.rows] == ["generate", "generate", "blocked"]
    assert plan.rows[2].decision.reason == "Over the budget: it costs $3.20, $0.60 is left."


def test_what_is_queued_and_what_may_have_been_paid_counts_towards_the_budget(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_BUDGET_USD = Decimal("9.60")
    story = make_story(shots=4)
    queued, unknown, failed, new = shots_of(story)
    make_render(queued, State.QUEUED, backend="gemini", price_estimate_usd="3.20")
    make_render(unknown, State.UNKNOWN, backend="gemini")
    make_render(failed, State.BLOCKED, backend="gemini")

    plan = plan_shots(story, shots_of(story), "default")

    assert [str(row.decision.action) for row in plan.rows] == [
        "skip",
        "skip",
        "generate",
        "blocked",
    ]
    assert plan.rows[3].shot == new


def test_rehearsals_and_resumed_renders_need_no_budget(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_BUDGET_USD = Decimal("0.00")
    shot = make_shot()
    make_render(shot, State.INTERRUPTED, backend="gemini")

    assert decision_of(shot, "dry-run")[0] == "rehearse"
    assert decision_of(shot, "resume")[0] == "resume"


# -- filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [("a", 1), ("a", 2), ("b", 1), ("b", 2)]),
        ({"scenelet_id": "b"}, [("b", 1), ("b", 2)]),
        ({"scenelet_id": "b", "shot_index": 1}, [("b", 1)]),
        ({"shot_index": 2}, [("a", 2), ("b", 2)]),
    ],
)
def test_filters_choose_shots_in_story_order(filters, expected):
    story = make_story(scenelets=("a", "b"), shots=2)
    make_story("another", scenelets=("a",))

    shots = find_shots(story, **filters)

    assert [(shot.scenelet.scenelet_id, shot.shot_index) for shot in shots] == expected


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"scenelet_id": "c"}, "no scenelet c"),
        ({"scenelet_id": "a", "shot_index": 3}, "No shot matches"),
        ({"shot_index": 0}, "No shot matches"),
        ({"scenelet_id": ""}, "no scenelet"),
    ],
)
def test_filters_that_match_nothing_are_refused(filters, words):
    story = make_story(scenelets=("a", "b"), shots=2)

    with pytest.raises(RequestError, match=words):
        find_shots(story, **filters)


# -- queries and rows ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_plan_of_many_shots_takes_no_more_queries(django_assert_num_queries, mode):
    small, large = make_story("small", shots=3), make_story("large", shots=30)
    for story in (small, large):
        for shot in shots_of(story).select_related("scenelet__story")[:2]:
            make_render(shot, State.INTERRUPTED)
            ReferenceChoice.objects.create(
                shot=shot, kind="character", reference_id="ada", choice="left_out"
            )
    with CaptureQueriesContext(connection) as queries:
        plan_shots(small, shots_of(small), mode)

    with django_assert_num_queries(len(queries)):
        plan = plan_shots(large, shots_of(large), mode)

    assert len(plan.rows) == 30


def test_planning_writes_nothing():
    shot = make_shot()

    with CaptureQueriesContext(connection) as queries:
        plan_of(shot, "override")

    assert all(each["sql"].startswith("SELECT") for each in queries)
    assert not VideoRender.objects.exists()


def test_the_documents_of_the_story_stay_as_they_are():
    shot = make_shot()

    plan_of(shot)

    documents = {each.kind: each.document for each in shot.scenelet.story.design_documents.all()}
    assert documents == {"visual": VISUAL, "audio": AUDIO}


def test_another_account_is_another_plan(settings):
    settings.VIDEO_BACKEND = "gemini"
    story = make_story()
    before = plan_shots(story, shots_of(story), "default")

    VideoModel.objects.filter(name=settings.VIDEO_MODEL).update(route="vertex")
    after = plan_shots(story, shots_of(story), "default")

    assert after.cost_usd == before.cost_usd
    assert after.fingerprint != before.fingerprint


# -- what nothing reads, and pictures that are odd -------------------------------------------------


def codes_of(row):
    return [warning.code.value for warning in row.warnings]


def test_what_nothing_reads_in_a_storyboard_is_warned_of_with_its_place():
    payload = {
        "referencedDesigns": {"characters": ["Ada"], "environments": "attic"},
        "audioAndNarrative": [{"type": "dialogue", "source": "ada", "line": "x"}, "narrator: y"],
        "keyFrameImage": "data:image/png;base64,iVBORw0KGgo" + "A" * 12_000,
    }
    row = plan_of(make_shot(payload=payload, key_frames=False), "dry-run")

    assert codes_of(row) == [
        "no_design",
        "not_a_list_of_ids",
        "voice_not_named",
        "not_a_line",
        "embedded_file",
        "over_token_limit",
        "no_reference",
    ]
    place = "storyboard_payload"
    assert [str(warning) for warning in row.warnings[:5]] == [
        f"{place}.referencedDesigns.characters[0]: The shot names character Ada, which has no "
        "design: did you mean ada?",
        f'{place}.referencedDesigns.environments: has to be a list of ids, is "attic": no design, '
        'no picture and no voice is sent for it: did you mean ["attic"]?',
        f"{place}.audioAndNarrative[0].source: “ada” gets no voice, because the shot does not name "
        "it in referencedDesigns.characters: it names Ada.",
        f"{place}.audioAndNarrative[1]: has to be an object with source and line, is "
        '"narrator: y": no voice is sent for it.',
        f"{place}.keyFrameImage: holds a picture as text (12 kB), and the prompt is sent with it: "
        "save it as a file and write its path instead.",
    ]


def test_warnings_change_nothing_of_the_prompt():
    payload = {
        "referenced_designs": {"characters": ["ada"]},
        "referencedDesigns": {"characters": [" ada", 1, "ada"], "environments": {"attic": {}}},
    }
    document = plan_of(make_shot(payload=payload)).prompt.document

    assert document["storyboard_payload"] == payload
    assert [each["character_id"] for each in document["character_designs"]] == ["ada"]
    assert document["environment_designs"] == []


def test_a_picture_in_a_design_that_is_sent_is_named():
    design = {"character_id": "ada", "preview": "data:image/png;base64,iVBORw0KGgo="}
    visual = VISUAL | {"character_designs": [design]}

    (warning,) = [
        each for each in plan_of(make_shot(visual=visual)).warnings if each.code == "embedded_file"
    ]

    assert warning.startswith("character_designs[0].preview: holds a picture as text")


def test_an_odd_picture_is_warned_of_where_it_is_sent():
    shot = make_shot()
    flaws = [{"code": "turned", "params": {"how": "upside down"}}]
    Picture.objects.filter(path=SHEET).update(flaws=flaws)

    (warning,) = [each for each in plan_of(shot).warnings if each.code == "odd_picture"]

    assert warning.startswith("The model sheet of character ada is stored upside down and only ")
    assert RenderWarning.read(warning.stored) == warning


def test_an_odd_picture_that_is_not_sent_is_not_warned_of():
    shot = make_shot()
    flaws = [{"code": "cmyk", "params": {}}]
    Picture.objects.filter(path=SHEET).update(flaws=flaws)
    ReferenceChoice.objects.create(
        shot=shot, kind="character", reference_id="ada", choice="left_out"
    )

    assert "odd_picture" not in codes_of(plan_of(shot))
