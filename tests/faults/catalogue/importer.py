from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "other-key-order-is-no-change",
        "storybook/importer/story.py",
        "return field.get_prep_value(getattr(row, name)) == field.get_prep_value(value)",
        "return getattr(row, name) == value",
        ("tests/storybook/importer/test_story.py",),
        "a document whose keys changed places, or 1 that became 1.0, is not imported",
    ),
    Fault(
        "sizes-of-a-zip-are-believed",
        "storybook/importer/archives.py",
        "                left -= len(chunk)\n",
        "",
        ("tests/storybook/importer/test_archives.py",),
        "a zip that lies about its sizes fills the disk",
        equal="zipfile ends an entry at the size that was told, and the sum of those was checked",
    ),
    Fault(
        "circles-of-parents",
        "storybook/importer/bundles.py",
        "for circle in find_circles(parents):",
        "for circle in ():",
        ("tests/storybook/importer/test_bundles.py",),
        "a circle of parents is imported",
    ),
    Fault(
        "gone-shots-lose-key-frames",
        "storybook/importer/story.py",
        "if key not in wanted and row.shot_id in in_bundle]",
        "if key not in wanted]",
        ("tests/storybook/importer/test_story.py",),
        "a shot that the bundle has no longer loses its key frames",
    ),
    Fault(
        "failed-import-leaves-pictures",
        "storybook/importer/story.py",
        "            if not is_stored:\n",
        "            if False:\n",
        ("tests/storybook/importer/test_story.py",),
        "an import that fails leaves its pictures in the media",
    ),
    Fault(
        "true-is-a-number",
        "storybook/importer/bundles.py",
        "isinstance(value, bool) or not isinstance(value, int)",
        "not isinstance(value, int)",
        ("tests/storybook/importer/test_bundles.py",),
        "true is taken for shot 1",
    ),
    Fault(
        "document-size-unbounded",
        "storybook/importer/bundles.py",
        "    if len(data) > limit:\n",
        "    if False:\n",
        ("tests/storybook/importer/test_bundles.py",),
        "the beginning of a document that is too large is read as it stands",
    ),
]
