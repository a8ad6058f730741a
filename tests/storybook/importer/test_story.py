from __future__ import annotations

import json
import threading
from dataclasses import asdict

import pytest
from django.db import IntegrityError, connection
from PIL import Image

from storybook.errors import BundleError, ImportFailed
from storybook.importer.story import import_story
from storybook.models import DesignDocument, KeyFrame, Picture, Scenelet, Shot, Story
from storybook.thumbnails import thumbnail_name
from tests.support.bundles import (
    ATTIC,
    KEY_FRAME,
    SHEET,
    files_below,
    picture,
    pictures,
    scenelet,
    shot,
    story,
    visual_design,
    write_bundle,
    zip_bundle,
)

pytestmark = pytest.mark.django_db


def stored_pictures(media):
    return [name for name in files_below(media) if "/pictures/" in name]


MODELS = [Story, DesignDocument, Scenelet, Picture, Shot, KeyFrame]


def counts(report):
    """The counts that are not zero, by kind."""
    return {
        kind: {name: number for name, number in asdict(tally).items() if number}
        for kind, tally in report.rows.items()
    }


def database():
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in MODELS}


def reimported(tmp_path, document=None, images=None):
    """The counts of a second import that differ from "unchanged"."""
    import_story(write_bundle(tmp_path / "first"))
    report = import_story(write_bundle(tmp_path / "second", document, images))
    return report, {
        kind: rest
        for kind, tally in counts(report).items()
        if (rest := {name: number for name, number in tally.items() if name != "unchanged"})
    }


def test_a_story_is_imported(tmp_path, media):
    report = import_story(write_bundle(tmp_path / "b"))

    assert counts(report) == {
        "stories": {"created": 1},
        "design_documents": {"created": 2},
        "scenelets": {"created": 2},
        "pictures": {"created": 3},
        "shots": {"created": 4},
        "key_frames": {"created": 1},
    }
    assert report.picture_warnings == ()
    assert Scenelet.objects.get(scenelet_id="scenelet-2").parent.scenelet_id == "scenelet-1"
    key_frame = KeyFrame.objects.get()
    assert (key_frame.position, key_frame.picture.path) == (1, KEY_FRAME)
    assert (media / key_frame.picture.file).read_bytes() == pictures()[KEY_FRAME]
    assert (key_frame.picture.width, key_frame.picture.height) == (16, 9)
    assert len(stored_pictures(media)) == 3


def test_every_picture_has_its_thumbnail_when_the_import_ends(tmp_path, media):
    import_story(write_bundle(tmp_path / "b"))

    files = set(Picture.objects.values_list("file", flat=True))
    assert len(files) == 3
    for file in files:
        with Image.open(media / thumbnail_name(file)) as thumbnail:
            assert thumbnail.format == "JPEG"


def test_a_thumbnail_that_cannot_be_made_is_no_reason_to_fail(tmp_path, media):
    media.mkdir(exist_ok=True)
    (media / "my-story").mkdir()
    (media / "my-story/thumbnails").write_bytes(b"a file where the folder should be")

    report = import_story(write_bundle(tmp_path / "b"))

    assert counts(report)["pictures"] == {"created": 3}
    assert report.picture_warnings == ()


def test_importing_again_changes_nothing(tmp_path, media):
    folder = write_bundle(tmp_path / "b")
    import_story(folder)
    before = database()
    files = {name: (media / name).stat().st_mtime_ns for name in files_below(media)}

    report = import_story(folder)

    assert all(tally.keys() == {"unchanged"} for tally in counts(report).values())
    assert database() == before
    assert {name: (media / name).stat().st_mtime_ns for name in files_below(media)} == files


def test_importing_again_only_reads(tmp_path, django_assert_num_queries):
    folder = write_bundle(tmp_path / "b")
    import_story(folder)

    with django_assert_num_queries(8) as queries:  # two of them are the savepoint
        import_story(folder)

    assert not [
        query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]


def test_the_number_of_queries_does_not_grow_with_the_story(
    tmp_path, django_assert_max_num_queries
):
    scenelets = [
        scenelet(
            number,
            shots=[shot(index, key_frame_image_path=KEY_FRAME) for index in range(1, 6)],
            parent_scenelet_id=f"scenelet-{number - 1}" if number > 1 else None,
        )
        for number in range(1, 61)
    ]

    with django_assert_max_num_queries(20):
        import_story(write_bundle(tmp_path / "b", story(scenelets=scenelets)))

    assert Shot.objects.count() == 300


