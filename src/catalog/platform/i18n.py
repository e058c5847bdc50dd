"""Texts in the co-op's two languages, and the choice between them.

A `Text` stands beside what it describes, in both languages at once, so that neither can be forgotten.
"""

import re
from typing import Literal

import msgspec

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")
DEFAULT_LANGUAGE: Language = "en"

_RANGE = re.compile(r"^\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*$")


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text in English and French."""

    en: str
    fr: str

    def into(self, language: Language) -> str:
        """Give it in one language."""
        return self.fr if language == "fr" else self.en

    def filled(self, **values: object) -> "Text":
        """Put `values` into the `{name}` places. The values are data: braces in them mean nothing."""
        return Text(en=self.en.format(**values), fr=self.fr.format(**values))


def preferred_language(accept_language: str | None) -> Language:
    """Choose by `Accept-Language` (RFC 9110, section 12.5.4); English where neither language is asked for."""
    best: tuple[float, Language] = (0.0, DEFAULT_LANGUAGE)
    for part in (accept_language or "").split(",")[:20]:
        found = _RANGE.match(part)
        if found is None:
            continue
        tag, quality = found[1].lower(), float(found[2] or 1)
        language: Language | None = "en" if tag in {"en", "*"} else "fr" if tag == "fr" else None
        if language is not None and quality > best[0]:
            best = (quality, language)
    return best[1]
