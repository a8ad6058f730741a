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
    Fault(
        "fingerprint-without-price",
        "videogen/planning/plan.py",
        '            "price": str(self.request.price_usd),\n',
        "",
        ("tests/videogen/planning/test_drafts.py::test_the_fingerprint_changes_with_the_price",),
        "a plan is confirmed at another price than the person saw",
    ),
    Fault(
        "fingerprint-without-repeats",
        "videogen/planning/plan.py",
        "                row.same.pk if row.same else None,\n",
        "",
        (
            "tests/videogen/planning/test_drafts.py::test_the_fingerprint_changes_with_a_repeat_that_turns_up",
        ),
        "what has become a repeat since is paid for again",
    ),
    Fault(
        "fingerprint-without-order",
        "videogen/planning/plan.py",
        "[[pick.kind, pick.id, pick.sha256] for pick in row.selection.picks],",
        "sorted([pick.kind, pick.id, pick.sha256] for pick in row.selection.picks),",
        (
            "tests/videogen/planning/test_drafts.py::test_the_fingerprint_changes_with_the_order_of_the_references",
        ),
        "the references are sent in another order than the person saw",
    ),
    Fault(
        "fingerprint-without-the-wish",
        "videogen/planning/plan.py",
        "options = [self.mode, str(self.over_budget), self.takes_per_shot]",
        "options = [self.mode, self.takes_per_shot]",
        (
            "tests/videogen/planning/test_drafts.py::test_the_fingerprint_changes_with_the_wish_for_a_batch_over_the_budget",
        ),
        "all or nothing becomes as many as fit between look and click",
    ),
    Fault(
        "confirmed-unseen",
        "videogen/planning/drafts.py",
        "if plan.fingerprint != seen:",
        "if False:",
        (
            "tests/videogen/planning/test_drafts.py::test_another_plan_than_the_one_seen_is_not_queued",
        ),
        "another plan than the one that the person saw is queued",
    ),
    Fault(
        "confirmed-twice",
        "videogen/planning/drafts.py",
        "        if not _drafts().filter(pk=batch.pk)"
        ".update(status=Status.CONFIRMED, number=number):\n"
        "            raise _already_confirmed()\n"
        "        confirmed =",
        "        RenderBatch.objects.filter(pk=batch.pk)"
        ".update(status=Status.CONFIRMED, number=number)\n"
        "        confirmed =",
        ("tests/videogen/planning/test_drafts.py::test_second_click_queues_nothing",),
        "a second click queues the plan again",
    ),
    Fault(
        "queued-at-the-old-price",
        "videogen/planning/plan.py",
        "if (now and now.usd) != request.price_usd:",
        "if False:",
        (
            "tests/videogen/planning/test_enqueue.py::test_a_price_that_is_another_one_than_planned_queues_nothing",
        ),
        "a price that was raised since the plan is booked as the old one",
    ),
    Fault(
        "gone-shots-are-paid",
        "videogen/planning/plan.py",
        "is_gone = shot.gone_since is not None and not are_named",
        "is_gone = False",
        ("tests/videogen/planning/test_gone_shots.py",),
        "shots that the bundle has no longer are planned and paid",
    ),
    Fault(
        "cancelled-although-sent",
        "videogen/planning/batch_actions.py",
        "_cancel(VideoRender.objects.filter(pk=render.pk, state=State.QUEUED), user)",
        "_cancel(VideoRender.objects.filter(pk=render.pk), user)",
        ("tests/videogen/views/batch/test_page.py",),
        "a render that was sent counts as cancelled, and its clip is lost",
    ),
    Fault(
        "promoted-twice",
        "videogen/planning/drafts.py",
        "skips_repeats=promotes,",
        "skips_repeats=False,",
        ("tests/videogen/planning/test_promotions.py",),
        "a draft that has its final take is promoted and paid again",
    ),
    Fault(
        "any-approved-take-is-promoted-over",
        "videogen/planning/promotions.py",
        "is_own_lock = row.situation == Situation.APPROVED and row.cause == take",
        "is_own_lock = row.situation == Situation.APPROVED",
        ("tests/videogen/planning/test_promotions.py",),
        "a locked shot is paid for once more",
    ),
    Fault(
        "any-newer-take-replaces-an-approved-one",
        "videogen/planning/promotions.py",
        "take.copy_of_id == approved.pk",
        "bool(approved.pk)",
        ("tests/videogen/views/review/test_bulk.py",),
        "approving many takes replaces approved ones that nobody looked at beside them",
    ),
]
