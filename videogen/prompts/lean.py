"""The lean profile of a prompt: what says what happens in the shot comes first, and the designs
and the aesthetic are cut until the prompt fits the model's limit.

Storyboard, directions and critical instruction are never cut. What is left out are sentences, in
the order of CUTS, and no more of them than needed. No queries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import models

FIRST = ("director_notes", "critical_instruction", "storyboard_payload")
# First what all shots of the story share, then what makes a character recognisable. The voices are
# of those who speak in the shot, so they are cut where nothing else is left.
VOICES = "audio_design"
CUT_PARTS = ("global_aesthetic", "environment_designs", "character_designs", VOICES)
# In bytes. A shorter text is a name, a colour or a number: leaving it out saves nothing.
SHORTEST_CUT = 24


class CutReason(models.TextChoices):
    REPEATED = "repeated", "the storyboard says it, too"
    NOT_OF_THE_SHOT = "not_of_the_shot", "not about this shot"
    LONG = "long", "long: only how the text begins stays"
    LAST = "last", "still too long: the text as a whole"


# What is left out, in this order: every reason, and for each of them every part.
CUTS = tuple((reason, part) for reason in CutReason for part in CUT_PARTS)


@dataclass(frozen=True)
class LeftOut:
    """A sentence that the lean profile left out. `place` is where it stood, such as
    "character_designs.ada.costume"."""

    reason: str
    part: str
    place: str
    text: str

    @property
    def reason_words(self) -> str:
        return str(CutReason(self.reason).label)

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def read(cls, stored: Mapping[str, str]) -> LeftOut:
        return cls(**{name: str(stored.get(name, "")) for name in cls.__dataclass_fields__})


def lean_document(
    document: Mapping[str, Any], fits: Callable[[dict[str, Any]], bool]
) -> tuple[dict[str, Any], tuple[LeftOut, ...]]:
    """The parts of a full prompt in the lean order, without as many sentences as it takes until
    `fits` says yes of the document, and those sentences in the order in which they were left out.
    The document itself stays as it is."""
    first = [name for name in FIRST if name in document]
    ordered = {name: document[name] for name in dict.fromkeys([*first, *document])}
    if fits(ordered):
        return ordered, ()
    sentences = list(_sentences(ordered))
    cuts = _in_order(sentences, ordered.get("storyboard_payload"))
    # The shortest run of cuts that is enough, or all of them.
    least, most = 1, len(cuts)
    while least < most:
        middle = (least + most) // 2
        if fits(_without(ordered, cuts[:middle])):
            most = middle
        else:
            least = middle + 1
    told = tuple(
        LeftOut(reason.value, sentence.part, _place(ordered, sentence.path), sentence.text.strip())
        for reason, sentence in cuts[:most]
    )
    return _without(ordered, cuts[:most]), told


@dataclass(frozen=True)
class _Sentence:
    part: str
    # Keys and indices that lead to the text, the part's name first.
    path: tuple[str | int, ...]
    number: int
    text: str


_Cuts = Sequence[tuple[CutReason, _Sentence]]
_END = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])")
_WORD = re.compile(r"[^\W\d_]{5,}")
# Scripts without spaces: two characters that follow each other stand for a word. It is compiled
# when a prompt is cut, because a class of so many characters takes a millisecond.
_UNSPACED = r"(?=([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]{2}))"


def _sentences(document: Mapping[str, Any]) -> Iterator[_Sentence]:
    for part in CUT_PARTS:
        for path, text in _texts(document.get(part), (part,)):
            for number, sentence in enumerate(_END.split(text)):
                yield _Sentence(part, path, number, sentence)


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text below the value that may be cut. Ids and names say whom the storyboard means."""
    if isinstance(value, str):
        if not str(path[-1]).endswith(("_id", "_name")):
            yield path, value
    elif isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, each in items:
            yield from _texts(each, (*path, key))


def _in_order(sentences: Sequence[_Sentence], payload: Any) -> _Cuts:
    said = " ".join(text for _, text in _texts(payload, ("",)))
    plain, words = _plain(said), _words(said)
    by_cut: dict[tuple[CutReason, str], list[_Sentence]] = {cut: [] for cut in CUTS}
    for each in sentences:
        if len(each.text.strip().encode()) >= SHORTEST_CUT:
            by_cut[_reason(each, plain, words), each.part].append(each)
    return [
        (reason, each)
        for reason, part in CUTS
        # The longest first, so that few are missing.
        for each in sorted(by_cut[reason, part], key=lambda one: -len(one.text))
    ]


def _reason(sentence: _Sentence, payload: str, words: set[str]) -> CutReason:
    if sentence.part == VOICES:
        return CutReason.LAST
    if _plain(sentence.text) in payload:
        return CutReason.REPEATED
    if not _words(sentence.text) & words:
        return CutReason.NOT_OF_THE_SHOT
    return CutReason.LONG if sentence.number else CutReason.LAST


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _words(text: str) -> set[str]:
    """What the text is about, roughly: its longer words by their first letters, so that "lantern"
    and "lanterns" are one."""
    folded = text.casefold()
    return {word[:5] for word in _WORD.findall(folded)} | set(re.findall(_UNSPACED, folded))


def _without(document: Mapping[str, Any], cuts: _Cuts) -> dict[str, Any]:
    gone: dict[tuple[str | int, ...], set[int]] = {}
    for _, each in cuts:
        gone.setdefault(each.path, set()).add(each.number)
    return {
        name: _pruned(value, (name,), gone) if name in CUT_PARTS else value
        for name, value in document.items()
    }


_GONE = object()


def _pruned(value: Any, path: tuple[str | int, ...], gone: Mapping[Any, set[int]]) -> Any:
    """The value without those sentences, and without keys and items that have none left."""
    if isinstance(value, str):
        if path not in gone:
            return value
        left = [each for number, each in enumerate(_END.split(value)) if number not in gone[path]]
        return " ".join(left) if left or len(path) == 1 else _GONE
    if isinstance(value, Mapping):
        pruned = {key: _pruned(each, (*path, key), gone) for key, each in value.items()}
        kept: Any = {key: each for key, each in pruned.items() if each is not _GONE}
    elif isinstance(value, list):
        items = [_pruned(each, (*path, at), gone) for at, each in enumerate(value)]
        kept = [each for each in items if each is not _GONE]
    else:
        return value
    return kept if kept or not value or len(path) == 1 else _GONE


def _place(document: Mapping[str, Any], path: Sequence[str | int]) -> str:
    """The path in words: a design by its id, not by its number."""
    words, value = [], document
    for key in path:
        value = value[key]  # type: ignore[index]
        name = str(key)
        if isinstance(key, int) and isinstance(value, Mapping):
            ids = (value.get(each) for each in ("character_id", "environment_id"))
            name = next((each for each in ids if isinstance(each, str)), str(key + 1))
        elif isinstance(key, int):
            name = str(key + 1)
        words.append(name)
    return ".".join(words)
