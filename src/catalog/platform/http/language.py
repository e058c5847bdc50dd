"""The language of an answer."""

from typing import Any

from litestar.connection import ASGIConnection

from catalog.platform.i18n import Language, preferred_language


def language_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Language:
    """Choose by `Accept-Language`."""
    return preferred_language(connection.headers.get("accept-language"))


def language_headers(language: Language) -> dict[str, str]:
    """Give the headers that every text in a chosen language bears."""
    return {"Content-Language": language, "Vary": "Accept-Language"}
