"""How the demonstration calls the API, against the server."""

import asyncio
from functools import partial

import pytest
from devkit.demo.catalog_api import CallRefused, CatalogApi
from devkit.state import CA, state_folder
from tests.support.coop import Coop
from tests.support.issuer import Issuer
from tests.support.running import served

from catalog.app import create_app
from catalog.settings import ServerSettings

CA_FILE = str(state_folder() / CA / "ca.pem")


async def test_whoever_follows_a_long_run_signs_in_again_when_the_token_has_expired(
    server_settings: ServerSettings, coop: Coop, issuer: Issuer
) -> None:
    tokens = iter([issuer.token(coop.ada, exp=1), issuer.token(coop.ada)])
    async with served(create_app(server_settings)) as url:
        api = CatalogApi(url, partial(next, tokens), CA_FILE)
        for _ in range(2):
            assert len((await asyncio.to_thread(api.get, "/v1/members"))["items"]) == 2
        api.close()


async def test_who_is_refused_with_a_fresh_token_is_told_why(
    server_settings: ServerSettings, issuer: Issuer, coop: Coop
) -> None:
    async with served(create_app(server_settings)) as url:
        api = CatalogApi(url, lambda: issuer.token(coop.ada, exp=1), CA_FILE)
        with pytest.raises(CallRefused, match="401"):
            await asyncio.to_thread(api.get, "/v1/members")
        api.close()
