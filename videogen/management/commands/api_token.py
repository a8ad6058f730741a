from __future__ import annotations

import argparse
import json
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from videogen.cli.database import needs_tables
from videogen.models import ApiToken
from videogen.models.api_tokens import LONGEST_DAYS, USUAL_DAYS


class Command(BaseCommand):
    help = (
        "Make a token for a program that uses the API, and print it: once, because only its hash "
        "is stored. It may do what its person may do, within its scope."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the program or machine that uses it")
        parser.add_argument(
            "--scope",
            choices=ApiToken.Scope.values,
            default=ApiToken.Scope.READ.value,
            help="read (default); review: and change what costs nothing; spend: and render videos",
        )
        parser.add_argument(
            "--user",
            metavar="USERNAME",
            help="in whose name it acts (default: the only superuser)",
        )
        parser.add_argument(
            "--days",
            type=int,
            default=USUAL_DAYS,
            help=f"how many days it is valid (default: {USUAL_DAYS}, at most {LONGEST_DAYS})",
        )
        parser.add_argument(
            "--revoke", action="store_true", help="end the person's tokens of this name instead"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, **options: Any) -> None:
        name = options["name"].strip()
        if not 0 < len(name) <= 100 or not name.isprintable():
            raise CommandError("A name has 1 to 100 characters.", returncode=2)
        if not 1 <= options["days"] <= LONGEST_DAYS:
            raise CommandError(f"--days is from 1 to {LONGEST_DAYS}.", returncode=2)
        with needs_tables():
            user = _find_person(options["user"])
            if options["revoke"]:
                self._revoke(user, name, as_json=options["json"])
                return
            token, secret = ApiToken.objects.make(
                user=user, name=name, scope=options["scope"], days=options["days"]
            )
        if options["json"]:
            told = {
                "name": name,
                "user": user.get_username(),
                "scope": token.scope,
                "expires_at": token.expires_at.isoformat(),
                "token": secret,
            }
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(secret)
        self.stderr.write(
            f"Keep it now: it is not shown again. It acts for {user.get_username()} with the scope "
            f"{token.scope} until {token.expires_at:%Y-%m-%d}.",
            style_func=str,
        )

    def _revoke(self, user: User, name: str, *, as_json: bool) -> None:
        number = ApiToken.objects.filter(user=user, name=name).revoke()
        if as_json:
            self.stdout.write(json.dumps({"name": name, "revoked": number}))
        elif number:
            self.stdout.write(f"Revoked: {number}.")
        else:
            raise CommandError(
                f"{user.get_username()} has no token {name} that could be revoked.", returncode=1
            )


def _find_person(username: str | None) -> User:
    people = User.objects.filter(is_active=True)
    if username is not None:
        person = people.filter(username=username).first()
        if person is None:
            raise CommandError(f"There is no active person {username}.", returncode=2)
        if not person.is_staff:
            raise CommandError(
                f"{username} is not a member of the staff, and so may not use the API.",
                returncode=2,
            )
        return person
    superusers = list(people.filter(is_superuser=True, is_staff=True)[:2])
    if len(superusers) != 1:
        raise CommandError("Say in whose name it acts: --user USERNAME.", returncode=2)
    return superusers[0]
