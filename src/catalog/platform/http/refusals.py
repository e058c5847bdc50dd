"""What a handler may refuse, for the API's description."""

from litestar.openapi.datastructures import ResponseSpec

from catalog.platform.http.problems import PROBLEM_JSON, Problem

_MEANINGS = {
    400: "Fields are wrong; `errors` has a pointer for each.",
    401: "No valid access token came.",
    403: "The person sees this, but lacks the role for it.",
    404: "There is no such thing, or none that the person may see.",
    409: "Somebody was first, or it is not in the state that this needs; `type` says which.",
    412: "It has changed since the `ETag` in `If-Match`.",
    413: "The body is too large.",
    415: "The body says that it is no JSON.",
    428: "`If-Match` is missing.",
    503: "The database or the sign-in service does not answer; `Retry-After` says when to try again.",
}


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """Describe these refusals, and those that any call with a token may get."""
    return public_refusals(401, 503, *statuses)


def public_refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """Describe these refusals alone: of an address that asks for no token."""
    return {
        status: ResponseSpec(Problem, description=_MEANINGS[status], media_type=PROBLEM_JSON, generate_examples=False)
        for status in sorted(statuses)
    }
