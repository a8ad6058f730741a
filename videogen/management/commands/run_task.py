from __future__ import annotations

import argparse
import gc
import getpass
import json
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import ngettext

from videogen.cli.create_shot_videos import create_shot_videos
from videogen.cli.database import needs_tables
from videogen.cli.workflow import TaskRequest
from videogen.common.broken_output import (
    STOPPED,
    OutputBroken,
    breaking,
    end_with_broken_output,
)
from videogen.common.errors import RequestError
from videogen.common.formats import usd
from videogen.common.task_queue import broker_problem, is_cluster_running
from videogen.common.untrusted_text import for_terminal
from videogen.models import RenderBatch
from videogen.models.batches import CREATE_SHOT_VIDEO, MOST_TAKES_PER_SHOT
from videogen.models.people import Requester
from videogen.models.problems import ProblemCode
from videogen.models.prompt_profiles import PromptProfile
from videogen.planning.modes import Action
from videogen.planning.plan import Plan

if TYPE_CHECKING:
    from videogen.cli.console import ConsoleListener
    from videogen.cli.workflow import TaskResult
    from videogen.common.terminal import PlainConsole

OverBudget = RenderBatch.OverBudget

EXAMPLES = """
tasks:
  CREATE_SHOT_VIDEO   one 8-second video per storyboard shot

modes:
  default    render the shots that have no video; skip everything else
  resume     as default, and go on with what was interrupted or not downloaded
  override   render a new take also where a video exists; old takes stay, approved ones are skipped
  dry-run    do everything up to the paid call: shows the exact prompt, references and price

examples:
  manage.py run_task --task CREATE_SHOT_VIDEO --story-id my-story --mode dry-run --json
  manage.py run_task --task CREATE_SHOT_VIDEO --story-id my-story --scenelet-id the-harbour
  manage.py run_task --task CREATE_SHOT_VIDEO --story-id my-story --shot-index 2 \\
      --scenelet-id the-harbour --mode override
  manage.py run_task --task CREATE_SHOT_VIDEO --story-id my-story --all-or-nothing \\
      --model veo-3.1-fast-generate-preview

exit code: 0 everything asked for was done or skipped; 1 something failed, was blocked or cancelled,
or is still open after the wait; 2 usage; 130 stopped (Ctrl-C, SIGTERM, or an output that broke)
"""

# A request that makes sense, and is not met.
_REFUSED = ("declined", ProblemCode.STORY_ARCHIVED.value)
_STOPPED = (
    "Stopped waiting. A cluster continues with what is queued. Without one, what was not sent yet "
    "is cancelled, and what the API accepted continues there: fetch it with --mode resume."
)

PRIORITIES = {each.name.lower(): each.value for each in RenderBatch.Priority}


