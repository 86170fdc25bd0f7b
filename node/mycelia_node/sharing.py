"""Sharing: how members say beforehand what they will share, and who gets what of an income (chapter 26)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from typing import Any, cast

from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import AcceptedLine, LineId, Mark, Ruling
from mycelia_protocol.amounts import format_amount
from mycelia_protocol.canonical import Value, encode
from mycelia_protocol.envelope import Entry
from mycelia_protocol.equations import Share, read
from mycelia_protocol.errors import Malformed
from mycelia_protocol.incomes import Income, distributed
from mycelia_protocol.kinds.equations import document_of

from . import models
from .deeds import line_name
from .desk import Desk, NotFound, published
from .faults import BadInput
from .keystore import Member
from .signals import moment

_PAGE = 1000
_HOW = "see the example in `mycelia equation set --help`"


class Sharing:
    """What organisations on this node say of their incomes, and what everybody computes of it."""

    def __init__(self, desk: Desk, clock: Callable[[], int]) -> None:
        self._desk, self._ledger, self._keystore, self._clock = desk, desk.ledger, desk.keystore, clock

    # Telling

    def equate(self, new: models.NewEquation) -> models.Published:
        """Publish how a member shares what it asks for from now on.

        Raises:
            NotFound, BadInput, StoreFault, Refused: the text says nothing, or a rule refuses it.
        """
        member = self._keystore.member(new.member)
        content = compose.equation(self._document(new.text), self._latest(member.chain))
        pair, act = self._keystore.pair(member.name), self._ledger.rehearse if new.dry_run else self._ledger.publish
        [entry] = act(pair, member.chain, [content])
        return published(entry, dry_run=new.dry_run)

    def distribute(self, new: models.NewDistribution) -> models.DistributionView:
        """Distribute an income by the equation that stood when it was asked for.

        Raises:
            NotFound, BadInput, StoreFault, Refused: the line is unknown or no income, or a rule refuses it.
        """
        member = self._keystore.member(new.member)
        line = self._income(member, new.line)
        standing = self._ledger.standing.lines.get(line)
        need = None if standing is None else self._ledger.entry_of(standing.need)
        if need is None:
            raise BadInput("line", f"{new.line} is no line that counts", "see `mycelia why` of its commit")
        equation = self._standing_at(member.chain, need.header.sequence)
        pair, act = self._keystore.pair(member.name), self._ledger.rehearse if new.dry_run else self._ledger.publish
        [entry] = act(pair, member.chain, [compose.distribute(equation, line)])
        extra = entry if new.dry_run else None
        return [*self._fold(member.chain, extra)][-1]

    # Asking

    def equations(self, chain: str | None = None) -> list[models.EquationView]:
        """Return the equations of a chain, or of the members of this node, in their order."""
        chains = [member.chain for member in self._keystore.members()] if chain is None else [self._chain(chain)]
        return [self._equation_view(entry) for one in chains for entry in self._said(one, "equation")]

    def distributions(self, chain: str | None = None) -> list[models.DistributionView]:
        """Return who got what of the incomes of a chain, or of the members of this node."""
        chains = [member.chain for member in self._keystore.members()] if chain is None else [self._chain(chain)]
        return [view for one in chains for view in self._fold(one, None)]

    # The fold

    def _fold(self, chain: bytes, extra: Entry | None) -> Iterator[models.DistributionView]:
        """Yield the distributions of a chain in their order, and of one that is only rehearsed after them."""
        said = [*self._said(chain, "distribute"), *([extra] if extra else [])]
        ledger, classes = self._ledger, self._ledger.law_of(chain).classes
        receives = self._said(chain, "receive")  # read when it is asked for
        for one in distributed(
            chain, said, receives, ledger.standing, ledger.entry_of, ledger.members.identity_of, classes
        ):
            yield self._view(one, dry_run=one.said is extra)

    def _said(self, chain: bytes, kind: str) -> Iterator[Entry]:
        after = 0
        while page := self._ledger.stored(after, _PAGE, chain=chain, kind=kind):
            after = page[-1].arrival
            counted = (one.entry for one in page if one.is_valid)
            yield from (one for one in counted if self._ledger.members.counts(chain, one.header.sequence))

    # Names

    def _latest(self, chain: bytes) -> bytes | None:
        fact = self._ledger.facts_of(chain, "equation").get(("equation", chain, -1))
        return fact.equation if isinstance(fact, Ruling) else None

    def _standing_at(self, chain: bytes, sequence: int) -> bytes:
        found = [entry for entry in self._said(chain, "equation") if entry.header.sequence < sequence]
        if not found:
            why = "no equation stood when this income was asked for"
            raise BadInput("line", why, "set one now: it is for what is asked for after it")
        return max(found, key=lambda entry: entry.header.sequence).id

    def _income(self, member: Member, text: str) -> LineId:
        """Return the received line that a person means: `<commit>:<number>`, or a need or commit with but one."""
        name, colon, number = text.strip().partition(":")
        entry = self._desk.entry(name).entry.id
        if colon:
            if not number.isdecimal() or len(number) > 4:
                raise BadInput("line", f"{number[:20]!r} is no number of a line", "write the id of its commit and `:0`")
            return entry, int(number)
        facts = self._ledger.facts_of(member.chain, "accepted")
        found = [
            (commit, at)
            for (_, commit, at), fact in facts.items()
            if isinstance(fact, AcceptedLine) and fact.marks & Mark.RECEIVED and entry in (commit, fact.need)
        ]
        if len(found) != 1:
            shown = ", ".join(line_name(one) for one in found[:8]) or "receive it first"
            raise BadInput("line", f"{text} has {len(found)} received lines", f"name one: {shown}")
        return found[0]

    def _chain(self, text: str) -> bytes:
        return self._desk.entry(text).entry.chain

    def _beneficiary(self, text: object) -> bytes:
        """Return the identity, or else the chain, that a name, an id or its beginning means."""
        if not isinstance(text, str) or not text:
            raise BadInput("to", "a beneficiary is a member of this node, an identity or a chain", _HOW)
        members = {member.name: member.chain for member in self._keystore.members()}
        persons = [one.identity for one in self._ledger.members.persons() if cid.text(one.identity).startswith(text)]
        if text not in members and len(persons) == 1:
            return persons[0]
        chain = members.get(text)
        try:
            chain = self._chain(text) if chain is None else chain
        except NotFound as error:
            raise BadInput("to", f"{text[:60]!r} is nobody known here", "see `mycelia commons members`") from error
        return self._ledger.members.identity_of(chain) or chain

    def _document(self, text: str) -> bytes:
        try:
            said: dict[str, Any] = tomllib.loads(text)
        except ValueError as error:  # of TOML, or a number of more digits than Python reads
            raise BadInput("equation", f"the file is no TOML: {error}", _HOW) from error
        except RecursionError as error:
            raise BadInput("equation", "the file is nested too deep", _HOW) from error
        if not {"rest", "bucket"} <= set(said) <= {"rest", "bucket", "values"}:
            raise BadInput("equation", "it has rest, [[bucket]] and perhaps [values]", _HOW)
        document: dict[str, Value] = {
            "rest": self._beneficiary(said["rest"]),
            "buckets": [self._bucket(one) for one in _tables("bucket", said["bucket"])],
        }
        if "values" in said:
            [values] = _tables("values", [said["values"]])
            document["values"] = {name: _decimals(one) for name, one in values.items()}
        try:
            return encode(document)
        except Malformed as error:
            raise BadInput("equation", error.message, _HOW) from error

    def _bucket(self, said: dict[str, Any]) -> Value:
        bucket = {key: one for key, one in said.items() if key not in ("rule", "to", "division")}
        if "to" in said:
            return {**said, "to": self._beneficiary(said["to"])}
        rules: list[Value] = [self._rule(one) for one in _tables("rule", said.get("rule"))]
        return {**bucket, "division": said.get("division", "percentage"), "rules": rules}

    def _rule(self, said: dict[str, Any]) -> Value:
        rule = {key: one for key, one in said.items() if key not in ("begin", "end", "process")}
        for name in ("begin", "end"):
            if name in said:
                rule[f"{name}_ms"] = moment(name, _word(name, said[name]), self._clock())
        if "process" in said:
            rule["process"] = self._desk.entry(_word("process", said["process"])).entry.id
        return cast(Value, {"kind": "equity", **rule})

    # Views

    def _equation_view(self, entry: Entry) -> models.EquationView:
        equation = read(document_of(entry.header))
        return models.EquationView(
            id=cid.text(entry.id), chain=cid.text(entry.chain), sequence=entry.header.sequence,
            is_latest=self._latest(entry.chain) == entry.id, rest=cid.text(equation.rest),
            values={name: [str(number) for number in one] for name, one in equation.values.items()},
            buckets=[
                models.BucketView(
                    share=one.share, to=None if one.to is None else cid.text(one.to), division=one.division,
                    rules=[
                        models.RuleView(
                            name=rule.name, kind=rule.kind, claim=rule.claim, action=rule.action,
                            resource_class=rule.resource_class,
                            process=None if rule.process is None else cid.text(rule.process),
                            begin_ms=rule.begin_ms, end_ms=rule.end_ms,
                        )
                        for rule in one.rules
                    ],
                )
                for one in equation.buckets
            ],
        )  # fmt: skip

    def _view(self, income: Income, *, dry_run: bool) -> models.DistributionView:
        chain, done = income.said.chain, income.done
        unit = self._ledger.law_of(chain).classes[income.resource_class]

        def portion(share: Share) -> models.PortionView:
            return models.PortionView(
                to=cid.text(share.to), amount=share.amount, amount_text=format_amount(share.amount, unit),
                bucket=share.bucket, rule=share.rule, kind=share.kind,
                line=None if share.line is None else line_name(share.line),
                claim_text=format_amount(share.claim, unit), remaining=share.remaining,
                remaining_text=format_amount(share.remaining, unit),
            )  # fmt: skip

        return models.DistributionView(
            id=cid.text(income.said.id), chain=cid.text(chain), equation=cid.text(income.stated),
            line=line_name(income.line), income=income.amount, income_text=format_amount(income.amount, unit),
            resource_class=income.resource_class, shares=[portion(share) for share in done.shares], rest=done.rest,
            rest_text=format_amount(done.rest, unit), rest_to=cid.text(income.equation.rest), dry_run=dry_run,
        )  # fmt: skip


def _tables(name: str, found: object) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadInput(name, f"write it as [[{name}]], each with its own keys", _HOW)
    return found


def _decimals(found: object) -> Value:
    texts = found if isinstance(found, list) else [found, "0", "0"]
    if not all(isinstance(one, str) for one in texts):
        raise BadInput("values", 'write decimals as text, such as care = "20"', _HOW)
    return cast(Value, texts)


def _word(name: str, found: object) -> str:
    if not isinstance(found, str):
        raise BadInput(name, "it is text", _HOW)
    return found
