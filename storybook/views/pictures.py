"""The page with the pictures of a story's designs, each with a form to upload another one."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from storybook.models import Story
from storybook.thumbnails import thumbnail_url
from storybook.uploads import (
    DesignPicture,
    PictureField,
    UploadRefused,
    list_design_pictures,
    put_design_picture,
)


class DesignPictureForm(forms.Form):
    kind = forms.CharField()
    id = forms.CharField(strip=False)
    picture = PictureField(error_messages={"required": "Choose a picture."})


def show_pictures(
    request: HttpRequest, model_admin: ModelAdmin, story: Story, *, can_change: bool
) -> HttpResponse:
    form = None
    if request.method == "POST":
        if not can_change:
            raise PermissionDenied
        form = DesignPictureForm(request.POST, request.FILES)
        if form.is_valid() and _put(request, model_admin, story, form):
            return HttpResponseRedirect(request.path)
    rows = [_row(each, form) for each in list_design_pictures(story)]
    admin_site = model_admin.admin_site
    request.current_app = admin_site.name
    return TemplateResponse(
        request,
        "admin/storybook/story_pictures.html",
        {
            **admin_site.each_context(request),
            "title": f"Pictures of {story}",
            "subtitle": None,
            "opts": model_admin.opts,
            "story": story,
            "rows": rows,
            "can_change": can_change,
            # Errors of the form that belong to no row, because the design is gone.
            "other_errors": _sentences(form) if not any(row["errors"] for row in rows) else [],
        },
    )


def _put(
    request: HttpRequest, model_admin: ModelAdmin, story: Story, form: DesignPictureForm
) -> bool:
    values = form.cleaned_data
    try:
        design = put_design_picture(story, values["kind"], values["id"], values["picture"])
    except UploadRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    what = f"{design.kind.picture_words} of {design.kind.kind} {design.id}"
    model_admin.log_change(request, story, f"Uploaded the {what}.")
    messages.success(request, f"The {what} is uploaded; the design document names it now.")
    for sentence in design.remarks:
        messages.warning(request, sentence)
    return True


def _row(design: DesignPicture, form: DesignPictureForm | None) -> dict[str, object]:
    is_meant = form is not None and (form.data.get("kind"), form.data.get("id")) == (
        design.kind.kind,
        design.id,
    )
    return {
        "design": design,
        "thumbnail": thumbnail_url(design.picture),
        "errors": _sentences(form) if is_meant else [],
    }


def _sentences(form: DesignPictureForm | None) -> list[str]:
    return [str(each) for errors in form.errors.values() for each in errors] if form else []
