"""How well the technical check finds planted defects, and what it costs."""

from __future__ import annotations

import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storybook.settings")
    django.setup()

import av
import numpy as np

from tests.support.defects import _Take, scene, speech, write_clean, write_defect, write_second_take
from videogen.common.errors import VideoFileError
from videogen.models import FindingKind as Kind
from videogen.takes.technical_check import Asked, check_clip, is_nearly_same

# A defect counts as found where the finding begins so near.
NEAR_SECONDS = 0.5


def recall_of(folder, kind, count):
    """How many of so many planted defects are found, and the numbers of the others."""
    missed = [number for number in range(count) if not _is_found(folder, kind, number)]
    return count - len(missed), missed


def _is_found(folder, kind, number):
    clip = write_defect(folder, kind, number)
    try:
        checked = check_clip(clip.path, clip.asked)
        if kind == Kind.NEAR_DUPLICATE:
            other = check_clip(clip.other, clip.asked)
            return is_nearly_same(checked.signature, other.signature)
        return any(
            each.kind == kind and (clip.at is None or abs(each.at_seconds - clip.at) < NEAR_SECONDS)
            for each in checked.findings
        )
    except VideoFileError:
        return kind == Kind.UNREADABLE
    finally:
        for path in (clip.path, clip.other):
            if path:
                path.unlink()


def false_alarms(folder, count):
    """What is said of so many clips as they should be. Some are second takes of the same shot."""
    told, signatures = [], []
    for number in range(count):
        # Every third one is another take of the shot before it.
        is_second = number % 3 == 2
        clip = write_second_take(folder, number - 1) if is_second else write_clean(folder, number)
        try:
            checked = check_clip(clip.path, clip.asked)
        except VideoFileError as error:
            told.append(f"{clip.path.stem} unreadable: {error}")
            continue
        finally:
            clip.path.unlink()
        signatures.append(checked.signature)
        told += sorted({f"{clip.path.stem} {each.kind.value}" for each in checked.findings})
    told += [
        f"pair {n} duplicate" for n, two in enumerate(pairwise(signatures)) if is_nearly_same(*two)
    ]
    return told


def _make_large(path):
    rng = np.random.default_rng(3)
    frames = scene(rng, "pan", frames=96, size=(1920, 1080))
    _Take(frames + frames[::-1], speech(rng, seconds=8)).write(path)


def _decode(path):
    with av.open(str(path), format="mp4") as container:
        container.streams.video[0].codec_context.thread_count = 1
        for packet in container.demux(container.streams.video[0], container.streams.audio[0]):
            packet.decode()


def main(what, path):
    start = time.process_time()
    if what == "make":
        _make_large(path)
    elif what == "decode":
        _decode(path)
    else:
        check_clip(Path(path), Asked((1920, 1080), "16:9", 24.0, 8, sound=True))
    # Of this process alone: the kernel's other figure begins with what the parent had.
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    sys.stdout.write(f"{time.process_time() - start} {peak}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
