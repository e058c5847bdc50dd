"""Secrets at rest: AES-256-GCM, each bound to where it belongs, so that a moved row does not decrypt.

Keys come from files (`settings.SecretKeys`); every secret names the key that it was encrypted with, so that keys are
rotated while the product runs.
"""

import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from catalog.settings import SecretKeys

NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """The secret was encrypted with a key that is not here, was altered, or belongs elsewhere."""


class Sealed(msgspec.Struct, frozen=True):
    """An encrypted secret: the id of its key, the nonce (12 bytes) and the ciphertext with its tag."""

    key_id: str
    nonce: bytes
    ciphertext: bytes


class Vault:
    """Encrypts and decrypts with the process's keys."""

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = keys

    def seal(self, secret: str, *belongs_to: object) -> Sealed:
        """Encrypt `secret` for the place that `belongs_to` names (member, instance, name)."""
        nonce = os.urandom(NONCE_BYTES)
        cipher = AESGCM(self._keys.keys[self._keys.current])
        return Sealed(self._keys.current, nonce, cipher.encrypt(nonce, secret.encode(), _context(belongs_to)))

    def open(self, sealed: Sealed, *belongs_to: object) -> str:
        """Decrypt. Raises `SecretUnreadable` where the key is gone, the secret altered, or the place another."""
        key = self._keys.keys.get(sealed.key_id)
        if key is None:
            raise SecretUnreadable(f"There is no key {sealed.key_id!r}.")
        try:
            return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, _context(belongs_to)).decode()
        except InvalidTag as error:
            raise SecretUnreadable("The secret was altered, or belongs elsewhere.") from error


def _context(belongs_to: tuple[object, ...]) -> bytes:
    return msgspec.json.encode([str(part) for part in belongs_to])
