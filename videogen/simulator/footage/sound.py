"""The clip's sound: a soft chord for the story, and one gentle tone for each spoken syllable."""

from __future__ import annotations

import hashlib

import numpy as np

from videogen.simulator.footage.reel import SAMPLE_RATE, SAMPLES
from videogen.simulator.footage.storyboard import PromptContent, SpokenLine

# Semitones above the root; a pentatonic scale has no harsh interval.
CHORDS = ((0, 7, 14, 16), (0, 7, 12, 15), (0, 7, 12, 17), (0, 9, 14, 16))
PENTATONIC = (0, 2, 4, 7, 9)
ROOT_HZ = 98.0
PEAK = 0.45
BLIP_SECONDS = 0.19


def compose(board: PromptContent, seed: str) -> np.ndarray:
    """Return the stereo samples of the whole clip: float32, 2 × n, never beyond ±PEAK."""
    mood = hashlib.sha256(board.mood.encode()).digest()
    root = ROOT_HZ * 2 ** ((mood[0] % 8) / 12)
    mix = _pad(root, CHORDS[mood[1] % len(CHORDS)], seed)
    if board.lines:
        # The bed makes room for the voices.
        mix *= 0.7
    for line in board.lines:
        _speak(mix, line, root)
    loudest = float(np.abs(mix).max())
    return (mix * min(1.0, PEAK / loudest)).astype(np.float32)


def _pad(root: float, chord: tuple[int, ...], seed: str) -> np.ndarray:
    time = np.arange(SAMPLES) / SAMPLE_RATE
    generator = np.random.default_rng(
        int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    )
    mix = np.zeros((2, SAMPLES))
    for place, semitones in enumerate(chord):
        pitch = root * 2 ** (semitones / 12)
        swell = 0.75 + 0.25 * np.sin(
            2 * np.pi * generator.uniform(0.06, 0.14) * time + generator.uniform(0, 6.3)
        )
        for side in (0, 1):
            # Two slightly detuned sides make the chord wide.
            bent = pitch * (1 + (0.0016 if side else -0.0016))
            phase = 2 * np.pi * bent * time + generator.uniform(0, 6.3)
            tone = np.sin(phase) + 0.22 * np.sin(2 * phase) + 0.07 * np.sin(3 * phase)
            mix[side] += tone * swell * 0.075 / (1 + 0.35 * place)
    envelope = np.minimum(1, time / 0.9) * np.minimum(1, (time[-1] - time) / 1.1)
    return mix * np.sin(envelope * np.pi / 2) ** 2


def _speak(mix: np.ndarray, line: SpokenLine, root: float) -> None:
    """Add one tone for each syllable. The speaker decides the register, the words the melody."""
    voice = hashlib.sha256(line.source.encode()).digest()
    words = hashlib.sha256(line.text.encode()).digest()
    register = root * 2 ** (1 + (voice[0] % 3) * 5 / 12)
    balance = 0.5 + 0.22 * (voice[1] / 255 - 0.5)
    step = (line.end - line.start) / line.syllables
    time = np.arange(int(BLIP_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    envelope = (
        np.minimum(1, time / 0.018)
        * np.exp(-time / 0.07)
        * np.minimum(1, (BLIP_SECONDS - time) / 0.03)
    )
    for syllable in range(line.syllables):
        start = int((line.start + syllable * step) * SAMPLE_RATE)
        if start + time.size > SAMPLES:
            break
        degree = words[syllable % len(words)] % len(PENTATONIC)
        # Voices fall at the end of a sentence.
        degree = 0 if syllable == line.syllables - 1 else degree
        phase = 2 * np.pi * register * 2 ** (PENTATONIC[degree] / 12) * time
        tone = (np.sin(phase) + 0.3 * np.sin(2 * phase)) * envelope * 0.16
        mix[0, start : start + time.size] += tone * (1 - balance) * 2
        mix[1, start : start + time.size] += tone * balance * 2
