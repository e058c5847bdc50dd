"""What in a migration's statements would stop the version before from working: a schema is expanded first."""

import re
from collections.abc import Iterable, Mapping

# what a statement does: why the version before can't go on
CONTRACTING = {
    r"^DROP (TABLE|VIEW|INDEX|FUNCTION|TYPE|POLICY|TRIGGER|SEQUENCE|SCHEMA) (IF EXISTS )?(?P<name>[\w.\"]+)": "drops",
    r"^ALTER TABLE \S+ DROP (COLUMN|CONSTRAINT) (IF EXISTS )?(?P<name>[\w\"]+)": "drops",
    r"^ALTER \w+ (?P<name>\S+) (\S+ )*RENAME ": "renames",
    r"^ALTER TABLE \S+ ALTER (COLUMN )?(?P<name>\S+) (SET NOT NULL|DROP DEFAULT|(SET DATA )?TYPE)": "narrows",
    r"^ALTER TABLE \S+ ADD COLUMN (?P<name>\S+) (?!.*DEFAULT).*NOT NULL": "asks for",
    r"^REVOKE .* ON (TABLE )?(?P<name>[\w., ]+) FROM (?!PUBLIC)": "takes away",
}
ADDED_COLUMN = re.compile(r"^ALTER TABLE (?P<table>\S+) ADD COLUMN (?P<column>\S+)")
ADDED_RULE = re.compile(
    r"^ALTER TABLE (?P<table>\S+) ADD CONSTRAINT (?P<name>\S+) (?P<rule>.*)|"
    r"^CREATE UNIQUE INDEX (?P<index>\S+) ON (?P<of>\S+) (?P<columns>.*)"
)
CREATED = re.compile(r"^CREATE TABLE (?P<table>\S+)")


def contractions(statements: Iterable[str], excused: Mapping[str, str]) -> list[str]:
    """List what narrows the schema for the version before, each as what it does and to what.

    A table and a column that the same migration makes are not known to it, so rules about them are free. `excused`
    names what is no loss to the version before, with the reason.
    """
    found: list[str] = []
    tables: set[str] = set()
    columns: set[tuple[str, str]] = set()
    for statement in (" ".join(one.split()) for one in statements):
        if made := CREATED.match(statement):
            tables.add(made["table"])
        if added := ADDED_COLUMN.match(statement):
            columns.add((added["table"], added["column"]))
        if any(re.match(rf"ALTER TABLE {re.escape(table)} ", statement) for table in tables):
            continue
        found += [
            f"{does} {hit['name']}" for pattern, does in CONTRACTING.items() if (hit := re.match(pattern, statement))
        ]
        if (rule := ADDED_RULE.match(statement)) and _binds(rule, tables, columns):
            found.append(f"restricts by {rule['name'] or rule['index']}")
    return [one for one in found if one.rpartition(" ")[2] not in excused]


def _binds(rule: re.Match[str], tables: set[str], columns: set[tuple[str, str]]) -> bool:
    table = rule["table"] or rule["of"]
    about = set(re.findall(r"\w+", rule["rule"] or rule["columns"]))
    return table not in tables and not any(of == table and column in about for of, column in columns)
