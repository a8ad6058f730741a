from __future__ import annotations

from tests.faults.fault import Fault

RESTORE = "videogen/story_archives/restore.py"
ROWS = "videogen/story_archives/rows.py"
WIPE = "videogen/story_archives/wipe.py"
FILE = "videogen/story_archives/archive_file.py"
ROUND_TRIP = "tests/videogen/story_archives/test_round_trip.py"
REFUSALS = "tests/videogen/story_archives/test_refusals.py"
MONEY = ROUND_TRIP + "::test_wipe_gives_nothing_back_and_a_restore_counts_nothing_twice"

FAULTS = [
    Fault(
        "restore-counts-twice",
        RESTORE,
        "        kept.delete()\n",
        "",
        (MONEY,),
        "a restored story counts twice for every budget",
    ),
    Fault(
        "wipe-gives-the-budget-back",
        "videogen/billing/budgets.py",
        "    return _total(_spent(scope)) + _total(_kept(scope))",
        "    return _total(_spent(scope))",
        (MONEY,),
        "whoever wipes a story may spend its money once more",
    ),
    Fault(
        "wipe-of-what-may-be-paid-for",
        WIPE,
        "renders.filter(state__in=sorted(STUCK)).count():",
        "renders.none().count():",
        (REFUSALS + "::test_open_work_keeps_a_story_from_being_wiped",),
        "a video that was paid for is forgotten with its story",
    ),
    Fault(
        "wipe-of-a-story-that-changed",
        WIPE,
        "                _refuse_changes(story, archived)\n",
        "",
        (REFUSALS + "::test_story_that_changed_since_is_not_wiped",),
        "a verdict that came in between is lost",
    ),
    Fault(
        "restore-during-a-wipe",
        WIPE,
        "    with alone(story.story_id) as lock:\n",
        "    if lock := StoryLock(None):\n",
        (REFUSALS + "::test_no_story_is_restored_while_its_files_are_removed",),
        "a wipe removes files of the story that was just restored",
    ),
    Fault(
        "cheaper-archive",
        RESTORE,
        "        if _may_cost_usd(back) < _may_cost_usd(kept):",
        "        if False:",
        (REFUSALS + "::test_row_that_no_archive_has_is_refused",),
        "an archive that somebody changed gives money back that was spent",
    ),
    Fault(
        "restored-render-is-sent",
        RESTORE,
        "            if not table.stays and table.rows(story).count() != expected:",
        "            if False:",
        (REFUSALS + "::test_row_that_no_archive_has_is_refused",),
        "an archive that somebody made brings a queued render, which is sent and paid for",
    ),
    Fault(
        "times-of-today",
        RESTORE,
        "                plain.filter(pk=row.pk).update(**values)\n",
        "                pass\n",
        (ROUND_TRIP + "::test_story_is_what_it_was_after_a_wipe_and_a_restore",),
        "a restored story says that it was made today",
    ),
    Fault(
        "plan-of-other-renders",
        ROWS,
        '    record = _mapped(record, {"shot": Shot, "render": VideoRender}, keys)\n',
        "",
        (ROUND_TRIP + "::test_story_is_what_it_was_after_a_wipe_and_a_restore",),
        "the plan of a restored batch names renders of another story",
    ),
    Fault(
        "signed-link-in-an-archive",
        ROWS,
        '    return link.partition("?")[0]',
        "    return link",
        (ROUND_TRIP + "::test_nothing_secret_is_in_an_archive",),
        "whoever has the archive can use the link that somebody gave",
    ),
    Fault(
        "shared-bytes",
        FILE,
        "    if sum(each.file_size for each in infos) > os.path.getsize(path):",
        "    if False:",
        (REFUSALS + "::test_files_that_share_their_bytes_are_refused",),
        "a small zip fills the disk",
    ),
]
