"""`catalog batch`: one action on many instances, from the server's own shell."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.ops import actor
from catalog.admin.run_lines import printable
from catalog.admin.session import in_transaction
from catalog.batches import reading, service
from catalog.batches.schemas import BatchOut, NewBatch
from catalog.batches.tables import Batch
from catalog.instances.lifecycle import State as InstanceState
from catalog.platform.http.filters import wanted_labels
from catalog.platform.http.pages import PageRequest
from catalog.settings import admin_settings

batch_app = typer.Typer(help="One action on many instances, in waves.", no_args_is_help=True)

BatchId = Annotated[UUID, typer.Argument(metavar="BATCH", help="The batch’s id.")]
Action = Annotated[str, typer.Argument(help="What is done: verify, provision, update, upgrade, suspend, resume, ….")]
Reason = Annotated[str, typer.Option(help="Why; kept with the batch.")]
Tool = Annotated[str | None, typer.Option(help="Only instances of this tool.")]
Applied = Annotated[int | None, typer.Option("--revision", min=1, help="Only instances that have this revision of it.")]
MemberAlias = Annotated[str | None, typer.Option("--member", help="Only instances of this member.")]
SiteSlug = Annotated[str | None, typer.Option("--site", help="Only instances at this site.")]
Label = Annotated[list[str] | None, typer.Option(help="Only instances with this label (key:value); may be repeated.")]
WantedState = Annotated[InstanceState | None, typer.Option("--state", help="Only instances in this state.")]
Parameters = Annotated[str | None, typer.Option(help="What changes of the parameters, as a JSON object.")]
To = Annotated[int | None, typer.Option(min=1, help="The revision to upgrade to; none: the current one.")]
Input = Annotated[
    str | None, typer.Option("--input", help="What one of the tool’s own actions is given, as a JSON object.")
]
First = Annotated[int, typer.Option(min=1, max=100, help="How many the first wave has.")]
Wave = Annotated[int, typer.Option(min=1, max=100, help="How many each later wave has, at most.")]
StopAt = Annotated[int, typer.Option(min=0, max=100, help="Stop when more than so many per cent fail.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of each, and start nothing.")]


@batch_app.command("list")
def list_batches() -> None:
    """List the newest hundred batches: one a line."""
    for batch in in_transaction(admin_settings(), _newest):
        typer.echo(printable(_line(batch)))


@batch_app.command("show")
def show(batch: BatchId) -> None:
    """Show a batch and how its instances stand."""

    async def work(session: AsyncSession) -> list[str]:
        (told,) = await reading.batches_out(session, [await reading.batch_by_id(session, batch)], "en")
        lines = [_line(told), *([told.problem.detail] if told.problem else [])]
        page: str | None = None
        while True:
            asked = PageRequest(limit=100, after=None if page is None else UUID(page))
            items, page = await reading.list_items(session, batch, None, asked, "en")
            lines += [
                f"{one.hostname}\t{one.state}\t{one.run or '-'}\t{one.problem.detail if one.problem else '-'}"
                for one in items
            ]
            if page is None:
                return lines

    for line in in_transaction(admin_settings(), work):
        typer.echo(printable(line))


@batch_app.command("start")
def start(  # noqa: PLR0913 - the parts of one batch, each an option of its own
    action: Action,
    *,
    reason: Reason,
    tool: Tool = None,
    applied: Applied = None,
    member: MemberAlias = None,
    site: SiteSlug = None,
    label: Label = None,
    state: WantedState = None,
    parameters: Parameters = None,
    to: To = None,
    action_input: Input = None,
    first: First = 1,
    wave: Wave = 10,
    stop_at: StopAt = 10,
    dry_run: DryRun = False,
) -> None:
    """Start an action on all instances that fit; without a filter, on all that there are."""
    chosen = {
        "tool": tool,
        "revision": applied,
        "member": member,
        "site": site,
        "state": state,
        "labels": wanted_labels(label) or None,
    }
    given = {
        "action": action,
        "reason": reason,
        "filter": {name: value for name, value in chosen.items() if value is not None},
        "parameters": _json(parameters, "--parameters"),
        "revision": to,
        "input": _json(action_input, "--input"),
        "first": first,
        "wave": wave,
        "stop_at_percent": stop_at,
    }
    try:
        asked = msgspec.convert(given, NewBatch)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from error
    for line in in_transaction(admin_settings(), lambda session: _started(session, asked, dry_run=dry_run)):
        typer.echo(printable(line))


@batch_app.command("pause")
def pause(batch: BatchId) -> None:
    """Begin no further wave until it is resumed; what has begun goes on."""
    _say(lambda session: service.steer(session, batch, "pause", actor=actor()))


@batch_app.command("resume")
def resume(batch: BatchId) -> None:
    """Let a paused batch go on."""
    _say(lambda session: service.steer(session, batch, "resume", actor=actor()))


@batch_app.command("cancel")
def cancel(batch: BatchId) -> None:
    """End a batch: no further wave begins, and its runs that no worker has begun are cancelled."""
    _say(lambda session: service.steer(session, batch, "cancel", actor=actor()))


@batch_app.command("retry")
def retry(batch: BatchId) -> None:
    """Make a batch of those alone that failed in one that has ended."""
    _say(lambda session: service.retry(session, batch, actor=actor()))


async def _newest(session: AsyncSession) -> list[BatchOut]:
    return (await reading.list_batches(session, None, PageRequest(limit=100), "en"))[0]


async def _started(session: AsyncSession, asked: NewBatch, *, dry_run: bool) -> list[str]:
    if not dry_run:
        return [f"{(await service.make(session, asked, actor=actor())).id}: running"]
    foreseen = await reading.dry_run(session, asked, "en")
    return [f"{one.hostname}\t{one.would}\t{one.problem.detail if one.problem else '-'}" for one in foreseen.instances]


def _say(what: Callable[[AsyncSession], Awaitable[Batch]]) -> None:
    async def work(session: AsyncSession) -> str:
        batch = await what(session)
        return f"{batch.id}: {batch.state}"

    typer.echo(in_transaction(admin_settings(), work))


def _line(batch: BatchOut) -> str:
    counts = ", ".join(f"{count} {standing}" for standing, count in sorted(batch.counts.items()))
    return f"{batch.id}\t{batch.action}\t{batch.state}\t{counts}\t{batch.reason}"


def _json(text: str | None, option: str) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} is not JSON.") from error
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{option} is no JSON object.")
    return value
