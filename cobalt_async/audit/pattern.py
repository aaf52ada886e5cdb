r"""A pattern for names, matched in linear time: names are other people's text, and `re` can be kept busy for years.

Understood is what regular expressions have in common: characters, `.`, `[…]`, `\d \w \s` and their opposites, `\`
before a sign, groups, `|`, and the repetitions `* + ? {m} {m,} {,n} {m,n}`, lazy or not; `(?i)` in front, and `^` and
`$` at the ends, where they change nothing. All of it means what it means in Python's `re`, which judges the single
characters; the rest (lookarounds, back-references, …) is refused.
"""

import re
from collections.abc import Iterable
from typing import NoReturn

from attrs import frozen

from ..errors import ConfigurationError

LONGEST_NAME = 256  # characters; a longer name matches nothing
_LONGEST = 500  # characters of a pattern
_DEEPEST = 30  # groups in groups
_MOST_STATES = 500
_MOST_KNOWN = 1000  # moves that are remembered

_REPETITION = re.compile(r"(?:([*+?])|\{(\d{1,4})\}|\{(\d{0,4}),(\d{0,4})\})\??", re.ASCII)
_SIMPLE: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
_NESTED = re.compile(r"\[|--|&&|~~|\|\|")  # `re` keeps these back for operations on sets
_ESCAPED = re.compile(r"\\(?:[dwsDWS]|[^\w\s])", re.ASCII)


class _Machine:
    """States, the characters that lead from one to the next, and the ways between them that cost nothing."""

    def __init__(self) -> None:
        self.steps: list[list[tuple[re.Pattern[str], int]]] = [[]]
        self.free: list[list[int]] = [[]]

    def state(self) -> int:
        """One more; ConfigurationError where that are too many."""
        if len(self.steps) == _MOST_STATES:
            raise ConfigurationError("name_pattern: it repeats too much; lower the numbers in braces")
        self.steps.append([])
        self.free.append([])
        return len(self.steps) - 1

    def reach(self, states: Iterable[int]) -> frozenset[int]:
        """These and what is free to reach from them."""
        waiting = list(states)
        seen = set(waiting)
        while waiting:
            for state in self.free[waiting.pop()]:
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
        return frozenset(seen)


@frozen
class _One:
    """One character."""

    kind: re.Pattern[str]

    def build(self, machine: _Machine, at: int) -> int:
        end = machine.state()
        machine.steps[at].append((self.kind, end))
        return end


@frozen
class _Row:
    """One after the other."""

    nodes: tuple["_Node", ...]

    def build(self, machine: _Machine, at: int) -> int:
        for node in self.nodes:
            at = node.build(machine, at)
        return at


@frozen
class _Choice:
    """One of several."""

    nodes: tuple["_Node", ...]

    def build(self, machine: _Machine, at: int) -> int:
        end = machine.state()
        for node in self.nodes:
            machine.free[node.build(machine, at)].append(end)
        return end


@frozen
class _Times:
    """So many times; `most` None is without an end."""

    node: "_Node"
    least: int
    most: int | None

    def build(self, machine: _Machine, at: int) -> int:
        for _ in range(self.least):
            at = self.node.build(machine, at)
        end = machine.state()
        if self.most is None:
            machine.free[at].append(end)
            machine.free[self.node.build(machine, end)].append(end)
            return end
        for _ in range(self.most - self.least):
            machine.free[at].append(end)
            at = self.node.build(machine, at)
        machine.free[at].append(end)
        return end


_Node = _One | _Row | _Choice | _Times


