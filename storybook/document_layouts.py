"""Which fields the documents of a story have in forms: a shot's payload and both designs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .designs import character_id, environment_id
from .document_editor import Choice, Group, Ids, Rows, Text
from .documents import objects_in
from .findings import NARRATOR, StoryIds
from .importer.skeleton import blank_entries
from .models import DesignDocument, Picture, Scenelet, Story
from .picture_paths import normalise_path
from .thumbnails import thumbnail_url
from .uploads import KINDS

_AUTOMATIC_ID = "Shots refer to exactly this id. If you leave it empty, it is made from the name."


@dataclass(frozen=True)
class StoryParts:
    """What the documents of a story can refer to."""

    visual: dict[str, Any]
    audio: dict[str, Any]
    characters: tuple[Choice, ...] = ()
    environments: tuple[Choice, ...] = ()
    speakers: tuple[Choice, ...] = ()
    scenelets: tuple[Choice, ...] = ()

    @property
    def ids(self) -> StoryIds:
        return StoryIds.of(self.visual, self.audio)


def load_parts(story: Story | int | None) -> StoryParts:
    """Make three queries. story: also a primary key; None has nothing to refer to."""
    if story is None:
        return StoryParts({}, {})
    rows = DesignDocument.objects.filter(story=story)
    documents = {row.kind: row.document for row in rows}
    visual, audio = (
        document if isinstance(document := documents.get(kind), dict) else {}
        for kind in (DesignDocument.Kind.VISUAL, DesignDocument.Kind.AUDIO)
    )
    urls = {
        path: thumbnail_url(file)
        for path, file in Picture.objects.filter(story=story).values_list("path", "file")
    }
    ids = StoryIds.of(visual, audio)
    voices = [each for each in ids.voices if each not in ids.characters]
    scenelets = Scenelet.objects.filter(story=story).order_by("place")
    return StoryParts(
        visual,
        audio,
        _designs(visual, "character", ids.characters, urls),
        _designs(visual, "environment", ids.environments, urls),
        (
            Choice("", "–"),
            Choice(NARRATOR, "Narrator"),
            *(Choice(each, name or each) for each, name in ids.characters.items()),
            *(Choice(each, each) for each in voices),
        ),
        tuple(
            Choice(each, title or each)
            for each, title in scenelets.values_list("scenelet_id", "title")
        ),
    )


def _designs(
    visual: dict[str, Any], kind: str, names: Any, urls: dict[str, str]
) -> tuple[Choice, ...]:
    design_kind = KINDS[kind]
    id_of = character_id if kind == "character" else environment_id
    pictures: dict[str, str] = {}
    for design in objects_in(visual.get(design_kind.list_key)):
        path = design.get(design_kind.path_key)
        url = urls.get(normalise_path(path), "") if isinstance(path, str) else ""
        pictures.setdefault(id_of(design), url)
    return tuple(Choice(each, name or each, pictures.get(each, "")) for each, name in names.items())


def shot_layout(parts: StoryParts) -> Group:
    """The keys of `storyboard_payload`."""
    return Group(
        "",
        "Storyboard",
        (
            Text("framingAndAngle", "Framing and angle"),
            Text("compositionAndContent", "Composition and content", rows=3),
            Text("characterActionAndEmotion", "Action and emotion of the characters", rows=3),
            Text("cameraDynamics", "Camera dynamics"),
            Text("lightingAndAtmosphere", "Lighting and atmosphere"),
            Text("continuityNotes", "Continuity notes"),
            Group(
                "referencedDesigns",
                "Who and what is seen",
                (
                    Ids(
                        "characters",
                        "Characters",
                        parts.characters,
                        "The story has no characters yet.",
                    ),
                    Ids(
                        "environments",
                        "Environments",
                        parts.environments,
                        "The story has no environments yet.",
                    ),
                ),
                help="Their designs and pictures are sent with the shot.",
            ),
            Rows(
                "audioAndNarrative",
                "Lines",
                "line",
                (
                    Text("source", "Who speaks", rows=1, choices=parts.speakers),
                    Text(
                        "type",
                        "Kind",
                        rows=1,
                        choices=(
                            Choice("", "–"),
                            Choice("dialogue", "Dialogue"),
                            Choice("monologue", "Monologue"),
                        ),
                    ),
                    Text("line", "Line"),
                    Text("delivery", "Delivery", rows=1),
                ),
                new=blank_entries()["audioAndNarrative"],
                help="What is said in the shot, in this order.",
            ),
        ),
        is_free=True,
    )


def visual_layout(parts: StoryParts) -> Group:
    entries = blank_entries()
    return Group(
        "",
        "Visual design",
        (
            Group(
                "global_aesthetic",
                "Global aesthetic",
                (
                    Text("visual_style", "Visual style", rows=3),
                    Text("master_color_palette", "Master color palette", rows=3, is_list=True),
                ),
                help="The style of all pictures. It is sent with every shot.",
                is_free=True,
            ),
            Rows(
                "character_designs",
                "Characters",
                "character",
                (
                    Text("character_name", "Name", rows=1),
                    Text("character_id", "Id", _AUTOMATIC_ID, rows=1),
                    Text("character_model_sheet_image_path", "Path of the model sheet", rows=1),
                ),
                new=entries["character_designs"],
                title_keys=("character_name", "character_id"),
                id_kind="character",
                pictures={each.value: each.picture_url for each in parts.characters},
            ),
            Rows(
                "environment_designs",
                "Environments",
                "environment",
                (
                    Text("environment_name", "Name", rows=1),
                    Text("environment_id", "Id", _AUTOMATIC_ID, rows=1),
                    Text("environment_reference_image_path", "Path of the picture", rows=1),
                    Ids("associated_scenelet_ids", "Scenelets that play here", parts.scenelets),
                ),
                new=entries["environment_designs"],
                title_keys=("environment_name", "environment_id"),
                id_kind="environment",
                pictures={each.value: each.picture_url for each in parts.environments},
            ),
        ),
    )


def audio_layout(parts: StoryParts) -> Group:
    entries = blank_entries()
    voice = (
        Text("voice_name", "Name of the voice", rows=1),
        Text("voice_profile", "Voice", rows=3),
    )
    characters = (Choice("", "–"), *(each for each in parts.speakers if each.value))
    return Group(
        "",
        "Audio design",
        (
            Group(
                "sonic_identity",
                "Sonic identity",
                (
                    Text(
                        "sound_effect_philosophy",
                        "Sound effect philosophy",
                        "It is sent with every shot.",
                        rows=3,
                    ),
                    Text("musical_direction", "Musical direction", "It is never sent.", rows=3),
                ),
                is_free=True,
            ),
            Group(
                "narrator_voice_profile",
                "Narrator’s voice",
                voice,
                help="It is sent with the shots in which the narrator speaks.",
                is_free=True,
            ),
            Rows(
                "character_voice_profiles",
                "Voices of the characters",
                "voice",
                (Text("character_id", "Character", rows=1, choices=characters), *voice),
                new=entries["character_voice_profiles"],
                title_keys=("voice_name", "character_id"),
                help="A voice is sent with the shots that name the character and let it speak.",
            ),
            Rows(
                "music_and_ambience_cues",
                "Music and ambience",
                "cue",
                (Ids("associated_scenelet_ids", "Scenelets", parts.scenelets),),
                new=entries["music_and_ambience_cues"],
                title_keys=("cue_id", "cue"),
                help="These are notes for people. They are never sent.",
            ),
        ),
    )
