"""Whether the lines of a shot can be spoken within its clip. No queries.

The rates are those of people reading aloud, from the International Reading Speed Texts
(Trauzettel-Klosinski and Dietz 2012, doi.org/10.1167/iovs.11-8284, table 3): 436 adults in 17
languages. Korean and Thai are not among them; they have the means over all languages, in syllables
and in characters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storybook.captions import SpokenLine, spoken_lines
from storybook.findings import is_unspoken
from videogen.models.render_warnings import RenderWarning, WarningCode

WORDS, CHARACTERS = "words", "characters"
# A clip is not read as fast as a test: over 77 studies, people read English aloud at 183 words a
# minute (Brysbaert 2019, doi.org/10.1016/j.jml.2019.104047), which is 0.8 of the rate below.
SHARE = 0.8
# In a mixed text, a word of a script with spaces counts as so many characters of one without.
CHARACTERS_PER_WORD = 2
# Of the line in the warning.
LONGEST_LINE = 100


@dataclass(frozen=True)
class Rate:
    unit: str
    per_minute: int
    # Words by which the language is known among those of its script.
    common: frozenset[str] = frozenset()


def _known(words: str) -> frozenset[str]:
    return frozenset(words.split())


RATES = {
    "ar": Rate(WORDS, 138),
    "de": Rate(WORDS, 179, _known("der die das und ist nicht ich wir sie ein eine mit zu wo den")),
    "en": Rate(WORDS, 228, _known("the and is of to it you we that was with my he she your for")),
    "es": Rate(WORDS, 218, _known("el los las que de y es en por no una con del se está pero")),
    "fi": Rate(WORDS, 161, _known("ja on ei se että hän minä me mutta kun niin ovat oli tämä")),
    "fr": Rate(WORDS, 195, _known("le la les et est des une pas je nous vous que dans il elle")),
    "he": Rate(WORDS, 187),
    "it": Rate(WORDS, 188, _known("il di che è non un per sono gli della ma questo una lo si")),
    "ja": Rate(CHARACTERS, 357),
    "ko": Rate(CHARACTERS, 370),
    "nl": Rate(WORDS, 202, _known("het een en van ik niet dat is wij zijn op te maar deze naar")),
    "pl": Rate(WORDS, 166, _known("i w się nie na to jest że z do jak co ale czy tak")),
    "pt": Rate(WORDS, 181, _known("o os não que e é do da em um uma para com mas você")),
    "ru": Rate(WORDS, 184),
    "sl": Rate(WORDS, 180, _known("je in se ne da na so pa bi ki za ko smo ali sem")),
    "sv": Rate(WORDS, 199, _known("och att det är inte jag en som på för vi han med av")),
    "th": Rate(CHARACTERS, 863),
    "tr": Rate(WORDS, 166, _known("ve bir bu da ne için çok ama ben sen var o gibi değil")),
    "zh": Rate(CHARACTERS, 255),
}
_USUAL = "en"
_LANGUAGES_BY_WORD: dict[str, list[str]] = {}
for _language, _rate in RATES.items():
    for _common in _rate.common:
        _LANGUAGES_BY_WORD.setdefault(_common, []).append(_language)
# The first script that has most of the letters decides; kana before Han, which Japanese has, too.
# They are compiled when a text is not ASCII: a class of so many characters takes a millisecond.
_SCRIPTS = {
    "ja": r"[\u3040-\u30ff]",
    "zh": r"[\u3400-\u9fff\uf900-\ufaff]",
    "ko": r"[\uac00-\ud7af]",
    "th": r"[\u0e00-\u0e7f]",
    "ar": r"[\u0600-\u06ff]",
    "he": r"[\u0590-\u05ff]",
    "ru": r"[\u0400-\u04ff]",
}
_UNSPACED = r"[\u0e01-\u0e30\u0e40-\u0e46\u3040-\u30fa\u3400-\u9fff\uac00-\ud7af]"
_WORD = re.compile(r"\w+(?:['’.]\w+)*")
# How a line is to be spoken, such as "(whispers)".
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]|（[^）]*）|【[^】]*】|\*[^*]*\*")


def check_speech(payload: Mapping[str, Any], seconds: int) -> RenderWarning | None:
    """Return the warning that the lines cannot be spoken in a clip of so many seconds; None if they
    can. It names the line within which the clip ends."""
    lines = _spoken(payload)
    language = language_of(" ".join(each.text for each in lines))
    rate = RATES[language]
    fits = int(rate.per_minute * SHARE * seconds / 60)
    counts = [count_speech(each.text, rate.unit) for each in lines]
    if sum(counts) <= fits:
        return None
    over = next(number for number in range(len(lines)) if sum(counts[: number + 1]) > fits)
    params = {
        "count": sum(counts),
        "unit": rate.unit,
        "fits": fits,
        "seconds": seconds,
        "language": language,
        "number": over + 1,
        "line": _shortened(lines[over].text),
    }
    return RenderWarning(WarningCode.SPEECH_TOO_LONG, params)


def language_of(text: str) -> str:
    """The language of the text, by its script, and among those with Latin letters by its most
    common words. English where nothing tells."""
    words = [each.casefold() for each in _WORD.findall(text)]
    if not text.isascii():
        language, letters = _script_of(text)
        # A word has more than one letter, but a character of Chinese is half a word.
        if letters > sum(each.isascii() for each in words):
            return language
    votes = Counter(language for each in words for language in _LANGUAGES_BY_WORD.get(each, ()))
    best = max(RATES, key=votes.__getitem__)
    return best if votes[best] > votes[_USUAL] else _USUAL


def _script_of(text: str) -> tuple[str, int]:
    """The script that most of the text is written in, by a language of it, and how many letters."""
    scripts = {language: len(re.findall(found, text)) for language, found in _SCRIPTS.items()}
    if scripts["ja"]:
        scripts["ja"] += scripts.pop("zh")
    return max(scripts.items(), key=lambda each: each[1])


def count_speech(text: str, unit: str) -> int:
    """How many words or characters of the text are spoken."""
    told = _ASIDE.sub(" ", text)
    characters = 0
    if not told.isascii():
        told, characters = re.subn(_UNSPACED, " ", told)
    words = len(_WORD.findall(told))
    if unit == CHARACTERS:
        return characters + words * CHARACTERS_PER_WORD
    return words + round(characters / CHARACTERS_PER_WORD)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1].rstrip()}…"


def _spoken(payload: Mapping[str, Any]) -> list[SpokenLine]:
    entries = payload.get("audioAndNarrative")
    if not isinstance(entries, list):
        return []
    speech = [each for each in entries if isinstance(each, Mapping) and not is_unspoken(each)]
    return spoken_lines({"audioAndNarrative": speech})
