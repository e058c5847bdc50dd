"""The one place where errors become answers: problem details by RFC 9457."""

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from catalog.platform.errors import CatalogError, FieldError, Kind
from catalog.platform.http.language import language_of
from catalog.platform.i18n import Language, Text

log = structlog.get_logger()

PROBLEM_JSON = "application/problem+json"
CLIENT_ERROR, SERVER_ERROR = 400, 500

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

_FRAMEWORK = {
    400: ("bad-request", Text(en="The request can’t be read", fr="La requête est illisible")),
    404: ("not-found", Text(en="Not found", fr="Introuvable")),
    405: (
        "method-not-allowed",
        Text(en="This can’t be done at this address", fr="Opération impossible à cette adresse"),
    ),
    413: ("too-large", Text(en="The body is too large", fr="Le contenu est trop volumineux")),
    415: ("not-json", Text(en="The body must be JSON", fr="Le contenu doit être en JSON")),
}
_UNEXPECTED = (
    "internal-error",
    Text(
        en="Something went wrong on our side",
        fr="Une erreur est survenue de notre côté",
    ),
)
_INVALID_QUERY = Text(en="This value can’t be used here.", fr="Cette valeur ne peut servir ici.")


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
            Exception: self.unexpected,
        }

    def refused(self, request: Request[Any, Any, Any], error: CatalogError) -> Response[Any]:
        """Answer an expected refusal."""
        language = language_of(request)
        headers = {}
        if error.kind is Kind.UNAUTHENTICATED:
            headers["WWW-Authenticate"] = f'Bearer realm="catalog", error="{error.code}"'
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
        """Answer query parameters that don't fit their type; bodies are checked before (`body.check_body`)."""
        extra = error.extra if isinstance(error.extra, list) else []
        fields = tuple(
            FieldError(f"?{item.get('key', '')}", "not-allowed", _INVALID_QUERY)
            for item in extra
            if isinstance(item, dict)
        )
        return self._answer(request, CLIENT_ERROR, "bad-request", _FRAMEWORK[400][1], fields=fields)

    def framework(self, request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        """Answer what the framework refuses: an unknown address, another method, too large a body."""
        status = error.status_code
        if status >= SERVER_ERROR:
            return self.unexpected(request, error)
        code, title = _FRAMEWORK.get(status, _FRAMEWORK[400])
        return self._answer(request, status, code, title, headers=dict(error.headers or {}))

    def unexpected(self, request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        """Log the unexpected with its traceback; say no more of it than the request id."""
        log.error("http.unexpected_error", exc_info=error)
        return self._answer(request, SERVER_ERROR, *_UNEXPECTED)

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
