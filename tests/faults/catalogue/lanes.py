from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "old-acceptance-ends-the-wait",
        "videogen/lanes/pauses.py",
        "pk=submission.lane_id, quota_refusals__gt=0, not_before__lte=submission.claimed_at",
        "pk=submission.lane_id, quota_refusals__gt=0",
        ("tests/videogen/pipeline/test_results.py", "tests/videogen/lanes/test_pauses.py"),
        "what was accepted before the refusal ends the wait for quota",
    ),
    Fault(
        "refusal-fills-the-window",
        "videogen/lanes/quota.py",
        "if at > window and outcome != Outcome.REJECTED",
        "if at > window",
        (
            "tests/videogen/lanes/test_quota.py::test_only_what_was_surely_not_accepted_spends_nothing",
        ),
        "what was refused uses up the spend window",
    ),
    Fault(
        "unanswered-leaves-the-window",
        "videogen/lanes/quota.py",
        "answered or min(now, claimed + _time_out())",
        "answered or claimed",
        ("tests/videogen/lanes/test_quota.py::test_no_more_dollars_than_the_account_lets_through",),
        "a submission under way leaves the window too early",
    ),
    Fault(
        "click-lifts-a-persons-pause",
        "videogen/lanes/pauses.py",
        ".exclude(pause_code=BY_PERSON).update(**_NOT_PAUSED)",
        ".update(**_NOT_PAUSED)",
        (
            "tests/videogen/lanes/test_pauses.py",
            "tests/videogen/planning/test_enqueue.py",
        ),
        "whoever generates something lifts the pause of somebody else",
    ),
    Fault(
        "waits-do-not-grow",
        "videogen/lanes/pauses.py",
        "first * 2 ** min(failures - 1, 20)",
        "first",
        (
            "tests/videogen/pipeline/test_pump.py::test_a_refused_connection_is_tried_again_with_growing_waits_and_then_told",
        ),
        "an API that is away is asked every second",
    ),
    Fault(
        "burst-counts-many",
        "videogen/lanes/pauses.py",
        "lane.quota_refusals + (not is_same_burst)",
        "lane.quota_refusals + 1",
        ("tests/videogen/lanes/test_pauses.py",),
        "eight refusals at once make the wait 128 times as long",
    ),
    Fault(
        "two-get-a-dead-ones-lease",
        "videogen/lanes/leases.py",
        "bool(lanes.filter(lease_owner=holder).update(**values))",
        "bool(lanes.update(**values))",
        ("tests/videogen/lanes/test_leases.py::test_of_two_who_find_the_holder_dead_one_gets_it",),
        "of two who find the holder dead both get the lane",
    ),
    Fault(
        "lease-of-the-living",
        "videogen/lanes/leases.py",
        "return is_provably_gone(holder) and bool(",
        "return bool(",
        ("tests/videogen/lanes/test_leases.py::test_a_lease_is_taken_unless_its_holder_may_live",),
        "a lane is taken from a process that works it",
    ),
    Fault(
        "lease-of-a-successor-is-given-back",
        "videogen/lanes/leases.py",
        "Lane.objects.filter(pk=lane.pk, lease_owner=owner).update(lease_owner",
        "Lane.objects.filter(pk=lane.pk).update(lease_owner",
        ("tests/videogen/lanes/test_leases.py",),
        "whoever lost the lease gives away that of the next one",
    ),
    Fault(
        "lease-without-an-end",
        "videogen/lanes/leases.py",
        " | Q(lease_expires_at__lt=now)\n",
        "\n",
        ("tests/videogen/lanes/test_leases.py::test_a_lease_is_taken_unless_its_holder_may_live",),
        "a lane whose holder is on another host and gone is never worked again",
    ),
]
