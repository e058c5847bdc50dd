"""`catalog serve`: the API's process."""

import gc

import typer
import uvicorn

from catalog.app import create_app
from catalog.platform.logging import configure
from catalog.settings import SettingsError, server_settings

GRACEFUL_SHUTDOWN_SECONDS = 3
GC_THRESHOLDS = (20_000, 50, 100)


def serve() -> None:
    """Serve the API until it is told to stop. Everything is set by the environment (docs/settings.md)."""
    settings = server_settings()
    configure(settings.log_format)
    host, _, port = settings.bind.rpartition(":")
    if not port.isdecimal():
        raise SettingsError("CATALOG_BIND must look like 127.0.0.1:8000.")
    app = create_app(settings)
    # What exists now lives as long as the process: looking through it again and again is what made slow answers slow.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    typer.echo(f"Serving on {settings.bind}.", err=True)
    uvicorn.run(
        app,
        host=host.strip("[]"),
        port=int(port),
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )
