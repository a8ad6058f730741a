from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "simulator-elsewhere",
        "videogen/ops/checks.py",
        'if settings.VIDEO_BACKEND == "simulator" and parts.hostname not in LOOPBACK:',
        "if False:",
        ("tests/videogen/ops/test_checks.py",),
        "real charges are booked as the simulator's",
    ),
    Fault(
        "queue-kills-a-paid-call",
        "videogen/ops/checks.py",
        'if queue["timeout"] <= SLICE_SECONDS + settings.VIDEO_SUBMIT_TIMEOUT_SECONDS:',
        "if False:",
        ("tests/videogen/ops/test_checks.py",),
        "nobody is told that the queue kills a task in a paid call",
    ),
    Fault(
        "silent-watchdog",
        "videogen/ops/watchdog.py",
        "        if pump_is_silent and renders.filter(due).exists():",
        "        if False:",
        ("tests/videogen/lanes/test_quota.py::test_waiting_for_quota_is_no_stalled_cluster",),
        "a cluster that stands still is never restarted",
    ),
    Fault(
        "lost-host-wakes-nobody",
        "videogen/ops/watchdog.py",
        "    if downloads.exists():\n        wake_downloads(1)\n",
        "",
        ("tests/videogen/ops/test_watchdog.py",),
        "what a lost host downloaded waits for the next sweep",
    ),
    Fault(
        "tasks-of-a-dead-cluster-are-a-stall",
        "videogen/ops/watchdog.py",
        "taken = taken.filter(lock__gt=since + retry)",
        "pass",
        (
            "tests/videogen/ops/test_watchdog.py::test_what_a_cluster_before_had_taken_is_no_stall_of_the_next_one",
        ),
        "after some restarts every cluster is ended half a minute after it began",
    ),
    Fault(
        "paused-lane-is-a-stall",
        "videogen/ops/watchdog.py",
        "if not lane.paused_at and _has_room(lane, past):",
        "if _has_room(lane, past):",
        ("tests/videogen/ops/test_watchdog.py",),
        "a paused queue restarts the cluster every half minute",
    ),
    Fault(
        "pid-of-another-process",
        "videogen/common/processes.py",
        "return not same or process.status() == psutil.STATUS_ZOMBIE",
        "return process.status() == psutil.STATUS_ZOMBIE",
        ("tests/videogen/common/test_processes.py",),
        "a process that got the number of a dead one keeps its lease for ever",
    ),
    Fault(
        "another-process-is-the-cluster",
        "videogen/common/task_queue.py",
        "was_running(stat.sentinel, timezone.now() - stat.timestamp)",
        "was_running(stat.sentinel, timezone.now() - timezone.now())",
        (
            "tests/videogen/common/test_task_queue.py::test_another_process_with_the_id_of_a_cluster_is_no_cluster",
        ),
        "a process that got the id of a dead cluster passes for it, and nobody works",
    ),
    Fault(
        "broker-away-in-silence",
        "videogen/views/components/queue_notice.py",
        "if send_time and (broken := broker_problem()):",
        "if send_time and (broken := False):",
        ("tests/videogen/common/test_task_queue.py::test_whoever_looks_at_what_waits_is_told",),
        "whoever waits for a queue is not told that the broker is away",
    ),
]
