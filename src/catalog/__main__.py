"""The `catalog` command."""

import sys

import typer

from catalog.admin.commands import app
from catalog.platform.errors import CatalogError
from catalog.settings import SettingsError

EXIT_REFUSED = 1
EXIT_MISCONFIGURED = 78


def main() -> None:
    """Run the command line; an expected refusal is one clear line, not a traceback."""
    try:
        app(prog_name="catalog")
    except CatalogError as error:
        typer.echo(f"{error.title.en}. {error.explanation().en}", err=True)
        for field in error.fields:
            typer.echo(f"  {field.pointer}: {field.detail.en}", err=True)
        sys.exit(EXIT_REFUSED)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        sys.exit(EXIT_MISCONFIGURED)


if __name__ == "__main__":
    main()
