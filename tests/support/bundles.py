"""Story bundles in a temporary folder; the pictures are painted in memory."""

from __future__ import annotations

import io
import json
import zipfile

from PIL import Image

SHEET = "my-story/visuals/characters/ada/character-model-sheet-1.png"
ATTIC = "my-story/visuals/environments/attic/keyframe_1.png"
KEY_FRAME = "my-story/shots/scenelet-1/shot-1_key_frame.png"


def picture(color="red", size=(16, 9), kind="PNG", mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, size, color).save(file, kind)
    return file.getvalue()


def shot(index=1, **values):
    return {"shot_index": index, "storyboard_payload": {"framingAndAngle": "wide"}} | values


def scenelet(number=1, **values):
    return {
        "scenelet_id": f"scenelet-{number}",
        "sequence": number,
        "shots": [shot(1), shot(2)],
    } | values


def visual_design(**values):
    return {
        "global_aesthetic": {"visual_style": "ink"},
        "character_designs": [
            {"character_id": "ada", "character_model_sheet_image_path": f"/generated/{SHEET}"}
        ],
        "environment_designs": [
            {"environment_id": "attic", "environment_reference_image_path": ATTIC}
        ],
    } | values


def story(**values):
    return {
        "story_id": "my-story",
        "title": "My story",
        "visual_design_document": visual_design(),
        "audio_design_document": {"sonic_identity": {"sound_effect_philosophy": "close"}},
        "scenelets": [
            scenelet(1, shots=[shot(1, key_frame_image_path=KEY_FRAME), shot(2)]),
            scenelet(2, parent_scenelet_id="scenelet-1", choice_label="Up the stairs"),
        ],
    } | values


def pictures():
    return {SHEET: picture("red"), ATTIC: picture("green"), KEY_FRAME: picture("blue")}


def write_bundle(folder, document=None, images=None):
    """The folder of a bundle; `document` may also be the text or the bytes of story.json."""
    folder.mkdir(parents=True, exist_ok=True)
    document = story() if document is None else document
    if not isinstance(document, (str, bytes)):
        document = json.dumps(document, ensure_ascii=False)
    data = document if isinstance(document, bytes) else document.encode()
    (folder / "story.json").write_bytes(data)
    (folder / "images").mkdir(exist_ok=True)
    for path, content in (pictures() if images is None else images).items():
        file = folder / "images" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def zip_bundle(file, prefix="my-story/", entries=None):
    """A zip of the usual bundle with further entries: names or ZipInfos → bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{prefix}story.json", json.dumps(story()))
        for path, content in pictures().items():
            archive.writestr(f"{prefix}images/{path}", content)
        for name, content in (entries or {}).items():
            archive.writestr(name, content)
    return file


def files_below(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir())
