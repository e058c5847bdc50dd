"""Takes secrets out of what is stored or shown, in every form that a playbook's output commonly gives them.

A secret inside of a longer Base64 text is found too: its middle looks one of three ways there, by how many bytes stand
before it.
"""

import base64
import html
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from catalog.platform.logging import REDACTED

SHORTEST_SECRET = 6
SHORTEST_LINE = 8
_BASE64_GROUP = 3


class Redactor:
    """Replaces secrets in text and JSON. Further secrets can be added while it is used."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these too. What is shorter than 6 characters would hide common words, and is no secret of ours."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._forms.update(forms_of(secret))
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Give `text` with every secret replaced by `[redacted]`."""
        return text if self._pattern is None else self._pattern.sub(REDACTED, text)

    def value(self, value: Any) -> Any:
        """Do the same at any depth of a JSON value, its keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return value


def pieces_of(text: str) -> tuple[str, ...]:
    """Give a secret of several lines (a private key) as its lines, since output may hold it line by line."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if len(line) >= SHORTEST_LINE and not line.startswith("-----"))


def forms_of(secret: str) -> frozenset[str]:
    """List every form in which `secret` is looked for, itself included."""
    found = set(_escaped(secret))
    found.update(form for known in tuple(found) for form in _escaped(known))
    raw = secret.encode()
    found.update((raw.hex(), raw.hex().upper()))
    found.update(_base64_forms(raw))
    return frozenset(form for form in found if len(form) >= SHORTEST_SECRET)


def _escaped(secret: str) -> Iterator[str]:
    yield secret
    for ascii_only in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
    yield repr(secret)[1:-1]
    yield shlex.quote(secret)
    yield shlex.quote(secret).removeprefix("'").removesuffix("'")
    for also_quotes in (True, False):
        yield html.escape(secret, quote=also_quotes)
    for safe in ("", "/"):
        for form in (quote(secret, safe=safe), quote_plus(secret, safe=safe)):
            yield form
            yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form)


def _base64_forms(raw: bytes) -> Iterator[str]:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode()
        for before in range(_BASE64_GROUP):
            # Only characters that hold bits of the secret alone are the same whatever stands around it.
            first = -(-before * 4 // _BASE64_GROUP)
            last = (before + len(raw)) * 4 // _BASE64_GROUP
            yield encode(bytes(before) + raw).decode()[first:last]
