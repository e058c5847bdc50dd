"""Conditional requests (RFC 9110, section 13): no change overwrites one that its author has not seen."""

from catalog.platform.errors import Stale, VersionRequired


def etag(version: int) -> str:
    """Write a thing's version as a strong entity tag."""
    return f'"{version}"'


def require_match(if_match: str | None, version: int) -> None:
    """Let a change through only if `If-Match` names the current version.

    Raises `VersionRequired` without the header (`*` is no answer to who else changed it), `Stale` with an older one.
    """
    if if_match is None or if_match.strip() == "*":
        raise VersionRequired
    if etag(version) not in {tag.strip() for tag in if_match.split(",")}:
        raise Stale
