"""The schema of the store, and how a file of an older version becomes one of this version."""

from __future__ import annotations

import sqlite3

SCHEMA_VERSION = 5
APPLICATION_ID = 0x4D794365  # "MyCe": a foreign SQLite file is told apart from ours


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a file from `version`, 0 for a new one, to this version; all of it or nothing."""
    connection.execute("begin")
    if version < 1:
        _entries(connection)
    if version < 2:
        _bodies(connection)
    if version < 3:
        _gone(connection)
    if version < 4:
        _facts(connection)
    elif version < 5:
        _recode_facts(connection)
    connection.execute(f"pragma application_id={APPLICATION_ID}")  # with the tables or not at all
    connection.execute(f"pragma user_version={SCHEMA_VERSION}")
    connection.execute("commit")


def _entries(connection: sqlite3.Connection) -> None:
    import sqlite_utils  # imports pandas when present: only where the schema changes

    tables = sqlite_utils.Database(connection).table
    tables("settings").create({"name": str, "value": bytes}, pk="name")
    tables("chains").create({"number": int, "id": bytes, "key": bytes}, pk="number", not_null={"id", "key"})
    tables("chains").create_index(["id"], unique=True)
    tables("tips").create(
        {"chain": int, "branch": int, "sequence": int, "id": bytes, "time": int}, pk=("chain", "branch")
    )
    tables("entries").create(
        {
            "arrival": int,
            "chain": int,
            "sequence": int,
            "kind": str,
            "name": int,  # the first 8 bytes of the id: a full-width key costs three times the inserts
            "header": bytes,
            "signature": bytes,
            "body": bytes,
            "refused": str,
        },
        pk="arrival",
    )
    tables("entries").create_index(["chain", "sequence"])
    tables("entries").create_index(["name"])
    tables("waiting").create(
        {"number": int, "chain": bytes, "sequence": int, "tip": bytes, "size": int, "until_ms": int, "run": bytes},
        pk="number",
    )
    tables("waiting").create_index(["chain"])
    tables("missing").create({"id": bytes, "number": int}, pk=("id", "number"))


def _bodies(connection: sqlite3.Connection) -> None:
    """Which bodies are held, since when and until when, and of which entries none is taken in again."""
    import sqlite_utils

    from .bodies import Bodies

    tables = sqlite_utils.Database(connection).table
    tables("dropped").create({"arrival": int}, pk="arrival")
    connection.execute(  # the key is all there is: one tree
        "create table bodies(is_dated int, at_ms int, arrival int, primary key (is_dated, at_ms, arrival))without rowid"
    )
    Bodies(connection).note_all()


def _gone(connection: sqlite3.Connection) -> None:
    """What stays of headers that went, and where their chains go on from."""
    connection.execute(
        "create table gone(id blob primary key, chain int, sequence int, arrival int, refused text) without rowid"
    )
    connection.execute("create index idx_gone_chain_sequence on gone(chain, sequence)")
    connection.execute("create table over(id blob primary key) without rowid")
    connection.execute(
        "create table bases(chain integer primary key, checkpoint blob, sequence int, state blob, peaks blob)"
    )


def _facts(connection: sqlite3.Connection) -> None:
    """Facts whose numbers lie together are one row; each had a row of its own before."""
    old = connection.execute("select 1 from sqlite_master where name='facts'").fetchone()
    if old:
        connection.execute("alter table facts rename to single_facts")
    connection.execute(
        "create table facts(number integer primary key, chain int, branch int, record text, name int, id blob, "
        "place int, value blob)"  # name is the first 8 bytes of the id, as that of an entry
    )
    connection.execute("create index idx_facts on facts(chain, branch, record, name)")
    if old:
        _gather_facts(connection)
        connection.execute("drop table single_facts")


def _recode_facts(connection: sqlite3.Connection) -> None:
    """Write the numbers of each row as they are read fastest; they were CBOR before."""
    import cbor2

    from .facts import name_of, read_fact, write_facts

    rows = connection.execute("select number, record, value from facts").fetchall()
    connection.executemany(
        "update facts set value=? where number=?",
        (
            (write_facts({at: read_fact(name_of(letter), parts) for at, parts in cbor2.loads(value).items()}), number)
            for number, letter, value in rows
        ),
    )


def _gather_facts(connection: sqlite3.Connection) -> None:
    """Put facts together that had a row each, under a record's letter, an id and a number from -1 up."""
    import cbor2

    from .facts import StoredFacts, read_fact, read_key

    singles = connection.execute("select chain, branch, key, value from single_facts")
    gathered: dict[tuple[int, int], StoredFacts] = {}
    for chain, branch, key, value in singles:
        if (chain, branch) not in gathered:
            gathered[chain, branch] = StoredFacts(connection, chain, branch)
        record, _, _ = named = read_key(key)
        gathered[chain, branch][named] = read_fact(record, cbor2.loads(value))
    for facts in gathered.values():
        facts.save()
