from __future__ import annotations

from tests.faults.fault import Fault

RIGHTS = ("tests/videogen/api/test_rights.py",)
TOKENS = ("tests/videogen/api/test_tokens.py",)
KEYS = ("tests/videogen/api/test_idempotency.py",)

FAULTS = [
    Fault(
        "scope-is-not-asked",
        "videogen/api/access.py",
        "if not token.has_scope(self.scope):",
        "if False:",
        RIGHTS,
        "a token that may only read queues a batch",
    ),
    Fault(
        "permission-is-not-asked",
        "videogen/api/access.py",
        "if not token.user.has_perm(each)]",
        "if False]",
        RIGHTS,
        "a token may more than its person",
    ),
    Fault(
        "revoked-token-opens",
        "videogen/models/api_tokens.py",
        "            revoked_at=None,\n            expires_at__gt=timezone.now(),\n",
        "            expires_at__gt=timezone.now(),\n",
        TOKENS,
        "a token that was revoked opens the API",
    ),
    Fault(
        "another-body-with-the-key",
        "videogen/api/idempotency.py",
        "if found.request_sha256 != sha256:",
        "if False:",
        KEYS,
        "another request gets the answer of the first",
    ),
    Fault(
        "taken-from-the-living",
        "videogen/api/idempotency.py",
        "    if not is_silent and not is_provably_gone(answer.worker):\n        return False\n",
        "",
        KEYS,
        "two work on the same key",
    ),
    Fault(
        "batch-without-what-was-seen",
        "videogen/api/batches.py",
        "return confirm_batch(draft, requester, seen=body.fingerprint).batch",
        "return confirm_batch(draft, requester, seen=plan_of(body, requester).fingerprint).batch",
        ("tests/videogen/api/test_plans_and_batches.py",),
        "another plan than the seen one is paid",
    ),
    Fault(
        "signed-address-without-its-token",
        "videogen/api/files.py",
        "if token is None or not token.user.has_perms(SEE_RENDERS):",
        "if False:",
        ("tests/videogen/api/test_resources.py",),
        "an address of a file opens after its token was revoked",
    ),
]
