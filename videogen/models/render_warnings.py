"""The warnings of a render: which there are, what each of them says, and how they are stored.

A warning is stored as a code with its parameters, and programs decide by the code. Its sentence is
made here, from the words beside the code, whenever it is read. The words of what a story's own
documents get wrong are in storybook, because the import says them, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Self

from django.db import models

from storybook.findings import Finding, FindingCode, words_of
from storybook.picture_flaws import flaw_words
from videogen.common.formats import day_in_words, either


class WarningCode(models.TextChoices):
    """Each code with its sentence. The names in braces are the parameters."""

    # -- about what nothing reads in the storyboard; the words are in storybook/findings.py
    NO_DESIGN = FindingCode.NO_DESIGN.value, FindingCode.NO_DESIGN.label
    NOT_REFERENCES = FindingCode.NOT_REFERENCES.value, FindingCode.NOT_REFERENCES.label
    NOT_A_LIST_OF_IDS = FindingCode.NOT_A_LIST_OF_IDS.value, FindingCode.NOT_A_LIST_OF_IDS.label
    NOT_AN_ID = FindingCode.NOT_AN_ID.value, FindingCode.NOT_AN_ID.label
    UNREAD_KEY = FindingCode.UNREAD_KEY.value, FindingCode.UNREAD_KEY.label
    NOT_LINES = FindingCode.NOT_LINES.value, FindingCode.NOT_LINES.label
    NOT_A_LINE = FindingCode.NOT_A_LINE.value, FindingCode.NOT_A_LINE.label
    NO_SOURCE = FindingCode.NO_SOURCE.value, FindingCode.NO_SOURCE.label
    NO_VOICE = FindingCode.NO_VOICE.value, FindingCode.NO_VOICE.label
    VOICE_NOT_NAMED = FindingCode.VOICE_NOT_NAMED.value, FindingCode.VOICE_NOT_NAMED.label
    NO_NARRATOR = FindingCode.NO_NARRATOR.value, FindingCode.NO_NARRATOR.label
    EMBEDDED_FILE = FindingCode.EMBEDDED_FILE.value, FindingCode.EMBEDDED_FILE.label
    MORE = FindingCode.MORE.value, FindingCode.MORE.label
    # -- about the references
    NO_PICTURE = "no_picture", "There is no {kind} {id}."
    REFERENCE_LEFT_OUT = "reference_left_out", "The {reference} is left out: {problem}"
    ODD_PICTURE = "odd_picture", "The {reference} {flaw}"
    SAME_PICTURE = "same_picture", "The {reference} is the same picture as the {first}: sent once."
    NO_REFERENCE = (
        "no_reference",
        "No reference picture is sent: the characters may look different.",
    )
    # -- about the rest of the request
    OPTION_NOT_TAKEN = "option_not_taken", "{model} takes no {option}: it is not sent."
    PERSON_GENERATION_NOT_TAKEN = (
        "person_generation_not_taken",
        "{model} knows no person generation {asked!r}, so none is asked for: it knows {known}.",
    )
    OVER_TOKEN_LIMIT = (
        "over_token_limit",
        "The prompt has about {tokens} tokens, the model reads {limit}: what lies at its end may "
        "be ignored.",
    )
    SPEECH_TOO_LONG = (
        "speech_too_long",
        "The lines have {count} {unit}, and about {fits} can be spoken in {seconds} seconds: the "
        "clip may end in line {number}, “{line}”.",
    )
    MODEL_NOT_KNOWN = (
        "model_not_known",
        "Nothing is known about {model}: it is not in the table of video models, so nothing was "
        "checked. The API may refuse the request.",
    )
    MODEL_SHUTS_DOWN = (
        "model_shuts_down",
        '{model} is announced to shut down on or after {day}: it may answer "not found".{move}',
    )
    WORDS_OF_ROUTE = "words_of_route", "Its prompt ends in the words that {route} needs."
    SHOT_GONE = (
        "shot_gone",
        "The shot is no longer in the story's bundle: nothing renders it unless you name it.",
    )
    REPEAT = (
        "repeat",
        "You have this already as take {take}{of_shot} of {day}{rejected}: same prompt, "
        "references, model and settings.",
    )
    MOVED = (
        "moved",
        "Moved from {old} to {new} by {by} on {day}: ${price_was} → ${price}.",
    )
    # -- about the video
    OTHER_LENGTH = (
        "other_length",
        "The video is {seconds:.1f} s long; {asked} s were asked for.",
    )
    OTHER_SIZE = (
        "other_size",
        "The video is {width} × {height}; {asked_width} × {asked_height} was asked for.",
    )
    NO_SOUND = "no_sound", "The video has no sound."
    UNKNOWN_SOUND = (
        "unknown_sound",
        "Its sound ({codec}) cannot be decoded here, and many players do not play it.",
    )
    UNCOMMON_CODEC = (
        "uncommon_codec",
        "Not every browser plays this video ({codec}): H.264 with 8 bits and 4:2:0 is safe.",
    )
    # -- about where the video came from
    LINK_GIVEN = "link_given", "The download link was given by {by}."
    FOUND_IN_BUCKET = (
        "found_in_bucket",
        "Its video was found under its submission's own token.",
    )
    ANSWER_FOUND = "answer_found", "Its answer was found in the {where}; taken by {by}."
    # -- stored as a sentence, before there were codes
    TEXT = "text", "{text}"


# What was said of a video, or of how it came here, says nothing of another video of the request.
OF_THE_VIDEO = frozenset(
    {
        WarningCode.OTHER_LENGTH,
        WarningCode.OTHER_SIZE,
        WarningCode.NO_SOUND,
        WarningCode.UNKNOWN_SOUND,
        WarningCode.UNCOMMON_CODEC,
        WarningCode.LINK_GIVEN,
        WarningCode.FOUND_IN_BUCKET,
        WarningCode.ANSWER_FOUND,
    }
)
# What was said of the options, which are the same for every request of a plan.
OF_OPTIONS = frozenset({WarningCode.OPTION_NOT_TAKEN, WarningCode.PERSON_GENERATION_NOT_TAKEN})
# What holds for one model may not hold for another.
OF_THE_MODEL = frozenset(
    {
        *OF_OPTIONS,
        WarningCode.OVER_TOKEN_LIMIT,
        WarningCode.MODEL_NOT_KNOWN,
        WarningCode.MODEL_SHUTS_DOWN,
    }
)

# How sentences began that were stored before there were codes.
_STORED_SENTENCES = (
    (WarningCode.REPEAT, "You have this already as "),
    (WarningCode.OVER_TOKEN_LIMIT, "The prompt has about "),
    (WarningCode.OPTION_NOT_TAKEN, r"\S+ takes no "),
    (WarningCode.PERSON_GENERATION_NOT_TAKEN, r"\S+ knows no person generation "),
    (WarningCode.OTHER_LENGTH, r"The video is [\d.]+ s long; "),
    (WarningCode.NO_SOUND, r"The video has no sound\."),
    (WarningCode.UNCOMMON_CODEC, "Not every browser plays this video "),
    (WarningCode.LINK_GIVEN, "The download link was given by "),
    (WarningCode.FOUND_IN_BUCKET, "Its video was found under "),
    (WarningCode.ANSWER_FOUND, "Its answer was found in "),
)


class RenderWarning(str):
    """A sentence for people that keeps its code and its parameters for programs.

    The parameters are JSON values.
    """

    code: WarningCode
    params: dict[str, Any]

    def __new__(cls, code: WarningCode, params: Mapping[str, Any] | None = None) -> Self:
        self = super().__new__(cls, _sentence(code, params or {}))
        self.code, self.params = code, dict(params or {})
        return self

    def __getnewargs__(self) -> tuple[WarningCode, dict[str, Any]]:  # type: ignore[override]
        return self.code, self.params

    @classmethod
    def of(cls, finding: Finding) -> RenderWarning:
        """The warning about what nothing reads in a shot."""
        return cls(WarningCode(finding.code.value), {**finding.params, "place": finding.place})

    @classmethod
    def read(cls, stored: object) -> RenderWarning:
        """From a row: an object with a code and parameters, or a bare sentence of an older row."""
        if isinstance(stored, cls):
            return stored
        if isinstance(stored, dict):
            try:
                return cls(WarningCode(stored["code"]), stored["params"])
            except (KeyError, ValueError, TypeError, IndexError):
                return cls(WarningCode.TEXT, {"text": str(stored)})
        text = str(stored)
        found = (code for code, words in _STORED_SENTENCES if re.match(words, text))
        return cls(next(found, WarningCode.TEXT), {"text": text})

    @property
    def stored(self) -> dict[str, Any] | str:
        """What `read` reads; a sentence of an older row stays one."""
        if "text" in self.params:
            return str(self)
        return {"code": self.code.value, "params": self.params}


def _sentence(code: WarningCode, params: Mapping[str, Any]) -> str:
    if "text" in params:
        return str(params["text"])
    words = dict(params)
    if code.value in FindingCode.values:
        # A row that was stored before there were places has none.
        place = words.pop("place", "")
        told = words_of(FindingCode(code.value), words)
        return f"{place}: {told}" if place else told
    if code == WarningCode.ODD_PICTURE:
        words["flaw"] = flaw_words(params["flaw"], params["params"])
    elif code == WarningCode.REPEAT:
        # Older rows have no story.
        story = f" in the story “{params['story']}”" if params.get("story") else ""
        words["of_shot"] = f" of {params['shot']}{story}" if params["shot"] else ""
        words["rejected"] = ", which was rejected" if params["is_rejected"] else ""
        words["day"] = day_in_words(date.fromisoformat(params["day"]))
    elif code in (WarningCode.MOVED, WarningCode.MODEL_SHUTS_DOWN):
        words["day"] = day_in_words(date.fromisoformat(params["day"]))
        # Rows that were stored earlier name no models to move to.
        successors = params.get("successors")
        words["move"] = f" Move to {either(successors)}." if successors else ""
    return str(code.label).format(**words)
