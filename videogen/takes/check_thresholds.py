"""The values from which on something about a take is reported. Each number has its reason beside
it.

Raise VERSION with any change here or in technical_check.py: takes that were checked with others are
checked once more.
"""

from __future__ import annotations

from typing import NamedTuple

VERSION = 2


class Threshold(NamedTuple):
    value: float
    reason: str


FRAMES_PER_SECOND = Threshold(24, "Veo makes 24 frames a second, whatever is asked for.")
FRAME_RATE_OFF = Threshold(0.1, "23.976 is meant as 24; 25 is another rate.")
LENGTH_OFF = Threshold(0.5, "Sound and picture end a few frames apart; half a second is seen.")
SHAPE_OFF = Threshold(0.01, "Even numbers of pixels make 1 % of difference, not a bar of it.")

BLACK_LUMA = Threshold(32, "Of 0 to 255: black is 16, and a night still has lights above this.")
BLACK_SHARE = Threshold(0.99, "Grain and an encoder's errors may lift a few points.")
BLACK_SECONDS = Threshold(0.5, "Fades in from black are shorter.")

FROZEN_MEAN = Threshold(0.8, "Of 255: an encoder changes as much while a held picture settles.")
FROZEN_POINT = Threshold(12, "Of 255: a point that differs by more has moved.")
FROZEN_SHARE = Threshold(0.0005, "As few points as these are an eye or a lamp that still moves.")
FROZEN_SECONDS = Threshold(1.0, "Actors hold still for less; a second is seen as a stop.")

CUT_CHANGE = Threshold(12, "Of 255, mean of the whole picture: quick motion is below it.")
CUT_RATIO = Threshold(4, "Against the frames around: in a whip pan all of them change.")
CUT_LIKENESS = Threshold(0.7, "Correlation: the same place in other light is above it.")
CUT_AROUND = Threshold(4, "Frames: a flash is over by then, and the picture is back.")

SILENT_DB = Threshold(-60, "A quiet room is at -50; below this, nobody hears anything.")
SILENT_SECONDS = Threshold(2.0, "Pauses between lines are shorter, and have a room's noise.")

CLIPPED_LEVEL = Threshold(0.985, "Of full scale: AAC bends flat tops by about a percent.")
CLIPPED_SHARE = Threshold(0.015, "Of the points of 0.1 s: loud music touches the limit less often.")
CLIPPED_SECONDS = Threshold(0.2, "A single peak is not heard.")
CLIPPED_GAP = Threshold(0.5, "Nearer ones are one place for who listens.")

LOUDEST_LUFS = Threshold(-9, "Louder than any broadcast or film; takes come at -30 to -14.")
QUIETEST_LUFS = Threshold(-38, "Levelling it to -16 would raise its noise by more than 20 dB.")

SAME_MEAN = Threshold(2.5, "Of 255, at every moment: another encoding of the same pictures.")
SAME_POINT = Threshold(8, "Of 255: where 2 % of the picture differ by more, something else moves.")
