"""Who may open what: every address of the site, and what it answers to whom.

A cell has one letter for each of ROLES, in their order:

    +  allowed: a page, a file, or a redirect to one
    .  refused: 401, 403, or the way to the login page
    0  not there: 404
    x  not with this method: 405

A guest has no account and has opened the links of the story with their passphrases. They get what
anonymous people get and what the links cover.
"""

from __future__ import annotations

from functools import cache

ROLES = (
    "anonymous",
    "guest",
    "staff",
    "viewer",
    "reviewer",
    "artist",
    "producer",
    "superuser",
)

ANYBODY = "++++++++"
STAFF = "..++++++"
VIEWER = "...+++++"
# Reviewers judge, artists edit, and producers do both.
REVIEWER = "....+.++"
ARTIST = ".....+++"
NOTES = "....++++"
PRODUCER = "......++"
SUPERUSER = ".......+"
NOBODY = "........"
NO_SUCH_METHOD = "..xxxxxx"
NOT_THERE = "..000000"
# Who has not opened a link is told that there is nothing, whoever they are.
GUEST = "0+000000"
GUEST_LOOKS = (GUEST, "0x000000")
NOTHING = "00000000"
BUTTON = NO_SUCH_METHOD  # what is pressed has nothing to look at

# Route → (GET, POST).
PAGES = {
    "": (ANYBODY, ANYBODY),
    "media/<path:path>": (VIEWER, "xxxxxxxx"),
    # A token says who asks: see tests/videogen/api/test_rights.py.
    "api/v1/<path:rest>": (NOBODY, NOBODY),
    # Who may speak there shows it by a signature: nobody by who they are.
    "events/video/": ("xxxxxxxx", NOBODY),
    # guests: the page asks for the passphrase
    "share/<str:token>": (ANYBODY, ANYBODY),
    "share/<str:token>/": (ANYBODY, ANYBODY),
    "share/<str:token>/film.mp4": GUEST_LOOKS,
    "share/<str:token>/clips/<int:shot>.mp4": GUEST_LOOKS,
    "share/<str:token>/posters/<int:shot>.jpg": GUEST_LOOKS,
    "share/<str:token>/stills/<int:shot>": GUEST_LOOKS,
    "share/<str:token>/captions/<int:shot>.vtt": GUEST_LOOKS,
    "share/<path:rest>": (NOTHING, NOTHING),
    # Django's own
    "admin/": (STAFF, STAFF),
    "admin/login/": (ANYBODY, ANYBODY),
    "admin/logout/": ("++xxxxxx", ANYBODY),
    "admin/data/": (STAFF, NO_SUCH_METHOD),
    "admin/theme/": (BUTTON, STAFF),
    "admin/password_change/": (STAFF, STAFF),
    "admin/password_change/done/": (STAFF, NO_SUCH_METHOD),
    "admin/autocomplete/": (VIEWER, NO_SUCH_METHOD),
    "admin/jsi18n/": (STAFF, NO_SUCH_METHOD),
    "admin/r/<path:content_type_id>/<path:object_id>/": (NOT_THERE, NOT_THERE),
    "admin/(?P<url>.*)$": (NOT_THERE, NOT_THERE),
    "admin/auth/user/<id>/password/": (SUPERUSER, SUPERUSER),
    # stories and shots
    "admin/storybook/story/import/": (ARTIST, ARTIST),
    "admin/storybook/story/<int:pk>/outline/": (VIEWER, NO_SUCH_METHOD),
    "admin/storybook/story/<path:object_id>/pictures/": (VIEWER, ARTIST),
    "admin/storybook/story/<int:pk>/board/": (VIEWER, PRODUCER),
    "admin/storybook/story/<int:pk>/board/state/": (VIEWER, VIEWER),
    "admin/storybook/story/<int:pk>/board/judge/": (BUTTON, REVIEWER),
    "admin/storybook/story/<int:pk>/watch/": (VIEWER, VIEWER),
    "admin/storybook/story/<int:pk>/films/": (VIEWER, REVIEWER),
    "admin/storybook/story/<int:pk>/films/state/": (VIEWER, VIEWER),
    "admin/storybook/story/<int:pk>/directions/": (VIEWER, ARTIST),
    "admin/storybook/story/<int:pk>/export/": (VIEWER, VIEWER),
    "admin/storybook/story/<int:pk>/share/": (REVIEWER, REVIEWER),
    "admin/storybook/story/<int:pk>/share/<int:link>/revoke/": (BUTTON, REVIEWER),
    "admin/storybook/story/archived/": (VIEWER, NO_SUCH_METHOD),
    "admin/storybook/story/<int:pk>/archive/": (BUTTON, ARTIST),
    "admin/storybook/story/<int:pk>/bring-back/": (BUTTON, ARTIST),
    "admin/storybook/story/dashboard/state/": (VIEWER, VIEWER),
    "admin/storybook/shot/<path:object_id>/takes/": (VIEWER, VIEWER),
    "admin/storybook/shot/<path:object_id>/preview/": (BUTTON, VIEWER),
    # batches
    "admin/videogen/renderbatch/<int:pk>/plan/": (VIEWER, PRODUCER),
    "admin/videogen/renderbatch/<int:pk>/plan/cancel/": (BUTTON, PRODUCER),
    "admin/videogen/renderbatch/<int:pk>/plan/row/<int:shot_pk>/": (VIEWER, VIEWER),
    "admin/videogen/renderbatch/<int:pk>/plan/row/<int:shot_pk>/references/": (BUTTON, ARTIST),
    "admin/videogen/renderbatch/<int:pk>/plan/row/<int:shot_pk>/use/": (BUTTON, PRODUCER),
    "admin/videogen/renderbatch/<int:pk>/progress/": (VIEWER, VIEWER),
    "admin/videogen/renderbatch/<int:pk>/progress/state/": (VIEWER, VIEWER),
    "admin/videogen/renderbatch/<int:pk>/cancel/": (BUTTON, PRODUCER),
    "admin/videogen/renderbatch/<int:pk>/stop/": (BUTTON, PRODUCER),
    "admin/videogen/renderbatch/<int:pk>/retry/": (BUTTON, PRODUCER),
    "admin/videogen/renderbatch/<int:pk>/resume-queue/": (BUTTON, PRODUCER),
    "admin/videogen/renderbatch/<int:pk>/priority/": (BUTTON, PRODUCER),
    "admin/videogen/lane/<path:object_id>/resume/": (BUTTON, PRODUCER),
    "admin/videogen/lane/<path:object_id>/pause/": (BUTTON, PRODUCER),
    "admin/videogen/lane/doctor/": (PRODUCER, NO_SUCH_METHOD),
    "admin/videogen/lane/<path:object_id>/move/": (PRODUCER, PRODUCER),
    # the books
    "admin/videogen/submission/spending/": (VIEWER, NO_SUCH_METHOD),
    "admin/videogen/submission/spending/<slug:by>.csv": (VIEWER, NO_SUCH_METHOD),
    "admin/videogen/submission/export/": (VIEWER, NO_SUCH_METHOD),
    # what is not resolved
    "admin/videogen/videorender/unresolved/": (VIEWER, NO_SUCH_METHOD),
    "admin/videogen/videorender/unresolved/state/": (VIEWER, NO_SUCH_METHOD),
    "admin/videogen/videorender/unresolved/ask/": (BUTTON, PRODUCER),
    "admin/videogen/videorender/unresolved/candidates/<int:candidate_id>/<slug:verb>/": (
        BUTTON,
        PRODUCER,
    ),
    "admin/videogen/videorender/unresolved/resume/": (BUTTON, PRODUCER),
    "admin/videogen/videorender/unresolved/decide/<slug:verb>/": (PRODUCER, PRODUCER),
    "admin/videogen/videorender/dismiss/": (BUTTON, PRODUCER),
    "admin/videogen/videorender/unsettled/": (STAFF, NO_SUCH_METHOD),
    # the review room
    "admin/review/": (VIEWER, NO_SUCH_METHOD),
    "admin/review/queue/": (VIEWER, NO_SUCH_METHOD),
    "admin/review/<int:render_id>/notes/": (BUTTON, NOTES),
    "admin/review/notes/<int:note_id>/<slug:verb>/": (BUTTON, NOTES),
    "admin/review/<int:render_id>/<slug:verb>/": (BUTTON, REVIEWER),
    # takes
    "admin/videogen/videorender/shots/<int:shot_id>/compare/": (VIEWER, NO_SUCH_METHOD),
    "admin/videogen/videorender/shots/<int:shot_id>/preview/": (VIEWER, NO_SUCH_METHOD),
    "admin/videogen/videorender/shots/<int:shot_id>/state/": (VIEWER, NO_SUCH_METHOD),
    "admin/videogen/videorender/shots/<int:shot_id>/upload/": (BUTTON, REVIEWER),
    "admin/videogen/videorender/shots/<int:shot_id>/<int:render_id>/retake/": (PRODUCER, PRODUCER),
    "admin/videogen/videorender/shots/<int:shot_id>/<int:render_id>/generate/": (
        PRODUCER,
        PRODUCER,
    ),
    "admin/videogen/videorender/shots/<int:shot_id>/<int:render_id>/promote/": (
        PRODUCER,
        PRODUCER,
    ),
    "admin/videogen/videorender/shots/<int:shot_id>/<int:render_id>/<slug:verb>/": (
        BUTTON,
        PRODUCER,
    ),
}

