"""The one place where errors become answers: problem details by RFC 9457."""

from typing import Any, Literal, get_args, get_origin

import asyncpg
import msgspec
import structlog
from litestar import Request, Response
from litestar.enums import ParamType
from litestar.exceptions import HTTPException, ValidationException
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from catalog.platform.errors import CatalogError, FieldError, InvalidInput, Kind, NotFound
from catalog.platform.http.body import TooLarge, UnsupportedBody
from catalog.platform.http.language import language_of
from catalog.platform.i18n import Language, Text

log = structlog.get_logger()

PROBLEM_JSON = "application/problem+json"
SERVER_ERROR = 500

STATUS: dict[Kind, int] = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.PRECONDITION_FAILED: 412,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.PRECONDITION_REQUIRED: 428,
    Kind.UNAVAILABLE: 503,
}

RETRY_AFTER_SECONDS = 10

# A challenge names what is wrong with a token (RFC 6750, section 3.1), and nothing where none came.
CHALLENGE_CODES = frozenset({"invalid_token"})
DATABASE_AWAY = (
    ConnectionError,
    InterfaceError,
    OperationalError,
    PoolExhausted,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
)

_REFUSED: dict[int, type[CatalogError]] = {404: NotFound, 413: TooLarge, 415: UnsupportedBody}
_FRAMEWORK = {
    400: ("bad-request", Text(en="The request can’t be read", fr="La requête est illisible")),
    405: (
        "method-not-allowed",
        Text(en="This can’t be done at this address", fr="Opération impossible à cette adresse"),
    ),
}
_UNEXPECTED = (
    "internal-error",
    Text(
        en="Something went wrong on our side",
        fr="Une erreur est survenue de notre côté",
    ),
)
_TELL_US = Text(
    en="Try again; if it happens again, give the operators this request_id.",
    fr="Réessayez; si cela se reproduit, donnez ce request_id aux opérateurs.",
)
_INVALID_QUERY = Text(en="This value can’t be used here.", fr="Cette valeur ne peut servir ici.")
_CHOICES = Text(en="One of: {choices}.", fr="L’une de ces valeurs : {choices}.")


class DatabaseUnavailable(CatalogError):
    """The database does not answer just now."""

    code = "database-unavailable"
    kind = Kind.UNAVAILABLE
    title = Text(en="The catalog’s database does not answer", fr="La base de données du catalogue ne répond pas")
    detail = Text(
        en="Whether something was saved is not certain: try again in a few seconds, with the same Idempotency-Key if"
        " you sent one.",
        fr="Il n’est pas certain que quelque chose ait été enregistré : réessayez dans quelques secondes, avec la même"
        " Idempotency-Key si vous en avez envoyé une.",
    )


class FieldProblem(msgspec.Struct, frozen=True):
    """One wrong field: a JSON pointer into the body (RFC 6901), or `?name` for a query parameter."""

    pointer: str
    code: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457. `type` is stable and ends in the error's code; `request_id` is what the logs bear."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: tuple[FieldProblem, ...] = ()
    request_id: str | None = None


class ProblemAnswers:
    """Makes the answers; `base` is the catalog's own address, under which the types live."""

    def __init__(self, base: str) -> None:
        self._base = base

    def handlers(self) -> dict[Any, Any]:
        """Give Litestar's exception handlers."""
        return {
            CatalogError: self.refused,
            ValidationException: self.malformed,
            HTTPException: self.framework,
            **dict.fromkeys(DATABASE_AWAY, self.unavailable),
            Exception: self.unexpected,
        }

    def refused(self, request: Request[Any, Any, Any], error: CatalogError) -> Response[Any]:
        """Answer an expected refusal."""
        language = language_of(request)
        headers = {}
        if error.kind is Kind.UNAUTHENTICATED:
            named = f', error="{error.code}"' if error.code in CHALLENGE_CODES else ""
            headers["WWW-Authenticate"] = f'Bearer realm="catalog"{named}'
        if error.kind is Kind.UNAVAILABLE:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return self._answer(
            request,
            STATUS[error.kind],
            error.code,
            error.title,
            detail=error.explanation().into(language),
            fields=error.fields,
            headers=headers,
        )

    def malformed(self, request: Request[Any, Any, Any], error: ValidationException) -> Response[Any]:
        """Answer parameters that don't fit their type; bodies are checked before (`body.check_body`)."""
        wrong = [item for item in error.extra or () if isinstance(item, dict)]
        if any(item.get("source") == ParamType.PATH for item in wrong):
            return self.refused(request, NotFound())
        return self.refused(request, InvalidInput(fields=tuple(_wrong_parameter(request, item) for item in wrong)))

    def framework(self, request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        """Answer what the framework refuses: an unknown address, another method, too large a body."""
        status = error.status_code
        if status >= SERVER_ERROR:
            return self.unexpected(request, error)
        if status in _REFUSED:
            return self.refused(request, _REFUSED[status]())
        code, title = _FRAMEWORK.get(status, _FRAMEWORK[400])
        return self._answer(request, status, code, title, headers=dict(error.headers or {}))

    def unavailable(self, request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        """Answer while the database is away."""
        log.warning("http.database_unavailable", exc_info=error)
        return self.refused(request, DatabaseUnavailable())

    def unexpected(self, request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        """Log the unexpected with its traceback; say no more of it than the request id."""
        log.error("http.unexpected_error", exc_info=error)
        return self._answer(request, SERVER_ERROR, *_UNEXPECTED, detail=_TELL_US.into(language_of(request)))

    def _answer(  # noqa: PLR0913 - the parts of one problem, given by keyword
        self,
        request: Request[Any, Any, Any],
        status: int,
        code: str,
        title: Text,
        *,
        detail: str | None = None,
        fields: tuple[FieldError, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> Response[Any]:
        language = language_of(request)
        problem = Problem(
            type=f"{self._base}/problems/{code}",
            title=title.into(language),
            status=status,
            detail=detail,
            errors=_field_problems(fields, language),
            request_id=structlog.contextvars.get_contextvars().get("request_id"),
        )
        return Response(
            content=problem,
            status_code=status,
            media_type=PROBLEM_JSON,
            headers={
                **(headers or {}),
                "Content-Language": language,
                "Vary": "Accept-Language",
                "Cache-Control": "no-store",
            },
        )


def _field_problems(fields: tuple[FieldError, ...], language: Language) -> tuple[FieldProblem, ...]:
    return tuple(FieldProblem(field.pointer, field.code, field.detail.into(language)) for field in fields)


def _wrong_parameter(request: Request[Any, Any, Any], item: dict[str, Any]) -> FieldError:
    """Name a parameter as its sender did, and say what it may be where that is a choice."""
    key = str(item.get("key", ""))
    declared = request.route_handler.parsed_fn_signature.parameters.get(key)
    name = getattr(declared.kwarg_definition, "name", None) or key if declared else key
    choices = [choice for part in get_args(declared.annotation) for choice in _literals(part)] if declared else []
    detail = _CHOICES.filled(choices=", ".join(choices)) if choices else _INVALID_QUERY
    pointer = name if item.get("source") == ParamType.HEADER else f"?{name}"
    return FieldError(pointer, "not-allowed", detail)


def _literals(annotation: Any) -> tuple[str, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()
