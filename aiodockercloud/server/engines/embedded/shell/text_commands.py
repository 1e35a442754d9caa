"""The commands of the small shell that work on text: grep, sort, head, wc and others.

A command is ``async (process, arguments) -> exit code``, as in ``commands``.
"""

from __future__ import annotations

import heapq
import posixpath
import re
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from ..text import to_bytes
from .commands import Command, Process, fail, unescape
from .limits import LINE_OVERHEAD, MOST_KEPT, MOST_PATTERNS
from .patterns import Pattern
from .text_input import (
    TURN,
    Input,
    Usage,
    keep_lines,
    parse_number,
    parse_options,
)
from .turns import turn

__all__ = ["TEXT_COMMANDS"]

#: Lines that ``sort`` sorts without a turn of other tasks.
_RUN: Final = 1_000


# --- parts of the input ---------------------------------------------------------------


def _count(options: dict[str, str]) -> int:
    return parse_number(options.get("n", "10").lstrip("+"))


def _with_short(args: list[str]) -> list[str]:
    """Return the arguments with ``-3`` as ``-n 3``."""
    return [re.sub(r"^-([0-9]+)$", r"-n\1", arg) for arg in args]


async def _head(process: Process, args: list[str]) -> int:
    options, names = parse_options(_with_short(args), "q", "nc")
    lines = Input(process, "head", names)
    if "c" in options:
        return await _head_bytes(process, lines, parse_number(options["c"]))
    left = _count(options)
    if left:
        async for line in lines:
            await process.print(line)
            left -= 1
            if not left:
                break
    return lines.code


async def _head_bytes(process: Process, lines: Input, left: int) -> int:
    if left:
        async for line in lines:
            data = to_bytes(line)[:left]
            await process.print(data.decode("utf-8", "surrogateescape"))
            left -= len(data)
            if not left:
                break
    return lines.code


async def _tail(process: Process, args: list[str]) -> int:
    options, names = parse_options(_with_short(args), "q", "n")
    lines = Input(process, "tail", names)
    count = _count(options)
    if options.get("n", "").startswith("+"):
        skipped = max(count - 1, 0)
        async for line in lines:
            if skipped:
                skipped -= 1
            else:
                await process.print(line)
        return lines.code
    last: deque[str] = deque()
    size = 0
    async for line in lines:
        last.append(line)
        size += len(line) + LINE_OVERHEAD
        while len(last) > count or size > MOST_KEPT:
            size -= len(last.popleft()) + LINE_OVERHEAD
    for line in last:
        await process.print(line)
    return lines.code


async def _grep(process: Process, args: list[str]) -> int:
    options, rest = parse_options(args, "EFivcqnxow", "em")
    if "e" not in options and not rest:
        raise Usage("missing pattern")
    text = options["e"] if "e" in options else rest.pop(0)
    if unsupported := {"o", "w"} & options.keys():
        raise Usage(f"unrecognized option: {min(unsupported)}")
    texts = text.split("\n")
    if len(texts) > MOST_PATTERNS:
        raise Usage("too many patterns for the embedded engine's shell")
    try:
        patterns = [
            Pattern(
                one,
                extended="E" in options,
                fixed="F" in options,
                ignore_case="i" in options,
                whole="x" in options,
            )
            for one in texts
        ]
    except ValueError as error:
        raise Usage(str(error)) from None
    most = parse_number(options["m"]) if "m" in options else None
    lines = Input(process, "grep", rest)
    found = number = 0
    async for line in lines:
        number += 1
        content = line.removesuffix("\n")
        matches = [await pattern.search(content) for pattern in patterns]
        if any(matches) is ("v" in options):
            continue
        found += 1
        if "q" in options:
            return 0
        if "c" not in options:
            prefix = f"{number}:" if "n" in options else ""
            await process.print(f"{prefix}{content}\n")
        if found == most:
            break
    if "c" in options:
        await process.print(f"{found}\n")
    return 2 if lines.code else int(not found)


async def _cut(process: Process, args: list[str]) -> int:
    options, names = parse_options(args, "s", "dfc")
    ranges = _ranges(options.get("f") or options.get("c") or "")
    delimiter = options.get("d", "\t")
    lines = Input(process, "cut", names)
    async for line in lines:
        content = line.removesuffix("\n")
        if "c" in options:
            content = "".join(_chosen(content, ranges))
        elif delimiter in content:
            content = delimiter.join(_chosen(content.split(delimiter), ranges))
        elif "s" in options:
            continue
        await process.print(content + "\n")
    return lines.code


def _ranges(text: str) -> list[tuple[int, int]]:
    """Return the ranges of ``1,3-5,7-``, in order and without overlaps.

    The first number of a range counts from 0; the last one is excluded.
    """
    ranges: list[tuple[int, int]] = []
    for one in text.split(","):
        first, dash, last = one.partition("-")
        if not first and not last:
            raise Usage("expected a list of fields or characters")
        begin = parse_number(first or "1")
        end = parse_number(last) if last else sys.maxsize if dash else begin
        ranges.append((max(begin - 1, 0), end))
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _chosen(pieces: Sequence[str], ranges: list[tuple[int, int]]) -> list[str]:
    """Return the pieces in the ranges. A text is a sequence of its characters."""
    chosen: list[str] = []
    for begin, end in ranges:
        if begin >= len(pieces):
            break
        chosen += pieces[begin:end]
    return chosen


# --- changes of the input -------------------------------------------------------------


