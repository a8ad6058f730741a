from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "given-up-never",
        "videogen/notifications/deliver.py",
        "if notice.attempts >= MAX_ATTEMPTS or all(",
        "if all(",
        ("tests/videogen/notifications/test_deliver.py",),
        "a notice is tried for ever",
    ),
    Fault(
        "two-send-one-notice",
        "videogen/notifications/deliver.py",
        "seen = _rows_of(notice).filter(next_attempt_at=notice.next_attempt_at)",
        "seen = _rows_of(notice)",
        ("tests/videogen/notifications/test_deliver.py",),
        "two processes send the same notice",
    ),
    Fault(
        "news-of-a-running-batch",
        "videogen/notifications/detect.py",
        "if states and not OPEN & states.keys():",
        "if states:",
        ("tests/videogen/notifications/test_detect.py",),
        "a batch that resumes something is told as ended while it runs",
    ),
    Fault(
        "lower-level-after-higher",
        "videogen/notifications/detect.py",
        "if all(key in keys for keys in untold[: place + 1]):",
        "if key in untold[place]:",
        ("tests/videogen/notifications/test_detect.py",),
        "after 100 % a budget is told at 80 %",
    ),
    Fault(
        "pause-of-a-person-is-news",
        "videogen/notifications/detect.py",
        "Lane.objects.exclude(paused_at=None).exclude(pause_code=BY_PERSON)",
        "Lane.objects.exclude(paused_at=None)",
        ("tests/videogen/notifications/test_detect.py",),
        "everybody gets mail because somebody paused the queue",
    ),
    Fault(
        "password-in-an-error",
        "videogen/notifications/deliver.py",
        '        words = words.replace(secret, "[password]")',
        "        pass",
        ("tests/videogen/notifications/test_deliver.py",),
        "the mail server's answer shows its password",
    ),
]
