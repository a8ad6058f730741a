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
    Fault(
        "link-without-encryption",
        "videogen/providers/url_guard.py",
        'if url.scheme == "http" and not _is_exempt(url):',
        "if False:",
        ("tests/videogen/providers/test_url_guard.py",),
        "a clip is fetched over plain http",
    ),
    Fault(
        "ipv4-within-ipv6",
        "videogen/providers/url_guard.py",
        "(inner is None or is_public(str(inner)))",
        "True",
        ("tests/videogen/providers/test_url_guard.py",),
        "a link leads to the local network by a mapped address",
    ),
    Fault(
        "key-to-another-port",
        "videogen/providers/download_targets.py",
        "is_own = origin_of(httpx.URL(uri)) == origin_of(httpx.URL(settings.VIDEO_API_BASE_URL))",
        "is_own = httpx.URL(uri).host == httpx.URL(settings.VIDEO_API_BASE_URL).host",
        ("tests/videogen/takes/test_fetch.py",),
        "the key goes to another port or scheme of the API's host",
    ),
    Fault(
        "sdk-sends-twice",
        "videogen/providers/sdk_client.py",
        "types.HttpRetryOptions(attempts=1)",
        "types.HttpRetryOptions(attempts=2)",
        ("tests/videogen/providers/test_every_route.py",),
        "the SDK sends the paid call again after a 5xx",
    ),
    Fault(
        "sdk-follows-redirects",
        "videogen/providers/sdk_client.py",
        '"follow_redirects": False',
        '"follow_redirects": True',
        ("tests/videogen/providers/test_every_route.py",),
        "key and paid call go to where a redirect leads",
    ),
    Fault(
        "paid-call-on-an-old-connection",
        "videogen/providers/sdk_client.py",
        "threads, kept_alive = SUBMITTERS, 0",
        "threads, kept_alive = SUBMITTERS, SUBMITTERS",
        ("tests/videogen/providers/test_every_route.py",),
        "nobody can tell whether a call was sent on a closed connection",
    ),
    Fault(
        "compressed-answer",
        "videogen/providers/response_limits.py",
        'if self._response.headers.get("content-encoding", "identity") != "identity":',
        "if False:",
        (
            "tests/videogen/pipeline/test_strange_answers.py",
            "tests/videogen/providers/test_response_limits.py",
        ),
        "a small answer unpacks to any size",
    ),
    Fault(
        "nothing-ever-leaves",
        "videogen/providers/departure.py",
        "departure.has_begun = True",
        "departure.has_begun = False",
        (
            "tests/videogen/providers/test_every_route.py::test_a_connection_that_is_cut_while_the_answer_is_waited_for_is_in_doubt",
        ),
        "what has left counts as not sent, and the paid call goes again",
    ),
    Fault(
        "half-a-request-never-left",
        "videogen/providers/departure.py",
        '"send_request_body.started"',
        '"send_request_body.complete"',
        (
            "tests/videogen/providers/test_every_route.py::test_a_connection_that_is_cut_while_the_request_leaves_is_in_doubt",
        ),
        "a request that was cut on its way counts as not sent",
    ),
]
