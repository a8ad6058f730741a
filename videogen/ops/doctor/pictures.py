"""The libraries that open clips and pictures, tried with a small clip and small pictures."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from videogen.common.errors import VideoFileError
from videogen.takes.boxes import is_faststart
from videogen.takes.video_file import inspect_video, make_faststart

from .check import Examination
from .findings import Finding, Topic, words_of

VIDEO = Topic("ffmpeg", "Video libraries")
PICTURES = Topic("pictures", "Picture libraries")

# One second of H.264, 64 × 36.
CLIP = Path(__file__).with_name("clip.mp4")
REINSTALL = "Install the pinned versions: pip install --require-hashes -r requirements.txt"


def check_video(exam: Examination) -> Iterator[Finding]:
    """Do everything that is done with a downloaded clip."""
    try:
        import av
    except ImportError as error:
        yield VIDEO.fail(f"PyAV (FFmpeg) cannot be imported: {words_of(error)}", REINSTALL)
        return
    try:
        with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
            fast, poster = Path(folder) / "fast.mp4", Path(folder) / "poster.jpg"
            make_faststart(CLIP, fast)
            facts = inspect_video(fast, poster=poster)
            is_right = is_faststart(fast) and facts.video_codec == "h264" and poster.stat().st_size
    except (VideoFileError, OSError) as error:
        yield VIDEO.fail(f"A small clip cannot be opened and decoded: {words_of(error)}", REINSTALL)
        return
    versions = ", ".join(
        f"{name} {'.'.join(map(str, av.library_versions[name]))}"
        for name in ("libavcodec", "libavformat")
        if name in av.library_versions
    )
    if is_right:
        yield VIDEO.ok(f"PyAV {av.__version__} ({versions}) decodes H.264 and makes posters.")
    else:
        yield VIDEO.fail(
            f"PyAV {av.__version__} ({versions}) does not process a small clip correctly.",
            REINSTALL,
        )


def check_pictures(exam: Examination) -> Iterator[Finding]:
    try:
        from PIL import Image, __version__
    except ImportError as error:
        yield PICTURES.fail(f"Pillow cannot be imported: {words_of(error)}", REINSTALL)
        return
    from storybook.errors import PictureProblem
    from storybook.pictures import inspect_picture

    for kind in ("PNG", "JPEG"):
        file = io.BytesIO()
        try:
            Image.new("RGB", (16, 9), "teal").save(file, kind)
            inspect_picture(file.getvalue())
        except (OSError, PictureProblem) as error:
            yield PICTURES.fail(f"A small {kind} cannot be opened: {words_of(error)}", REINSTALL)
            return
    yield PICTURES.ok(f"Pillow {__version__} opens PNG and JPEG.")
