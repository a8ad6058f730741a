"""The page on which a bundle is imported: upload, look at the report, import."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from .bundle_uploads import find_bundle, keep_bundle, remove_bundle
from .errors import BundleError, ImportFailed
from .importer.story import ImportReport, import_story
from .models import Story

# Of one kind. Whoever needs all of them uses import_story --json.
MOST_LINES = 200


class BundleForm(forms.Form):
    bundle = forms.FileField(
        label="Bundle",
        help_text="A zip with story.json and images/. Drop it here, or choose it.",
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
    )

    def clean_bundle(self) -> UploadedFile:
        file = self.cleaned_data["bundle"]
        if file.size > settings.STORY_ZIP_MAX_BYTES:
            limit = settings.STORY_ZIP_MAX_BYTES / 1024**2
            raise ValidationError(f"The zip is larger than {limit:.4g} MB.", code="too_large")
        return file


def show_import_page(request: HttpRequest, model_admin: ModelAdmin[Story]) -> HttpResponse:
    """A POST with a file stores it and shows what an import would do; a POST with `token` imports
    it. Nothing is imported without the second one."""
    form = BundleForm()
    context: dict[str, Any] = {}
    if request.method == "POST" and (token := request.POST.get("token", "")):
        if "discard" in request.POST:
            remove_bundle(token, _owner(request))
            messages.info(request, "The bundle was discarded. Nothing was imported.")
            return HttpResponseRedirect(request.path)
        done = _import(request, model_admin, token)
        if isinstance(done, HttpResponse):
            return done
        context = done
    elif request.method == "POST":
        form = BundleForm(request.POST, request.FILES)
        if form.is_valid():
            context = _try(form, _owner(request))
    return TemplateResponse(
        request,
        "admin/storybook/import.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": "Import a story",
            "opts": Story._meta,
            "form": form,
            "most": MOST_LINES,
            **context,
        },
    )


def _try(form: BundleForm, owner: int) -> dict[str, Any]:
    """Store the upload and return what the page shows of it."""
    try:
        token = keep_bundle(form.cleaned_data["bundle"], owner)
    except OSError as error:
        form.add_error("bundle", f"The bundle cannot be stored ({error.strerror}).")
        return {}
    context = _report_on(token, owner)
    if "report" not in context:
        remove_bundle(token, owner)
    return context


def _report_on(token: str, owner: int) -> dict[str, Any]:
    path = find_bundle(token, owner)
    if path is None:
        return {"problems": ["The bundle is no longer here: upload it again."]}
    try:
        report = import_story(path, is_dry_run=True)
    except BundleError as error:
        return {
            "problems": error.problems[:MOST_LINES],
            "more": _more(error),
            "warnings": error.warnings[:MOST_LINES],
            "more_warnings": error.warnings_left_out + _unlisted(error.warnings),
        }
    except ImportFailed as error:
        return {"problems": [str(error)]}
    exists = Story.objects.filter(story_id=report.story_id).exists()
    return {
        "token": token,
        "report": report,
        "exists": exists,
        "changes": _changes(report),
        "more_warnings": report.warnings_left_out
        + _unlisted(report.warnings)
        + _unlisted(report.picture_warnings),
    }


def _import(
    request: HttpRequest, model_admin: ModelAdmin[Story], token: str
) -> HttpResponse | dict[str, Any]:
    path = find_bundle(token, _owner(request))
    if path is None:
        return {"problems": ["The bundle is no longer here: upload it again."]}
    try:
        report = import_story(path)
    except (BundleError, ImportFailed) as error:
        return {"problems": str(error).splitlines()[:MOST_LINES]}
    remove_bundle(token, _owner(request))
    story = Story.objects.get(story_id=report.story_id)
    model_admin.log_change(request, story, "Imported a bundle.")
    messages.success(request, f"{report.title} is imported.")
    return HttpResponseRedirect(reverse("admin:storybook_story_board", args=[story.pk]))


def _owner(request: HttpRequest) -> int:
    # Whoever is not signed in does not come here.
    return int(request.user.pk or 0)


def _more(error: BundleError) -> int:
    return error.more + _unlisted(error.problems)


def _unlisted(lines: Sized) -> int:
    """Return how many of the lines the page has no room for."""
    return max(0, len(lines) - MOST_LINES)


def _changes(report: ImportReport) -> list[dict[str, Any]]:
    """Return a row for each kind of what the import writes."""
    return [
        {
            "kind": kind.replace("_", " "),
            "created": tally.created,
            "updated": tally.updated,
            "unchanged": tally.unchanged,
            "removed": tally.removed,
            "kept": tally.kept,
        }
        for kind, tally in report.rows.items()
    ]
