from __future__ import annotations

from tests.faults.fault import Fault

GEMINI = "videogen/providers/gemini.py"
ERRORS = "videogen/providers/errors.py"
TESTS_OF_GEMINI = ("tests/videogen/providers/test_gemini.py",)
ROUTE_TESTS = "tests/videogen/providers/test_every_route.py"

FAULTS = [
    Fault(
        "link-with-the-key",
        GEMINI,
        "Finished(without_key(clean_link(video.uri)))",
        "Finished(clean_link(video.uri))",
        TESTS_OF_GEMINI,
        "a link that repeats the key is stored with it",
    ),
    Fault(
        "video-beside-a-filter-count",
        GEMINI,
        "    for video in videos_of(operation):\n",
        "    if isinstance(ending := blocked_or_nothing(operation), Blocked):\n"
        "        return ending\n"
        "    for video in videos_of(operation):\n",
        TESTS_OF_GEMINI,
        "a paid video beside a filter count is booked as blocked",
    ),
    Fault(
        "dots-in-an-operation",
        GEMINI,
        r'r"(?!.*\.\.)[A-Za-z0-9]',
        'r"[A-Za-z0-9]',
        TESTS_OF_GEMINI,
        "an operation's name with .. is kept and put into a path",
    ),
    Fault(
        "closed-on-the-way-is-refused",
        ERRORS,
        "code in (408, 499)",
        "code == 408",
        (ROUTE_TESTS,),
        "a 499 of a submission counts as refused, and the paid call goes again",
    ),
    Fault(
        "cut-connection-was-not-sent",
        ERRORS,
        "httpx.PoolTimeout, httpx.UnsupportedProtocol)",
        "httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ReadError)",
        (ROUTE_TESTS,),
        "a connection cut while the answer is waited for counts as not sent",
    ),
    Fault(
        "closed-connection-was-not-sent",
        ERRORS,
        "httpx.PoolTimeout, httpx.UnsupportedProtocol)",
        "httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.RemoteProtocolError)",
        (ROUTE_TESTS,),
        "a connection closed without an answer counts as not sent",
    ),
    Fault(
        "day-quota-after-seconds",
        ERRORS,
        "max(retry_after or 0, _seconds_to_pacific_midnight())",
        "retry_after or _seconds_to_pacific_midnight()",
        TESTS_OF_GEMINI,
        "a day's quota is tried again after the API's few seconds",
    ),
]
