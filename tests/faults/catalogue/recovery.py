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
    Fault(
        "taken-back-twice-paid",
        "videogen/recovery/decisions.py",
        "if _later(render.shot_id, render.pk).exists():",
        "if False:",
        (
            "tests/videogen/recovery/test_decisions.py::test_what_something_was_built_on_is_not_taken_back",
        ),
        "a decision is taken back although the shot was paid again since",
    ),
    Fault(
        "rehearsal-is-built-on",
        "videogen/recovery/decisions.py",
        "return renders.exclude(kind=VideoRender.Kind.REHEARSAL)",
        "return renders",
        (
            "tests/videogen/recovery/test_decisions.py::test_what_something_was_built_on_is_not_taken_back",
        ),
        "after a dry run nothing can be taken back",
    ),
    Fault(
        "answer-while-given-up-is-lost",
        "videogen/recovery/decisions.py",
        "            **_late_answer(render),\n",
        "",
        (
            "tests/videogen/recovery/test_decisions.py::test_an_answer_that_came_while_it_was_given_up_is_not_lost",
        ),
        "a paid operation that answered late has no name any more",
    ),
    Fault(
        "given-up-while-it-runs",
        "videogen/recovery/decisions.py",
        "    if render.state not in STUCK:\n        return False\n    decision",
        "    decision",
        (
            "tests/videogen/recovery/test_decisions.py::test_there_is_nothing_to_give_up_where_nothing_waits",
        ),
        "what is under way is given up, and paid again",
    ),
    Fault(
        "link-with-the-key-is-kept",
        "videogen/recovery/decisions.py",
        "    link = _checked_link(link)\n",
        "",
        (
            "tests/videogen/recovery/test_decisions.py::test_what_is_no_link_of_the_web_or_tells_the_key_is_refused",
        ),
        "a link that holds the key is stored",
    ),
]
