from __future__ import annotations

import pytest

from tests.support.receivers import new_secret
from tests.support.system_checks import found

SECRET = new_secret()
HOOK = "https://studio.example/hook"


def email(**values):
    return {"EMAIL_HOST": "mail.example", **values}


WRONG = {
    "http": ("http://studio.example/hook", SECRET, {}, "videogen.E060"),
    "http on this machine, not in debug": ("http://127.0.0.1/hook", SECRET, {}, "videogen.E060"),
    "http elsewhere, in debug": (
        "http://studio.example/hook",
        SECRET,
        {"DEBUG": True},
        "videogen.E060",
    ),
    "no address": ("studio.example", SECRET, {}, "videogen.E060"),
    "a broken port": ("https://studio.example:x/", SECRET, {}, "videogen.E060"),
    "no secret": (HOOK, "", {}, "videogen.E061"),
    "a secret alone": ("", SECRET, {}, "videogen.W062"),
    "no base64": (HOOK, "whsec_not base64!", {}, "videogen.E063"),
    "too short": (HOOK, "whsec_c2hvcnQ=", {}, "videogen.E063"),
    "nobody to mail through": (
        "",
        "",
        {"VIDEO_NOTICE_EMAILS": ["desk@studio.example"]},
        "videogen.W064",
    ),
    "no e-mail address": (
        "",
        "",
        email(VIDEO_NOTICE_EMAILS=["desk@studio.example", "desk"]),
        "videogen.E065",
    ),
    "both kinds of TLS": (
        "",
        "",
        email(EMAIL_USE_TLS=True, EMAIL_USE_SSL=True),
        "videogen.E066",
    ),
    "a password in the clear": ("", "", email(EMAIL_HOST_PASSWORD="x"), "videogen.W067"),
    "no site": ("", "", {"VIDEO_SITE_URL": "videogen.example"}, "videogen.E068"),
}


def set_up(settings, url, secret, values):
    settings.DEBUG = False
    settings.VIDEO_NOTICE_WEBHOOK_URL = url
    settings.VIDEO_NOTICE_WEBHOOK_SECRET = secret
    for name, value in values.items():
        setattr(settings, name, value)


@pytest.mark.parametrize(("url", "secret", "values", "expected"), WRONG.values(), ids=WRONG.keys())
def test_half_a_configuration_is_told_with_what_to_do(settings, url, secret, values, expected):
    set_up(settings, url, secret, values)

    messages = found()

    assert list(messages) == [expected]
    assert messages[expected].hint
    assert not secret or SECRET not in str(messages[expected])


@pytest.mark.parametrize(
    ("url", "secret", "values"),
    [
        (HOOK, SECRET, {}),
        (HOOK, f"{SECRET} {new_secret()}", {}),
        ("http://localhost:9000/hook", SECRET, {"DEBUG": True}),
        ("", "", email(EMAIL_HOST_PASSWORD="x", EMAIL_USE_TLS=True)),
        ("", "", email(VIDEO_NOTICE_EMAILS=["desk@studio.example"])),
        ("", "", {"VIDEO_SITE_URL": "https://videogen.example"}),
        ("", "", {"EMAIL_HOST": "127.0.0.1", "EMAIL_HOST_PASSWORD": "x"}),
    ],
    ids=["webhook", "two secrets", "loopback", "login", "mail", "site", "mail here"],
)
def test_a_whole_configuration_is_fine(settings, url, secret, values):
    set_up(settings, url, secret, values)

    assert found() == {}
