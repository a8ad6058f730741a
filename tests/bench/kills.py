"""kill -9 of the cluster's process group at random moments during a batch of 8 shots."""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from pathlib import Path

from tests.support.installations import Installation, wait_until, write_story

from .measure import Figure

ROUNDS = 20
SHOTS = 8


def measure(folder: Path) -> list[Figure]:
    installation = Installation(folder / "installation", VIDEO_SUBMIT_TIMEOUT_SECONDS="5")
    installation.manage("migrate")
    installation.start_simulator("--latency=2", "--latency-jitter=1")
    chance = random.Random(1)
    totals: Counter[str] = Counter()
    moments = []
    try:
        for number in range(ROUNDS):
            # Half of the kills fall into the first second, where the money is.
            moment = chance.uniform(0.2, 1.5) if number % 2 else chance.uniform(0.2, 6)
            moments.append(moment)
            totals += _one_round(installation, folder, f"story-{number}", moment)
    finally:
        installation.close()
    how = (
        f"{ROUNDS} kills of a batch of {SHOTS}, {totals['accepted']} operations accepted, "
        f"{totals['done']} downloaded, {totals['unknown']} flagged unknown, "
        f"{totals['before']} renders done before their kill"
    )
    return [
        Figure("operations submitted twice", totals["twice"], 0, "", how),
        Figure("accepted clips lost", totals["lost"], 0, "", "neither downloaded nor unknown"),
        Figure("renders left open", totals["open"], 0, "", "after the second cluster"),
    ]


def _one_round(installation: Installation, folder: Path, story: str, moment: float) -> Counter[str]:
    """One batch with one kill; what the simulator accepted against what the rows say."""
    installation.manage("import_story", str(write_story(folder, story, SHOTS)))
    known = installation.accepted()
    cluster = installation.start("work")
    installation.run_task(story, "--no-wait")
    time.sleep(moment)
    installation.kill(cluster)
    before = _states(installation, story)["done"]
    second = installation.start("work")
    ended = {"done", "unknown"}
    wait_until(lambda: set(_states(installation, story)) <= ended, 60, f"({story})")
    installation.kill(second)

    states = _states(installation, story)
    accepted = installation.accepted() - known
    rows = installation.query(
        "SELECT r.operation_name, r.state, r.prompt_text FROM videogen_videorender r"
        " JOIN videogen_renderbatch b ON b.id = r.batch_id"
        " JOIN storybook_story s ON s.id = b.story_id WHERE s.story_id = ?",
        story,
    )
    done = {name for name, state, _ in rows if state == "done"}
    waits_for_a_person = {
        hashlib.sha256(prompt.encode()).hexdigest()
        for _, state, prompt in rows
        if state == "unknown"
    }
    operations = {
        each["operation"]: each["prompt_sha256"]
        for each in installation.simulator_log()["submissions"]
        if each.get("operation") and each["prompt_sha256"] in accepted
    }
    # An operation whose name no row has is covered where that very shot waits for a person.
    lost = [
        name
        for name, prompt in operations.items()
        if name not in done and prompt not in waits_for_a_person
    ]
    return Counter(
        accepted=len(operations),
        twice=sum(count > 1 for count in accepted.values()),
        lost=len(lost),
        done=states["done"],
        unknown=states["unknown"],
        before=before,
        open=sum(count for state, count in states.items() if state not in ended),
    )


def _states(installation: Installation, story: str) -> Counter[str]:
    rows = installation.query(
        "SELECT r.state FROM videogen_videorender r JOIN videogen_renderbatch b"
        " ON b.id = r.batch_id JOIN storybook_story s ON s.id = b.story_id WHERE s.story_id = ?",
        story,
    )
    return Counter(state for (state,) in rows)
