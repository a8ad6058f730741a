"""Lines of the log, and the last words of a process: no key is in them, and nothing in them looks
like another line or moves a terminal's cursor."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from .untrusted_text import for_terminal, masked


class LineFormatter(logging.Formatter):
    """Formats a record as one line; a traceback follows it, indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return for_terminal(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _indented(super().formatStack(stack_info))


class SecretFilter(logging.Filter):
    """Masks the secrets in a record of Django's, which writes the address of every request that
    fails, whatever formats the record afterwards."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage()), None
        return True


def install_last_words() -> None:
    """Have tracebacks that nobody catches written in the same way."""
    sys.excepthook = _write_traceback
    threading.excepthook = lambda args: _write_traceback(
        args.exc_type, args.exc_value, args.exc_traceback
    )


def _write_traceback(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    text = "".join(traceback.format_exception(kind, error, trace))
    sys.stderr.write(for_terminal(text, keeps_lines=True))


def _indented(text: str) -> str:
    text = for_terminal(text, keeps_lines=True)
    return "\n".join(f"  {line}" for line in text.splitlines())
