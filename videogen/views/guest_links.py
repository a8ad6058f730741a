"""The page "Share" of a story: making, listing and revoking links for people without an account,
and what they noted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext

from storybook.media_store import is_offered
from storybook.models import Shot, Story
from videogen.models import Film, GuestLink, GuestNote, VideoRender
from videogen.takes.chosen_takes import TakeRule, find_chosen_takes

from .components.access import signed_in
from .components.badges import Badge

DAYS = 14
MOST_DAYS = 365
WATCH = "watch"


class GuestLinkForm(forms.Form):
    """What a new link leads to, and what it allows."""

    target = forms.ChoiceField(label="Shows", choices=[])
    takes = forms.ChoiceField(choices=TakeRule.choices, initial=TakeRule.BEST, label="Takes")
    is_frozen = forms.TypedChoiceField(
        choices=[("", "as it is on the day it is opened"), ("1", "as it is now")],
        coerce=bool,
        required=False,
        label="Version",
    )
    days = forms.IntegerField(
        min_value=1, max_value=MOST_DAYS, initial=DAYS, label="Ends after this many days"
    )
    passphrase = forms.CharField(
        required=False,
        min_length=8,
        max_length=200,
        label="Passphrase, if you like: 8 characters or more",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    allows_notes = forms.BooleanField(required=False, label="Guests may leave notes")
    allows_download = forms.BooleanField(required=False, label="Guests may download")

    def __init__(self, films: Sequence[Film], data: Any = None, *, target: str = WATCH) -> None:
        super().__init__(data, label_suffix="", auto_id="share-%s", initial={"target": target})
        self._films = {str(film.pk): film for film in films}
        self.fields["target"].choices = [  # type: ignore[attr-defined]
            (WATCH, "the story, to be watched"),
            *((pk, _film_in_words(film)) for pk, film in self._films.items()),
        ]

    @property
    def film(self) -> Film | None:
        return self._films.get(self.cleaned_data["target"])


@dataclass(frozen=True)
class ListedLink:
    """A link as its maker sees it. `notes` are the guests'."""

    link: GuestLink
    notes: Sequence[GuestNote]
    # Of the takes that the link keeps.
    rejected: int = 0
    missing: int = 0

    @property
    def badge(self) -> Badge:
        if self.link.revoked_at:
            return Badge("grey", "revoked", "revoked")
        if self.link.is_expired:
            return Badge("grey", "expired", "expired")
        return Badge("green", "open", "open")

    @property
    def is_open(self) -> bool:
        return not self.link.revoked_at and not self.link.is_expired

    @property
    def target(self) -> str:
        return _film_in_words(self.link.film) if self.link.film else "the story, to be watched"

    @property
    def allows(self) -> str:
        """What guests may do besides watching, in words."""
        link = self.link
        allowed = [
            word
            for word, is_on in (("notes", link.allows_notes), ("download", link.allows_download))
            if is_on
        ]
        return " and ".join(allowed) or "only watching"

    @property
    def findings(self) -> list[str]:
        """What has become of the takes that the link keeps."""
        found = []
        if self.rejected:
            words = ngettext(
                "%d take of this link was rejected since it was made, and guests still see it.",
                "%d takes of this link were rejected since it was made, and guests still see them.",
                self.rejected,
            )
            found.append(words % self.rejected)
        if self.missing:
            words = ngettext(
                "%d take of this link has no file any more.",
                "%d takes of this link have no files any more.",
                self.missing,
            )
            found.append(words % self.missing)
        if self.link.film_id and not is_offered(self.link.film_file):
            found.append("The film has no file any more, so guests see none.")
        return found


def share_url(story: Story, film: Film | None = None) -> str:
    query = {"film": film.pk} if film else None
    return reverse("admin:storybook_story_share", args=[story.pk], query=query)


