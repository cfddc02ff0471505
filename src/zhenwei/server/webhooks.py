"""Telling another service that an examination is over: signed, repeated until it is heard, and only where the service
may call. No answer is followed to another address, and no other address is ever fetched."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import ssl
import threading
import time
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from zhenwei.errors import ZhenweiError
from zhenwei.faults import contained
from zhenwei.server.metrics import Metrics
from zhenwei.server.models import job_body
from zhenwei.server.settings import Settings
from zhenwei.store.callbacks import Call, Callbacks

log = logging.getLogger("zhenwei.server")
SIGNATURE = "Zhenwei-Signature"
_PORTS = {"http": 80, "https": 443}
_TIMEOUT_S = 10.0
_LOOK_S = 1.0
_MAX_ANSWER = 4096


def is_allowed(url: str, prefixes: Sequence[str]) -> bool:
    """Whether ``url`` has the scheme, host and port of one of ``prefixes``, and lies under its path."""
    try:
        asked = urlsplit(url)
        port = asked.port
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and not any(letter in url for letter in " \\@#%")
    if not is_plain or len(url) > 2000 or asked.username is not None or "." in asked.path.split("/"):
        return False
    if ".." in asked.path.split("/"):
        return False
    for prefix in prefixes:
        known = urlsplit(prefix)
        is_same_host = (asked.scheme, asked.hostname) == (known.scheme, known.hostname)
        is_same_port = (port or _PORTS.get(asked.scheme)) == (known.port or _PORTS.get(known.scheme))
        path = known.path.rstrip("/")
        if is_same_host and is_same_port and (asked.path == path or asked.path.startswith(f"{path}/")):
            return True
    return False


def signature(secret: str, moment: int, body: bytes) -> str:
    """``t=SECONDS,v1=HEX``: HMAC-SHA256 over the time, a dot and the body, with the secret of the service."""
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"


class Webhooks(threading.Thread):
    """Started once, where the settings allow any; :meth:`stop` ends it, what is due is called when it runs again."""

    def __init__(self, settings: Settings, callbacks: Callbacks, metrics: Metrics) -> None:
        super().__init__(name="zhenwei-webhooks", daemon=True)
        self._settings, self._callbacks, self._metrics = settings, callbacks, metrics
        self._ending = threading.Event()

    def stop(self) -> None:
        self._ending.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        while not self._ending.wait(_LOOK_S):
            try:
                contained(self._round)
            except (ZhenweiError, OSError) as error:
                log.error("webhooks wait: %s", type(error).__name__)

    def _round(self) -> None:
        for call in self._callbacks.take():
            if self._ending.is_set():
                return
            self._make(call)

    def _make(self, call: Call) -> None:
        """To each of its addresses, of which each that heard it is kept at once. One that was named while this one was
        made is called with the next round."""
        asked = call.job.to_call
        for url in asked:
            if self._ending.is_set():
                return
            is_delivered = self._told(call, url)
            self._metrics.webhooks.labels("delivered" if is_delivered else "failed").inc()
            if is_delivered:
                self._callbacks.heard(call, url)
        self._callbacks.close(call, asked)

    def _told(self, call: Call, url: str) -> bool:
        """Whether who is called answered that all is well. What is no longer allowed counts as not heard."""
        if not is_allowed(url, self._settings.webhooks):
            return False
        about = {
            "event": f"job.{call.job.state}",
            "tries": call.tries,
            "job": job_body(call.job).model_dump(mode="json"),
        }
        body = json.dumps(about, ensure_ascii=False).encode()
        signed = signature(self._settings.webhook_secret.get_secret_value(), int(time.time()), body)
        headers = {"Content-Type": "application/json", SIGNATURE: signed, "Zhenwei-Delivery": call.job.id}
        try:
            return 200 <= _post(urlsplit(url), body, headers) < 300
        except (OSError, http.client.HTTPException):
            return False


def _post(url: SplitResult, body: bytes, headers: dict[str, str]) -> int:
    """The status of the answer."""
    host = url.hostname or ""
    connection: http.client.HTTPConnection
    if url.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, url.port, timeout=_TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(host, url.port, timeout=_TIMEOUT_S)
    path = url.path or "/"
    try:
        connection.request("POST", f"{path}?{url.query}" if url.query else path, body, headers)
        answer = connection.getresponse()
        answer.read(_MAX_ANSWER)
        return answer.status
    finally:
        connection.close()
