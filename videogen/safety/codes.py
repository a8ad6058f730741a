"""Why a safety filter refused a video, in a producer's words."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Support codes as Vertex AI's documentation lists them ("Responsible AI for Veo").
CATEGORIES: dict[str, str] = {
    code: category
    for category, codes in {
        "child": ("58061214", "17301594"),
        "celebrity": ("29310472", "15236754"),
        "video safety": ("64151117", "42237218"),
        "third-party content": ("35561574", "35561575"),
        "prohibited content": ("89371032", "49114662", "63429089", "72817394", "60599140"),
        "sexual": ("90789179", "43188360"),
        "violence": ("61493863", "56562880"),
        "hate": ("57734940", "22137204"),
        "other safety": ("74803281", "29578790", "42876398"),
    }.items()
    for code in codes
}


# What the filters' own sentences name, as others recorded them. The more specific come first: a
# sentence about photorealistic children that offers to remove "the reference" is about children.
_WORDS: dict[str, re.Pattern[str]] = {
    category: re.compile(rf"\b(?:{words})", re.IGNORECASE)
    for category, words in {
        "child": r"child|kids?\b|minors?\b|under-?aged?\b|teen|toddler|infants?\b|bab(?:y|ies)\b",
        "celebrity": r"celebrit|real (?:people|persons?|individuals?)|likeness|public figures?"
        r"|(?:famous|prominent|well-known|notable) (?:people|persons?|individuals?|figures?)"
        r"|politicians?\b",
        "third-party content": r"third[- ]party|copyright|trademark|intellectual property|brands?\b"
        r"|recitation|interests of third",
        "sexual": r"sexual|nudity|nude\b|porn|sexually|intimate|explicit content|adult content",
        "violence": r"violen|gore\b|gory|bloodshed|weapons?\b|graphic content",
        "hate": r"hate\b|hateful|harass|discriminat|derogatory|slurs?\b|toxic",
        "prohibited content": r"prohibited|dangerous|illegal|illicit|drugs?\b|self-harm|suicide"
        r"|terroris|regulated (?:goods|substances)",
    }.items()
}
# The prohibited thing of this sentence is the use, whatever the content is.
_GENERAL = re.compile(r"prohibited use policy", re.IGNORECASE)


def categories_of(codes: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(CATEGORIES.get(code, f"code {code}") for code in codes))


def categories_in(reasons: Sequence[str]) -> list[str]:
    """Return the categories that the filter's own words name, each once."""
    words = _GENERAL.sub("policy", " ".join(reasons))
    return [category for category, pattern in _WORDS.items() if pattern.search(words)]


def categories_of_block(reasons: Sequence[str], codes: Sequence[str]) -> list[str]:
    """Return what a block is about: what its words name, then what its codes stand for. Words are
    about this request, while a code may stand for several subjects."""
    return list(dict.fromkeys([*categories_in(reasons), *categories_of(codes)]))


def is_audio_block(reasons: Sequence[str], codes: Sequence[str]) -> bool:
    """Whether it was the sound only, and the API itself says that it charged nothing."""
    words = " ".join(reasons).lower()
    return not codes and "issue with the audio" in words and "not been charged" in words


def explain_block(reasons: Sequence[str], codes: Sequence[str]) -> str:
    """One sentence with the filter's category and its own words."""
    categories = categories_of_block(reasons, codes)
    about = f" ({', '.join(categories)})" if categories else ""
    words = " ".join(reasons) or "The API gave no reason."
    return f"Blocked by the safety filter{about}, not charged: {words}"


def explain_refusal(reasons: Sequence[str]) -> str:
    """The model's own words, and what to try; nothing of what it cost."""
    return (
        f"The model answered in words, without a video: “{' '.join(reasons)}” Before another try, "
        "change the storyboard's words or leave out pictures."
    )
