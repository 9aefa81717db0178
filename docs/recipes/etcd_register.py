"""A register on etcd, through its JSON gateway."""

import json
import ssl
from base64 import b64decode, b64encode
from typing import Any

import httpcore2
import trio

from trio_listenkey.sharing import MAX_DOCUMENT, RegisterAway, RegisterRefused


class EtcdRegister:
    """Documents under a prefix; a version is the revision that etcd gave the key."""

    def __init__(self, url: str, *, prefix: str = "trio-listenkey/") -> None:
        self._url, self._prefix, self._closed = url, prefix, False
        self._trust = ssl.create_default_context()

    async def read(self, name: str) -> tuple[bytes | None, str]:
        """The document and its version."""
        answer = await self._ask("range", key=self._key(name))
        for entry in answer.get("kvs", ()):
            return b64decode(entry.get("value", "")), entry["mod_revision"]
        return None, "0"

    async def swap(self, name: str, version: str, document: bytes) -> bool:
        """Write, if the version is still the same: in one transaction."""
        if len(document) > MAX_DOCUMENT:
            problem = f"no document of {len(document):,} bytes"
            raise RegisterRefused(problem, advice="Share with fewer programs")
        key = self._key(name)
        put = {"requestPut": {"key": key, "value": b64encode(document).decode()}}
        same = {"key": key, "target": "MOD", "modRevision": version}
        answer = await self._ask("txn", compare=[same], success=[put])
        return bool(answer.get("succeeded"))

    async def aclose(self) -> None:
        """Nothing is open between two calls."""
        self._closed = True
        await trio.lowlevel.checkpoint()

    def _key(self, name: str) -> str:
        return b64encode((self._prefix + name).encode()).decode()

    async def _ask(self, call: str, **body: Any) -> Any:
        if self._closed:
            raise trio.ClosedResourceError
        try:
            # A connection for each call: none is left in doubt by a cancellation.
            with trio.fail_after(2):
                async with httpcore2.AsyncConnectionPool(self._trust) as pool:
                    response = await pool.request(
                        "POST",
                        f"{self._url}/v3/kv/{call}",
                        content=json.dumps(body).encode(),
                    )
        except (trio.TooSlowError, httpcore2.NetworkError, httpcore2.ProtocolError):
            problem, passes = "etcd gave no answer", True
        else:
            if response.status == 200:
                return json.loads(response.content)
            # 503 and its like pass; a wrong path or user does not.
            problem, passes = (
                f"etcd says HTTP {response.status}",
                response.status >= 500,
            )
        kind = RegisterAway if passes else RegisterRefused
        raise kind(problem, advice="Look whether etcd is well")
