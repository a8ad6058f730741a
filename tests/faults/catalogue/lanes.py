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
]
