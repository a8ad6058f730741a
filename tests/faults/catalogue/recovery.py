from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "asking-submits",
        "videogen/recovery/reconcile.py",
        "apply_poll(render, answer, may_submit=False)",
        "apply_poll(render, answer)",
        (
            "tests/videogen/recovery/test_reconcile.py::test_what_may_be_sent_again_is_not_sent_again_by_asking",
        ),
        "asking about a render sends it again",
    ),
    Fault(
        "resumed-stays-unknown",
        "videogen/recovery/reconcile.py",
        "                render.submissions.settle_unknown()\n",
        "",
        (
            "tests/videogen/recovery/test_reconcile.py::test_a_forgotten_operation_that_is_known_after_all_is_paid_for",
        ),
        "a render goes on, and its charge stays unknown for ever",
    ),
    Fault(
        "any-time-fits",
        "videogen/recovery/candidates.py",
        "return candidate.made_at is None or start <= candidate.made_at <= end",
        "return True",
        ("tests/videogen/recovery/test_reconcile.py",),
        "a video of yesterday is taken for today's lost answer",
    ),
    Fault(
        "answered-submission-makes-more",
        "videogen/recovery/candidates.py",
        "elif self.has_operation or _is",
        "elif _is",
        ("tests/videogen/recovery/test_reconcile.py",),
        "a submission whose operation is known is offered another one",
    ),
    Fault(
        "settled-tokens-are-looked-for",
        "videogen/recovery/own_bucket.py",
        "render__in=renders, outcome=Outcome.UNKNOWN)",
        "render__in=renders)",
        (
            "tests/videogen/recovery/test_reconcile.py",
            "tests/videogen/pipeline/test_vertex.py",
        ),
        "the bucket is asked for the token of a refused submission",
        equal="the last submission of a render with an unknown outcome is the one that is unknown",
    ),
    Fault(
        "urgent-last",
        "videogen/recovery/unresolved.py",
        "key=lambda each: (each.clip_expires_at, each.pk))",
        "key=lambda each: each.pk)",
        ("tests/videogen/recovery/test_unresolved.py",),
        "the clip that expires first is not fetched first",
    ),
    Fault(
        "part-of-another-link",
        "videogen/recovery/decisions.py",
        "                set_aside(render.pk, is_given=was_given)\n",
        "",
        ("tests/videogen/recovery/test_decisions.py",),
        "the rest of another video is appended to what was there",
    ),
    Fault(
        "refused-link-again",
        "videogen/recovery/redownload.py",
        "if is_refused_for_good(render.error_code) or expires <= failed_at:",
        "if expires <= failed_at:",
        ("tests/videogen/recovery/test_redownload.py",),
        "a link that was refused for good is asked for two days",
    ),
    Fault(
        "candidate-of-another-render",
        "videogen/recovery/candidates.py",
        ("    if _is_known_elsewhere(candidate, render):\n        raise _NotTaken\n"),
        "",
        ("tests/videogen/recovery/test_reconcile.py",),
        "a video that a late answer gave to another render is taken for this one",
    ),
    Fault(
        "two-take-one-candidate",
        "videogen/recovery/candidates.py",
        "    if not rows.update(status=Status.TAKEN, render=render):\n        raise _NotTaken\n",
        "    rows.update(status=Status.TAKEN, render=render)\n",
        ("tests/videogen/recovery/test_reconcile.py",),
        "one video becomes the answer of two renders",
    ),
]
