"""Finds a secret in text, however it is spelled: as it is, as repr or JSON writes it, encoded for a
URL, for HTML, in base64 or in hexadecimal digits, and broken over lines.

Libraries and servers quote what they were sent in their own way: an error about a header shows the
bytes' repr, a log shows the URL. Only the standard library is used here, because the doctor hides
secrets even if nothing else can be imported.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable
from functools import lru_cache

# A shorter secret is looked for as it is: in other spellings it would be found by chance.
_SHORTEST = 8
# An access token has a thousand characters. It is recognised by its first ones, because a pattern
# of all of them takes seconds to make.
_LONGEST = 100
# What may come between two characters of a secret that somebody has wrapped, and what is left of an
# invisible one in it. Repetitions are bounded, so that no text takes long.
_INVISIBLE = "\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060-\u2069\ufeff"
_ESCAPE = r"\\{1,8}"
_BREAK = (
    rf"(?:[{_INVISIBLE}+]|{_ESCAPE}(?:[nrtvfab0\n]|x[0189a].|u00[0189a].|u20[026].|ufeff)"
    rf"|%(?:25){{0,3}}(?:[01]|7f).?|%e2%80%..|[\"'`]\s+b?[\"'`]|<br ?/?>){{0,99}}"
)
_IS_INVISIBLE = re.compile(f"[{_INVISIBLE}]")
# Who copies more than the key often copies these; they are words of our own sentences, too.
_NO_SECRETS = frozenset({"GEMINI_API_KEY", "GOOGLE_API_KEY"})


def without_secrets(text: str, secrets: Iterable[str], instead: str = "[key]") -> str:
    """Return the text with `instead` in the place of every spelling of the secrets."""
    for secret in sorted(set(filter(None, secrets)), key=len, reverse=True):
        for pattern in _patterns(secret):
            text = pattern.sub(lambda match: instead, text)
    return text


@lru_cache(maxsize=64)
def _patterns(secret: str) -> tuple[re.Pattern[str], ...]:
    """Return what finds the secret and, if it has characters that no key has, its other parts."""
    return tuple(map(_pattern, [secret, *_parts(secret)]))


def _parts(secret: str) -> list[str]:
    """Return the runs of characters that a key may consist of, if the secret is more than one run.
    A key that was copied with quotation marks is a secret without them as well."""
    runs = re.findall(r"[\w.~+/-]+", secret, re.ASCII)
    return [
        run
        for run in sorted(runs, key=len, reverse=True)
        if run != secret
        and len(run) >= _SHORTEST
        and run not in _NO_SECRETS
        and not (run.isalpha() and run.islower())
    ]


def _pattern(secret: str) -> re.Pattern[str]:
    if len(secret) < _SHORTEST or secret.isalpha() and secret.islower():
        # A password that is a word would be found in our own sentences.
        return re.compile(re.escape(secret))
    data = secret.encode("utf-8", "surrogatepass")
    visible = [char for char in secret if not _IS_INVISIBLE.match(char)]
    letters = _BREAK.join(map(_letter, visible[:_LONGEST]))
    if rest := visible[_LONGEST:]:
        rest_in_lines = r"\s{0,9}".join(map(re.escape, rest))
        letters += rf"(?:{rest_in_lines}|[^\s\"'<>]*)"
    digits = r"(?:[\s:,_-]|0x){0,9}".join(f"{byte:02x}" for byte in data[:_LONGEST])
    digits += "".join(f"{byte:02x}" for byte in data[_LONGEST:])
    encoded = "|".join(filter(None, (_base64(data, shift) for shift in range(3))))
    return re.compile(f"(?i:{letters}|{digits})|{encoded}")


def _letter(char: str) -> str:
    """Return a pattern of every spelling of one character."""
    number = ord(char)
    data = char.encode("utf-8", "surrogatepass")
    spellings = [
        re.escape(char),
        # A % that was encoded once more is %25.
        "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in data),
        rf"{_ESCAPE}(?:x{number:02x}|u{number:04x}|U{number:08x}|u\{{{number:x}\}}|0?{number:03o})",
        f"&(?:amp;){{0,3}}#(?:0{{0,5}}{number}|x0{{0,5}}{number:x});?",
    ]
    if len(data) > 1:
        spellings.append("".join(f"{_ESCAPE}x{byte:02x}" for byte in data))
    if number > 0xFFFF:
        pair = char.encode("utf-16-be").hex()
        spellings.append(f"{_ESCAPE}u{pair[:4]}{_ESCAPE}u{pair[4:]}")
    if (named := html.escape(char)) != char:
        spellings.append(re.escape(named))
    if char in "\"'\\/":
        spellings.append(f"{_ESCAPE}{re.escape(char)}")
    return f"(?:{'|'.join(spellings)})"


def _base64(data: bytes, shift: int) -> str:
    """Return the characters of base64 that depend on nothing but the data, if `shift` bytes (and
    any multiple of three) stand before it."""
    text = base64.b64encode(b"\0" * shift + data).decode()
    whole = text[(0, 2, 3)[shift] : (shift + len(data)) * 8 // 6]
    if len(whole) < _SHORTEST:
        return ""
    special = {"+": r"(?:[+-]|%2b)", "/": r"(?:\\*/|_|%2f)"}
    letters = [special.get(char, re.escape(char)) for char in whole]
    wrapped = rf"(?:\s|{_ESCAPE}[nr]){{0,9}}".join(letters[:_LONGEST])
    if rest := "".join(letters[_LONGEST:]):
        wrapped += rf"(?:{rest}|[\w+/%-]*)"
    return wrapped + r"(?:=|%3d){0,2}"
