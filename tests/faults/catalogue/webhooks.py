from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "old-event",
        "videogen/webhooks/signatures.py",
        "if abs(time.time() - int(text)) > TOLERANCE:",
        "if False:",
        ("tests/videogen/webhooks/test_signatures.py",),
        "a recorded event is taken again",
    ),
    Fault(
        "body-differs-from-what-was-signed",
        "videogen/webhooks/signatures.py",
        "if read_event(parse_object(body)).contradicts(signed):",
        "if False:",
        ("tests/videogen/webhooks/test_signatures.py",),
        "a changed body is believed",
    ),
    Fault(
        "event-for-another-address",
        "videogen/webhooks/signatures.py",
        "    _check_address(claims)\n",
        "",
        ("tests/videogen/webhooks/test_signatures.py",),
        "an event for another installation is taken",
    ),
    Fault(
        "event-settles-while-the-answer-is-awaited",
        "videogen/webhooks/handlers.py",
        "    if render.state == State.SUBMITTING:\n",
        "    if False:\n",
        ("tests/videogen/webhooks/test_handlers.py",),
        "an event takes the place of an answer that still comes",
        equal="only a render whose outcome is unknown takes a candidate; this saves the attempt",
    ),
    Fault(
        "event-with-any-link",
        "videogen/webhooks/handlers.py",
        'event.file_uri if is_allowed_host(read_link(event.file_uri).host) else ""',
        "event.file_uri",
        ("tests/videogen/webhooks/test_handlers.py",),
        "an event brings a link that a poll would refuse",
    ),
    Fault(
        "keys-asked-all-the-time",
        "videogen/webhooks/signatures.py",
        "return self.asked_at is None or time.monotonic() - self.asked_at > PAUSE",
        "return True",
        ("tests/videogen/webhooks/test_signatures.py",),
        "made-up key ids make us ask the API all the time",
    ),
]
