"""Puts the operators' commands together."""

import typer

from catalog.admin.database import database_app
from catalog.admin.hosts import host_app
from catalog.admin.identity import identity_app
from catalog.admin.instances import instance_app
from catalog.admin.members import member_app
from catalog.admin.ops import ops_app
from catalog.admin.people import person_app
from catalog.admin.sites import site_app
from catalog.admin.tools import tools_app

app = typer.Typer(
    help="Co-op Catalog: the catalog and the provisioning of a co-operative that hosts ed tech.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(database_app, name="db")
app.add_typer(identity_app, name="identity")
app.add_typer(tools_app, name="tools")
app.add_typer(site_app, name="site")
app.add_typer(host_app, name="host")
app.add_typer(member_app, name="member")
app.add_typer(person_app, name="person")
app.add_typer(instance_app, name="instance")
app.add_typer(ops_app, name="ops")


@app.command()
def serve() -> None:
    """Serve the API until it is told to stop. Everything is set by the environment (docs/settings.md)."""
    from catalog.admin import server

    server.serve()


@app.command()
def worker() -> None:
    """Do runs until it is told to stop. Everything is set by the environment (docs/settings.md)."""
    from catalog.admin import worker as process

    process.worker()
