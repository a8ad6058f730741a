from __future__ import annotations

from tests.faults.fault import Fault

EXPORT = "videogen/exports/story_export.py"
FILES = "videogen/exports/files.py"
PLAYER = "videogen/exports/player.py"
TESTS = "tests/videogen/exports/test_story_export.py"

FAULTS = [
    Fault(
        "used-folder-is-filled",
        FILES,
        "if not is_zip and output.is_dir() and any(output.iterdir()):",
        "if False:",
        (TESTS + "::test_a_folder_that_is_used_is_left_alone",),
        "an export replaces a folder with somebody's files",
    ),
    Fault(
        "half-an-export-stays",
        FILES,
        "        _remove(path)\n        os.close(descriptor)\n",
        "        os.close(descriptor)\n",
        (TESTS + "::test_what_breaks_leaves_nothing",),
        "an export that broke leaves gigabytes behind",
    ),
    Fault(
        "zip-with-the-time-of-day",
        FILES,
        "info = zipfile.ZipInfo(each.name, _DATE)",
        "info = zipfile.ZipInfo(each.name, __import__('time').localtime()[:6])",
        (TESTS + "::test_the_same_story_makes_the_same_bytes",),
        "the same story makes another zip each time",
    ),
    Fault(
        "zip-in-memory",
        FILES,
        "                    entry.write(chunk)\n                    yield from pipe.take()\n",
        "                    entry.write(chunk)\n",
        (TESTS + "::test_a_zip_of_large_clips_holds_one_piece_in_memory",),
        "a large clip is held in memory as a whole",
    ),
    Fault(
        "names-that-differ-by-case",
        "videogen/exports/names.py",
        "taken.add(name.casefold())",
        "taken.add(name)",
        (TESTS + "::test_names_that_differ_by_case_alone_are_numbered",),
        "on a Mac one timeline replaces the other",
    ),
    Fault(
        "device-name",
        "videogen/exports/names.py",
        'if name.split(".")[0].lower() in _RESERVED or not name',
        "if not name",
        (TESTS + "::test_portable_names",),
        "an export cannot be unpacked on Windows",
    ),
    Fault(
        "links-in-prompts",
        EXPORT,
        'for name in ("kind", "id", "mime_type", "sha256") if name in pick}',
        'for name in ("kind", "id", "mime_type", "sha256", "path") if name in pick}',
        (TESTS + "::test_prompts_have_no_links_and_no_paths",),
        "the paths of this installation go to whoever gets the export",
    ),
    Fault(
        "gone-shots-are-exported",
        EXPORT,
        "rows = rows.filter(gone_since=None) if shots is None else",
        "rows = rows if shots is None else",
        (TESTS + "::test_a_shot_that_is_gone_is_left_out",),
        "a shot that the bundle has no longer is cut into the film",
    ),
    Fault(
        "broken-file-is-exported",
        EXPORT,
        "return ExportedShot(shot, lines, still, reason=UNREADABLE)",
        "seconds = still",
        (TESTS + "::test_a_file_that_is_broken_is_missing",),
        "a clip that nothing can play is handed over without a word",
    ),
    Fault(
        "gap-without-length",
        "videogen/exports/timelines.py",
        "track.append(otio.schema.Gap(source_range=whole))",
        "pass",
        (TESTS + "::test_a_shot_without_a_take_leaves_a_gap",),
        "everything after a missing shot lies too early",
    ),
    Fault(
        "title-ends-the-script",
        PLAYER,
        'json.dumps(story.data(Addresses()), ensure_ascii=True).replace("</", "<\\\\/")',
        "json.dumps(story.data(Addresses()), ensure_ascii=False)",
        ("tests/videogen/exports/test_player.py",),
        "U+2028 or a closing tag in a title breaks the player",
    ),
    Fault(
        "title-is-markup",
        PLAYER,
        "_PAGE.format(title=escape(str(story.story)))",
        "_PAGE.format(title=str(story.story))",
        ("tests/videogen/exports/test_player.py",),
        "a title becomes markup of the player's page",
    ),
    Fault(
        "player-without-a-file",
        PLAYER,
        "if take and not is_offered(take.video_file):",
        "if False:",
        ("tests/videogen/exports/test_player.py",),
        "the player waits for a clip that is not there",
    ),
]
