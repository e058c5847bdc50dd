"""Checkouts beside this one, and hosts of theirs."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from devkit.hosts.base import SUITES
from tests.devkit.checkouts import Checkout, NewCheckout, prepare, purge


@pytest.fixture(scope="session")
def new_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewCheckout]:
    """Give a way to make checkouts; all that they started is gone in the end."""
    if os.geteuid() != 0:
        pytest.skip("hosts need root: ./dev test has it")
    with ExitStack() as made:

        def make() -> Checkout:
            checkout = Checkout(tmp_path_factory.mktemp("checkout"))
            prepare(checkout)
            made.callback(purge, checkout)
            return checkout

        yield make


@pytest.fixture(scope="session")
def checkout(new_checkout: NewCheckout) -> Checkout:
    """A checkout with a host of each release that Debian supports, both running, named after it."""
    made = new_checkout()
    wanted = {suite: suite for suite in SUITES}
    made.do(f"from devkit.hosts import machines; machines.up({wanted!r})")
    return made
