"""Posts notices to the studio's own receiver, signed as Standard Webhooks asks for it
(common/standard_webhooks.py). Whoever knows the secret can tell that a notice came from here, when,
and whether it came before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from videogen.common.addresses import LOOPBACK
from videogen.common.errors import NoticeError
from videogen.common.standard_webhooks import keys_of, signature


def is_safe_address(url: str) -> bool:
    """Whether the address is https. With DJANGO_DEBUG=1, http to this machine is safe, too."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018  (raises ValueError if it is not a number)
    except ValueError:
        return False
    if parts.scheme == "http":
        return bool(settings.DEBUG) and host in LOOPBACK
    return parts.scheme == "https" and bool(host)


def post_webhook(message_id: str, payload: Mapping[str, Any]) -> None:
    """Post the payload to VIDEO_NOTICE_WEBHOOK_URL, once. `message_id` has to be the same whenever
    the same notice is sent again. Raises NoticeError unless the answer is a 2xx."""
    # The system checks need the rest of this module, and httpx takes long to load.
    import httpx

    from videogen.common.proxies import BadProxySetting, open_http

    url = settings.VIDEO_NOTICE_WEBHOOK_URL
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    now = int(time.time())
    headers = {
        "content-type": "application/json",
        "user-agent": "videogen",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(_configured_keys(url), message_id, now, body),
    }
    try:
        with (
            open_http(
                timeout=settings.VIDEO_NOTICE_WEBHOOK_TIMEOUT_SECONDS, follow_redirects=False
            ) as client,
            # The body of the answer is not read, because it may be endless.
            client.stream("POST", url, content=body, headers=headers) as response,
        ):
            status = response.status_code
            told = response.headers.get("retry-after", "")
    except BadProxySetting as error:
        raise NoticeError(f"Webhook: {error}", code="bad_proxy") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The message is left out: it may contain the address, and some addresses are secrets.
        raise NoticeError(
            f"Webhook: no answer ({type(error).__name__}).", code="webhook_no_answer"
        ) from error
    if not 200 <= status < 300:
        gone = status == httpx.codes.GONE
        raise NoticeError(
            f"Webhook: the receiver answered {status}"
            + (" and wants no more notices." if gone else "."),
            code=f"webhook_{status}",
            permanent=gone,
            retry_after=float(told) if told.isascii() and told.isdigit() else None,
        )


def _configured_keys(url: str) -> list[bytes]:
    """Return the keys to sign with. Raises NoticeError if there are none or the address is not
    safe: nothing is sent unsigned or unencrypted, even if nobody ran the system checks."""
    try:
        keys = keys_of(settings.VIDEO_NOTICE_WEBHOOK_SECRET)
    except ValueError:
        keys = []
    if not keys or not is_safe_address(url):
        raise NoticeError(
            "Webhook: VIDEO_NOTICE_WEBHOOK_URL or VIDEO_NOTICE_WEBHOOK_SECRET is wrong; "
            "manage.py check says why.",
            code="webhook_configuration",
        )
    return keys
