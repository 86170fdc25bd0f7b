"""As much of CDDL (RFC 8610) as `spec/schema.cddl` uses, so that the schema is held to the vectors.

The validator library parses the schema, which finds slips of grammar, but it does not match choices of
arrays or repeated pairs; this does. Rules, choices, ranges, literals, `.size`, `.regexp`, arrays and maps with
named, repeated and optional entries; nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TOKEN = re.compile(
    r'\s+|(//|=>|\.\.|\.size|\.regexp|[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)?(?:_[a-z]+)*|-?[0-9]+|"[^"]*"|[][{}(),/:*+?=])'
)
_RULE = re.compile(r"^([a-z][a-z0-9.-]*) = (.*?)(?=^[a-z][a-z0-9.-]* = |\Z)", re.MULTILINE | re.DOTALL)
_PRELUDE = {"bytes": bytes, "bstr": bytes, "text": str, "tstr": str, "bool": bool, "null": type(None)}

Node = tuple[Any, ...]


def rules(text: str) -> dict[str, str]:
    """Return the definition of each rule, in one line without comments."""
    bare = re.sub(r";[^\n]*", "", text)
    return {name: " ".join(body.split()) for name, body in _RULE.findall(bare)}


class Schema:
    """The rules of a schema; `accepts` says whether a value has the shape of one."""

    def __init__(self, text: str) -> None:
        self._rules = {name: _Parser(body).whole() for name, body in rules(text).items()}

    def accepts(self, rule: str, value: Any) -> bool:
        """Return whether a decoded value has the shape of `rule`."""
        return self._fits(self._rules[rule], value)

    def _fits(self, node: Node, value: Any) -> bool:
        match node:
            case ("choice", types):
                return any(self._fits(one, value) for one in types)
            case ("name", name):
                if name == "uint":
                    return type(value) is int and value >= 0
                return type(value) is _PRELUDE[name] if name in _PRELUDE else self._fits(self._rules[name], value)
            case ("literal", literal):
                return type(value) is type(literal) and bool(value == literal)
            case ("range", low, high):
                return type(value) is int and low <= value <= high
            case ("size", inner, low, high):
                return self._fits(inner, value) and low <= _bytes(value) <= high
            case ("regexp", inner, pattern):
                return self._fits(inner, value) and re.fullmatch(pattern, value) is not None
            case ("array", group):
                return isinstance(value, list) and any(end == len(value) for end in self._match(group, value, 0))
            case ("map", group):
                return isinstance(value, dict) and self._fits_map(group, dict(value))
            case ("group", (((entry,),),)):  # a type in parentheses
                return self._fits(entry[3], value)
        raise AssertionError(node)

    def _match(self, group: Node, items: list[Any], at: int) -> Iterator[int]:
        """Yield each place in the array at which the group, begun at `at`, may end."""
        for choice in group:
            yield from self._match_entries(choice, items, at)

    def _match_entries(self, entries: Node, items: list[Any], at: int) -> Iterator[int]:
        if not entries:
            yield at
            return
        (low, high, _, kind), rest = entries[0], entries[1:]
        if low == 0:
            yield from self._match_entries(rest, items, at)
        if high > 0:
            more = ((max(low - 1, 0), high - 1, None, kind), *rest)
            for end in self._match_one(kind, items, at):
                yield from self._match_entries(more if high > 1 else rest, items, end)

    def _match_one(self, kind: Node, items: list[Any], at: int) -> Iterator[int]:
        inner = kind
        while inner[0] == "name" and inner[1] in self._rules:
            inner = self._rules[inner[1]]
        if inner[0] == "group":
            yield from self._match(inner[1], items, at)
        elif at < len(items) and self._fits(kind, items[at]):
            yield at + 1

    def _fits_map(self, group: Node, left: dict[Any, Any]) -> bool:
        (entries,) = group
        for low, _, key, kind in entries:
            named = [name for name in left if (name == key if isinstance(key, str) else self._fits(key, name))]
            if len(named) < low or not all(self._fits(kind, left.pop(name)) for name in named):
                return False
        return not left


def _bytes(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [match[1] for match in _TOKEN.finditer(text) if match[1]]
        assert "".join(self._tokens) == re.sub(r"\s", "", text), f"not understood: {text}"
        self._at = 0

    def whole(self) -> Node:
        node = self._type()
        assert self._at == len(self._tokens), self._tokens[self._at :]
        return node

    def _next(self, *expected: str) -> str:
        token = self._tokens[self._at]
        assert not expected or token in expected, (expected, self._tokens[self._at :])
        self._at += 1
        return token

    def _is(self, *tokens: str) -> bool:
        return self._tokens[self._at : self._at + len(tokens)] == list(tokens)

    def _type(self) -> Node:
        types = [self._one()]
        while self._is("/"):
            self._next()
            types.append(self._one())
        return types[0] if len(types) == 1 else ("choice", types)

    def _one(self) -> Node:
        token = self._next()
        node: Node
        if token in ("[", "{", "("):
            group = self._group({"[": "]", "{": "}", "(": ")"}[token])
            node = ({"[": "array", "{": "map", "(": "group"}[token], group)
        elif token.startswith('"'):
            node = ("literal", token[1:-1])
        elif token.lstrip("-").isdigit():
            node = ("literal", int(token))
            if self._is(".."):
                self._next()
                node = ("range", int(token), int(self._next()))
        else:
            node = ("name", token)
        if self._is(".regexp"):
            self._next()
            node = ("regexp", node, self._next()[1:-1])
        if self._is(".size"):
            self._next()
            size = self._one()
            if size[0] == "group":
                size = size[1][0][0][3]
            node = ("size", node, *(size[1:] if size[0] == "range" else (size[1], size[1])))
        return node

    def _group(self, close: str) -> Node:
        choices: list[Node] = []
        entries: list[Node] = []
        while not self._is(close):
            if self._is("//"):
                self._next()
                choices.append(tuple(entries))
                entries = []
                continue
            entries.append(self._entry())
            if self._is(","):
                self._next()
        self._next(close)
        return (*choices, tuple(entries))

    def _entry(self) -> Node:
        low, high = 1, 1
        if self._is("*") or self._is("+") or self._is("?"):
            low, high = {"*": (0, 2**31), "+": (1, 2**31), "?": (0, 1)}[self._next()]
        key: str | Node | None = None
        if self._tokens[self._at + 1 : self._at + 2] == [":"]:
            key = self._next()
            self._next(":")
        kind = self._type()
        if self._is("=>"):
            self._next()
            key, kind = kind, self._type()
        return (low, high, key, kind)