# Of a route whose verbs are not all the same persons': the other ones' POST.
VERBS = {
    "admin/videogen/videorender/shots/<int:shot_id>/<int:render_id>/<slug:verb>/": dict.fromkeys(
        ("select", "approve", "unlock", "reject", "undo"), REVIEWER
    ),
    # What goes into prompts is an artist's.
    "admin/review/notes/<int:note_id>/<slug:verb>/": {"direct": ARTIST},
}

# One route for several apps: it shows what one may see of that app, and is not there otherwise.
# (As resolve() writes it; the pattern itself begins with ^.)
APP_LIST = "admin/(?P<app_label>videogen|axes|storybook|django_q|auth)/$"
APPS = {
    "videogen": "..0+++++",
    "axes": "..00000+",
    "storybook": "..0+++++",
    "django_q": "..00000+",
    "auth": "..00000+",
}

# Records and their five pages each: who may view, add, change, delete.
RECORDS = {
    "storybook/story": (VIEWER, ARTIST, ARTIST, SUPERUSER),
    "storybook/designdocument": (VIEWER, ARTIST, ARTIST, SUPERUSER),
    "storybook/scenelet": (VIEWER, ARTIST, ARTIST, ARTIST),
    "storybook/shot": (VIEWER, ARTIST, ARTIST, ARTIST),
    "storybook/picture": (VIEWER, NOBODY, NOBODY, NOBODY),
    "videogen/renderbatch": (VIEWER, NOBODY, NOBODY, NOBODY),
    "videogen/videorender": (VIEWER, NOBODY, NOBODY, NOBODY),
    "videogen/submission": (VIEWER, NOBODY, NOBODY, NOBODY),
    # (The page "Unresolved" shows them to those who may see renders.)
    "videogen/candidate": (SUPERUSER, NOBODY, NOBODY, NOBODY),
    "videogen/wipedstory": (SUPERUSER, NOBODY, NOBODY, NOBODY),
    "videogen/lane": (VIEWER, NOBODY, NOBODY, NOBODY),
    "videogen/price": (VIEWER, PRODUCER, NOBODY, PRODUCER),
    "videogen/videomodel": (VIEWER, PRODUCER, PRODUCER, PRODUCER),
    "videogen/budget": (VIEWER, PRODUCER, PRODUCER, PRODUCER),
    "videogen/notice": (VIEWER, NOBODY, NOBODY, NOBODY),
    "videogen/apitoken": (SUPERUSER, SUPERUSER, NOBODY, NOBODY),
    "videogen/referencechoice": (VIEWER, ARTIST, ARTIST, ARTIST),
    "auth/user": (SUPERUSER, SUPERUSER, SUPERUSER, SUPERUSER),
    "auth/group": (SUPERUSER, SUPERUSER, SUPERUSER, SUPERUSER),
    "axes/accessattempt": (SUPERUSER, NOBODY, NOBODY, SUPERUSER),
    "django_q/schedule": (SUPERUSER, NOBODY, NOBODY, NOBODY),
    "django_q/success": (SUPERUSER, NOBODY, NOBODY, NOBODY),
    "django_q/failure": (SUPERUSER, NOBODY, NOBODY, NOBODY),
    "django_q/ormq": (SUPERUSER, NOBODY, NOBODY, NOBODY),
}


def record_pages(record: str) -> dict[str, tuple[str, str]]:
    """Of one kind of record: its routes → (GET, POST)."""
    view, add, change, delete = RECORDS[record]
    base, one = f"admin/{record}/", f"admin/{record}/<path:object_id>/"
    return {
        base: (view, view),
        f"{base}add/": (add, add),
        f"{one}change/": (view, change),
        f"{one}history/": (view, view),
        f"{one}delete/": (delete, delete),
        # An older form of the address that leads to change/, and says nothing by itself.
        one: (STAFF, STAFF),
    }


@cache
def all_pages() -> dict[str, tuple[str, str]]:
    pages = dict(PAGES)
    for record in RECORDS:
        pages |= record_pages(record)
    return pages


def expected(route: str, kwargs: dict[str, object], role: str, method: str) -> str:
    """The letter; KeyError where the table has no such route."""
    cells = (APPS[kwargs["app_label"]],) * 2 if route == APP_LIST else all_pages()[route]
    if wanted := VERBS.get(route, {}).get(str(kwargs.get("verb"))):
        cells = (cells[0], wanted)
    return cells[method == "POST"][ROLES.index(role)]
