"""The page of what `manage.py doctor` finds: what is wrong comes first."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from videogen.models import Lane
from videogen.ops.doctor.findings import Level, summarize
from videogen.ops.doctor.run import SECONDS_OF_PAGE, examine


def _without_places(text: str) -> str:
    """Return the text with the names of the server's folders instead of the folders. Where they are
    is for those who can see the server; the command shows it."""
    places = {
        str(settings.MEDIA_ROOT): "MEDIA_ROOT",
        str(settings.STATE_DIR): "VIDEO_STATE_DIR",
        str(settings.DATABASES["default"]["NAME"]): "the database's file",
        str(settings.BASE_DIR): "the program's folder",
    }
    for place in sorted(places, key=len, reverse=True):
        if place.startswith("/") and len(place) > 1:
            text = text.replace(place, places[place])
    return text


@never_cache
def show_doctor(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Run all checks and show the result. The caller checks the permission."""
    findings = [
        replace(
            each,
            sentence=_without_places(each.sentence),
            what_to_do=_without_places(each.what_to_do),
        )
        for each in examine(seconds=SECONDS_OF_PAGE)
    ]
    context = {
        **site.each_context(request),
        "title": "Doctor",
        "opts": Lane._meta,
        "wrong": sorted(
            (each for each in findings if each.level != Level.OK),
            key=lambda each: each.level != Level.FAILURE,
        ),
        "right": [each for each in findings if each.level == Level.OK],
        "summary": summarize(findings),
        "looked_at": timezone.now(),
    }
    return TemplateResponse(request, "admin/videogen/doctor/page.html", context)
