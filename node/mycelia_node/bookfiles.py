"""Files of books: tables as CSV or Parquet (chapter 25, "Exports").

Amounts are exact decimals in every one of them, and none of them is ever a float: text in CSV, decimals in Parquet.
A column with an amount that has no exact decimal, or not within the digits of one, is text.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from mycelia_protocol.accounts import Account

from . import models
from .faults import BadInput

TABLES: dict[str, type[msgspec.Struct]] = {
    "accounts": models.AccountRow,
    "stock": models.StockRow,
    "events": models.EventRow,
    "flows": models.FlowRow,
    "balances": models.BalanceRow,
    "due": models.DueRow,
    "quotients": models.QuotientRow,
}
AMOUNTS = frozenset({
    *Account.__slots__, "contributed", "amount", "accounting", "onhand", "away", "paid", "left", "goes_in", "comes_out",
})  # fmt: skip
DIGITS, PLACES = 38, 9  # of a decimal in Parquet, and those of them after the point: of any quantum that is a decimal
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet reads as the beginning of a formula


def write_csv(rows: Sequence[msgspec.Struct], row: type[msgspec.Struct], path: Path) -> None:
    """Write rows under the names of their fields; the first line is there without any row, too."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(row.__struct_fields__)
        writer.writerows([_cell(getattr(one, field)) for field in row.__struct_fields__] for one in rows)


def write_parquet(rows: Sequence[msgspec.Struct], row: type[msgspec.Struct], path: Path) -> None:
    """Write rows as a Parquet file: text, integers, truth values, and amounts as decimals.

    Raises:
        BadInput: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise BadInput("parquet", "Parquet needs pyarrow", "install `mycelia[books]`, or write CSV") from None
    kinds = {int: pyarrow.int64(), int | None: pyarrow.int64(), bool: pyarrow.bool_()}
    columns = {}
    for field in msgspec.structs.fields(row):
        values, kind = [getattr(one, field.name) for one in rows], kinds.get(field.type, pyarrow.string())
        if field.name in AMOUNTS and all(map(_is_decimal, values)):
            values, kind = list(map(Decimal, values)), pyarrow.decimal128(DIGITS, PLACES)
        columns[field.name] = pyarrow.array(values, kind)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def write_tables(view: models.BooksView, ending: str, folder: Path) -> list[Path]:
    """Write all tables of books into a directory, made if it is not there; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    write, paths = (write_csv if ending == "csv" else write_parquet), []
    for name, row in TABLES.items():
        path = folder / f"{name}.{ending}"
        write(getattr(view, name), row, path)
        paths.append(path)
    return paths


def _is_decimal(amount: str) -> bool:
    whole, _, places = amount.partition(".")
    return "/" not in amount and len(whole) <= DIGITS - PLACES and len(places) <= PLACES


def _cell(value: object) -> str:
    """Return a value as text; a quote keeps a spreadsheet from taking a unit of somebody's for a formula."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
