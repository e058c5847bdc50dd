"""What the logs hold, and what they never hold."""

import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from catalog.platform.logging import configure

HELD = "marked-value"


@pytest.fixture
def lines(capsysbinary: pytest.CaptureFixture[bytes]) -> Iterator[Callable[[], list[str]]]:
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    yield lambda: capsysbinary.readouterr().err.decode().splitlines()
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def test_an_event_is_one_line_of_json(lines: Callable[[], list[str]]) -> None:
    configure("json")
    structlog.get_logger().info("run.started", run_id="1")
    (line,) = lines()
    event = json.loads(line)
    assert (event["event"], event["level"], event["run_id"]) == ("run.started", "info", "1")


def test_what_libraries_log_comes_in_the_same_form(lines: Callable[[], list[str]]) -> None:
    configure("json")
    logging.getLogger("library").warning("gone for %s s", 3)
    (line,) = lines()
    event = json.loads(line)
    assert (event["event"], event["logger"]) == ("gone for 3 s", "library")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_keys_that_are_named_like_secrets_lose_their_values_at_any_depth(
    lines: Callable[[], list[str]], log_format: str
) -> None:
    configure(log_format)
    structlog.get_logger().info("signed.in", password="marked-1", inner={"headers": [{"Authorization": "marked-2"}]})
    assert "marked" not in "\n".join(lines())


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_names_its_lines_and_shows_no_variables(lines: Callable[[], list[str]], log_format: str) -> None:
    configure(log_format)
    try:
        _fails(HELD)
    except LookupError:
        structlog.get_logger().exception("step.broken")
    written = "\n".join(lines())
    assert "LookupError" in written
    assert HELD not in written


def _fails(held: str) -> None:
    raise LookupError(len(held))
