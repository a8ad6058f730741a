from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "stopped-command-pays-later",
        "videogen/cli/wait.py",
        "    for render in ours.filter(state=State.QUEUED):",
        "    for render in ours.none():",
        (
            "tests/videogen/management/test_run_task.py::test_what_was_refused_while_the_command_was_stopped_is_not_sent_later",
        ),
        "what a stopped command had queued is paid later",
    ),
    Fault(
        "tomorrow-is-cancelled",
        "videogen/cli/wait.py",
        "if is_over and _wait_for_tomorrow(renders):",
        "if False:",
        (
            "tests/videogen/management/test_run_task.py::test_a_daily_quota_ends_the_wait_with_the_apis_words_and_loses_nothing",
        ),
        "a daily quota cancels the rest of the batch",
    ),
    Fault(
        "open-is-success",
        "videogen/cli/create_shot_videos.py",
        '(summary["blocked"] or missed or left or cancelled)',
        '(summary["blocked"] or missed or cancelled)',
        (
            "tests/videogen/management/test_run_task.py::test_a_daily_quota_ends_the_wait_with_the_apis_words_and_loses_nothing",
        ),
        "exit code 0 although renders still wait",
    ),
    Fault(
        "link-for-many",
        "videogen/cli/create_shot_videos.py",
        "if len(plan.rows) != 1:",
        "if not plan.rows:",
        ("tests/videogen/management/test_run_task.py::test_wrong_usage_queues_nothing",),
        "one link becomes a take of several shots",
    ),
    Fault(
        "living-command-is-robbed",
        "videogen/cli/wait.py",
        "if render.state in _LEFT_BEHIND and gone[render.batch.worked_by]:",
        "if render.state in _LEFT_BEHIND:",
        ("tests/videogen/cli/test_wait.py",),
        "a command cancels what another one works on",
    ),
    Fault(
        "question-that-nobody-sees",
        "videogen/management/commands/run_task.py",
        "return partial(_ask, stream) if stream else _refuse_unseen",
        "return partial(_ask, stream) if stream else None",
        (
            "tests/videogen/management/test_run_task.py::test_a_question_that_nobody_could_see_is_not_answered_by_paying",
        ),
        "in a terminal whose output is piped the command pays without a question",
    ),
    Fault(
        "no-is-yes",
        "videogen/cli/create_shot_videos.py",
        "if request.confirm and not request.confirm(plan):",
        "if request.confirm and request.confirm(plan) is None:",
        ("tests/videogen/management/test_run_task.py::test_a_person_at_a_terminal_is_asked_once",),
        "whoever says no pays all the same",
    ),
]
