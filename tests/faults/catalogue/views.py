from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "media-for-everybody",
        "videogen/views/media.py",
        "if not user.is_staff or not _may_see(user):",
        "if False and not _may_see(user):",
        ("tests/videogen/views/test_media.py",),
        "whoever has an account sees every clip",
    ),
    Fault(
        "half-a-file-is-shown",
        "videogen/views/media.py",
        'if any(part.startswith(".") for part in path.split("/")):',
        "if False:",
        ("tests/videogen/views/test_media.py",),
        "a clip that is not complete is served",
    ),
    Fault(
        "media-is-sniffed",
        "videogen/views/media.py",
        '    response["X-Content-Type-Options"] = "nosniff"\n',
        "",
        ("tests/videogen/views/test_media.py",),
        "a browser runs what looks like a script below the media",
        equal="Django's SecurityMiddleware sets the same header on every answer",
    ),
    Fault(
        "anybody-acts",
        "videogen/views/components/access.py",
        "        and request.user.has_perms(permissions)\n",
        "",
        ("tests/videogen/test_permission_matrix.py",),
        "who may only look generates and reviews",
    ),
    Fault(
        "log-without-change",
        "videogen/views/takes/reviews.py",
        ("        with transaction.atomic():\n            if verb.act"),
        ("        if True:\n            if verb.act"),
        ("tests/videogen/views/takes/test_reviews.py",),
        "a refusal in the middle leaves half a change behind",
    ),
    Fault(
        "formula-in-a-sheet",
        "videogen/common/csv_export.py",
        "if isinstance(value, str):",
        "if False:",
        ("tests/videogen/views/test_spending.py",),
        "a title becomes a formula in somebody's spreadsheet",
    ),
]
