from __future__ import annotations

import numpy as np
from av import AudioFrame

from videogen.films.sound import RATE, filtered, levelling, measure


def quiet_with_clicks():
    """Four seconds of a quiet tone, with a loud click in each."""
    tone = 0.01 * np.sin(np.arange(4 * RATE) * 2 * np.pi * 440 / RATE)
    tone[RATE // 2 :: RATE] = 0.9
    for start in range(0, len(tone), 1024):
        piece = tone[start : start + 1024].astype(np.float32)
        frame = AudioFrame.from_ndarray(np.stack([piece, piece]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, start
        yield frame


def test_what_is_made_louder_is_not_clipped():
    filters = levelling(measure(quiet_with_clicks()))

    louder = measure(filtered(quiet_with_clicks(), filters))

    assert louder.lufs > measure(quiet_with_clicks()).lufs + 6
    assert louder.peak_db <= -1
