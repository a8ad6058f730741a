"""A story that is begun here, without a bundle."""

from __future__ import annotations

from collections.abc import Container

from django import forms
from django.utils.text import slugify

from .importer.bundles import LONGEST_ID
from .importer.skeleton import blank_documents
from .models import DesignDocument, Scenelet, Story


def free_slug(text: str, fallback: str, taken: Container[str]) -> str:
    """Return an id made from the text, or from `fallback` if that has no letters, that is free."""
    slug = slugify(text) or slugify(text, allow_unicode=True) or fallback
    # Room for a number.
    slug = slug[: LONGEST_ID - 8].strip("-")
    found, number = slug, 2
    while found in taken:
        found, number = f"{slug}-{number}", number + 1
    return found


class NewStoryForm(forms.ModelForm):
    story_id = forms.CharField(
        required=False,
        max_length=LONGEST_ID,
        label="Id",
        help_text="It names the story in bundles, commands and file names, and stays for ever. "
        "Left empty, it is made from the title.",
    )

    def clean_story_id(self) -> str:
        story_id = self.cleaned_data["story_id"]
        if story_id:
            return story_id
        taken = Story.objects.values_list("story_id", flat=True)
        return free_slug(self.cleaned_data.get("title", ""), "my-story", set(taken))


def begin_story(story: Story) -> None:
    """Give a new story both design documents, without content, and a first scenelet."""
    visual, audio = blank_documents()
    for kind, document in (
        (DesignDocument.Kind.VISUAL, visual),
        (DesignDocument.Kind.AUDIO, audio),
    ):
        DesignDocument.objects.create(story=story, kind=kind, document=document)
    Scenelet.objects.create(
        story=story, scenelet_id="scenelet-1", sequence=1, title="First scenelet"
    )
