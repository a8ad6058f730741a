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
        ("state=State.DOWNLOADING, downloader=self.owner\n        )\n        with"),
        "state=State.DOWNLOADING\n        )\n        with",
        ("tests/videogen/takes/test_download_worker.py",),
        "whoever lost the lease writes the take",
    ),
    Fault(
        "no-worker-left-for-the-pump",
        "videogen/takes/download_worker.py",
        "if not lanes or not free_downloaders(lanes):",
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
        "any-approval-is-replaced",
        "videogen/takes/verdicts.py",
        "review == Review.APPROVED and approved.pk == instead_of",
        "review == Review.APPROVED and bool(instead_of)",
        ("tests/videogen/views/review/test_room.py",),
        "an approval that the reviewer never saw counts as the one to replace",
    ),
    Fault(
        "approval-comes-back-as-a-new-one",
        "videogen/takes/reviews.py",
        "            reviewed_at=at,\n",
        "            reviewed_at=timezone.now(),\n",
        ("tests/videogen/views/review/test_room.py",),
        "the draft's restored approval settles the final take, which nobody judges any more",
    ),
    Fault(
        "key-follows-a-redirect",
        "videogen/takes/fetch.py",
        "uri = without_key(urljoin",
        "uri = (urljoin",
        ("tests/videogen/takes/test_fetch.py",),
        "a redirect that repeats the key takes it to another host",
    ),
    Fault(
        "two-take-one-clip",
        "videogen/takes/download_worker.py",
        "taken = set(rows.filter(pk__in=[render.pk for render in oldest]).lock())",
        "taken = {render.pk for render in oldest}",
        ("tests/videogen/takes/test_download_worker.py::test_of_two_processes_one_takes_a_clip",),
        "two processes take the same clip",
    ),
    Fault(
        "passing-failure-throws-away",
        "videogen/takes/download_worker.py",
        "if won and (error.permanent or ends == State.FAILED):",
        "if won:",
        (
            "tests/videogen/takes/test_download_worker.py::test_it_is_gone_on_with_when_the_tries_are_used_up",
        ),
        "what a passing failure left is thrown away",
    ),
    Fault(
        "living-downloader-is-robbed",
        "videogen/takes/download_worker.py",
        "gone := [each for each in holders if is_provably_gone(each)]",
        "gone := list(holders)",
        (
            "tests/videogen/takes/test_fetch.py::test_a_lease_is_respected_while_its_holder_may_live",
        ),
        "a clip is taken from a process that downloads it",
    ),
    Fault(
        "busy-file-costs-a-try",
        "videogen/takes/download_worker.py",
        "            render.download_attempts -= 1\n",
        "",
        (
            "tests/videogen/takes/test_download_worker.py::test_a_file_that_another_process_writes_costs_no_try",
        ),
        "waiting for another process uses the tries up",
    ),
    Fault(
        "slow-store-fills-the-disk",
        "videogen/takes/download_worker.py",
        "return min(self._places - fetching, 2 * self._places - len(self._running))",
        "return self._places - fetching",
        (
            "tests/videogen/takes/test_object_store.py::test_while_clips_are_stored_as_many_others_are_fetched_and_no_more",
        ),
        "clips that wait for a slow store fill the disk of the host",
    ),
    Fault(
        "name-before-poster",
        "videogen/takes/storage.py",
        '    media.put(path.with_suffix(".jpg"), clip.poster)\n'
        "    media.put(path, clip.video, sha256=clip.facts.sha256)\n",
        "    media.put(path, clip.video, sha256=clip.facts.sha256)\n"
        '    media.put(path.with_suffix(".jpg"), clip.poster)\n',
        (
            "tests/videogen/takes/test_storage.py::test_a_take_has_its_poster_before_it_has_its_name",
        ),
        "a process that is killed in between leaves a take without its poster",
    ),
    Fault(
        "take-not-synced",
        "storybook/media_store.py",
        "            sync(file)\n            file.replace(final)\n",
        "            file.replace(final)\n",
        (
            "tests/videogen/takes/test_storage.py::test_a_take_is_on_the_disk_before_it_has_its_name",
        ),
        "after a power failure a take is empty",
    ),
    Fault(
        "two-write-one-file",
        "videogen/takes/storage.py",
        "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        (
            "tests/videogen/takes/test_storage.py::test_one_file_is_written_by_one_process_at_a_time",
        ),
        "two processes write one partial file",
    ),
    Fault(
        "part-of-another-version",
        "videogen/takes/fetch.py",
        'if response.headers.get("etag", "") not in ("", tag.read_text()):',
        "if False:",
        ("tests/videogen/takes/test_fetch.py::test_a_part_of_another_version_is_not_continued",),
        "a 206 of another version is continued",
    ),
    Fault(
        "given-link-replaces-what-was-paid",
        "videogen/takes/storage.py",
        "if kept.exists() and is_given:",
        "if False:",
        ("tests/videogen/takes/test_odd_clips.py", "tests/videogen/takes/test_fetch.py"),
        "a larger file from a link that a person gave replaces the clip that was paid for",
    ),
    Fault(
        "leftovers-of-today-are-removed",
        "videogen/takes/storage.py",
        "if path.stat().st_mtime >= expired:",
        "if False:",
        ("tests/videogen/takes/test_odd_clips.py", "tests/videogen/recovery/test_restarts.py"),
        "half a clip whose download is to go on is removed",
    ),
    Fault(
        "young-clip-is-given-up",
        "videogen/takes/download_worker.py",
        "if error.code in _MAY_PASS and not render.is_link_given and _is_kept(render):",
        "if False:",
        ("tests/videogen/takes/test_fetch.py::test_a_refusal_of_a_young_clip_may_pass",),
        "a clip that is not ready yet counts as refused for good",
    ),
    Fault(
        "refused-poll-loses-an-inline-clip",
        "videogen/takes/fetch.py",
        " and error.code != POLL_REFUSED",
        "",
        (
            "tests/videogen/takes/test_download_worker.py::test_a_video_within_an_answer_that_is_refused_may_be_had_later",
        ),
        "a role that is missing for an hour loses a clip within an answer",
    ),
]
