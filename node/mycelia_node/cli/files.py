"""`import` and `export`: signals from a spreadsheet, and runs for peers that never meet."""

from __future__ import annotations

from pathlib import Path

from .answer import DEFAULT, FAILED, Answer, Common, usage
from .front import front


def import_file(file: Path, /, *, common: Common = DEFAULT) -> Answer:
    """Take in a CSV file of needs and offers, or a run file from another peer.

    A CSV file has a heading line with the columns kind, class, amount, at and, as wanted, until,
    begin, urgency, member, note. Bad rows are reported by line and column; good rows are published.

    Args:
        file: a .csv file, or a .run file that `mycelia export` wrote.

    Examples:
        mycelia import pantry.csv
        mycelia import neighbours.run
    """
    if file.suffix.lower() == ".csv":
        return _import_csv(file, common)
    with front(common) as node:
        found = node.import_runs(file.read_bytes())
    lines = [f"{found.accepted} new entries, {found.awaiting} runs wait.", *(f"Fault: {one}" for one in found.faults)]
    return Answer(found, "\n".join(lines), FAILED if found.faults else 0)


def _import_csv(file: Path, common: Common) -> Answer:
    from mycelia_node import csvfile, models
    from mycelia_node.client import NodeError
    from mycelia_node.faults import StoreFault
    from mycelia_node.signals import BadInput
    from mycelia_protocol.errors import ProtocolError

    sheet = csvfile.read(file)
    published: list[models.Published] = []
    bad = list(sheet.bad)
    with front(common) as node:
        for line, signal in sheet.signals:
            try:
                published += node.publish([signal])
            except BadInput as error:
                bad.append(csvfile.BadRow(line, csvfile.column_of(error.field), error.message))
            except (ProtocolError, NodeError, StoreFault) as error:
                bad.append(csvfile.BadRow(line, csvfile.column_of(getattr(error, "rule", None)), str(error)))
    bad.sort()
    lines = [f"{file.name}:{one.line}: {one.column}: {one.message}" for one in bad]
    lines.append(f"{len(published)} signals published, {len(bad)} rows were not.")
    data = {"published": published, "bad": [one._asdict() for one in bad]}
    return Answer(data, "\n".join(lines), FAILED if bad else 0)


def export_file(file: Path, /, *, common: Common = DEFAULT) -> Answer:
    """Write everything to a run file; another peer of the commons takes it in with `mycelia import`.

    Args:
        file: where to write; must not exist yet.

    Examples:
        mycelia export today.run
        mycelia export /media/stick/oost.run
    """
    if file.exists():
        raise usage("nothing was written", f"{file} exists already", "choose another name")
    with front(common) as node:
        data = node.export_runs()
        entries = node.status().entries
    draft = file.with_name(file.name + ".new")
    draft.write_bytes(data)
    draft.replace(file)
    found = {"file": str(file), "bytes": len(data), "entries": entries}
    return Answer(found, f"Wrote {entries} entries ({len(data):,} bytes) to {file}.")


