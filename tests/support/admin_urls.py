"""Every address of the site with rows behind it, and people of every role who open them."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from storybook.models import Story

from .all_states import PASSPHRASE, State
from .permission_table import APPS, RECORDS

VERBS = (
    "select",
    "approve",
    "unlock",
    "reject",
    "undo",
    "look-again",
    "allow-new",
    "attach-link",
    "resume",
    "give-up",
    "take-back",
)


def person(role):
    """A browser of somebody with that role, and with no other right. A guest has not opened any
    link yet: see `open_links`."""
    browser = Client(raise_request_exception=False)
    if role not in ("anonymous", "guest"):
        user = get_user_model().objects.create_user(
            role, is_staff=True, is_superuser=role == "superuser"
        )
        if group := Group.objects.filter(name=role).first():
            user.groups.add(group)
        browser.force_login(user)
    return browser


def open_links(browser, world):
    """Have the browser give the passphrase of both links."""
    for token in (world.token, world.film_token):
        response = browser.post(f"/share/{token}/", {"passphrase": PASSPHRASE})
        assert response.status_code == 302
    return browser


def addresses(world):
    """At least one existing address for every route of the table."""
    batch, draft, shot = world.batch.pk, world.draft.pk, world.shot.pk
    stuck = world.renders[State.UNKNOWN][0]
    rows = {
        "story": world.story,
        "designdocument": world.document,
        "scenelet": world.scenelet,
        "shot": world.shot,
        "picture": world.picture,
        "renderbatch": world.batch,
        "videorender": world.render,
        "submission": world.submission,
        "candidate": world.candidate,
        "wipedstory": world.wiped,
        "lane": world.lane,
        "referencechoice": world.choice,
        "notice": world.notice,
        "apitoken": world.api_token,
        "price": world.price,
        "videomodel": world.model,
        "budget": world.budget,
        "user": world.user,
        "group": world.group,
        "schedule": world.schedule,
        "success": world.success,
        "failure": world.failure,
        "ormq": world.queued,
        "accessattempt": world.attempt,
    }
    found = [
        "/",
        f"/media/{world.picture.file}",
        "/events/video/",
        "/api/v1/batches",
        f"/share/{world.token}",
        f"/share/{world.token}/",
        f"/share/{world.token}/clips/{shot}.mp4",
        f"/share/{world.token}/posters/{shot}.jpg",
        f"/share/{world.token}/stills/{world.shots[-1].pk}",
        f"/share/{world.token}/captions/{shot}.vtt",
        f"/share/{world.token}/no/such/page",
        f"/share/{world.film_token}/",
        f"/share/{world.film_token}/film.mp4",
        "/admin/",
        "/admin/login/",
        "/admin/logout/",
        "/admin/data/",
        "/admin/theme/",
        "/admin/password_change/",
        "/admin/password_change/done/",
        "/admin/autocomplete/?app_label=videogen&model_name=referencechoice&field_name=shot",
        "/admin/jsi18n/",
        f"/admin/r/{ContentType.objects.get_for_model(Story).pk}/{world.story.pk}/",
        "/admin/no-such-page/",
        f"/admin/auth/user/{world.user.pk}/password/",
        f"/admin/storybook/story/{world.story.pk}/pictures/",
        f"/admin/storybook/story/{world.story.pk}/board/",
        f"/admin/storybook/story/{world.story.pk}/board/state/",
        f"/admin/storybook/story/{world.story.pk}/board/judge/",
        f"/admin/storybook/story/{world.story.pk}/watch/",
        f"/admin/storybook/story/{world.story.pk}/directions/",
        f"/admin/storybook/story/{world.story.pk}/films/",
        f"/admin/storybook/story/{world.story.pk}/films/state/",
        f"/admin/storybook/story/{world.story.pk}/export/",
        f"/admin/storybook/story/{world.story.pk}/share/",
        f"/admin/storybook/story/{world.story.pk}/share/{world.link.pk}/revoke/",
        f"/admin/storybook/story/{world.story.pk}/archive/",
        f"/admin/storybook/story/{world.story.pk}/bring-back/",
        "/admin/storybook/story/archived/",
        "/admin/storybook/story/dashboard/state/",
        "/admin/storybook/story/import/",
        f"/admin/storybook/story/{world.story.pk}/outline/",
        *(f"/admin/storybook/shot/{each.pk}/takes/" for each in world.shots),
        f"/admin/videogen/renderbatch/{draft}/plan/",
        f"/admin/videogen/renderbatch/{draft}/plan/cancel/",
        f"/admin/videogen/renderbatch/{draft}/plan/row/{shot}/",
        f"/admin/videogen/renderbatch/{draft}/plan/row/{shot}/references/",
        f"/admin/videogen/renderbatch/{draft}/plan/row/{shot}/use/",
        f"/admin/videogen/renderbatch/{batch}/progress/",
        f"/admin/videogen/renderbatch/{batch}/progress/state/",
        f"/admin/videogen/renderbatch/{batch}/cancel/",
        f"/admin/videogen/renderbatch/{batch}/stop/",
        f"/admin/videogen/renderbatch/{batch}/retry/",
        f"/admin/videogen/renderbatch/{batch}/resume-queue/",
        f"/admin/videogen/lane/{world.lane.pk}/resume/",
        "/admin/videogen/lane/doctor/",
        "/admin/videogen/videorender/unresolved/",
        "/admin/videogen/videorender/unresolved/state/",
        "/admin/videogen/videorender/unresolved/ask/",
        *(
            f"/admin/videogen/videorender/unresolved/candidates/{world.candidate.pk}/{verb}/"
            for verb in ("dismiss", "restore")
        ),
        "/admin/videogen/videorender/unresolved/resume/",
        "/admin/videogen/videorender/dismiss/",
        f"/admin/videogen/videorender/unresolved/decide/give-up/?render={stuck.pk}",
        "/admin/videogen/videorender/unsettled/",
        "/admin/review/",
        "/admin/review/queue/",
        *(
            f"/admin/review/{world.render.pk}/{verb}/"
            for verb in ("approve", "reject", "select", "undo")
        ),
        f"/admin/review/{world.render.pk}/notes/",
        *(
            f"/admin/review/notes/{world.note.pk}/{verb}/"
            for verb in ("reply", "done", "reopen", "direct")
        ),
        f"/admin/videogen/videorender/shots/{shot}/compare/",
        f"/admin/videogen/videorender/shots/{shot}/preview/",
        f"/admin/storybook/shot/{shot}/preview/",
        f"/admin/videogen/videorender/shots/{shot}/state/",
        f"/admin/videogen/videorender/shots/{shot}/upload/",
        f"/admin/videogen/videorender/shots/{shot}/{world.render.pk}/retake/",
        f"/admin/videogen/videorender/shots/{shot}/{world.render.pk}/generate/",
        f"/admin/videogen/videorender/shots/{shot}/{world.render.pk}/promote/",
        f"/admin/videogen/renderbatch/{batch}/priority/",
        f"/admin/videogen/lane/{world.lane.pk}/pause/",
        f"/admin/videogen/lane/{world.lane.pk}/move/",
        "/admin/videogen/submission/spending/",
        "/admin/videogen/submission/spending/story.csv",
        "/admin/videogen/submission/export/",
        *(
            f"/admin/videogen/videorender/shots/{stuck.shot_id}/{stuck.pk}/{verb}/"
            for verb in VERBS
        ),
        *(f"/admin/{app}/" for app in APPS),
    ]
    for record in RECORDS:
        row = rows[record.partition("/")[2]]
        base = f"/admin/{record}/"
        found += [base, f"{base}add/"]
        found += [f"{base}{row.pk}/{page}" for page in ("change/", "history/", "delete/", "")]
    found.append(f"/admin/videogen/renderbatch/{draft}/change/")
    return found
