from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "problem-of-the-model-is-the-shots",
        "videogen/models/problems.py",
        "        ProblemCode.PERSON_GENERATION_NOT_TAKEN,\n    }",
        "    }",
        ("tests/videogen/catalog/test_capabilities.py",),
        "what only this model does not take is told as a fault of the shot",
    ),
    Fault(
        "older-problems-cannot-be-read",
        "videogen/models/problems.py",
        'return cls(ProblemCode.TEXT, {"text": str(stored)})',
        "raise ValueError(stored)",
        ("tests/videogen/models/test_problems.py",),
        "a batch of before shows an error page",
    ),
]