async def _sort(process: Process, args: list[str]) -> int:
    options, names = parse_options(args, "rnu", "kt")
    lines = Input(process, "sort", names)
    kept = await keep_lines(lines)
    field = (
        parse_number(options["k"].partition(",")[0].rstrip("nr"))
        if "k" in options
        else 0
    )

    def key(line: str) -> tuple[float, str]:
        fields = line.split(options.get("t"))
        text = "".join(fields[field - 1 : field]) if field else line
        number = re.match(r"\s*(-?[0-9]{1,300}(\.[0-9]*)?)", text)
        numeric = "n" in options or "n" in options.get("k", "")
        return (float(number[1]) if numeric and number else 0.0, text)

    kept = list(dict.fromkeys(kept)) if "u" in options else kept
    runs = []
    for start in range(0, len(kept), _RUN):
        await turn()
        run = kept[start : start + _RUN]
        runs.append(sorted(run, key=key, reverse="r" in options))
    merged = heapq.merge(*runs, key=key, reverse="r" in options)
    while block := list(islice(merged, TURN)):
        await process.print("".join(block))
    return lines.code


async def _uniq(process: Process, args: list[str]) -> int:
    options, names = parse_options(args, "cdu")
    lines = Input(process, "uniq", names)
    before, count = "", 0

    async def end() -> None:
        if ("d" in options and count < 2) or ("u" in options and count > 1):
            return
        await process.print((f"{count:>7} " if "c" in options else "") + before)

    async for line in lines:
        if count and line.rstrip("\n") == before.rstrip("\n"):
            count += 1
            continue
        if count:
            await end()
        before, count = line, 1
    if count:
        await end()
    return lines.code


_SETS: Mapping[str, str] = {
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:digit:]": "0-9",
    "[:alpha:]": "A-Za-z",
    "[:alnum:]": "0-9A-Za-z",
    "[:space:]": " \t\n\r\f\v",
}


def _set(text: str) -> str:
    """Return the characters of a set, as ``a-z``."""
    for name, characters in _SETS.items():
        text = text.replace(name, characters)
    text = unescape(text)
    return re.sub(
        r"(.)-(.)",
        lambda match: "".join(map(chr, range(ord(match[1]), ord(match[2]) + 1))),
        text,
        flags=re.DOTALL,
    )


async def _tr(process: Process, args: list[str]) -> int:
    options, sets = parse_options(args, "dsc")
    if not 1 <= len(sets) <= 2 or (len(sets) == 1 and not options):
        raise Usage("usage: tr [-cds] SET1 [SET2]")
    first, second = _set(sets[0]), _set(sets[-1])
    replaced = second.ljust(len(first), second[-1:] or " ")
    table = dict(zip(first, replaced, strict=False)) if len(sets) == 2 else {}
    if not options.keys() & {"c", "s"}:
        removed = "" if len(sets) == 2 else first
        fast = str.maketrans({**table, **dict.fromkeys(removed)})
        while text := await process.stdin.read():
            await process.print(text.translate(fast))
        return 0
    squeezed = second if "s" in options else ""
    last = ""
    while text := await process.stdin.read():
        output = []
        for character in text:
            chosen = (character in first) is not ("c" in options)
            if chosen and "d" in options:
                continue
            if chosen and len(sets) == 2:
                character = table.get(character, second[-1:])
            if character == last and character in squeezed:
                continue
            output.append(character)
            last = character
        await process.print("".join(output))
    return 0


async def _tee(process: Process, args: list[str]) -> int:
    options, names = parse_options(args, "ai")
    files = process.place.files
    paths = [posixpath.normpath(posixpath.join(process.directory, n)) for n in names]
    code = 0
    for name, path in list(zip(names, paths, strict=True)):
        try:
            files.write(path, append="a" in options)
        except OSError as error:
            paths.remove(path)
            code = await fail(process, f"tee: {name}: {error.strerror}")
    while text := await process.stdin.read():
        for path in paths:
            files.write(path, text, append=True)
        await process.print(text)
    return code


async def _wc(process: Process, args: list[str]) -> int:
    options, names = parse_options(args, "lwcm")
    source = Input(process, "wc", names)
    wanted = set(options) or {"l", "w", "c"}
    totals = dict.fromkeys("lwmc", 0)
    for name in names or ["-"]:
        counts = dict.fromkeys("lwmc", 0)
        async for line in source.lines(name):
            counts["l"] += line.endswith("\n")
            counts["w"] += len(line.split())
            counts["m"] += len(line)
            counts["c"] += len(to_bytes(line))
        totals = {key: totals[key] + counts[key] for key in totals}
        await process.print(_counts(counts, wanted, name if names else ""))
    if len(names) > 1:
        await process.print(_counts(totals, wanted, "total"))
    return source.code


def _counts(counts: dict[str, int], wanted: set[str], name: str) -> str:
    found = [str(number) for key, number in counts.items() if key in wanted]
    # As busybox: one number alone has no padding.
    text = found[0] if len(found) == 1 else "".join(f"{one:>10}" for one in found)
    return f"{text} {name}".rstrip() + "\n"


async def _yes(process: Process, args: list[str]) -> int:
    line = " ".join(args or ["y"]) + "\n"
    block = line * max(1, 1024 // len(line))
    while True:
        await process.print(block)


def _checked(name: str, command: Command) -> Command:
    """Return a command that reports wrong arguments instead of raising an error."""

    async def checked(process: Process, args: list[str]) -> int:
        try:
            return await command(process, args)
        except Usage as error:
            return await fail(process, f"{name}: {error}", 2 if name == "grep" else 1)

    return checked


TEXT_COMMANDS: Mapping[str, Command] = {
    name: _checked(name, command)
    for name, command in {
        "cut": _cut,
        "grep": _grep,
        "head": _head,
        "sort": _sort,
        "tail": _tail,
        "tee": _tee,
        "tr": _tr,
        "uniq": _uniq,
        "wc": _wc,
        "yes": _yes,
    }.items()
}