def show_share_page(
    request: HttpRequest, admin_site: AdminSite, model_admin: ModelAdmin[Any], story: Story
) -> HttpResponse:
    """Show the page, or make a link: the answer is the only place where its address is shown."""
    films = [
        film
        for film in Film.objects.filter(story=story).exclude(file="").select_related("ending")
        if is_offered(film.file)
    ]
    address = ""
    form = GuestLinkForm(films, target=request.GET.get("film", WATCH))
    if request.method == "POST":
        form = GuestLinkForm(films, request.POST)
        if form.is_valid():
            address = _make(request, model_admin, story, form)
            form = GuestLinkForm(films)
    request.current_app = admin_site.name
    context = {
        **admin_site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": f"Share {story}",
        "story": story,
        "opts": Story._meta,
        "form": form,
        "address": address,
        "links": _listed(story),
    }
    return TemplateResponse(request, "admin/videogen/share/page.html", context)


def revoke_link(
    request: HttpRequest, model_admin: ModelAdmin[Any], story: Story, pk: int
) -> HttpResponseRedirect:
    link = get_object_or_404(GuestLink, pk=pk, story=story)
    if link.revoke():
        model_admin.log_change(request, story, f"Revoked a link for guests (number {link.pk}).")
        messages.success(request, "The link is revoked: it opens nothing any more.")
    else:
        messages.info(request, "The link had been revoked before.")
    return HttpResponseRedirect(share_url(story))


def notes_of(shot: Shot) -> list[GuestNote]:
    """Return the guests' notes on a shot, the newest first."""
    notes = GuestNote.objects.filter(shot=shot).select_related("render")
    return list(notes.order_by("-made_at", "-pk")[:200])


def _make(
    request: HttpRequest, model_admin: ModelAdmin[Any], story: Story, form: GuestLinkForm
) -> str:
    data, film = form.cleaned_data, form.film
    frozen: dict[str, int] = {}
    if data["is_frozen"] and film is None:
        shots = Shot.objects.filter(scenelet__story=story, gone_since=None)
        takes = find_chosen_takes(shots, TakeRule(data["takes"]))
        frozen = {str(shot): take.pk for shot, take in takes.items()}
    link, token = GuestLink.objects.make(
        story=story,
        film=film,
        passphrase=data["passphrase"],
        takes=data["takes"],
        is_frozen=bool(data["is_frozen"]),
        frozen_takes=frozen,
        frozen_file=film.file if film and data["is_frozen"] else "",
        allows_notes=data["allows_notes"],
        allows_download=data["allows_download"],
        expires_at=timezone.now() + timedelta(days=data["days"]),
        made_by=signed_in(request),
    )
    model_admin.log_change(request, story, f"Made a link for guests (number {link.pk}).")
    path = reverse("guest_page", args=[token])
    if settings.VIDEO_SITE_URL:
        return f"{settings.VIDEO_SITE_URL}{path}"
    return request.build_absolute_uri(path)


def _listed(story: Story) -> list[ListedLink]:
    """Return the story's links. The number of queries does not depend on how many there are."""
    links = list(
        GuestLink.objects.filter(story=story)
        .select_related("film__ending", "made_by", "story")
        .prefetch_related("notes__shot__scenelet", "notes__render")
    )
    kept = {pk for link in links for pk in link.frozen_takes.values()}
    takes = {
        take.pk: take
        for take in VideoRender.objects.filter(pk__in=kept).only("review", "video_file")
    }
    is_there = {pk: is_offered(take.video_file) for pk, take in takes.items()}
    listed = []
    for link in links:
        pks = list(link.frozen_takes.values())
        rejected = [
            pk
            for pk in pks
            if pk in takes and is_there[pk] and takes[pk].review == VideoRender.Review.REJECTED
        ]
        missing = [pk for pk in pks if not is_there.get(pk)]
        listed.append(ListedLink(link, list(link.notes.all()), len(rejected), len(missing)))
    return listed


def _film_in_words(film: Film) -> str:
    options = [TakeRule(film.takes).label]
    options += [
        words
        for words, is_so in (
            ("no cards", not film.cards),
            ("sound as it is", not film.levelling),
            ("captions", film.captions),
        )
        if is_so
    ]
    return f"the film “{film.ending}” ({', '.join(options)})"
