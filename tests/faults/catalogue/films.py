from __future__ import annotations

from tests.faults.fault import Fault

WORKER = "videogen/films/film_worker.py"
REQUESTS = "videogen/films/film_requests.py"
PARTS = "videogen/films/parts.py"
SEGMENTS = "videogen/films/segments.py"
TESTS = "tests/videogen/films/test_film_worker.py"
PARTS_TESTS = "tests/videogen/films/test_parts.py"
REQUEST_TESTS = "tests/videogen/films/test_film_requests.py"

FAULTS = [
    Fault(
        "film-of-somebody-else",
        WORKER,
        "is_held = film.worker and film.lease_until and film.lease_until > now",
        "is_held = False",
        (TESTS + "::test_a_film_that_somebody_makes_is_left_alone",),
        "two processes encode the same film",
    ),
    Fault(
        "lost-film-is-written",
        WORKER,
        "        if not won:\n            raise FilmLost\n",
        "",
        (TESTS + "::test_who_loses_a_film_while_making_it_writes_nothing",),
        "a process that lost a film goes on with it",
    ),
    Fault(
        "film-of-an-older-wish",
        WORKER,
        "            wanted_sha256=self._film.wanted_sha256,\n        ).update",
        "        ).update",
        (TESTS,),
        "a film of the story as it was is stored as the one that was asked for since",
        equal="whoever asks anew takes the film from its worker; this is a second guard",
    ),
    Fault(
        "slice-keeps-the-film",
        WORKER,
        '                    self._write(worker="", lease_until=None)\n'
        "                    return\n",
        "                    return\n",
        (TESTS + "::test_a_slice_ends_between_two_parts_and_the_next_goes_on",),
        "a film whose slice is over waits for its lease to run out",
    ),
    Fault(
        "used-files-are-swept",
        WORKER,
        "if path.name not in used and path.stat().st_mtime < old:",
        "if path.stat().st_mtime < old:",
        (TESTS + "::test_only_old_files_that_no_film_needs_are_removed",),
        "a day after it was made a film is gone",
    ),
    Fault(
        "young-files-are-swept",
        WORKER,
        "if path.name not in used and path.stat().st_mtime < old:",
        "if path.name not in used:",
        (TESTS + "::test_only_old_files_that_no_film_needs_are_removed",),
        "a film that somebody watches is removed when another one is asked for",
    ),
    Fault(
        "missing-file-is-a-film",
        REQUESTS,
        "return film.manifest_sha256 == self.manifest.sha256 and is_there(film)",
        "return film.manifest_sha256 == self.manifest.sha256",
        (REQUEST_TESTS + "::test_a_film_whose_file_is_gone_is_made_again",),
        "a film whose file is gone is never made again",
    ),
    Fault(
        "asked-twice-begins-anew",
        REQUESTS,
        "if film.is_open and film.wanted_sha256 == manifest.sha256:",
        "if False:",
        (REQUEST_TESTS + "::test_whoever_asks_once_more_lets_it_go_on",),
        "a second click throws away what was encoded",
    ),
    Fault(
        "cancelled-film-that-ended",
        REQUESTS,
        "filter(pk=film.pk, status__in=Film.OPEN).update(",
        "filter(pk=film.pk).update(",
        (REQUEST_TESTS + "::test_a_film_that_is_done_is_not_cancelled",),
        "a film that is done becomes cancelled",
    ),
    Fault(
        "segment-of-another-take",
        PARTS,
        'for name in ("scenelet", "shot", "lines", "file"):',
        'for name in ("scenelet", "shot", "lines", "file", "content"):',
        (TESTS + "::test_a_replaced_take_costs_one_segment",),
        "a film goes on with the take that was replaced",
    ),
    Fault(
        "card-without-a-choice",
        PARTS,
        "story.branches.get(scenelet.pk, 0) > 1",
        "story.branches.get(scenelet.pk, 0) > 0",
        (PARTS_TESTS + "::test_a_card_is_shown_only_where_there_is_a_choice",),
        "a card asks for a choice where there is only one way on",
    ),
    Fault(
        "gone-shots-in-a-film",
        PARTS,
        "Shot.objects.filter(scenelet__story=story, gone_since=None)",
        "Shot.objects.filter(scenelet__story=story)",
        (PARTS_TESTS + "::test_a_shot_that_is_gone_from_the_bundle_is_in_no_film",),
        "a shot that the bundle has no longer is in the film",
    ),
    Fault(
        "last-key-frame",
        PARTS,
        'for frame in frames.order_by("-position"):',
        'for frame in frames.order_by("position"):',
        (PARTS_TESTS + "::test_the_still_of_a_shot_is_its_first_key_frame",),
        "the still of a shot is its last key frame, not its first",
    ),
    Fault(
        "half-a-segment",
        SEGMENTS,
        "        temporary.replace(target)\n    except av.FFmpegError as error:",
        "    except av.FFmpegError as error:",
        (TESTS + "::test_a_film_for_each_ending",),
        "a segment never gets its name",
    ),
    Fault(
        "sound-shorter-than-the-picture",
        SEGMENTS,
        "        while self._samples < end:\n"
        "            self._mux_sound("
        "np.zeros((1, 2 * min(_BLOCK, end - self._samples)), np.int16))\n",
        "",
        (TESTS + "::test_a_mixture_of_clips_joins",),
        "after a silent clip the sound runs ahead of the picture",
    ),
    Fault(
        "no-limiter",
        "videogen/films/sound.py",
        "if loudness.peak_db + gain <= PEAK_DB:",
        "if True:",
        ("tests/videogen/films/test_sound.py",),
        "a film that is made louder is clipped",
    ),
    Fault(
        "rejected-take-in-a-film",
        "videogen/takes/chosen_takes.py",
        "TakeRule.BEST: (Review.APPROVED, Review.SELECTED, Review.UNREVIEWED),",
        "TakeRule.BEST: (Review.APPROVED, Review.SELECTED, Review.UNREVIEWED, Review.REJECTED),",
        ("tests/videogen/takes/test_chosen_takes.py",),
        "a rejected take stands for its shot",
    ),
    Fault(
        "rehearsed-clip-in-a-film",
        "videogen/takes/chosen_takes.py",
        "if not is_attempt(take, counts_simulated=simulated):",
        "if False:",
        ("tests/videogen/takes/test_chosen_takes.py",),
        "the simulator's stand-in is in the real film",
    ),
    Fault(
        "path-in-a-circle",
        "storybook/story_paths.py",
        "(parent := walked[-1].parent_id) in by_pk and parent not in seen",
        "(parent := walked[-1].parent_id) in by_pk and len(walked) < 99",
        ("tests/storybook/test_story_paths.py::test_a_branch_that_hangs_on_a_circle_ends",),
        "a scenelet comes again and again on a path",
    ),
]