class NamePattern:
    """A pattern that a whole name has to match; ConfigurationError for one that is not understood."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise ConfigurationError(f"name_pattern: at most {_LONGEST} characters, this one has {len(text)}")
        self._machine = _Machine()
        self._end = _Parser(text).parse().build(self._machine, 0)
        self._start = self._machine.reach([0])
        self._moves: dict[frozenset[int], dict[str, frozenset[int]]] = {}
        self._known = 0

    def matches(self, name: str) -> bool:
        """Whether the whole of the name is what the pattern describes."""
        if len(name) > LONGEST_NAME:
            return False
        states = self._start
        for letter in name:
            moves = self._moves.get(states)
            after = None if moves is None else moves.get(letter)
            states = self._move(states, letter) if after is None else after
            if not states:
                return False
        return self._end in states

    def _move(self, states: frozenset[int], letter: str) -> frozenset[int]:
        """Where a character leads from these states, which is remembered for a while."""
        steps = self._machine.steps
        ends = {end for state in states for kind, end in steps[state] if kind.fullmatch(letter)}
        after = self._machine.reach(ends)
        if self._known >= _MOST_KNOWN:
            self._moves.clear()
            self._known = 0
        self._moves.setdefault(states, {})[letter] = after
        self._known += 1
        return after


class _Parser:
    """Reads a pattern from its beginning to its end, once."""

    def __init__(self, text: str) -> None:
        self._flags = re.IGNORECASE if text.startswith("(?i)") else re.NOFLAG
        self._at = 4 if self._flags else 0
        self._text = text
        self._depth = 0
        if self._next() == "^":
            self._at += 1

    def parse(self) -> _Node:
        node = self._choice()
        if self._at < len(self._text):
            self._refuse("a ) without its (")
        return node

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _refuse(self, flaw: str) -> NoReturn:
        raise ConfigurationError(f"name_pattern: at character {self._at + 1}, {flaw}; write it in another way")

    def _choice(self) -> _Node:
        rows = [self._row()]
        while self._next() == "|":
            self._at += 1
            rows.append(self._row())
        return rows[0] if len(rows) == 1 else _Choice(tuple(rows))

    def _row(self) -> _Node:
        nodes: list[_Node] = []
        while (letter := self._next()) not in ("", "|", ")"):
            if letter == "$" and self._at == len(self._text) - 1:
                self._at += 1
                break
            nodes.append(self._repeated(self._atom(letter)))
        return _Row(tuple(nodes))

    def _repeated(self, node: _Node) -> _Node:
        found = _REPETITION.match(self._text, self._at)
        if found is None:
            return node
        sign, exactly, least, most = found.groups()
        if sign is not None:
            low, high = _SIMPLE[sign]
        elif exactly is not None:
            low = high = int(exactly)
        else:
            low, high = int(least or 0), int(most) if most else None
        if high is not None and low > high:
            self._refuse("a repetition whose numbers stand the wrong way round")
        self._at = found.end()
        if self._next() and self._next() in "*+?{":
            self._refuse("a repetition of a repetition")
        return _Times(node, low, high)

    def _atom(self, letter: str) -> _Node:
        if letter == "(":
            return self._group()
        if letter in "*+?{^$":
            self._refuse(f"a {letter} with nothing to repeat or end (\\{letter} is the sign itself)")
        source = "." if letter == "." else re.escape(letter)
        length = 1
        if letter in "[\\":
            found = (_CLASS if letter == "[" else _ESCAPED).match(self._text, self._at)
            if found is None:
                self._refuse("a class that is not closed" if letter == "[" else "a \\ before what it is not known for")
            source, length = found[0], len(found[0])
            if letter == "[" and _NESTED.search(re.sub(r"\\.", "x", source), 1):
                self._refuse("a class with [ or a doubled sign in it (put a \\ before it)")
        try:
            node = _One(re.compile(source, self._flags))
        except re.error:
            node = None
        if node is None:
            self._refuse("a class with an unknown escape, or a range the wrong way round")
        self._at += length
        return node

    def _group(self) -> _Node:
        opened = self._at
        self._at += 3 if self._text.startswith("(?:", self._at) else 1
        if self._next() == "?":
            self._refuse("a group of a special kind")
        self._depth += 1
        if self._depth > _DEEPEST:
            self._refuse(f"more than {_DEEPEST} groups in one another")
        node = self._choice()
        self._depth -= 1
        if self._next() != ")":
            self._at = opened
            self._refuse("a ( without its )")
        self._at += 1
        return node
