"""Writes an mp4 as the service does: H.264 and AAC, 24 fps, 48 kHz stereo, index in front."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

FPS = 24
SECONDS = 8
FRAMES = FPS * SECONDS
SAMPLE_RATE = 48_000
SAMPLES = SAMPLE_RATE * SECONDS
BT709 = 1
LIMITED_RANGE = 1


class Reel:
    """An mp4 that is being written: frames in order, then the sound, then `close`."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        *,
        crf: int,
        has_video: bool = True,
        comment: str = "",
    ) -> None:
        # faststart reads the file again at the end, so this must be a path, not a buffer.
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._container.metadata["comment"] = comment
        self._video = None
        if has_video:
            self._video = self._container.add_stream("libx264", rate=FPS)
            self._video.width, self._video.height = size
            self._video.pix_fmt = "yuv420p"
            # One thread, because the simulator shares its machine with the product under test.
            self._video.options = {
                "preset": "ultrafast",
                "crf": str(crf),
                "threads": "1",
                "g": "48",
            }
            context = self._video.codec_context
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = LIMITED_RANGE
        self._audio = self._container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        self._audio.bit_rate = 128_000
        self._container.start_encoding()
        self._count = 0

    def add_frame(self, canvas: np.ndarray) -> None:
        """Add a frame: the planes of yuv420p under each other, uint8, 1.5 × height rows."""
        if self._video is None:
            raise ValueError("This reel was opened without video.")
        frame = av.VideoFrame.from_ndarray(canvas, format="yuv420p")
        frame.pts = self._count
        self._count += 1
        self._container.mux(self._video.encode(frame))

    def add_sound(self, samples: np.ndarray) -> None:
        """Add the sound: an array of 2 × n samples between -1 and 1."""
        sound = av.AudioFrame.from_ndarray(
            samples.astype(np.float32), format="fltp", layout="stereo"
        )
        sound.sample_rate = SAMPLE_RATE
        self._container.mux(self._audio.encode(sound))

    def close(self) -> None:
        if self._video is not None and self._count:
            self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))
        self._container.close()
