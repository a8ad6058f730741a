"""The forms of what a story consists of: its designs and its scenelets."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Max, QuerySet

from .errors import BundleError
from .importer.bundles import (
    LARGEST_NUMBER,
    LONGEST_ID,
    check_design_document,
    circle_words,
    find_circles,
)
from .models import Scenelet, Story
from .new_stories import free_slug


class DesignDocumentForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        kind, document = cleaned.get("kind") or self.instance.kind, cleaned.get("document")
        if kind and document is not None:
            try:
                cleaned["document"], _ = check_design_document(f"{kind}_design_document", document)
            except BundleError as error:
                raise ValidationError({"document": list(error.problems)}) from error
        return cleaned


class SceneletForm(forms.ModelForm):
    sequence = forms.IntegerField(
        required=False,
        min_value=-LARGEST_NUMBER,
        max_value=LARGEST_NUMBER,
        help_text="The place in the story. If you leave it empty, the scenelet comes last.",
    )
    scenelet_id = forms.CharField(
        required=False,
        max_length=LONGEST_ID,
        label="Id",
        help_text="It names the scenelet in bundles, commands and file names. If you leave it "
        "empty, it is made from the title.",
    )

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        story = cleaned.get("story") or (self.instance.story if self.instance.story_id else None)
        if story is None:
            return cleaned
        # Two people who change parents at once would make a circle that neither form shows.
        Story.objects.select_for_update(no_key=True).get(pk=story.pk)
        others = Scenelet.objects.filter(story=story).exclude(pk=self.instance.pk).order_by()
        if not cleaned.get("scenelet_id") and "scenelet_id" not in self.errors:
            taken = others.values_list("scenelet_id", flat=True)
            cleaned["scenelet_id"] = free_slug(cleaned.get("title", ""), "scenelet", set(taken))
        if cleaned.get("sequence") is None and "sequence" not in self.errors:
            last = others.aggregate(last=Max("sequence"))["last"]
            cleaned["sequence"] = min((last or 0) + 1, LARGEST_NUMBER)
        self._check_parent(story, cleaned.get("parent"), others)
        return cleaned

    def _check_parent(
        self, story: Story, parent: Scenelet | None, others: QuerySet[Scenelet]
    ) -> None:
        if parent is None:
            return
        if parent.story_id != story.pk:
            sentence = "The parent belongs to another story."
            raise ValidationError({"parent": ValidationError(sentence, code="invalid_choice")})
        if self.instance.pk is None:
            return
        own = self.cleaned_data.get("scenelet_id", "")
        parents: dict[str, str | None] = dict(
            others.values_list("scenelet_id", "parent__scenelet_id")
        )
        # The scenelet's own id may have been changed in the same form.
        stored = Scenelet.objects.values_list("scenelet_id", flat=True).get(pk=self.instance.pk)
        parents = {each: own if up == stored else up for each, up in parents.items()}
        parents[own] = own if parent.pk == self.instance.pk else parent.scenelet_id
        for circle in find_circles(parents):
            if own in circle:
                words = circle_words(circle)
                sentence = f"A scenelet cannot come after itself: {words}."
                raise ValidationError({"parent": ValidationError(sentence, code="circle")})


class SceneletField(forms.ModelChoiceField):
    """A list of the scenelets of one story, which needs no script to choose from."""

    def label_from_instance(self, obj: Any) -> str:
        return f"S{obj.place:02d} {obj}"
