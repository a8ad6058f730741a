"""What an import did, or why it did nothing, as an object for programs."""

from __future__ import annotations

from typing import Any

from storybook.errors import BundleError, BundleWarning

from .story import ImportReport

_COUNTS = ("created", "updated", "unchanged", "kept")


def imported_object(report: ImportReport, *, is_dry_run: bool) -> dict[str, Any]:
    """Return the report in full, with the counts by what was done."""
    counts = {
        name: {kind: getattr(tally, name) for kind, tally in report.rows.items()}
        for name in _COUNTS
    }
    warnings = [_warning_object(each) for each in report.warnings]
    warnings += [
        {"place": each.path, "message": each.problem, "code": "picture_unusable", "more": 0}
        for each in report.picture_warnings
    ]
    return report.as_dict() | {
        "is_dry_run": is_dry_run,
        **counts,
        "warnings": warnings,
        "problems": [],
    }


def refused_object(error: BundleError, *, is_dry_run: bool) -> dict[str, Any]:
    """Return the same object for a bundle that was refused: no rows, and every problem."""
    counts: dict[str, dict[str, int]] = {name: {} for name in _COUNTS}
    return {
        "story_id": "",
        "title": "",
        "is_dry_run": is_dry_run,
        **counts,
        "warnings": [_warning_object(each) for each in error.warnings],
        "warnings_left_out": error.warnings_left_out,
        "problems": _problem_objects(error),
    }


def _warning_object(warning: BundleWarning) -> dict[str, Any]:
    return {
        "place": warning.place,
        "message": warning.sentence,
        "code": warning.code,
        "more": warning.more,
    }


def _problem_objects(error: BundleError) -> list[dict[str, str]]:
    """Return each problem with its place."""
    problems = []
    for each in error.problems:
        place, colon, message = each.partition(": ")
        problems.append({"place": place if colon else "", "message": message or each})
    return problems
