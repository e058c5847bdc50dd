"""Logs: static event names, data in keywords, secrets taken out by the name of their key, one line an event."""

import functools
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog
from structlog.tracebacks import ExceptionDictTransformer

REDACTED = "[redacted]"
_SECRET_WORDS = (
    "password",
    "secret",
    "token",
    "cookie",
    "authorization",
    "api_key",
    "private_key",
    "credential",
)


def configure(log_format: str) -> None:
    """Write structlog's and the standard library's records to standard error, through the same processors.

    `log_format` is `json`, one object a line, or `console`, for people.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact_by_key,
    ]
    # Tracebacks never show local variables: they hold what nobody may read in a log.
    rendering: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback), _encoded]
        if log_format == "console"
        else [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(serializer=_as_json),
        ]
    )
    # Our own lines go past the standard library's machinery, which costs more than a whole answer from memory.
    structlog.configure(
        processors=[*shared, *rendering],
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering, _decoded],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("httpx", "httpcore", "uvicorn.access", "procrastinate"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def redact_by_key(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of keys that are named like a secret, at any depth of mappings and lists."""
    for key in list(event):
        event[key] = _redacted(key, event[key])
    return event


def _redacted(key: object, value: Any) -> Any:
    if isinstance(key, str) and value is not None and _names_a_secret(key):
        return REDACTED
    if isinstance(value, dict):
        return {inner: _redacted(inner, content) for inner, content in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(None, content) for content in value]
    return value


@functools.lru_cache(maxsize=1024)
def _names_a_secret(key: str) -> bool:
    return any(word in key.lower() for word in _SECRET_WORDS)


def _as_json(event: MutableMapping[str, Any], **_: Any) -> bytes:
    return msgspec.json.encode(event, enc_hook=repr)


def _encoded(_logger: object, _method: str, line: Any) -> bytes:
    return str(line).encode()


def _decoded(_logger: object, _method: str, line: Any) -> str:
    return bytes(line).decode()
