"""A secret that an operator's shell was given is looked for wherever it may have left it."""

import asyncio
import json
from pathlib import Path

import sqlalchemy as sa
from devkit.state import state_folder
from tests.runs.operator_shell import OperatorShell, ended
from tests.runs.test_marked_secrets import MARKED, NOT_THE_WORKERS, files_below, found_in
from tests.support.environment import ROOT

from catalog.instances.secrets import keep_secret
from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.runs.ansible.workspace import MEMORY


async def test_it_is_in_no_table_no_file_and_no_argument(shell: OperatorShell) -> None:
    async with shell.scene.worker_database.begin(OPERATOR) as session:
        instance = await session.get_one(Instance, shell.scene.instance.id)
        await keep_secret(session, shell.scene.parts.vault, instance, "marked", MARKED)
    await shell.desire(doing="tell-secrets")
    process = await shell.start_play("act", "-vvv")
    told = asyncio.create_task(ended(process))
    arguments = set()
    while not told.done():
        arguments |= arguments_below(process.pid)
        await asyncio.sleep(0.05)
    done = await told
    run = await shell.last_run()
    assert (run.error or {})["task"] == "Tell it where something fails", done.said
    events = json.dumps([event.data for event in await shell.scene.events(run.id)], ensure_ascii=False)
    assert "[redacted]" in events
    assert found_in(done.said.encode()), "on the operator's own screen it stands, as the playbook tells it"
    assert any("ssh" in words for words in arguments), "the arguments of what it started were looked at"
    for words in arguments:
        assert found_in(words.encode()) == []
    await no_table_holds_it(shell)
    for folder, depth in ((shell.home, 30), (MEMORY, 30), (Path("/tmp"), 2), (ROOT / "playbooks", 30)):  # noqa: S108 - where programs leave things
        for file in files_below(folder, depth=depth):
            assert found_in(file.read_bytes()) == [], file
    for file in files_below(state_folder(), leave_out=NOT_THE_WORKERS):
        assert found_in(file.read_bytes()) == [], file


async def no_table_holds_it(shell: OperatorShell) -> None:
    async with shell.scene.worker_database.begin(OPERATOR) as session:
        tables = await session.scalars(
            sa.text(
                "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relkind IN ('r', 'p') AND has_table_privilege(oid, 'SELECT')"
            )
        )
        for table in list(tables):
            for row in await session.scalars(sa.text(f"SELECT to_jsonb(t)::text FROM {table} t")):  # noqa: S608 - a table's name
                assert found_in(row.encode()) == [], table


def arguments_below(ancestor: int) -> set[str]:
    """Give the command lines of a process and of those below it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    below = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    found = set()
    for pid in below:
        try:
            found.add(Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return found
