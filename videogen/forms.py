from __future__ import annotations

from typing import Any

from django import forms

from storybook.models import Shot

from .models import ReferenceChoice, RenderBatch
from .prompts import referenced_ids

# A mode in a producer's words: what it is called, and what it does to the selected shots.
MODES = {
    RenderBatch.Mode.DEFAULT: (
        "Render what is missing",
        "Shots without a video get one. Shots that have a video are left alone.",
    ),
    RenderBatch.Mode.RESUME: (
        "Resume what was interrupted",
        "As above, and renders that broke off go on where they stopped. They ask for the videos "
        "that were already submitted: no new charge.",
    ),
    RenderBatch.Mode.OVERRIDE: (
        "Render new takes",
        "Shots that have a video get another take; the old takes stay. Approved shots are left "
        "alone. Every new take costs money.",
    ),
    RenderBatch.Mode.DRY_RUN: (
        "Rehearse, pay nothing",
        "Everything up to the paid call: the exact prompt and pictures are put together, checked "
        "and kept. Nothing is sent.",
    ),
}


class ReferenceChoiceForm(forms.ModelForm):
    class Meta:
        model = ReferenceChoice
        fields = ["shot", "kind", "reference_id", "choice", "position"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        shot, kind = cleaned.get("shot"), cleaned.get("kind")
        reference_id = cleaned.get("reference_id")
        if shot and kind and reference_id:
            known = _known_ids(shot, kind)
            if reference_id not in known:
                label = ReferenceChoice.Kind(kind).label
                self.add_error(
                    "reference_id",
                    f"This shot has no {label} “{reference_id}”. "
                    + (f"It has: {', '.join(known)}." if known else f"It has no {label} at all."),
                )
        return cleaned


def _known_ids(shot: Shot, kind: str) -> list[str]:
    if kind == ReferenceChoice.Kind.KEY_FRAME:
        return [str(number) for number in range(1, shot.key_frames.count() + 1)]
    plural = "characters" if kind == ReferenceChoice.Kind.CHARACTER else "environments"
    return referenced_ids(shot.storyboard_payload or {}, plural)
