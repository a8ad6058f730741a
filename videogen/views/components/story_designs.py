"""The characters and environments of a story: their names, and pictures of the characters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storybook.designs import character_id, environment_id
from storybook.documents import objects_in
from storybook.models import DesignDocument, Picture, Story
from storybook.picture_paths import normalise_path
from storybook.thumbnails import thumbnail_url


@dataclass(frozen=True)
class StoryDesigns:
    """By the ids under which shots name them, in the order of the document."""

    characters: Mapping[str, str]
    environments: Mapping[str, str]
    # URLs of small copies of the model sheets, of the characters that have one.
    sheets: Mapping[str, str]

    @classmethod
    def of(cls, story: Story) -> StoryDesigns:
        """Return the designs of the story. Two queries."""
        documents = DesignDocument.objects.filter(story=story, kind=DesignDocument.Kind.VISUAL)
        document = documents.values_list("document", flat=True).first()
        visual = document if isinstance(document, dict) else {}
        stored = Picture.objects.filter(story=story, file__gt="").values_list("path", "file")
        files = dict(stored.order_by())
        characters: dict[str, str] = {}
        sheets: dict[str, str] = {}
        for design in objects_in(visual.get("character_designs")):
            key = character_id(design)
            if not key or key in characters:
                continue
            characters[key] = _name(design.get("character_name"), key)
            path = design.get("character_model_sheet_image_path")
            if isinstance(path, str) and (file := files.get(normalise_path(path))):
                sheets[key] = thumbnail_url(file)
        environments: dict[str, str] = {}
        for design in objects_in(visual.get("environment_designs")):
            key = environment_id(design)
            environments.setdefault(key, _name(design.get("environment_name"), key))
        return cls(characters, environments, sheets)


def _name(name: object, key: str) -> str:
    return name if isinstance(name, str) and name.strip() else key
