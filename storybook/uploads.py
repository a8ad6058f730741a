"""Pictures that a person uploads in the admin.

They are checked like imported pictures and stored beside them. The design document names them then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet

from .designs import design_id
from .errors import PictureProblem, StorybookError
from .models import DesignDocument, Picture, Shot, Story
from .paths import safe_name
from .picture_paths import normalise_path
from .pictures import PictureFacts, PictureStore, inspect_picture
from .thumbnails import make_thumbnails

_suffixes = {"image/png": ".png", "image/jpeg": ".jpg"}


class UploadRefused(StorybookError):
    """The picture is fine, but the story has no place for it."""


@dataclass(frozen=True)
class Upload:
    data: bytes
    facts: PictureFacts


class PictureField(forms.FileField):
    """A form field for a picture. Its value is an Upload that can be used as a reference."""

    widget = forms.ClearableFileInput(attrs={"accept": ",".join(_suffixes)})

    def clean(self, data: Any, initial: Any = None) -> Upload | None:
        file = super().clean(data, initial)
        try:
            return read_upload(file) if file else None
        except PictureProblem as problem:
            raise ValidationError(str(problem), code="picture") from problem


def read_upload(file: UploadedFile) -> Upload:
    """Decode the whole picture and return it. Raises PictureProblem if it is unusable."""
    limit = settings.STORY_PICTURE_MAX_BYTES
    if (file.size or 0) > limit:
        raise PictureProblem(f"The file is larger than {limit / 1024**2:.4g} MB. Save it smaller.")
    data = file.read()
    return Upload(data, inspect_picture(data))


def store_upload(story: Story, folder: str, upload: Upload) -> Picture:
    """Store the picture in `folder` of the story's uploads and return its row.

    If the database refuses the row, the stored file stays. It does no harm.
    """
    facts = upload.facts
    path = f"uploads/{folder}/{facts.sha256[:16]}{_suffixes[facts.mime_type]}"
    file = PictureStore(story.story_id).store(path, upload.data, facts.sha256)
    make_thumbnails([file])
    picture, _ = Picture.objects.update_or_create(
        story=story, path=path, defaults={**asdict(facts), "file": file, "problem": ""}
    )
    return picture


def key_frame_folder(shot: Shot) -> str:
    return f"shots/{safe_name(shot.scenelet.scenelet_id)}/shot-{shot.shot_index}"


# -- The designs of a story ------------------------------------------------------------------------


@dataclass(frozen=True)
class DesignKind:
    kind: str
    picture_words: str
    list_key: str
    path_key: str
    folder: str


KINDS = {
    each.kind: each
    for each in (
        DesignKind(
            "character",
            "model sheet",
            "character_designs",
            "character_model_sheet_image_path",
            "characters",
        ),
        DesignKind(
            "environment",
            "reference image",
            "environment_designs",
            "environment_reference_image_path",
            "environments",
        ),
    )
}


@dataclass(frozen=True)
class DesignPicture:
    """A character's or an environment's picture. `problem` is empty if it can be used."""

    kind: DesignKind
    id: str
    name: str
    path: str
    picture: Picture | None
    problem: str

    @property
    def remarks(self) -> list[str]:
        """What is wrong with the picture, or odd about it, in sentences."""
        return [self.problem] if self.problem else self.picture.remarks if self.picture else []


def list_design_pictures(story: Story) -> list[DesignPicture]:
    """Return the pictures of characters, then of environments, in the document's order."""
    document = _visual_documents(story).first()
    if document is None:
        return []
    pictures = {picture.path: picture for picture in story.pictures.order_by()}
    return [
        _design_picture(kind, each, design, pictures)
        for kind in KINDS.values()
        for each, design in _designs(document.document, kind)
    ]


def put_design_picture(story: Story, kind: str, wanted_id: str, upload: Upload) -> DesignPicture:
    """Store the picture and write its path into the design document.

    The document's other content and the order of its keys stay. Raises UploadRefused if the story
    has no such design.
    """
    if kind not in KINDS:
        raise UploadRefused("There are pictures of characters and of environments only.")
    design_kind = KINDS[kind]
    with transaction.atomic():
        document = _visual_documents(story).select_for_update(of=("self",), no_key=True).first()
        designs = dict(_designs(document.document, design_kind)) if document else {}
        if document is None or wanted_id not in designs:
            raise UploadRefused(f"The story has no design of {kind} {wanted_id} any more.")
        folder = f"{design_kind.folder}/{safe_name(wanted_id)}"
        picture = store_upload(story, folder, upload)
        design = designs[wanted_id]
        design[design_kind.path_key] = picture.path
        document.save(update_fields=["document", "updated_at"])
    return _design_picture(design_kind, wanted_id, design, {picture.path: picture})


def _visual_documents(story: Story) -> QuerySet[DesignDocument]:
    return DesignDocument.objects.filter(story=story, kind=DesignDocument.Kind.VISUAL)


def _designs(document: dict[str, Any], kind: DesignKind) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every design that a shot can name. If two share an id, it is the first one."""
    designs = document.get(kind.list_key)
    seen = set()
    for design in designs if isinstance(designs, list) else []:
        each = design_id(design, kind.kind) if isinstance(design, dict) else ""
        if each and each not in seen:
            seen.add(each)
            yield each, design


def _design_picture(
    kind: DesignKind, each: str, design: dict[str, Any], pictures: dict[str, Picture]
) -> DesignPicture:
    path = design.get(kind.path_key)
    path = normalise_path(path) if isinstance(path, str) else ""
    picture = pictures.get(path)
    if not path:
        problem = f"There is no {kind.picture_words} yet."
    elif picture is None:
        problem = "The picture that the document names was not imported."
    else:
        problem = picture.problem
    name = design.get(f"{kind.kind}_name")
    name = name if isinstance(name, str) and name else each
    return DesignPicture(kind, each, name, path, picture, problem)
