from __future__ import annotations

from tests.faults.fault import Fault

FAULTS = [
    Fault(
        "narrator-who-says-nothing",
        "videogen/prompts/prompt.py",
        "if NARRATOR in sources and ",
        "if ",
        ("tests/videogen/prompts/test_prompt.py",),
        "the narrator's voice goes into a shot without narration",
    ),
    Fault(
        "voices-of-the-silent",
        "videogen/prompts/prompt.py",
        "(set(characters) & sources)",
        "set(characters)",
        ("tests/videogen/prompts/test_prompt.py",),
        "who is seen and says nothing brings a voice",
    ),
    Fault(
        "compact-prompt-in-ascii",
        "videogen/prompts/prompt.py",
        "ensure_ascii=False, separators",
        "ensure_ascii=True, separators",
        ("tests/videogen/prompts/test_prompt.py",),
        "a long prompt is sent with its letters escaped",
    ),
    Fault(
        "later-twin-of-a-voice",
        "videogen/prompts/prompt.py",
        "profiles.setdefault(character_id(profile), profile)",
        "profiles[character_id(profile)] = profile",
        ("tests/videogen/prompts/test_prompt.py",),
        "of two profiles of one character the second is sent",
    ),
    Fault(
        "same-picture-twice",
        "videogen/prompts/references.py",
        "seen[picture.sha256] = candidate",
        "seen[candidate.id] = candidate",
        ("tests/videogen/prompts/test_references.py",),
        "the same picture takes two of three places",
    ),
    Fault(
        "pins-in-any-order",
        "videogen/prompts/references.py",
        "sorted(choices, key=lambda choice: choice.position)",
        "list(choices)",
        ("tests/videogen/prompts/test_references.py",),
        "pinned references are not sent in their order",
    ),
    Fault(
        "resolution-makes-no-difference",
        "videogen/prompts/fingerprints.py",
        "aspect_ratio, resolution, duration_seconds, reference_type]",
        "aspect_ratio, duration_seconds, reference_type]",
        ("tests/videogen/prompts/test_fingerprints.py",),
        "a take in 720p counts as a duplicate of one in 4k",
    ),
    Fault(
        "changed-picture-is-sent",
        "videogen/prompts/payload.py",
        'if hashlib.sha256(data).hexdigest() != pick["sha256"]:',
        "if False:",
        ("tests/videogen/pipeline/test_pump.py::test_a_reference_that_has_changed_is_not_sent",),
        "a picture that was not planned is sent",
    ),
]
