# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that a worker has sealed for this shell alone: opened in memory, and kept nowhere else.

The form: the sealer's X25519 public key (32 bytes), a nonce (12), then AES-256-GCM by the key that HKDF-SHA256 makes of
the shared secret, with both public keys as salt and the names of run and attempt as info and additional data.
"""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY, NONCE = 32, 12


class Envelope:
    """A key pair for one attempt."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self._public = self._private.public_key().public_bytes_raw()

    @property
    def public_key(self) -> str:
        """What the catalog is told, in base64."""
        return base64.b64encode(self._public).decode()

    def open(self, sealed: str, run: str, attempt: int) -> dict[str, Any]:
        """Give `secrets`, `client_secret` and `hide`. Raises `InvalidTag` where it is not for this run and attempt."""
        raw = base64.b64decode(sealed)
        sealer, nonce, content = raw[:KEY], raw[KEY : KEY + NONCE], raw[KEY + NONCE :]
        bound_to = f"coop-catalog shell {run} {attempt}".encode()
        shared = self._private.exchange(X25519PublicKey.from_public_bytes(sealer))
        key = HKDF(SHA256(), KEY, salt=sealer + self._public, info=bound_to).derive(shared)
        return dict(json.loads(AESGCM(key).decrypt(nonce, content, bound_to)))