class Command(BaseCommand):
    help = "Run a task on a story's shots, for example render their videos."
    # All that an installation can have wrong. Django's checks of the models, the admin and the
    # addresses are about the code, and programs run this command often.
    requires_system_checks = ["settings"]

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", EXAMPLES)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--task", required=True, choices=[CREATE_SHOT_VIDEO], help="what to do")
        parser.add_argument("--story-id", required=True, help="the story's id, as imported")
        parser.add_argument("--scenelet-id", help="only the shots of this scenelet")
        parser.add_argument(
            "--shot-index",
            type=int,
            help="only this shot of the scenelet; without --scenelet-id, of every scenelet",
        )
        parser.add_argument(
            "--mode", choices=RenderBatch.Mode.values, default=RenderBatch.Mode.DEFAULT.value
        )
        parser.add_argument(
            "--model",
            metavar="NAME",
            default="",
            help="this model instead of VIDEO_MODEL or the story's own; one of the video models",
        )
        parser.add_argument(
            "--prompt-profile",
            choices=PromptProfile.values,
            default="",
            help="full: everything the story says of the shot; lean: the shot first, cut to what "
            "the model reads (default: that of the story, or VIDEO_PROMPT_PROFILE)",
        )
        parser.add_argument(
            "--all-or-nothing",
            action="store_true",
            help="queue nothing if a budget has no room for all of it (default: as many as fit)",
        )
        parser.add_argument(
            "--video-download-link",
            metavar="URI",
            help="submit nothing: download this link as a new take of exactly one shot",
        )
        parser.add_argument(
            "--takes-per-shot",
            type=int,
            choices=range(1, MOST_TAKES_PER_SHOT + 1),
            default=1,
            metavar="N",
            help=f"render N takes of each shot at once, 1 to {MOST_TAKES_PER_SHOT}; each is paid "
            "(default: %(default)s)",
        )
        parser.add_argument(
            "--priority",
            choices=PRIORITIES,
            default="normal",
            help="where the batch stands among the others in the queue (default: %(default)s)",
        )
        parser.add_argument(
            "--repeat",
            action=argparse.BooleanOptionalAction,
            default=None,
            help="render duplicates again: requests that equal the one of an existing take (same "
            "prompt, references, model and options); --no-repeat skips them, also with override "
            "(default: as the mode says, with a warning)",
        )
        parser.add_argument(
            "--wait",
            action=argparse.BooleanOptionalAction,
            default=None,
            help="show progress until every render has ended, or only queue "
            "(default: wait in a terminal)",
        )
        parser.add_argument(
            "--yes",
            action="store_true",
            help="queue what costs money without a question, which is asked in a terminal only "
            "(needed in a terminal whose output is piped)",
        )
        parser.add_argument(
            "--verbose",
            action="store_true",
            help="a line for each shot (default: shots of which the same is said share a line)",
        )
        parser.add_argument(
            "--json", action="store_true", help="one JSON object a line on stdout, nothing else"
        )

    def run_from_argv(self, argv: list[str]) -> None:
        # What the start of the process made stays until its end. A plan of many shots would have
        # the garbage collector look through all of it again and again.
        gc.freeze()
        super().run_from_argv(argv)

    def handle(self, **options: Any) -> None:
        try:
            self._handle(**options)
        except OutputBroken:
            end_with_broken_output(f"The output cannot be written any more. {_STOPPED}")

    def _handle(self, **options: Any) -> None:
        wait = sys.stdout.isatty() if options["wait"] is None else options["wait"]
        told = _Told(as_json=options["json"])
        if options["verbosity"] < 2:
            # What the pipeline logs is shown as progress and at the end.
            logging.getLogger("videogen").setLevel(logging.ERROR)
        # A process manager's SIGTERM ends the wait as Ctrl-C does, so nothing accepted is lost.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with told.listener() if wait else nullcontext() as listener:
            request = TaskRequest(
                story_id=options["story_id"],
                requester=Requester(RenderBatch.Door.COMMAND, name=_user_name()),
                mode=options["mode"],
                scenelet_id=options["scenelet_id"],
                shot_index=options["shot_index"],
                video_download_link=options["video_download_link"],
                priority=PRIORITIES[options["priority"]],
                model=options["model"].strip(),
                prompt_profile=options["prompt_profile"],
                over_budget=OverBudget.NONE if options["all_or_nothing"] else OverBudget.FIT,
                takes_per_shot=options["takes_per_shot"],
                repeat=options["repeat"],
                confirm=None if options["yes"] else _question(as_json=options["json"]),
                warn=told.say,
                listener=listener,
            )
            try:
                with needs_tables():
                    result = create_shot_videos(request)
            except RequestError as error:
                code = 1 if error.code in _REFUSED else 2
                raise CommandError(for_terminal(error.sentence), returncode=code) from error
            except OutputBroken:
                raise
            except KeyboardInterrupt:
                raise CommandError(_STOPPED, returncode=STOPPED) from None
        if options["json"]:
            # As ASCII, because texts may hold U+2028, which some readers take for a line's end.
            with breaking():
                for row in result.rows:
                    self.stdout.write(json.dumps(row))
                self.stdout.write(json.dumps({"summary": result.summary}))
                self.stdout.flush()
        else:
            told.print_result(result, is_verbose=options["verbose"])
        if result.note:
            told.say(f"Over the budget. {result.note}")
        if result.still_open and (problem := broker_problem()):
            told.say(problem)
        elif not wait and result.still_open and not is_cluster_running():
            told.say("Queued, but no cluster is running: start one with manage.py work")
        if not result.is_as_asked:
            sys.exit(1)


class _Told:
    """What people are told while the command runs and at its end. The consoles are made when there
    is something to say: a run for a program says nothing, and they take long to load."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    @cached_property
    def _errors(self) -> PlainConsole:
        from videogen.common.terminal import PlainConsole

        return PlainConsole(stderr=True, highlight=False, soft_wrap=True)

    @cached_property
    def _results(self) -> PlainConsole:
        from videogen.common.terminal import PlainConsole

        # Nothing but JSON may reach standard output under --json.
        return self._errors if self._as_json else PlainConsole(highlight=False, soft_wrap=True)

    def say(self, sentence: str) -> None:
        self._errors.say(sentence)

    def listener(self) -> ConsoleListener:
        from videogen.cli.console import ConsoleListener

        return ConsoleListener(progress=self._errors, links=self._results)

    def print_result(self, result: TaskResult, *, is_verbose: bool) -> None:
        from videogen.cli.console import print_result

        print_result(self._results, result, is_verbose=is_verbose)


def _question(*, as_json: bool) -> Callable[[Plan], bool] | None:
    """Return what asks the person at the terminal whether the plan is to be paid; None where there
    is no terminal. Where somebody could answer, but would not see the question, it refuses."""
    if not sys.stdin or not sys.stdin.isatty():
        return None
    # Nothing but JSON may reach standard output under --json.
    streams = [sys.stderr] if as_json else [sys.stderr, sys.stdout]
    stream = next((each for each in streams if each.isatty()), None)
    return partial(_ask, stream) if stream else _refuse_unseen


def _refuse_unseen(plan: Plan) -> bool:
    raise RequestError(
        f"Nothing was queued: it costs {usd(plan.cost_usd)}, and the question about that would not "
        "be seen, because the output does not go to the terminal. Add --yes to pay without a "
        "question.",
        code="question_unseen",
    )


def _ask(stream: TextIO, plan: Plan) -> bool:
    number = plan.count(Action.GENERATE)
    videos = ngettext("%d video", "%d videos", number) % number
    question = f"Generate {videos} for {usd(plan.cost_usd)} with {plan.request.model}? [y/N] "
    stream.write(for_terminal(question))
    stream.flush()
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        return False


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
