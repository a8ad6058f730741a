"""Put each fault into a copy of the tree, run the tests that concern it, and count what is noticed.

    python -m tests.faults [name …]

A name is that of a fault, or how names begin: "claims" is all of claims. Without a name all faults
are run, which takes an hour. The working tree is never changed. Exit code 1 if fewer
than 95 % are noticed, 2 if a fault cannot be put in or a test fails without any.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from .fault import ROOT, Fault, all_faults

POSTGRES = "VIDEO_TEST_POSTGRES_URL"
# So much of them a change to the product must not lower.
ENOUGH = 0.95
# Seconds for the tests of one fault. A fault that makes them hang is noticed.
TIME_LIMIT = 600

console = Console(highlight=False, markup=False, soft_wrap=True)


class Copy:
    """What git knows of the tree, and what it would, with the changes that are not committed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            source, target = ROOT / name, self.root / name
            if source.is_file() and name != ".venv":
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        self._tables = folder / "tables"
        self._tables.mkdir()

    def run_tests(self, tests: Sequence[str], *, on_postgres: bool) -> tuple[str, str]:
        """Return "pass", "fail", "hang" or "error", and the first failed test or the reason."""
        environment = {**os.environ, "VIDEO_TEST_TABLES_IN": str(self._tables)}
        if on_postgres:
            environment["DATABASE_URL"] = environment[POSTGRES]
        command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "--no-header", "-rfE"]
        # Its import is a third of what a test takes; the catalogue has no test that needs it.
        command += ["-p", "no:hypothesispytest"]
        with subprocess.Popen(
            [*command, "-p", "no:cacheprovider", *tests],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=TIME_LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.communicate()
                return "hang", f"no end after {TIME_LIMIT} s"
        lines = output.splitlines()
        failed = [line for line in lines if line.startswith(("FAILED tests/", "ERROR tests/"))]
        if process.returncode == 0:
            return "pass", lines[-1] if lines else ""
        if failed and failed[0].startswith("FAILED"):
            return "fail", failed[0].split(" - ")[0]
        # A test that could not even begin says nothing about the fault.
        return "error", "\n".join(lines[-15:])

    def judge(self, fault: Fault) -> tuple[str, str]:
        """Return "noticed", "not noticed" or "error", and what says so."""
        path = self.root / fault.file
        whole, times = path.read_text(), path.stat()
        path.write_text(whole.replace(fault.old, fault.new))
        try:
            outcome, words = self.run_tests(fault.tests, on_postgres=fault.needs_postgres)
        finally:
            path.write_text(whole)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        verdict = {"pass": "not noticed", "fail": "noticed", "hang": "noticed"}.get(
            outcome, "error"
        )
        return verdict, words


def main() -> int:
    parser = argparse.ArgumentParser(
        "python -m tests.faults", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="name", help="faults, or how names begin")
    parser.add_argument("--list", action="store_true", help="only say which faults there are")
    parser.add_argument(
        "--trust-tests",
        action="store_true",
        help="do not first run the tests without a fault; then one that fails anyway notices all",
    )
    options = parser.parse_args()
    faults = [each for each in all_faults() if is_meant(each, options.names)]
    if not faults:
        parser.error(f"no fault is called {' '.join(options.names)}")
    if options.list:
        for each in faults:
            console.print(f"{each.name}  {each.says}")
        return 0
    if broken := {each.name: problem for each in faults if (problem := each.problem())}:
        for name, problem in broken.items():
            console.print(f"{name}: {problem}")
        return 2
    with tempfile.TemporaryDirectory(prefix="videogen-faults-") as folder:
        copy = Copy(Path(folder))
        runnable = [each for each in faults if not each.equal and can_run(each)]
        if not options.trust_tests and not pass_as_they_are(copy, runnable):
            return 2
        return run(copy, faults)


def is_meant(fault: Fault, names: Sequence[str]) -> bool:
    return not names or any(fault.name == each or fault.name.startswith(each) for each in names)


def can_run(fault: Fault) -> bool:
    return not fault.needs_postgres or bool(os.environ.get(POSTGRES))


def pass_as_they_are(copy: Copy, faults: Sequence[Fault]) -> bool:
    """Whether the tests pass without a fault; else nothing could be said."""
    for on_postgres in (False, True):
        concerned = [each for each in faults if each.needs_postgres is on_postgres]
        tests = sorted({test for each in concerned for test in each.tests})
        for start in range(0, len(tests), 5):
            outcome, words = copy.run_tests(tests[start : start + 5], on_postgres=on_postgres)
            if outcome != "pass":
                console.print(f"Without any fault: {outcome}\n{words}")
                return False
    return True


def run(copy: Copy, faults: Sequence[Fault]) -> int:
    counts: Counter[str] = Counter()
    for fault in faults:
        started = time.monotonic()
        if fault.equal:
            verdict, words = "equal", fault.equal
        elif not can_run(fault):
            verdict, words = "not run", f"{POSTGRES} names no PostgreSQL"
        else:
            verdict, words = copy.judge(fault)
        counts[verdict] += 1
        seconds = time.monotonic() - started
        console.print(f"{verdict:12} {fault.name:44} {seconds:5.1f} s  {words}")
        if verdict in ("not noticed", "error"):
            console.print(f"{'':12} {fault.says}")
    judged = counts["noticed"] + counts["not noticed"]
    share = counts["noticed"] / judged if judged else 1.0
    others = ", ".join(f"{counts[each]} {each}" for each in ("equal", "not run", "error"))
    console.print(f"\n{counts['noticed']} of {judged} noticed: {share:.1%}. {others}.")
    if counts["error"]:
        return 2
    return 0 if share >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
