"""Bodies are checked before they are decoded, so that every wrong field is told at once, each by its pointer."""

from functools import lru_cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from litestar import Request

from catalog.platform.errors import CatalogError, InvalidInput, Kind
from catalog.platform.i18n import Text
from catalog.platform.json_schema import field_errors, validator

MAXIMUM_BYTES = 1_000_000


class NotJson(CatalogError):
    """The body can't be parsed, or says that it is something else."""

    code = "not-json"
    kind = Kind.INVALID
    title = Text(en="The body is not JSON", fr="Le contenu n’est pas du JSON")
    detail = Text(
        en="Send one JSON value in UTF-8, with Content-Type: application/json.",
        fr="Envoyez une valeur JSON en UTF-8, avec Content-Type: application/json.",
    )


class UnsupportedBody(NotJson):
    """The body's media type is not JSON."""

    code = "unsupported-media-type"
    kind = Kind.UNSUPPORTED


class TooLarge(CatalogError):
    """The body has more bytes than any that can be meant."""

    code = "too-large"
    kind = Kind.TOO_LARGE
    title = Text(en="The body is too large", fr="Le contenu est trop volumineux")
    detail = Text(
        en=f"Nothing was saved. A body has at most {MAXIMUM_BYTES} bytes.",
        fr=f"Rien n’a été enregistré. Un contenu compte au plus {MAXIMUM_BYTES} octets.",
    )


async def check_body(request: Request[Any, Any, Any]) -> None:
    """Refuse a body that its handler's `data` can't take. Runs after authentication, before any dependency.

    Raises `UnsupportedBody`, `NotJson`, or `InvalidInput` with every wrong field.
    """
    expected = request.route_handler.parsed_fn_signature.parameters.get("data")
    if expected is None:
        return
    if request.content_type[0] != "application/json":
        raise UnsupportedBody
    try:
        value = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson from error
    fields = field_errors(_validator(expected.annotation), value)
    if fields:
        raise InvalidInput(fields=fields)


@lru_cache(maxsize=128)
def _validator(annotation: Any) -> Draft202012Validator:
    return validator(msgspec.json.schema(annotation))
