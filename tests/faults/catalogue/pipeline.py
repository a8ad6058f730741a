from __future__ import annotations

from tests.faults.fault import Fault

CLAIMS = "videogen/pipeline/claims.py"
JOURNAL = "videogen/pipeline/journal.py"
ORPHANS = "videogen/pipeline/orphans.py"
PUMP = "videogen/pipeline/pump.py"
RESULTS = "videogen/pipeline/results.py"
CLAIMS_TESTS = "tests/videogen/pipeline/test_claims.py"
PUMP_TESTS = "tests/videogen/pipeline/test_pump.py"
TESTS_OF_THE_JOURNAL = ("tests/videogen/pipeline/test_journal.py",)
TESTS_OF_RESULTS = ("tests/videogen/pipeline/test_results.py",)

FAULTS = [
    # -- claims
    Fault(
        "claim-locks-no-lane",
        CLAIMS,
        "Lane.objects.select_for_update(no_key=True).get(pk=lane.pk)",
        "Lane.objects.get(pk=lane.pk)",
        (CLAIMS_TESTS + "::test_a_claim_waits_for_whoever_pauses_the_lane",),
        "what is being paused is claimed all the same",
        needs_postgres=True,
    ),
    Fault(
        "claim-locks-no-budgets",
        CLAIMS,
        "        lock_budgets()\n",
        "",
        (CLAIMS_TESTS + "::test_a_claim_waits_for_whoever_reserves_money",),
        "two lanes both spend the last dollars",
        needs_postgres=True,
    ),
    Fault(
        "claim-ignores-a-lost-move",
        CLAIMS,
        "    if moved != len(keys):\n",
        "    if False:\n",
        (CLAIMS_TESTS + "::test_a_render_that_is_cancelled_meanwhile_is_not_sent",),
        "a render that was cancelled meanwhile is sent all the same",
        equal="the renders are locked, and read again under the lock; this is a second guard",
    ),
    # -- journal
    Fault(
        "answer-not-synced",
        JOURNAL,
        '        json.dump({"operation_name": operation_name}, file)\n'
        "        file.flush()\n"
        "        os.fsync(file.fileno())\n",
        '        json.dump({"operation_name": operation_name}, file)\n',
        TESTS_OF_THE_JOURNAL,
        "an answer is gone after a power failure",
    ),
    Fault(
        "answer-synced-after-its-name",
        JOURNAL,
        "        file.flush()\n        os.fsync(file.fileno())\n    temporary.replace(final)\n",
        "        file.flush()\n        temporary.replace(final)\n        os.fsync(file.fileno())\n",
        TESTS_OF_THE_JOURNAL,
        "after a power failure a file with an answer's name is empty",
    ),
    Fault(
        "folder-not-synced",
        JOURNAL,
        "    sync(final.parent)\n",
        "",
        TESTS_OF_THE_JOURNAL,
        "an answer's name is gone after a power failure",
    ),
    Fault(
        "room-given-back-by-the-writer",
        JOURNAL,
        '"r+" if temporary.exists() else "w"',
        '"w"',
        TESTS_OF_THE_JOURNAL,
        "on a disk that is full by now the paid answer has no room",
    ),
    Fault(
        "room-not-written",
        JOURNAL,
        'file.write(b" " * _ROOM)',
        "file.truncate(_ROOM)",
        TESTS_OF_THE_JOURNAL,
        "a hole in a file is no room on the disk",
    ),
    Fault(
        "note-stays-when-the-call-leaves",
        JOURNAL,
        "        _unsent(token).unlink(missing_ok=True)\n",
        "",
        TESTS_OF_THE_JOURNAL,
        "a call that left is taken for one that did not, and sent again",
    ),
    # -- pump
    Fault(
        "no-room-reserved",
        PUMP,
        "        journal.reserve(token)\n",
        "",
        (PUMP_TESTS + "::test_an_answer_is_on_disk_before_it_is_in_its_row",),
        "a paid call leaves although its answer may find no room",
    ),
    Fault(
        "room-given-back-too-early",
        PUMP,
        "    try:\n        journal.write_answer(token, operation_name)\n",
        "    journal.give_up(token)\n"
        "    try:\n        journal.write_answer(token, operation_name)\n",
        (PUMP_TESTS + "::test_an_answer_is_on_disk_before_it_is_in_its_row",),
        "the room is gone when the answer needs it",
    ),
    Fault(
        "answer-not-in-the-journal",
        PUMP,
        "        journal.write_answer(token, operation_name)\n",
        "        pass\n",
        (PUMP_TESTS + "::test_an_answer_is_on_disk_before_it_is_in_its_row",),
        "a process that is killed before the commit loses a paid operation",
    ),
    Fault(
        "own-defect-was-not-accepted",
        "videogen/common/errors.py",
        '        code="internal",\n        permanent=False,\n        maybe_accepted=True,\n',
        '        code="internal",\n        permanent=False,\n        maybe_accepted=False,\n',
        (PUMP_TESTS + "::test_a_defect_of_ours_after_the_call_sends_nothing_again",),
        "after a defect of ours the paid call goes again",
    ),
    Fault(
        "locked-database-loses-an-answer",
        PUMP,
        "persistently(lambda: self._settle(submitted))",
        "self._settle(submitted)",
        (PUMP_TESTS + "::test_a_database_that_is_locked_for_a_moment_loses_no_answer",),
        "a database that is locked for a moment breaks the pump off with a paid answer in its hand",
    ),
    Fault(
        "locked-database-loses-polls",
        PUMP,
        "persistently(lambda: self._apply_polls(answered))",
        "self._apply_polls(answered)",
        (PUMP_TESTS + "::test_a_database_that_is_locked_for_a_moment_loses_no_answer",),
        "a database that is locked for a moment breaks the pump off",
    ),
    Fault(
        "polled-twice-at-once",
        PUMP,
        "            .exclude(pk__in=[render.pk for render in self._polls.values()])\n",
        "",
        (PUMP_TESTS + "::test_an_operation_is_not_asked_about_while_the_answer_is_on_its_way",),
        "a render is polled while its poll is under way",
    ),
    Fault(
        "no-savepoint-for-an-answer",
        PUMP,
        "                    with transaction.atomic():\n                        _apply_poll(",
        "                    with suppress():\n                        _apply_poll(",
        (PUMP_TESTS + "::test_an_answer_that_cannot_be_stored_does_not_take_the_others_with_it",),
        "an answer that cannot be stored takes the others with it",
    ),
    Fault(
        "old-claim-sent",
        PUMP,
        "    if age > timedelta(seconds=settings.VIDEO_SUBMIT_TIMEOUT_SECONDS):",
        "    if False:",
        (PUMP_TESTS + "::test_a_process_that_stood_still_sends_no_old_claim",),
        "a process that stood still sends what another host gave up and a person had sent again",
    ),
    # -- orphans
    Fault(
        "journal-read-too-early",
        ORPHANS,
        """    settle([each for each in claimed if _is_orphaned(each, mine)], mine)


def settle(gone: Collection[Submission], mine: Collection[UUID] = ()) -> None:
    \"\"\"Settle these submissions, whose processes are lost, by the journal: those with an answer
    were accepted, those that had not left are queued again, and all others become unknown. Answers
    of this journal to others are stored, too.

    mine: the submissions whose answers the caller waits for itself.
    \"\"\"
    dead = {each.token for each in gone if _has_ended(each.owner)}
    # The journal is read after the owners were found dead: an answer that is not there now will
    # never be, and a call that had not left never will.
    not_left = journal.unsent() & dead
    kept = apply_kept_answers(mine)
""",
        """    kept = apply_kept_answers(mine)
    settle([each for each in claimed if _is_orphaned(each, mine)], mine, kept)


def settle(gone: Collection[Submission], mine: Collection[UUID] = (), kept=()) -> None:
    \"\"\"Settle these submissions, whose processes are lost, by the journal: those with an answer
    were accepted, those that had not left are queued again, and all others become unknown. Answers
    of this journal to others are stored, too.

    mine: the submissions whose answers the caller waits for itself.
    \"\"\"
    dead = {each.token for each in gone if _has_ended(each.owner)}
    # The journal is read after the owners were found dead: an answer that is not there now will
    # never be, and a call that had not left never will.
    not_left = journal.unsent() & dead
""",
        (PUMP_TESTS + "::test_the_last_word_of_a_dying_pump_is_heard",),
        "the answer that a process wrote just before its end is taken for none",
    ),
    Fault(
        "unstorable-answer-given-up",
        ORPHANS,
        "        if submission.token not in kept:\n",
        "        if True:\n",
        (PUMP_TESTS + "::test_an_answer_that_no_row_takes_is_kept_and_not_given_up",),
        "an answer that is in the journal is given up as unknown",
    ),
    Fault(
        "call-that-ends-its-process-made-for-ever",
        RESULTS,
        "            if times <= MAX_REFUSALS:",
        "            if True:",
        (
            PUMP_TESTS
            + "::test_what_always_ends_its_process_before_it_is_sent_does_not_hold_up_the_others",
        ),
        "one request that ends its process keeps the whole queue from being sent",
    ),
    Fault(
        "note-of-a-living-process-believed",
        ORPHANS,
        "not_left = journal.unsent() & dead",
        "not_left = journal.unsent()",
        (PUMP_TESTS + "::test_what_may_still_leave_or_may_have_left_is_not_sent_again",),
        "a silent process sends what another one sends for it",
    ),
    Fault(
        "copy-of-a-note-believed",
        "videogen/pipeline/journal.py",
        "return {token for token in notes() if _is_original(_unsent(token))}",
        "return notes()",
        ("tests/videogen/pipeline/test_journal.py::test_a_copy_of_a_note_says_nothing",),
        "a note from a backup sends a call again that has left",
    ),
    Fault(
        "note-believed-after-a-power-failure",
        ORPHANS,
        "return is_provably_gone(owner) and is_of_this_boot(owner)",
        "return is_provably_gone(owner)",
        (PUMP_TESTS + "::test_what_may_still_leave_or_may_have_left_is_not_sent_again",),
        "a note whose removal was lost with the power sends a call again",
    ),
    # -- results
    Fault(
        "polls-wait-for-days",
        RESULTS,
        "    wait = min(wait, longest)\n",
        "",
        TESTS_OF_RESULTS,
        "a Retry-After postpones polls until the clip is gone",
    ),
    Fault(
        "replayed-answer-moves-in-the-windows",
        RESULTS,
        'answered_at=Coalesce("answered_at", now)',
        "answered_at=now",
        TESTS_OF_RESULTS,
        "an answer that is read again makes an old submission a new one for the quota",
    ),
    Fault(
        "refused-for-ever",
        "videogen/pipeline/results.py",
        "not api_error.permanent and render.refusals < MAX_REFUSALS",
        "not api_error.permanent",
        (
            "tests/videogen/pipeline/test_pump.py::test_a_refused_connection_is_tried_again_with_growing_waits_and_then_told",
        ),
        "what is refused in passing never fails",
    ),
    Fault(
        "late-answer-reopens",
        "videogen/pipeline/results.py",
        "in locked if outcome != Outcome.NOT_CHARGED\n",
        "in locked\n",
        (
            "tests/videogen/pipeline/test_audio_retries.py",
            "tests/videogen/pipeline/test_results.py",
        ),
        "an answer that is read again books what was blocked as paid",
    ),
    Fault(
        "eight-at-once-meet-the-wrong-key",
        "videogen/pipeline/pump.py",
        "idle = 0 if waits else 1 if not self._submits else idle",
        "pass",
        (
            "tests/videogen/pipeline/test_pump.py::test_what_no_other_submission_survives_is_met_once_and_stops_the_queue",
        ),
        "a wrong key fails eight shots",
    ),
    Fault(
        "no-deadline",
        "videogen/pipeline/results.py",
        "    if not _is_late(render, now):\n        return False\n",
        "    if True:\n        return False\n",
        ("tests/videogen/pipeline/test_pump.py::test_the_deadline_interrupts_and_resume_goes_on",),
        "an operation that never ends is polled for ever",
    ),
    Fault(
        "audio-block-is-sent-again",
        "videogen/pipeline/results.py",
        "if not settings.VIDEO_RETRY_AUDIO_BLOCK or not is_audio_block(reasons, codes):",
        "if not is_audio_block(reasons, codes):",
        ("tests/videogen/pipeline/test_audio_retries.py",),
        "a blocked render is sent again although nobody allowed it",
    ),
    Fault(
        "orphans-too-early",
        "videogen/pipeline/orphans.py",
        "seconds=2 * settings",
        "seconds=settings",
        (
            "tests/videogen/pipeline/test_pump.py::test_a_submission_is_given_up_when_its_owner_is_gone_or_silent",
        ),
        "a call that may still be answered is given up",
    ),
    Fault(
        "any-404-is-believed",
        "videogen/pipeline/results.py",
        "failures >= MAX_POLL_REFUSALS",
        "failures >= 1",
        (
            "tests/videogen/pipeline/test_pump.py::test_an_operation_that_is_forgotten_once_is_asked_for_again",
        ),
        "an operation is given up at its first 404",
    ),
    Fault(
        "settled-twice",
        "videogen/pipeline/results.py",
        "Submission.objects.filter(pk=submission.pk, outcome=Outcome.CLAIMED)",
        "Submission.objects.filter(pk=submission.pk)",
        ("tests/videogen/pipeline/test_results.py",),
        "a late error undoes what the journal had settled",
    ),
    Fault(
        "refusals-with-gaps",
        "videogen/pipeline/results.py",
        "render.poll_failures + 1 if render.error_code == error.code else 1",
        "render.poll_failures + 1",
        ("tests/videogen/pipeline/test_results.py",),
        "two lost connections and a 404 give an operation up",
    ),
    Fault(
        "journal-emptied-first",
        "videogen/pipeline/results.py",
        (
            "    now = timezone.now()\n"
            "    with transaction.atomic():\n"
            '        submissions = list(Submission.objects.select_related("lane")'
        ),
        (
            "    now = timezone.now()\n"
            "    for token in answers:\n"
            "        journal.remove_answer(token)\n"
            "    with transaction.atomic():\n"
            '        submissions = list(Submission.objects.select_related("lane")'
        ),
        ("tests/videogen/pipeline/test_results.py",),
        "an answer leaves the disk before its row has it",
    ),
    Fault(
        "ending-settles-all",
        "videogen/pipeline/results.py",
        "submissions.filter(outcome=Outcome.ACCEPTED).update(outcome=Outcome.NOT_CHARGED)",
        "submissions.update(outcome=Outcome.NOT_CHARGED)",
        ("tests/videogen/pipeline/test_results.py",),
        "what was refused is booked as accepted",
    ),
]
