"""The words of a prompt to which a safety filter probably objected. No queries.

The filter names a category, but not a place in the prompt. So this is a modest heuristic over the
prompt's own words:

- children: characters whose design calls them a child or gives an age under 18, then sentences of
  the storyboard that do;
- violence, sex, hate and the like: sentences of the storyboard, of its lines and of the designs
  with a word of a short list, unless the words before it deny it ("no blood");
- celebrities and third-party content: capitalised names within a sentence that are no name or id of
  a design, and words such as "logo" or "in the style of".

Every finding quotes the words that it rests on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from storybook.documents import objects_in

MOST = 5
LONGEST_QUOTE = 160

_NUMBERS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    "sixteen|seventeen"
)
CHILD = re.compile(
    r"\b(?:child|children|kids?|girls?|boys?|toddlers?|bab(?:y|ies)|infants?|teenagers?|teens?|"
    r"school(?:girl|boy|child|children)s?|"
    rf"(?:[1-9]|1[0-7]|{_NUMBERS})[- ]years?[- ]olds?)\b",
    re.IGNORECASE,
)
_YOUNG = re.compile(rf"{CHILD.pattern}|\b(?:young|youthful|juvenile|childlike)\b", re.IGNORECASE)
_AGE = rf"(?:[1-9]|1[0-7]|{_NUMBERS})\b(?! (?:hundred|thousand|million|of)\b)"
_MEASURE = r"(?! (?:minutes?|hours?|days?|weeks?|centuries|metres?|meters?|feet|cm|m)\b)"
# The first is for a field that holds an age, the second for running text.
_AGE_FIELD = re.compile(rf"\b{_AGE}", re.IGNORECASE)
_AGED = re.compile(rf"\b(?:aged?|girl of|boy of|child of|is) {_AGE}{_MEASURE}", re.IGNORECASE)

_WORDS = {
    "violence": (
        "blood|bloody|bleed(?:s|ing)?|kill(?:s|ed|ing)?|murder\\w*|stab(?:s|bed|bing)?|"
        "fight(?:s|ing)?|fought|punch(?:es|ed|ing)?|slap(?:s|ped|ping)?|attack(?:s|ed|ing)?|"
        "beat(?:s|en|ing) (?:him|her|them|up)|strangl\\w+|tortur\\w+|wound(?:s|ed)?|corpses?|"
        "gore|gory|guns?|rifles?|pistols?|knife|knives|daggers?|swords?|axes?|weapons?|bombs?|"
        "grenades?|bullets?|explo(?:de|des|ded|ding|sion|sions)|battles?"
    ),
    "sexual": (
        "nude|nudity|naked|topless|undress\\w*|underwear|lingerie|bikini|sexy|sexual\\w*|erotic|"
        "seduc\\w+|sensual\\w*|kiss(?:es|ed|ing)?|breasts?|cleavage|caress\\w*"
    ),
    "hate": (
        "hate(?:s|d|ful)?|nazis?|swastikas?|racis\\w+|slurs?|supremac\\w+|lynch\\w*|ghettos?|"
        "slaves?|savages?"
    ),
    "prohibited content": (
        "drugs?|cocaine|heroin|cannabis|suicide|self-harm|terror(?:ist|ists|ism)|cigarettes?|"
        "smok(?:es|ing) a|drunk|hostages?|kidnap\\w*"
    ),
    "third-party content": (
        "in the style of [^.,;]+|logos?|trademarks?|brand(?:s|ed)?|copyright\\w*|disney|"
        "pixar|marvel|ghibli|pok[eé]mon|nintendo|lego|barbie|harry potter|star wars|coca-cola|"
        "mcdonald\\S*"
    ),
    "celebrity": (
        "celebrit(?:y|ies)|famous (?:actor|actress|singer|politician|athlete)s?|film stars?|"
        "president|prime minister|pope"
    ),
    "audio": (
        "sings?|singing|sang|song|songs|lyrics?|melod(?:y|ies)|music\\w*|hums?|humming|choir|"
        "scream(?:s|ing)?|shriek\\w*|yell(?:s|ing)?|shout(?:s|ing)?|moan\\w*|sob(?:s|bing)?"
    ),
}
_LOOKED_FOR = {
    "child": ("child",),
    "video safety": ("violence", "sexual", "prohibited content"),
    "other safety": ("violence", "sexual", "hate", "prohibited content"),
    "celebrity": ("celebrity", "names"),
    "third-party content": ("third-party content", "names"),
}
_DENIED = re.compile(
    r"\b(?:no|not|never|without|neither|nor|free of)\b[^,.;:]{0,24}$", re.IGNORECASE
)
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][\w'’-]+(?: (?:of |the |de |van )?[A-Z][\w'’-]+)*")
_SENTENCE = re.compile(r"[^.!?…。！？\n]+[.!?…。！？]*")


@dataclass(frozen=True)
class Suspect:
    # "character", "environment", "line" (somebody speaks it), "storyboard", "direction" or "style".
    what: str
    # Of the design, of the speaker or of the field.
    name: str
    # The words that were found, out of `quote`.
    words: str
    quote: str


@dataclass(frozen=True)
class _Text:
    what: str
    name: str
    text: str


def find_suspects(prompt_text: str, category: str) -> list[Suspect]:
    """The likeliest first, at most five; none where nothing of the category is found."""
    try:
        document = json.loads(prompt_text)
    except ValueError:
        return []
    if not isinstance(document, dict):
        return []
    found: dict[tuple[str, str, str], Suspect] = {}
    for lookout in _LOOKED_FOR.get(category, (category,)):
        for suspect in _look_for(lookout, document):
            key = (suspect.what, suspect.name, "" if lookout == "child" else suspect.quote)
            found.setdefault(key, suspect)
    return list(found.values())[:MOST]


def _look_for(lookout: str, document: Mapping[str, Any]) -> Iterator[Suspect]:
    texts = list(_texts(document))
    if lookout == "child":
        yield from _children(texts)
    elif lookout == "names":
        known = _known_names(document)
        for each in texts:
            if each.what in ("storyboard", "line", "direction", "style"):
                yield from _names(each, known)
    elif lookout in _WORDS:
        pattern = re.compile(rf"\b(?:{_WORDS[lookout]})(?!\w)", re.IGNORECASE)
        for each in texts:
            # The style may name a celebrity or a brand. A sword in it is not shown.
            if each.what != "style" or lookout in ("third-party content", "celebrity"):
                yield from _sentences_with(pattern, each)


def _children(texts: list[_Text]) -> Iterator[Suspect]:
    for each in texts:
        if each.what == "character":
            is_age = "age" in each.name.rpartition("\0")[2].lower().split("_")
            for pattern in (_YOUNG, _AGE_FIELD if is_age else _AGED):
                yield from _sentences_with(pattern, each)
    for each in texts:
        if each.what in ("storyboard", "line", "direction"):
            yield from _sentences_with(CHILD, each)


def _sentences_with(pattern: re.Pattern[str], text: _Text) -> Iterator[Suspect]:
    for sentence in _SENTENCE.findall(text.text):
        for match in pattern.finditer(sentence):
            if not _DENIED.search(sentence[: match.start()]):
                yield _suspect(text, match[0], sentence)
                break


def _names(text: _Text, known: set[str]) -> Iterator[Suspect]:
    for sentence in _SENTENCE.findall(text.text):
        for match in _NAME.finditer(sentence):
            if not known & set(re.findall(r"\w+", match[0].lower())):
                yield _suspect(text, match[0], sentence)


def _suspect(text: _Text, words: str, sentence: str) -> Suspect:
    quote = sentence.strip()
    if len(quote) > LONGEST_QUOTE:
        start = max(0, quote.find(words) - LONGEST_QUOTE // 3)
        end = start + LONGEST_QUOTE
        quote = f"{'…' if start else ''}{quote[start:end].strip()}{'…' if end < len(quote) else ''}"
    return Suspect(text.what, text.name.partition("\0")[0], words.strip(), quote)


# -- the prompt's texts ----------------------------------------------------------------------------


def _texts(document: Mapping[str, Any]) -> Iterator[_Text]:
    for key, what in (("character_designs", "character"), ("environment_designs", "environment")):
        for design in objects_in(document.get(key)):
            name = design.get(f"{what}_name") or design.get(f"{what}_id") or ""
            for path, text in _strings(design):
                yield _Text(what, f"{name}\0{path}", text)
    payload = document.get("storyboard_payload")
    if isinstance(payload, dict):
        for key, value in payload.items():
            if key == "audioAndNarrative":
                for line in objects_in(value):
                    for part in ("line", "delivery"):
                        if isinstance(line.get(part), str):
                            yield _Text("line", str(line.get("source") or ""), line[part])
            elif key != "referencedDesigns":
                yield from (_Text("storyboard", key, text) for _, text in _strings(value))
    yield from (
        _Text("direction", "", text) for _, text in _strings(document.get("director_notes"))
    )
    yield from (_Text("style", "", text) for _, text in _strings(document.get("global_aesthetic")))


def _strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            if not key.endswith("_id"):
                yield from _strings(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each, path)
    elif isinstance(value, str):
        yield path, value
    elif isinstance(value, int | float) and "age" in path.lower().split("_"):
        yield path, str(value)


def _known_names(document: Mapping[str, Any]) -> set[str]:
    """Every word of a design's name or id, and of the months and days."""
    names = [
        str(design.get(f"{what}_{part}") or "")
        for what in ("character", "environment")
        for design in objects_in(document.get(f"{what}_designs"))
        for part in ("name", "id")
    ]
    calendar = (
        "january february march april may june july august september october november december "
        "monday tuesday wednesday thursday friday saturday sunday i english"
    )
    return set(re.findall(r"[^\W_]+", " ".join([*names, calendar]).lower()))
