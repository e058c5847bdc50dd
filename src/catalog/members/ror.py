"""ROR ids: `0`, six characters of Crockford's base 32, and two check digits (ISO 7064, mod 97-10)."""

import re

PREFIX = "https://ror.org/"
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
MODULUS = 97

_ID = re.compile(rf"0[{ALPHABET}]{{6}}[0-9]{{2}}")


def ror_id(written: str) -> str | None:
    """Give the bare id of what somebody wrote, as an id or an address of ror.org; None where it is no ROR id.

    The check digits catch mistyped characters; whether ROR has given the id out is not looked up.
    """
    lowered = written.strip().lower()
    bare = lowered.removeprefix("http://").removeprefix("https://").removeprefix("ror.org/").rstrip("/")
    if not _ID.fullmatch(bare):
        return None
    return bare if int(bare[-2:]) == _check_digits(bare[:-2]) else None


def ror_url(bare: str) -> str:
    """Write an id as ROR wants it shown."""
    return PREFIX + bare


def _check_digits(body: str) -> int:
    number = 0
    for character in body:
        number = number * len(ALPHABET) + ALPHABET.index(character)
    return MODULUS + 1 - number * 100 % MODULUS
