"""What is odd about a picture that can be used. It is sent as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models


class PictureFlaw(models.TextChoices):
    """Each code with what follows “The picture …”. The names in braces are parameters."""

    TINY = (
        "tiny",
        "is tiny: {width} × {height} pixels show hardly anything. Export it larger, with at least "
        "{least} pixels on its shorter side.",
    )
    TURNED = (
        "turned",
        "is stored {how} and only its EXIF data say so, which the model may not read. Save it "
        "upright.",
    )
    CMYK = (
        "cmyk",
        "has the colours of print (CMYK), which may look wrong to the model. Save it as RGB.",
    )
    ANIMATED = (
        "animated",
        "is animated ({frames} frames): only one of them counts. Save the right one as a picture "
        "of its own.",
    )
    SEVERAL_PICTURES = (
        "several_pictures",
        "holds several pictures in one file (MPO), of which only the first counts. Save that one "
        "as a plain JPEG.",
    )


def flaw_words(code: str, params: Mapping[str, Any]) -> str:
    return str(PictureFlaw(code).label).format(**params)


def flaw_sentences(flaws: Iterable[Mapping[str, Any]] | None) -> list[str]:
    """Return a sentence for each of a picture's stored flaws."""
    return [
        f"The picture {flaw_words(flaw['code'], flaw['params'])}"
        for flaw in flaws or ()
        if flaw["code"] in PictureFlaw.values
    ]
