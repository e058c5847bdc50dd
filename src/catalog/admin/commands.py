"""Puts the operators' commands together."""

import typer

from catalog.admin.database import database_app

app = typer.Typer(
    help="Co-op Catalog: the catalog and the provisioning of a co-operative that hosts ed tech.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(database_app, name="db")
