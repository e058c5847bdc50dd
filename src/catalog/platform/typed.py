"""Text that a person typed: which characters it may hold."""

import re
import unicodedata
from collections.abc import Iterator

from catalog.platform.errors import FieldError
from catalog.platform.i18n import Text

LINE_BREAKS = "\n\t"
LONGEST_ADDRESS = 254

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?P<domain>[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)")

_ONE_LINE = Text(
    en="Only characters that can be seen, on one line.",
    fr="Seulement des caractères visibles, sur une ligne.",
)
_LINES = Text(
    en="Only characters that can be seen, line breaks and tabs.",
    fr="Seulement des caractères visibles, des sauts de ligne et des tabulations.",
)
_BLANK = Text(en="This must say something.", fr="Il faut dire quelque chose ici.")


def wrong_text(pointer: str, value: str, *, several_lines: bool = False) -> Iterator[FieldError]:
    """Say what is wrong with a text that must say something."""
    if not value.strip():
        yield FieldError(pointer, "required", _BLANK)
    yield from wrong_characters(pointer, value, several_lines=several_lines)


def wrong_characters(pointer: str, value: str, *, several_lines: bool = False) -> Iterator[FieldError]:
    """Refuse control characters and hidden line breaks; NUL is one of them, which PostgreSQL can't store."""
    allowed = LINE_BREAKS if several_lines else ""
    if any(
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} and character not in allowed for character in value
    ):
        yield FieldError(pointer, "wrong-characters", _LINES if several_lines else _ONE_LINE)


def email_domain(address: str) -> str | None:
    """Give the domain of an e-mail address, in lower case; none where it is no address."""
    found = _ADDRESS.fullmatch(address)
    return found["domain"].lower() if found and len(address) <= LONGEST_ADDRESS else None
