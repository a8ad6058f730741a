"""An output that breaks, because a pipe was closed or a disk is full, ends a command as Ctrl-C
does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

# The exit code of a command that was stopped.
STOPPED = 130


class OutputBroken(KeyboardInterrupt):
    """The output cannot be written any more. It ends the command as Ctrl-C does."""


@contextmanager
def breaking() -> Iterator[None]:
    """Turn the error of an output that breaks into OutputBroken. Do nothing else in it than
    writing."""
    try:
        yield
    except OSError as error:
        raise OutputBroken from error


def end_with_broken_output(sentence: str) -> NoReturn:
    """End the process with the code of Ctrl-C, and say why if anybody still hears it."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
            continue
        # What is still buffered would break once more when Python ends.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(STOPPED)
