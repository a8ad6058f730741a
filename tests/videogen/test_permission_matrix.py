"""Every address × every role × GET and POST, against the table in
tests/support/permission_table.py; and that no page offers what the table refuses to the person who
looks at it."""

from __future__ import annotations

import logging
from functools import cache
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import get_resolver, resolve, reverse

from tests.support.admin_clients import ask, parts_of
from tests.support.admin_urls import addresses, open_links, person
from tests.support.all_states import make_everything
from tests.support.permission_table import APP_LIST, APPS, ROLES, all_pages, expected

pytestmark = pytest.mark.django_db

WORDS = {"+": "allowed", ".": "refused", "0": "not there", "x": "not with this method"}


@pytest.fixture
def world(caplog, settings):
    # Each refusal would be logged with its traceback.
    caplog.set_level(logging.CRITICAL, "django.request")
    # Otherwise the door for events is not there.
    settings.VIDEO_SUBMIT_WEBHOOK_URI = "https://videogen.example/events/video/"
    return make_everything()


def routes():
    """Of every address that the site knows."""

    def walk(patterns, before):
        for each in patterns:
            route = before + str(each.pattern).removeprefix("^")
            if hasattr(each, "url_patterns"):
                yield from walk(each.url_patterns, route)
            else:
                yield route

    return list(walk(get_resolver().url_patterns, ""))


def letter(response):
    """What the answer means, in the table's letters; anything else as it is."""
    location = urlsplit(response.headers.get("Location", "")).path
    if response.status_code in (401, 403) or location == reverse("admin:login"):
        return "."
    if response.status_code < 400:
        return "+"
    return {404: "0", 405: "x"}.get(response.status_code, f"HTTP {response.status_code}")


def test_the_table_has_every_address_of_the_site_and_no_other():
    found = routes()

    assert len(found) == len(set(found)), "an address stands in the way of another"
    assert set(found) - {APP_LIST} == set(all_pages())
    assert f"admin/(?P<app_label>{'|'.join(APPS)})/$" == APP_LIST and APP_LIST in found


def test_every_address_of_the_table_is_asked(world):
    asked = {resolve(urlsplit(each).path).route for each in addresses(world)}

    assert asked == set(all_pages()) | {APP_LIST}


@pytest.mark.parametrize("role", ROLES)
def test_who_may_open_what_and_what_is_offered_there(role, world):
    browser = person(role)
    if role == "guest":
        open_links(browser, world)
    wrong, asked, offers = [], 0, 0

    for address in addresses(world):
        match = resolve(urlsplit(address).path)
        for method in ("GET", "POST"):
            wanted = expected(match.route, match.kwargs, role, method)
            response, writes = ask(browser, method, address)
            asked += 1
            if (got := letter(response)) != wanted:
                wrong.append(f"{method} {address}: {WORDS.get(got, got)}; wanted: {WORDS[wanted]}")
            if wanted != "+" and writes:
                wrong.append(f"{method} {address}: {WORDS[wanted]}, but it wrote {writes}")
            # (Everything that the admin offers to nobody in particular leads to the login page.)
            is_offer = role not in ("anonymous", "guest") or address.startswith("/share/")
            for html in parts_of(response) if is_offer else ():
                for other, target in offered(html, address):
                    offers += 1
                    goal = goal_of(target)
                    if expected(goal.route, goal.kwargs, role, other) != "+":
                        wrong.append(f"{method} {address} offers {other} {target}")

    assert not wrong, "\n".join(dict.fromkeys(wrong))
    assert asked > 250
    assert offers >= {"anonymous": 1, "guest": 10, "staff": 10}.get(role, 500)


# Every page has the same menu.
goal_of = cache(resolve)


def test_an_offer_is_found_wherever_it_stands():
    page = """
        <a href="../b/?x=1">b</a> <a href="https://elsewhere.example/">out</a>
        <a href="#here">here</a>
        <form method="post" action="/media/x"><button formaction="/admin/y/">y</button></form>
        <form><input type="submit"></form> <form method="dialog"></form>
        <form id="shot_form" method="post" action="/look/"><input name="x"></form>
        <form id="shot_form" method="post" action="/change/"><input type="submit"></form>
    """

    assert list(offered(page, "/admin/a/")) == [
        ("GET", "/admin/b/"),
        ("POST", "/media/x"),
        ("POST", "/admin/y/"),
        ("GET", "/admin/a/"),
        ("POST", "/change/"),
    ]


def offered(html, address):
    """(method, path) of every link and every form in it that leads somewhere on this site."""
    finder = _Offers()
    finder.feed(html)
    for method, target in finder.found:
        url = urlsplit(urljoin(f"http://testserver{address}", target))
        if url.netloc == "testserver":
            yield method, url.path


class _Offers(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []
        self._method, self._unseen = "GET", None

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "a" and not values.get("href", "#").startswith("#"):
            self.found.append(("GET", values["href"]))
        elif tag == "form":
            self._method = values.get("method", "get").upper()
            form = (self._method, values.get("action") or "")
            # Django shows a record that one may only look at in a form without any button.
            is_record = (values.get("id") or "").endswith("_form")
            self._unseen = form if is_record else None
            if self._method != "DIALOG" and not is_record:
                self.found.append(form)
        elif tag in ("button", "input"):
            is_submit = values.get("type", "submit" if tag == "button" else "") == "submit"
            if is_submit and self._method != "DIALOG":
                if self._unseen:
                    self.found.append(self._unseen)
                if "formaction" in values:
                    self.found.append((self._method, values["formaction"]))

    def handle_endtag(self, tag):
        if tag == "form":
            self._method, self._unseen = "GET", None
