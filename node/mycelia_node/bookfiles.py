"""Files of books: tables as CSV or Parquet (chapter 25, "Exports").

Amounts are exact decimals as text in every one of them: none of them is ever a float.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import msgspec

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


def write_csv(rows: Sequence[msgspec.Struct], row: type[msgspec.Struct], path: Path) -> None:
    """Write rows under the names of their fields; the first line is there without any row, too."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(row.__struct_fields__)
        writer.writerows([_cell(getattr(one, field)) for field in row.__struct_fields__] for one in rows)


def write_parquet(rows: Sequence[msgspec.Struct], row: type[msgspec.Struct], path: Path) -> None:
    """Write rows as a Parquet file: text, integers and truth values.

    Raises:
        BadInput: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise BadInput("parquet", "Parquet needs pyarrow", "install `mycelia[books]`, or write CSV") from None
    kinds = {int: pyarrow.int64(), bool: pyarrow.bool_()}
    schema = pyarrow.schema([
        (field.name, kinds.get(field.type, pyarrow.string())) for field in msgspec.structs.fields(row)
    ])  # fmt: skip
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([msgspec.structs.asdict(one) for one in rows], schema), path)


def write_tables(view: models.BooksView, ending: str, folder: Path) -> list[Path]:
    """Write all tables of books into a directory, made if it is not there; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    write, paths = (write_csv if ending == "csv" else write_parquet), []
    for name, row in TABLES.items():
        path = folder / f"{name}.{ending}"
        write(getattr(view, name), row, path)
        paths.append(path)
    return paths


def _cell(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
