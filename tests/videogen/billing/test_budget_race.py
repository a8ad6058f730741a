"""Two processes race for the last dollars, on SQLite and on PostgreSQL: they cannot both win. And
for the same locks: both get them."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.support.installations import ROOT, Installation
from tests.support.servers import postgres_database

ROUNDS = 4
CLICKS = 25
CONFIRMED = 5


class Competitor:
    def __init__(self, installation):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.race"],
            cwd=ROOT,
            env=installation.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, *command):
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def answer(self):
        return json.loads(self._process.stdout.readline())

    def has_answered(self, within):
        return bool(select.select([self._process.stdout], [], [], within)[0])

    def ask(self, *command):
        self.tell(*command)
        return self.answer()

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def race(request, tmp_path_factory, migrated_database):
    """race(first, second): the answers to two commands that are given at the same moment."""
    environment = {"VIDEO_BACKEND": "gemini", "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9"}
    with ExitStack() as stack:
        if request.param == "postgresql":
            environment["DATABASE_URL"] = stack.enter_context(postgres_database("videogen_race"))
        installation = Installation(tmp_path_factory.mktemp("race"), **environment)
        if request.param == "postgresql":
            installation.manage("migrate")
        else:
            installation.begin_with(migrated_database)
        competitors = [Competitor(installation) for _ in range(2)]
        for each in competitors:
            stack.callback(each.close)
        yield Race(*competitors)


class Race:
    def __init__(self, first, second):
        self.first, self.second = first, second
        self.stories = 0

    def prepare(self, command, *arguments):
        """For both competitors, of a new story each; its id."""
        self.stories += 1
        self.first.ask(command, f"story-{self.stories}", *arguments)
        return f"story-{self.stories}"

    def prepare_draft(self, shots, takes):
        """The key of a draft of a new story."""
        self.stories += 1
        return self.first.ask("draft", f"story-{self.stories}", shots, takes)

    def run(self, first, second):
        self.first.tell(*first)
        self.second.tell(*second)
        return self.first.answer(), self.second.answer()


@pytest.mark.parametrize(("over_budget", "queued"), [("fit", [1, 2]), ("none", [0, 2])])
def test_two_batches_of_different_stories_share_what_is_left(race, over_budget, queued):
    """Both plans have room for two videos each; the budget has room for three."""
    for _ in range(ROUNDS):
        stories = [race.prepare("make", 2), race.prepare("make", 2)]
        race.first.ask("allow", "9.60")
        plans = [
            competitor.ask("plan", story, over_budget)
            for competitor, story in zip((race.first, race.second), stories, strict=True)
        ]
        assert plans == [{"generate": 2}, {"generate": 2}]

        assert sorted(race.run(["queue"], ["queue"])) == queued


def test_a_batch_and_the_very_same_request_once_more_share_what_is_left(race):
    for _ in range(ROUNDS):
        planned, once_more = race.prepare("make", 1), race.prepare("make", 1)
        race.first.ask("allow", "3.20")
        assert race.first.ask("plan", planned, "fit") == {"generate": 1}

        assert sorted(race.run(["queue"], ["exactly", once_more])) == [0, 1]


def test_two_lanes_share_what_a_lowered_budget_leaves(race):
    for _ in range(ROUNDS):
        race.prepare("wait", "here")
        race.prepare("wait", "there")
        race.first.ask("allow", "3.20", False)

        assert sorted(race.run(["claim", "here"], ["claim", "there"])) == [0, 1]


# -- locks: story, budgets, lane, renders, standings -----------------------------------------------


def test_a_claim_does_not_wait_for_who_queues_for_the_same_story(race):
    """Who queues holds the story and waits for the budgets, which the claim holds: a claim that
    wants the story too, for its shots' standings, is a deadlock."""
    story = race.prepare("wait_beside", "crowded")
    race.first.ask("allow", "999")
    assert race.first.ask("plan", story, "fit") == {"generate": 1, "skip": 1}
    race.first.ask("hold", story)

    race.second.tell("claim", "crowded")
    # SQLite has one lock for all: there it answers when the first has ended.
    race.second.has_answered(within=3)

    assert race.first.ask("queue_held") == 1
    assert race.second.answer() == 1


def test_queueing_and_claims_of_one_story_both_get_through(race):
    for number in range(ROUNDS):
        story = race.prepare("wait_beside", f"busy-{number}")
        race.first.ask("allow", "999")
        assert race.first.ask("plan", story, "fit") == {"generate": 1, "skip": 1}

        assert race.run(["queue"], ["claim", f"busy-{number}"]) == (1, 1)


def test_of_two_who_move_the_same_renders_one_wins(race):
    for _ in range(ROUNDS):
        lane = race.prepare("wait_all", 3)
        race.first.ask("look", lane, "veo-3.1-fast-generate-preview")
        race.second.ask("look", lane, "veo-3.1-lite-generate-preview")

        assert sorted(race.run(["move"], ["move"])) == [0, 3]


def test_what_is_moved_and_claimed_at_once_is_moved_whole_or_not_at_all(race):
    for _ in range(ROUNDS):
        lane = race.prepare("wait_all", 3)
        race.first.ask("look", lane, "veo-3.1-fast-generate-preview")

        # The lane of the new model is another one: whoever comes first has all of them.
        assert sorted(race.run(["move"], ["claim", lane])) == [0, 3]


def test_one_click_on_cancel_the_rest_while_they_are_claimed(race):
    """Each render is either cancelled or claimed, and neither of the two fails."""
    race.first.ask("allow", "9999")
    wrong = []
    for number in range(CLICKS):
        lane = f"clicked-{number}"
        batch = race.first.ask("wait_in_batch", lane, 8)

        (status, cancelled), claimed = race.run(["cancel_rest", batch], ["claim", lane])

        if status != 302 or cancelled + claimed != 8:
            wrong.append((status, cancelled, claimed))

    assert wrong == []


def test_each_render_that_is_cancelled_alone_while_it_is_claimed(race):
    """It is either cancelled or claimed, and never both or neither."""
    race.first.ask("allow", "9999")
    wrong = []
    for number in range(CLICKS):
        lane = f"alone-{number}"
        batch = race.first.ask("wait_in_batch", lane, 4)

        cancelled, claimed = race.run(["cancel_each", batch], ["claim", lane])

        if cancelled + claimed != 4:
            wrong.append((cancelled, claimed))

    assert wrong == []


# -- confirming ------------------------------------------------------------------------------------


def test_of_twenty_clicks_at_once_one_queues_and_each_slot_once(race):
    race.first.ask("allow", "9999")
    for _ in range(CONFIRMED):
        draft = race.prepare_draft(3, 4)

        clicks = race.run(["confirm", draft, 10], ["confirm", draft, 10])

        assert sum(clicks) == 1
        assert race.first.ask("made", draft) == [[slot, 3] for slot in (1, 2, 3, 4)]


def test_batches_that_are_confirmed_at_once_have_numbers_without_holes(race):
    race.first.ask("allow", "9999")
    for _ in range(CONFIRMED):
        drafts = [race.prepare_draft(1, 1) for _ in range(2)]

        race.run(*(["confirm", draft, 1] for draft in drafts))

    numbers = race.first.ask("numbers")
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