def test_a_zip_gives_the_same_story(tmp_path):
    import_story(write_bundle(tmp_path / "b"))

    report = import_story(zip_bundle(tmp_path / "b.zip"))

    assert all(tally.keys() == {"unchanged"} for tally in counts(report).values())


def test_documents_keep_order_and_unknown_keys(tmp_path):
    payload = {"z": "\u0000é\u2028", "a": [1, 1.0, True, None], "unknown": {"b": 1, "a": 2}}
    document = story(scenelets=[scenelet(1, shots=[shot(1, storyboard_payload=payload)])])

    import_story(write_bundle(tmp_path / "b", document))

    assert json.dumps(Shot.objects.get().storyboard_payload) == json.dumps(payload)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": "Another title"}, {"stories": {"updated": 1}}),
        (
            {"visual_design_document": None},
            {"design_documents": {"removed": 1}, "pictures": {"kept": 2}},
        ),
        (
            {"audio_design_document": {"sonic_identity": {}}},
            {"design_documents": {"updated": 1}},
        ),
        (
            {"visual_design_document": dict(reversed(visual_design().items()))},
            {"design_documents": {"updated": 1}},
        ),
        (
            {"scenelets": [scenelet(9, shots=[])]},
            {
                "scenelets": {"created": 1, "kept": 2},
                "pictures": {"kept": 1},
                "shots": {"kept": 4},
                "key_frames": {"kept": 1},
            },
        ),
    ],
)
def test_a_changed_story_is_brought_up_to_date(tmp_path, changes, expected):
    _, changed = reimported(tmp_path, story(**changes))

    assert changed == expected


def test_scenelets_and_shots_are_brought_up_to_date(tmp_path):
    document = story(
        scenelets=[
            scenelet(
                1,
                title="Now with a title",
                parent_scenelet_id="scenelet-3",
                shots=[
                    shot(1, key_frame_image_path=KEY_FRAME, storyboard_payload={"new": True}),
                    shot(3),
                ],
            ),
            scenelet(2, choice_label="Up the stairs"),
            scenelet(3),
        ]
    )

    _, changed = reimported(tmp_path, document)

    assert changed == {
        "scenelets": {"created": 1, "updated": 2},
        "shots": {"created": 3, "updated": 1, "kept": 1},
    }
    parents = dict(Scenelet.objects.values_list("scenelet_id", "parent__scenelet_id"))
    assert parents == {"scenelet-1": "scenelet-3", "scenelet-2": None, "scenelet-3": None}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], {"removed": 1}),
        ([ATTIC], {"updated": 1}),
        ([KEY_FRAME, ATTIC], {"created": 1}),
        ([ATTIC, KEY_FRAME], {"created": 1, "updated": 1}),
    ],
)
def test_key_frames_are_replaced(tmp_path, paths, expected):
    document = story(
        scenelets=[scenelet(1, shots=[shot(1, key_frame_image_paths=paths), shot(2)]), scenelet(2)]
    )

    report, changed = reimported(tmp_path, document)

    assert changed["key_frames"] == expected
    assert list(KeyFrame.objects.values_list("picture__path", flat=True)) == paths


def test_a_new_picture_under_the_same_path_leaves_the_old_file(tmp_path, media):
    report, changed = reimported(tmp_path, images=pictures() | {SHEET: picture("yellow")})

    assert changed == {"pictures": {"updated": 1}}
    assert len(stored_pictures(media)) == 4
    assert (media / Picture.objects.get(path=SHEET).file).read_bytes() == picture("yellow")


def test_a_picture_that_is_gone_becomes_a_problem(tmp_path, media):
    images = pictures()
    del images[SHEET]

    report, changed = reimported(tmp_path, images=images)

    assert changed == {"pictures": {"updated": 1}}
    assert [warning.path for warning in report.picture_warnings] == [SHEET]
    assert Picture.objects.get(path=SHEET).sha256 == ""
    assert len(stored_pictures(media)) == 3


