"""Every rule by its stable name: the law in a sentence, and what to try when it refuses.

The names are those of `spec/`, of the vectors, of the errors and of the command
line. A rule that is not listed here does not exist.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """What a rule demands, and the smallest change that would satisfy it."""

    law: str
    remedy: str


RULES: dict[str, Rule] = {
    name: Rule(law, remedy)
    for name, law, remedy in (
        ("canonical.size", "A value stays within the size its chapter sets.", "send less at once."),
        ("canonical.truncated", "A value is complete.", "send all of its bytes."),
        ("canonical.depth", "Values nest at most 16 deep.", "flatten the value."),
        ("canonical.indefinite", "Every length is stated.", "encode with definite lengths."),
        ("canonical.text", "Text is valid UTF-8.", "encode the text as UTF-8."),
        ("canonical.form", "A value has one byte form: shortest, sorted, unique, complete.", "encode it canonically."),
        ("canonical.integer", "Integers fit 64 bits, signed.", "use a smaller number."),
        ("canonical.key", "Map keys are text.", "use text keys."),
        ("canonical.float", "There are no floats.", "use integers of a smaller unit."),
        ("canonical.type", "There are no tags and no simple values but true, false and null.", "use a plain type."),
        ("cid.form", "A content id is a CIDv1, dag-cbor, sha2-256, in lower-case base32.", "copy the whole id."),
        ("keys.signature", "A signature is strict, cofactorless Ed25519.", "sign with a conforming library."),
        ("envelope.size", "A header is at most 2,048 bytes.", "split the lines over several entries."),
        ("envelope.form", "A header is a flat array in canonical form.", "encode it canonically."),
        ("envelope.version", "The envelope version is 1.", "update the software that wrote it."),
        ("envelope.fields", "A header's fields have their types, lengths and ranges.", "see chapter 04."),
        ("envelope.kind", "A kind is dotted lower-case ASCII; `open` stands at sequence 0 alone.", "rename the kind."),
        ("envelope.deps", "Dependencies are at most 32 ids, sorted and unique.", "sort them, or split the entry."),
        ("envelope.terms", "Terms are a flat array of plain values.", "flatten the terms."),
        ("envelope.body", "A body is the block that the header names, at most 32 KiB.", "ask for the right body."),
        ("chain.open", "A chain begins with `open`, whose terms are a key of 32 bytes and an identity.", "open a chain."),
        ("chain.same", "A backlink stays on its chain.", "write on your own chain."),
        ("chain.sequence", "A sequence is the one before plus one.", "write after the tip."),
        ("chain.backlink", "A backlink is the id of the entry before.", "write after the tip."),
        ("chain.run", "A run is 1 to 64 linked entries of one chain, at most 64 KiB.", "send shorter runs."),
        ("chain.seal", "A run ends with a good signature of its chain's key.", "sign the last entry of the run."),
        ("chain.time", "Time moves on past the entry before and past everything named.", "set the clock, or wait."),
        ("charter.fields", "A charter has exactly the fields of its version.", "see chapter 06."),
        ("charter.version", "The charter version is 1.", "update the software."),
        ("charter.membership", "The membership policy is known.", "use `open`."),
        ("charter.limits", "The charter's numbers are integers in range.", "choose a number in range."),
        ("charter.classes", "Resource classes have a name, a unit and a quantum in lowest terms.", "see chapter 06."),
        ("deps.held", "An entry is judged once everything it names is held.", "wait, or ask a peer for the rest."),
        ("version.adopted", "A charter version is the one last adopted on the chain.", "use version 0."),
        ("kind.known", "A kind is one of the spec's or begins with `x.`.", "use a custom kind, `x.org.example.name`."),
        ("open.identity", "The identity of a chain is null in this version.", "leave it null."),
        ("open.deps", "An `open` names no dependencies.", "leave them out."),
        ("need.terms", "A need has class, amount, cell, begin, end and urgency.", "see chapter 07."),
        ("need.urgency", "Urgency is an integer from 0 to a thousand million.", "choose a smaller urgency."),
        ("offer.terms", "An offer has class, amount, cell, begin and end.", "see chapter 07."),
        ("intent.class", "The resource class stands in the charter.", "use one of the charter's classes."),
        ("intent.amount", "An amount is a positive integer of quanta within the charter's limit.", "change the amount."),
        ("intent.cell", "A place has the form of an H3 cell.", "give a position, or a cell from an H3 library."),
        ("intent.window", "A window ends after it begins, after now and within the charter's limit.", "move its end."),
        ("row.terms", "A row has offer, previous, joint and (need, amount) pairs.", "see chapter 07."),
        ("row.offer", "A row belongs to a valid offer of its own chain.", "publish an offer first."),
        ("row.open", "A withdrawn offer has no new rows.", "publish a new offer."),
        ("row.version", "A row names the latest row of its offer.", "read the latest row and write again."),
        ("row.joint", "Joint rows are not part of this version.", "write a plain row."),
        ("row.need", "A line names a need of another chain.", "name somebody else's need."),
        ("row.class", "Need and offer are of one class.", "name a need of the offer's class."),
        ("row.capacity", "What is committed and what is tentative stay within the offer's capacity.", "lower the lines."),
        ("commit.terms", "A commit has row, hold, until and (need, amount) pairs.", "see chapter 07."),
        ("commit.row", "A commit firms lines of the latest row of an own offer.", "publish the row first."),
        ("commit.open", "A withdrawn offer takes no commits.", "publish a new offer."),
        ("commit.hold", "Now lies before hold, and hold not after until.", "hold longer."),
        ("commit.capacity", "A line is at most what the row holds for its need.", "lower the amount, or change the row."),
        ("commit.amount", "A line is at most the whole need.", "lower the amount."),
        ("commit.window", "Need and offer have not ended.", "choose a need that is still open."),
        ("commit.withdrawn", "Nobody commits to a need whose withdrawal they cited.", "choose another need."),
        ("accept.terms", "An accept has the need and (commit, line) pairs.", "see chapter 07."),
        ("accept.need", "A need is accepted for on its own chain alone.", "accept with the chain of the need."),
        ("accept.line", "The line exists, serves this need and is another chain's.", "name a line of the commit."),
        ("accept.hold", "A line is accepted while it is held.", "ask for a new commit."),
        ("accept.withdrawn", "A withdrawn need accepts nothing new.", "publish a new need."),
        ("accept.again", "A line is accepted or refused once.", "nothing: it is settled."),
        ("accept.exited", "A line whose release or cancel was cited is not accepted.", "ask for a new commit."),
        ("accept.quantity", "Accepted lines stay within the need.", "cite the exits of lines that fell away."),
        ("deliver.terms", "A deliver names (commit, line) pairs.", "see chapter 07."),
        ("deliver.line", "A line is delivered by the chain that committed to it.", "deliver with that chain."),
        ("deliver.open", "A line is delivered once, unless released or cancelled.", "nothing: it is settled."),
        ("deliver.accept", "A delivery cites the accept of its line.", "wait for the accept, then cite it."),
        ("deliver.exited", "Nothing is delivered on a line whose lapse or cancel was cited.", "release the line."),
        ("receive.terms", "A receive names (commit, line) pairs.", "see chapter 07."),
        ("receive.line", "A line is received by the chain that accepted it.", "receive with that chain."),
        ("receive.again", "A line is received once.", "nothing: it is settled."),
        ("receive.deliver", "A receipt cites the deliver of its line.", "wait for the deliver, then cite it."),
        ("receive.quantity", "A line that had fallen away counts again only within the need.", "leave it disputed."),
        ("release.terms", "A release names (commit, line) pairs.", "see chapter 07."),
        ("release.line", "A line is released by the chain that committed to it.", "release with that chain."),
        ("release.open", "A line is released once, and never after its delivery.", "nothing: it is settled."),
        ("release.ground", "A free release needs an unaccepted hold that has run out, or the other side's exit.",
         "wait for the hold, cite the lapse or cancel, or use `cancel`."),
        ("lapse.terms", "A lapse names (commit, line) pairs.", "see chapter 07."),
        ("lapse.line", "A line lapses on the chain that accepted it.", "lapse with that chain."),
        ("lapse.open", "A line lapses once, unless cancelled or received.", "nothing: it is settled."),
        ("lapse.time", "A line lapses after `until` and the charter's grace.", "wait, or use `cancel`."),
        ("lapse.delivered", "A line whose deliver was cited does not lapse.", "receive it, or use `cancel`."),
        ("cancel.terms", "A cancel names (commit, line) pairs.", "see chapter 07."),
        ("cancel.line", "A line is cancelled by its provider or its receiver.", "cancel a line of your own."),
        ("cancel.open", "A line is cancelled once, and not after it was settled.", "nothing: it is settled."),
        ("withdraw.terms", "A withdraw names one intent.", "see chapter 07."),
        ("withdraw.intent", "An intent is withdrawn by its own chain.", "withdraw with the chain that published it."),
        ("withdraw.again", "An intent is withdrawn once.", "nothing: it is withdrawn."),
    )
}
