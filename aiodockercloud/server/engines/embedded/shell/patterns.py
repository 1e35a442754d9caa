"""Regular expressions of ``grep``, in time that is linear in the length of a line.

Python's ``re`` takes exponential time for some expressions, and a client of the server
chooses the expression. Here a set of positions in the expression moves over the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from .turns import turn

__all__ = ["Pattern"]

#: Characters of an expression.
_LONGEST: Final = 250
#: Kept results of one step.
_MOST_STEPS: Final = 1_000
#: Characters of a line between two turns of other tasks.
_TURN: Final = 1_000

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\[:\w+:\]|[^]])*\]|.", re.DOTALL)
_CLASSES: Final = {
    **{"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "space": r"\s"},
    **{"upper": "A-Z", "lower": "a-z", "punct": r"!-/:-@\[-`{-~"},
}


def _token(text: str, extended: bool) -> str:
    """Return an operator, or an expression of Python for one character."""
    if text in ("*", "^", "$"):
        return text
    if text in ("+", "?", "(", ")", "|", "{"):
        if extended and text == "{":
            raise ValueError("{ is not supported by the embedded engine's grep")
        return text if extended else re.escape(text)
    if text == "[":
        raise ValueError("unmatched [")
    if text[0] == "[":
        inner = text[1:-1].replace("\\", r"\\")
        return "[" + re.sub(r"\[:(\w+):\]|\[", _class, inner) + "]"
    if text[0] == "\\" and len(text) > 1:
        if text[1] in "+?()|{" and not extended:
            return _token(text[1], extended=True)
        return text if text[1] in "wWsSdD" else re.escape(text[1])
    return text if text == "." else re.escape(text)


def _class(match: re.Match[str]) -> str:
    return _CLASSES.get(match[1], "") if match[1] else r"\["


#: What a position accepts: a character; None accepts no character and leads on.
_Test = Callable[[str], bool] | None


class Pattern:
    """A regular expression: literals, ``. [ ] * + ? ( ) | ^ $`` and backslashes.

    Args:
        text: The expression.
        extended: Whether ``+ ? ( ) |`` are special without a backslash, as with
            ``grep -E``; otherwise with a backslash.
        fixed: Whether no character is special, as with ``grep -F``.
        ignore_case: Whether small and capital letters are equal.
        whole: Whether the expression must match the whole text.

    Raises:
        ValueError: The expression is wrong or too long.
    """

    def __init__(
        self,
        text: str,
        *,
        extended: bool = False,
        fixed: bool = False,
        ignore_case: bool = False,
        whole: bool = False,
    ) -> None:
        if len(text) > _LONGEST:
            raise ValueError("the expression is too long")
        self._flags = re.IGNORECASE if ignore_case else 0
        tokens = list(text) if fixed else _TOKEN.findall(text)
        self._tokens = [re.escape(t) if fixed else _token(t, extended) for t in tokens]
        self._position = 0
        #: The test of each state, and the states that follow.
        self._tests: list[_Test] = []
        self._next: list[list[int]] = []
        self._edges: dict[int, str] = {}
        if whole:
            self._tokens = ["^", "(", *self._tokens, ")", "$"]
        self._start, self._final = self._alternatives()
        if self._position < len(self._tokens):
            raise ValueError("unmatched )")
        #: The states at the beginning of a text, and those before each character.
        self._begin = self._closure([self._start], begins=True)
        self._again = self._closure([self._start])
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    async def search(self, text: str) -> bool:
        """Return whether the expression matches anywhere in a text."""
        states = self._begin
        for n, character in enumerate(text, 1):
            if n % _TURN == 0:
                await turn()
            if self._final in states:
                return True
            key = (states, character)
            if (found := self._steps.get(key)) is None:
                if len(self._steps) >= _MOST_STEPS:
                    self._steps.clear()
                found = self._closure(self._step(states, character)) | self._again
                self._steps[key] = found
            states = found
        if self._final in states or not self._edges:
            return self._final in states
        return self._final in self._closure(states, begins=not text, ends=True)

    def _step(self, states: frozenset[int], character: str) -> list[int]:
        found = []
        for state in states:
            test = self._tests[state]
            if test is not None and test(character):
                found += self._next[state]
        return found

    def _closure(
        self,
        states: list[int] | frozenset[int],
        *,
        begins: bool = False,
        ends: bool = False,
    ) -> frozenset[int]:
        """Return the states that can be reached without a character."""
        found, open = set(states), list(states)
        while open:
            state = open.pop()
            edge = self._edges.get(state)
            if self._tests[state] is not None or (
                edge and not (begins if edge == "^" else ends)
            ):
                continue
            for following in self._next[state]:
                if following not in found:
                    found.add(following)
                    open.append(following)
        return frozenset(found)

    # --- the expression ---------------------------------------------------------------

    def _state(self, test: _Test = None) -> int:
        self._tests.append(test)
        self._next.append([])
        return len(self._tests) - 1

    def _alternatives(self) -> tuple[int, int]:
        start, end = self._state(), self._state()
        while True:
            first, last = self._sequence()
            self._next[start].append(first)
            self._next[last].append(end)
            if self._peek() != "|":
                return start, end
            self._position += 1

    def _sequence(self) -> tuple[int, int]:
        start = end = self._state()
        while (token := self._peek()) is not None and token not in ("|", ")"):
            first, last = self._repeated(first=end == start)
            self._next[end].append(first)
            end = last
        return start, end

    def _repeated(self, *, first: bool) -> tuple[int, int]:
        begin, end = self._atom(first=first)
        while (token := self._peek()) in ("*", "+", "?"):
            self._position += 1
            outer, last = self._state(), self._state()
            self._next[outer].append(begin)
            self._next[end].append(last)
            if token != "+":
                self._next[outer].append(last)
            if token != "?":
                self._next[end].append(begin)
            begin, end = outer, last
        return begin, end

    def _atom(self, *, first: bool) -> tuple[int, int]:
        token = self._tokens[self._position]
        self._position += 1
        if token == "(":
            found = self._alternatives()
            if self._peek() != ")":
                raise ValueError("unmatched (")
            self._position += 1
            return found
        end = self._state()
        if token in ("^", "$"):
            start = self._state()
            self._edges[start] = token
        elif token in ("*", "+", "?"):
            if not first:
                raise ValueError("nothing to repeat")
            start = self._state(self._test("\\" + token))
        else:
            start = self._state(self._test(token))
        self._next[start].append(end)
        return start, end

    def _test(self, token: str) -> Callable[[str], bool]:
        try:
            found = re.compile(token, self._flags | re.DOTALL)
        except re.error as error:
            raise ValueError(str(error)) from None
        return lambda character: found.fullmatch(character) is not None

    def _peek(self) -> str | None:
        if self._position < len(self._tokens):
            return self._tokens[self._position]
        return None
