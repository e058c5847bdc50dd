"""The header by which a client may send a POST again (`platform.idempotency`)."""

from typing import Annotated

from litestar.params import HeaderParameter

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="1 to 255 visible ASCII characters, made by the client for this one POST, such as a UUID.",
    ),
]
