from __future__ import annotations

import errno
import io
import logging
import sys

import pytest
from django.conf import settings as django_settings
from rich.table import Table

from videogen.common.broken_output import OutputBroken, breaking, end_with_broken_output
from videogen.common.log_lines import LineFormatter
from videogen.common.terminal import PlainConsole, print_table, table_console
from videogen.common.untrusted_text import for_terminal

HOSTILE = "a\x1b[2J\x1b]0;owned\x07b\u202egnp.exe\rc\nERROR forged"
WRITTEN = r"a\x1b[2J\x1b]0;owned\x07b\u202egnp.exe\rc\nERROR forged"


class BrokenPipe(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


class FullDisk(io.StringIO):
    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_what_a_terminal_would_obey_is_written_out():
    assert for_terminal(HOSTILE) == WRITTEN
    assert for_terminal("début-纸 🏮👨\u200d👩 \u00a0\t|") == "début-纸 🏮👨\u200d👩 \u00a0\t|"
    assert for_terminal("a\nb\x9b", keeps_lines=True) == "a\nb\\x9b"
    assert for_terminal("\ud800") == "\\ud800"


def test_the_key_is_not_shown():
    assert for_terminal(f"What is {django_settings.GEMINI_API_KEY}?") == "What is [key]?"


def test_lines_and_tables_are_printed_as_they_can_be_shown():
    out = io.StringIO()
    console = PlainConsole(file=out, width=200)
    table = Table(HOSTILE)
    table.add_row(HOSTILE)

    console.say(f"[red]{HOSTILE}")
    console.print(table)

    text = out.getvalue()
    assert f"[red]{WRITTEN}\n" in text
    assert not set(text) & set("\x1b\x07\r\u202e")


@pytest.mark.parametrize("file", [BrokenPipe(), FullDisk()])
def test_an_output_that_breaks_is_like_ctrl_c(file):
    with pytest.raises(KeyboardInterrupt) as caught:
        PlainConsole(file=file).say("Hello")
    assert isinstance(caught.value, OutputBroken)

    with pytest.raises(OutputBroken), breaking():
        file.write("x")
        file.flush()


def test_the_end_is_told_where_somebody_still_hears_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", BrokenPipe())

    with pytest.raises(SystemExit) as caught:
        end_with_broken_output("It broke.")

    assert caught.value.code == 130
    assert capsys.readouterr().err == "It broke.\n"


def test_the_end_needs_nobody_who_hears_it(monkeypatch):
    monkeypatch.setattr(sys, "stdout", BrokenPipe())
    monkeypatch.setattr(sys, "stderr", BrokenPipe())

    with pytest.raises(SystemExit) as caught:
        end_with_broken_output("It broke.")

    assert caught.value.code == 130


def logged(message, *arguments, error=None):
    record = logging.LogRecord("videogen", logging.WARNING, __file__, 1, message, arguments, error)
    return LineFormatter("%(levelname)s %(message)s").format(record)


def test_a_record_is_one_line():
    assert logged("%s: no video", HOSTILE) == f"WARNING {WRITTEN}: no video"


def test_a_traceback_is_indented_and_has_no_key():
    try:
        raise ValueError(f"{HOSTILE} {django_settings.GEMINI_API_KEY!r}")
    except ValueError:
        text = logged("It broke.", error=sys.exc_info())

    first, *others = text.split("\n")
    assert first == "WARNING It broke."
    assert all(line.startswith("  ") for line in others)
    assert django_settings.GEMINI_API_KEY not in text
    assert not set(text) & set("\x1b\x07\r\u202e")


def test_the_log_of_the_installation_uses_it():
    formatter = django_settings.LOGGING["formatters"]["line"]

    assert formatter["()"] == "videogen.common.log_lines.LineFormatter"


PATH = "media/the-night-the-tide-forgot/shots/under-the-lighthouse/shot-12/take-3.mp4"
ID = "models/veo-3.1-generate-preview/operations/a1b2c3d4e5f6g7h8i9j0"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("width", ["40", "80", "200"])
@pytest.mark.parametrize("out", [Terminal, io.StringIO])
def test_no_word_of_a_table_is_broken(monkeypatch, width, out):
    monkeypatch.setenv("COLUMNS", width)
    told, table = out(), Table(box=None)
    for column in ("Shot", "What"):
        table.add_column(column)
    table.add_row("under-the-lighthouse / shot 12", f"It is stored at {PATH} by {ID} at last.")

    console = table_console(told)
    print_table(console, table)
    console.say(f"Videos are below {PATH} and {ID}")

    words = told.getvalue().split()
    assert (words.count(PATH), words.count(ID)) == (2, 2)
    assert "under-the-lighthouse" in words
