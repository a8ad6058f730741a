from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "limit-of-a-continued-download",
        "videogen/takes/fetch.py",
        "settings.VIDEO_DOWNLOAD_MAX_BYTES - size)",
        "settings.VIDEO_DOWNLOAD_MAX_BYTES)",
        ("tests/videogen/takes/test_fetch.py::test_what_is_continued_is_bounded_as_a_whole",),
        "a file that is continued may grow past the limit",
    ),
    Fault(
        "slow-downloader-completes",
        "videogen/takes/download_worker.py",
        ('            only={"downloader": self.owner},\n            **file_fields'),
        "            **file_fields",
        (
            "tests/videogen/takes/test_download_worker.py",
            "tests/videogen/pipeline/test_kills.py",
        ),
        "whoever lost the lease writes the take",
    ),
    Fault(
        "no-worker-left-for-the-pump",
        "videogen/takes/download_worker.py",
        "if not lanes or _others_at_work(lanes) >= max(1, settings.VIDEO_WORKERS - 1):",
        "if not lanes:",
        ("tests/videogen/takes/test_download_worker.py",),
        "downloads take every worker, and nothing is polled",
    ),
    Fault(
        "approved-take-is-rejected",
        "videogen/takes/reviews.py",
        ("        _refuse_if_approved(render)\n        _write(render, Review.REJECTED"),
        "        _write(render, Review.REJECTED",
        ("tests/videogen/takes/test_reviews.py",),
        "an approved take is rejected without unlocking its shot",
    ),
    Fault(
        "key-follows-a-redirect",
        "videogen/takes/fetch.py",
        "uri = without_key(urljoin",
        "uri = (urljoin",
        ("tests/videogen/takes/test_fetch.py",),
        "a redirect that repeats the key takes it to another host",
    ),
]
