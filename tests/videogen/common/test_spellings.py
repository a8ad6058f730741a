from __future__ import annotations

import base64
import html
import json
import textwrap
from urllib.parse import quote, quote_plus

import pytest

from videogen.common.spellings import without_secrets

KEY = "AIzaSy-RECOGNISABLE_0123456789-abcdefgh"

# What a library, a server or a person may make of a secret.
SPELLINGS = {
    "as it is": str,
    "repr": repr,
    "repr of bytes": lambda key: repr(key.encode()),
    "ascii": ascii,
    "JSON": json.dumps,
    "JSON in JSON": lambda key: json.dumps(json.dumps(key)),
    "URL": lambda key: quote(key, safe=""),
    "form": quote_plus,
    "URL, every byte": lambda key: "".join(f"%{byte:02X}" for byte in key.encode()),
    "URL, twice": lambda key: quote("".join(f"%{byte:02X}" for byte in key.encode()), safe=""),
    "HTML": html.escape,
    "HTML, every letter": lambda key: "".join(f"&#{ord(char)};" for char in key),
    "HTML, hexadecimal": lambda key: "".join(f"&#x{ord(char):x};" for char in key),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "base64 after a name": lambda key: base64.b64encode(f"me:{key}".encode()).decode(),
    "base64 within": lambda key: base64.b64encode(f"x{key}yz".encode()).decode(),
    "base64 in lines": lambda key: base64.encodebytes(f"{key}{key}".encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "HEXADECIMAL": lambda key: key.encode().hex().upper(),
    "hexadecimal, apart": lambda key: key.encode().hex(":"),
    "bytes written out": lambda key: "".join(f"\\x{byte:02x}" for byte in key.encode()),
    "letters written out": lambda key: "".join(f"\\u{ord(char):04x}" for char in key),
    "over lines": lambda key: textwrap.fill(key, 9, break_long_words=True),
    "over indented lines": lambda key: "\n    ".join(
        key[at : at + 7] for at in range(0, len(key), 7)
    ),
    "as strings in a row": lambda key: f"'{key[:15]}'\n '{key[15:]}'",
    "small letters": str.lower,
    "capitals": str.upper,
}
# The key, and what people copy instead of it.
COPIES = {
    "the key": KEY,
    "a line end": f"{KEY}\n",
    "a line end within": f"{KEY[:12]}\r\n{KEY[12:]}",
    "typographic quotes": f"\u201c{KEY}\u201d",
    "quotes": f'"{KEY}"',
    "zero width": f"{KEY[:8]}\u200b{KEY[8:]}",
    "a space": f"{KEY[:20]} {KEY[20:]}",
    "an accent": f"{KEY}\u00e9",
    "with its name": f"GEMINI_API_KEY={KEY}",
    "another kind": "AQ.Ab8RN6+/Kx==Zq0",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("key", COPIES.values(), ids=COPIES.keys())
def test_no_spelling_of_a_secret_stays(key, spelling):
    text = without_secrets(f"Illegal value {spelling(key)} in it", [key])

    assert text.startswith("Illegal value") and "[key]" in text and text.endswith("in it")
    # Quotation marks, and of base64 the letters that another text has a part in.
    assert len(text.replace("[key]", "")) <= len("Illegal value  in it") + 20


@pytest.mark.parametrize("key", COPIES.values(), ids=COPIES.keys())
def test_the_key_alone_is_a_secret_too_if_more_was_copied(key):
    bare = "".join(char for char in key if char.isascii() and char > " " and char != '"')

    assert "[key]" in without_secrets(f"What is {bare.removeprefix('GEMINI_API_KEY=')}?", [key])


@pytest.mark.parametrize(
    "text",
    [
        "GEMINI_API_KEY is not set: put the key into .env.",
        "The API refuses the key: API key not valid. Please pass a valid API key.",
        "https://h/v1beta/files/ky9j9o2e8xs4:download?alt=media",
        "AIzaSy",
        "",
    ],
)
def test_what_is_no_secret_stays(text):
    assert without_secrets(text, COPIES.values()) == text


def test_a_short_secret_is_looked_for_as_it_is():
    assert without_secrets("A KEY is no key.", ["KEY"]) == "A [key] is no key."


def test_a_password_that_is_a_word_is_looked_for_as_it_is():
    assert without_secrets("PostgreSQL says postgres.", ["postgres"]) == "PostgreSQL says [key]."


@pytest.mark.parametrize(
    "text",
    ["\\" * 20_000, "A\\n" * 10_000, "AIza" + "\n\\n" * 10_000, "%25" * 10_000, "A" + " " * 20_000],
    ids=lambda text: text[:6],
)
def test_no_text_takes_long(text):
    assert without_secrets(text, [KEY, "ya29." + "aZ0-" * 250]) == text
