"""The files that a link covers: those of the shots that it shows, or its film."""

from __future__ import annotations

from dataclasses import replace

from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseNotAllowed

from storybook.models import KeyFrame, Shot
from storybook.story_paths import current_scenelets
from videogen.exports.player import PlayedShot, captions_of
from videogen.models import GuestLink
from videogen.takes.chosen_takes import TakeRule, find_chosen_takes, find_frozen_takes
from videogen.views.media import Delivery, send_file

from .access import CACHE_CONTROL, Visit, for_guests


def _clip(visit: Visit, shot: int) -> HttpResponseBase:
    played = played_shot(visit.link, shot)
    return _send(visit, played.take.video_file if played.take else "", f"{played.shot.code}.mp4")


def _poster(visit: Visit, shot: int) -> HttpResponseBase:
    played = played_shot(visit.link, shot)
    return _send(visit, played.take.poster_file if played.take else "")


def _still(visit: Visit, shot: int) -> HttpResponseBase:
    frame = played_shot(visit.link, shot).key_frame
    return _send(visit, frame.picture.file if frame else "")


def _captions(visit: Visit, shot: int) -> HttpResponseBase:
    text = captions_of(played_shot(visit.link, shot))
    if not text:
        raise Http404
    if visit.request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return HttpResponse(text, content_type="text/vtt; charset=utf-8")


def _film(visit: Visit) -> HttpResponseBase:
    film = visit.link.film
    return _send(visit, visit.link.film_file, f"{film.ending.scenelet_id}.mp4" if film else "")


guest_clip = for_guests(_clip)
guest_poster = for_guests(_poster)
guest_still = for_guests(_still)
guest_captions = for_guests(_captions)
guest_film = for_guests(_film)


def played_shot(link: GuestLink, pk: int) -> PlayedShot:
    """Return a shot as the link shows it. Its key frame is there only if no take is. Raises Http404
    if the link does not show the shot. Makes three queries."""
    shots = Shot.objects.select_related("scenelet__story").filter(
        scenelet__in=current_scenelets(link.story_id), gone_since=None
    )
    shot = shots.filter(pk=pk).first()
    if shot is None or link.film_id:
        raise Http404
    if link.is_frozen:
        number = link.frozen_takes.get(str(pk))
        takes = find_frozen_takes({str(pk): number} if number else {})
    else:
        takes = find_chosen_takes([shot], TakeRule(link.takes))
    frames = KeyFrame.objects.filter(shot=shot).exclude(picture__file="").select_related("picture")
    played = PlayedShot(shot, takes.get(pk), frames.order_by("position").first()).with_files()
    return replace(played, key_frame=None) if played.take else played


def _send(visit: Visit, path: str, download_name: str = "") -> HttpResponseBase:
    if not path:
        raise Http404
    if visit.request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    is_download = visit.link.allows_download and "download" in visit.request.GET
    delivery = Delivery(
        CACHE_CONTROL,
        download_name if is_download else "",
        lambda: GuestLink.objects.open().filter(pk=visit.link.pk).exists(),
    )
    return send_file(visit.request, path, delivery)