def test_unusable_pictures_are_imported_with_their_problem(tmp_path, media):
    designs = [
        {"character_id": name, "character_model_sheet_image_path": path}
        for name, path in {
            "a": "../secret.png",
            "b": "missing.png",
            "c": "animated.gif",
            "d": "broken.png",
            "e": "C:\\x.png",
            "f": "generated/",
            "g": "nul\0.png",
            "h": "x" * 5000,
        }.items()
    ]
    document = story(
        visual_design_document=visual_design(character_designs=designs, environment_designs=[]),
        scenelets=[scenelet(1)],
    )
    images = {"animated.gif": picture(kind="GIF"), "broken.png": picture()[:50]}
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "secret.png").write_bytes(picture())

    report = import_story(write_bundle(tmp_path / "b", document, images))

    assert len(report.picture_warnings) == 8
    assert Picture.objects.exclude(problem="").filter(file="", sha256="").count() == 8
    assert files_below(media) == []


def test_the_kind_of_a_picture_is_what_its_bytes_say(tmp_path):
    import_story(write_bundle(tmp_path / "b", images=pictures() | {SHEET: picture(kind="JPEG")}))

    assert Picture.objects.get(path=SHEET).mime_type == "image/jpeg"


def test_a_broken_bundle_leaves_everything_as_it_was(tmp_path, media):
    import_story(write_bundle(tmp_path / "first"))
    before, files = database(), files_below(media)
    document = story(title="New", scenelets=[scenelet(1, shots=[shot(0)])])

    with pytest.raises(BundleError):
        import_story(write_bundle(tmp_path / "b", document, {SHEET: picture("white")}))

    assert database() == before
    assert files_below(media) == files


def test_a_database_that_refuses_leaves_everything_as_it_was(tmp_path, media):
    import_story(write_bundle(tmp_path / "first"))
    before, files = database(), files_below(media)
    document = story(title="New", scenelets=[scenelet(9)])
    images = pictures() | {SHEET: picture("white")}

    def refuse(execute, sql, *arguments):
        if "storybook_shot" in sql and sql.startswith("INSERT"):
            raise IntegrityError("somebody was faster")
        return execute(sql, *arguments)

    with connection.execute_wrapper(refuse), pytest.raises(ImportFailed, match="same moment"):
        import_story(write_bundle(tmp_path / "b", document, images))

    assert database() == before
    assert files_below(media) == files


def test_a_disk_that_refuses_leaves_everything_as_it_was(tmp_path, media):
    media.mkdir()
    (media / "my-story").write_text("in the way")

    with pytest.raises(ImportFailed, match="cannot be stored"):
        import_story(write_bundle(tmp_path / "b"))

    assert not Story.objects.exists()
    assert files_below(media) == ["my-story"]


def test_stories_do_not_mix(tmp_path, media):
    import_story(write_bundle(tmp_path / "a", story(story_id="a/b")))
    import_story(write_bundle(tmp_path / "b", story(story_id="a?b")))

    assert Story.objects.count() == 2
    assert Picture.objects.count() == 6
    assert len(list(media.iterdir())) == 2


def test_deleting_a_story_takes_its_rows_along(tmp_path):
    import_story(write_bundle(tmp_path / "b"))

    Story.objects.get().delete()

    assert not any(rows for rows in database().values())


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_wait_for_each_other(tmp_path, media):
    # The first fails after it has written the pictures that the second is about to use.
    folder = write_bundle(tmp_path / "b")
    first_has_written, reports = threading.Event(), []

    def import_meanwhile():
        first_has_written.wait(timeout=10)
        try:
            reports.append(import_story(folder))
        finally:
            # Not connection.close(), which keeps a database in memory open: this thread's
            # connection would be left to the garbage collector.
            connection.connection.close()

    second = threading.Thread(target=import_meanwhile)

    def refuse(execute, sql, *arguments):
        if "storybook_shot" in sql and sql.startswith("INSERT"):
            first_has_written.set()
            second.join(timeout=0.3)
            raise IntegrityError("somebody was faster")
        return execute(sql, *arguments)

    second.start()
    with connection.execute_wrapper(refuse), pytest.raises(ImportFailed):
        import_story(folder)
    second.join()

    assert [counts(report)["pictures"] for report in reports] == [{"created": 3}]
    assert len(stored_pictures(media)) == 3
