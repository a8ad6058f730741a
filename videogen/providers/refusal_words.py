"""What the words of a refusal are about, where the API tells it in no other way.

The status is the same for a malformed request, for an account that may not make videos and for a
request that a safety filter does not let through. The words are those that others recorded. Whoever
adds one must be sure of it: a request that is taken for the account's fault stops the queue.
"""

from __future__ import annotations

import re
from collections.abc import Collection

# ErrorInfo reasons of Google's APIs that are about the key, the project or its billing.
_REASONS = re.compile(
    r"API_KEY_\w+|ACCESS_TOKEN_\w+|ACCOUNT_\w+|BILLING_\w+|CONSUMER_\w+|CREDENTIALS_MISSING|"
    r"SERVICE_DISABLED|USER_PROJECT_DENIED|USER_BLOCKED_BY_ADMIN|SECURITY_POLICY_VIOLATED|"
    r"ORG_RESTRICTION_\w+|LOCATION_\w+|SERVICE_NOT_VISIBLE|TERMS_OF_SERVICE\w*"
)
_ACCOUNT = re.compile(
    r"(?:user|your) location|organi[sz]ation(?:al)? polic"
    r"|not (?:yet )?(?:supported|available|offered) in your"
    r"(?! (?:request|prompt|input|image|reference|video|instance|config))"
    r"|(?:country|region|territory) is not (?:yet )?supported"
    r"|billed users|paid (?:users|accounts?|tier|plan)|free[- ]tier|upgrade (?:your|to a) "
    r"|enable billing|billing (?:account|is |has |must|to be|not )|without billing|subscription"
    r"|authentication credential|credentials? (?:received|provided|supplied|is|are)\b"
    r"|reported as leaked|has been (?:suspended|disabled|deactivated|deleted)|is suspended"
    r"|(?:your|this) (?:account|project|organi[sz]ation) (?:is|has|does|was|must|can|may)\b"
    r"|allow-?list|white-?list|terms of service|age verification|verify your"
    r"|has not been used in project",
    re.IGNORECASE,
)
_CAP = re.compile(
    r"spend(?:ing)?[- ]caps?\b|(?:monthly|billing|budget) (?:\w+ ){0,2}(?:cap|limit)\b"
    r"|billing account .{0,40}(?:closed|disabled|not active|inactive)",
    re.IGNORECASE,
)
_NONE_AT_ALL = re.compile(r"\blimit: ?0(?![\d.,]*[1-9])(?!\d)", re.IGNORECASE)

_BLOCK = re.compile(
    r"(?:input|prompt|request|content|image|output|video|generation) "
    r"(?:was |were |has been |is |got )?(?:blocked|rejected by|flagged|filtered)"
    r"|blocked (?:by|due|because|for)\b"
    r"|(?:can't|can ?not|could not|couldn't|unable to|won't) (?:create|generate|make|produce) "
    r"(?:a |an |the |this |your |any )?(?:requested )?(?:videos?|clips?|content)\b.{0,60}"
    r"(?:with|from|of|that|because|contain|show|depict|violat|featur|includ|involv)"
    r"|support codes?:? *\d"
    r"|safety (?:filter|setting|system|polic|reason|violation|guideline|concern)"
    r"|responsible ai|sensitive (?:words|content)|prohibited (?:content|use)"
    r"|violat\w+ .{0,60}(?:polic|guideline|practice|terms)",
    re.IGNORECASE,
)

# A block of these is no safety filter's.
_NOT_OF_THE_REQUEST = re.compile(
    r"internal|organi[sz]ation(?:al)? polic"
    r"|(?:your|this) (?:account|project|organi[sz]ation) (?:is|has|was|must)\b",
    re.IGNORECASE,
)


def is_about_account(message: str, status: str, reasons: Collection[str]) -> bool:
    """Whether a 400 says that the account, the key or the place cannot make videos at all."""
    return (
        status == "FAILED_PRECONDITION"
        or any(_REASONS.fullmatch(reason) for reason in reasons)
        or bool(_ACCOUNT.search(message))
    )


def is_spending_cap(message: str) -> bool:
    """Whether a 429 is about a cap that stays until somebody raises it, or until the month ends.
    The spend-based rate limit of a few minutes is none."""
    return "rate limit" not in message.lower() and bool(_CAP.search(message))


def has_no_quota(message: str, values: Collection[str]) -> bool:
    """Whether a 429 names a quota of 0, which no waiting fills."""
    return "0" in values or bool(_NONE_AT_ALL.search(message))


def is_block(message: str) -> bool:
    """Whether a safety filter speaks, which says why in words, with or without a support code."""
    words = message.replace("\u2019", "'")
    return bool(_BLOCK.search(words)) and not _NOT_OF_THE_REQUEST.search(words)


def support_codes(reasons: Collection[str]) -> tuple[str, ...]:
    """Return the support codes that the reasons name, each once, in their order."""
    found: list[str] = []
    for reason in reasons:
        for codes in re.findall(r"[Ss]upport codes?:?\s*([\d,;\s]+)", reason):
            found += re.findall(r"\d{6,}", codes)
    return tuple(dict.fromkeys(found))
