#!/usr/bin/env python
import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storybook.settings")
    from django.core.management import execute_from_command_line

    for stream in (sys.stdout, sys.stderr):
        # An id that a terminal cannot show must not end a command in the middle of its work.
        stream.reconfigure(errors="backslashreplace")

    if sys.argv[1:2] == ["doctor"]:
        # The doctor has to answer even if Django does not start.
        from videogen.ops.doctor.startup import start_or_report

        start_or_report(sys.argv[2:])
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
