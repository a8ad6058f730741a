from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "override-pays-again",
        "videogen/planning/modes.py",
        "Mode.OVERRIDE.value: Decision(Action.SKIP, Reason.RESUME_FIRST)",
        "Mode.OVERRIDE.value: Decision(Action.GENERATE, Reason.NEW_TAKE)",
        (
            "tests/videogen/planning/test_plan.py",
            "tests/videogen/planning/test_shot_status.py",
        ),
        "override pays for a shot whose video is already made",
    ),
    Fault(
        "oldest-cause",
        "videogen/planning/shot_status.py",
        "rank[situation] <= rank[",
        "rank[situation] < rank[",
        (
            "tests/videogen/planning/test_shot_status.py::test_of_renders_of_one_situation_the_newest_causes_it",
        ),
        "not the newest of several interrupted renders is resumed",
    ),
    Fault(
        "simulated-take-is-a-duplicate",
        "videogen/planning/duplicates.py",
        "if backend != SIMULATOR:",
        "if False:",
        ("tests/videogen/planning/test_duplicates.py",),
        "a stand-in clip keeps a real video from being made",
    ),
    Fault(
        "new-render-without-hashes",
        "videogen/planning/enqueue.py",
        "    for name, value in hashes_of(render).items():\n        setattr(render, name, value)\n",
        "",
        (
            "tests/videogen/planning/test_rerun.py",
            "tests/videogen/planning/test_duplicates.py",
        ),
        "no later plan finds that this very request has a take already",
    ),
    Fault(
        "retry-of-what-was-made-since",
        "videogen/planning/batch_actions.py",
        "is_newer = has_take and cause is not None and cause.pk > pk",
        "is_newer = False",
        ("tests/videogen/planning/test_batch_actions.py",),
        "retry pays for a shot that has got its video since",
    ),
    Fault(
        "link-is-charged",
        "videogen/planning/enqueue.py",
        "        price_estimate_usd=Decimal(0),\n",
        "",
        ("tests/videogen/planning/test_enqueue.py",),
        "the download of a given link is booked with the price of a video",
    ),
    Fault(
        "resume-in-any-state",
        "videogen/planning/batch_actions.py",
        "if shot in found and found[shot][0] in interrupted]",
        "if shot in found]",
        ("tests/videogen/planning/test_batch_actions.py",),
        "a shot that goes on by itself is resumed once more",
    ),
    Fault(
        "moved-unseen",
        "videogen/planning/model_switch.py",
        "if move.fingerprint != seen:",
        "if False:",
        (
            "tests/videogen/planning/test_model_switch.py::test_a_price_that_changed_meanwhile_is_seen_first",
        ),
        "renders are moved at another price than the person saw",
    ),
]
