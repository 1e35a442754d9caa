"""The commands of the small shell that work with files: cat, ls, test, rm and others.

A command is ``async (process, arguments) -> exit code``, as in ``commands``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping

from ..files import Files
from .commands import Command, Process, fail

__all__ = ["FILE_COMMANDS"]


def _split(args: list[str]) -> tuple[str, list[str]]:
    """Return the letters of the options, and the other arguments."""
    options = "".join(arg[1:] for arg in args if arg.startswith("-"))
    return options, [arg for arg in args if not arg.startswith("-")]


def _path(process: Process, name: str) -> str:
    return posixpath.normpath(posixpath.join(process.directory, name))


async def _cat(process: Process, args: list[str]) -> int:
    code = 0
    for name in args or ["-"]:
        if name == "-":
            while text := await process.stdin.read():
                await process.print(text)
        elif name != "/dev/null":
            pieces = process.place.files.read(_path(process, name))
            while True:
                try:
                    piece = next(pieces, None)
                except OSError as error:
                    text = f"cat: can't open '{name}': {error.strerror}"
                    code = await fail(process, text)
                    break
                if piece is None:
                    break
                await process.print(piece)
    return code


async def _ls(process: Process, args: list[str]) -> int:
    """List directories and files; outside of volumes a path is an empty directory."""
    options, names = _split(args)
    code = 0
    for name in names or ["."]:
        path = _path(process, name)
        files = process.place.files
        if files.size(path) is not None:
            await _list(process, options, "", [(name, path)])
            continue
        try:
            found = files.names(path)
        except OSError as error:
            code = await fail(process, f"ls: {name}: {error.strerror}")
            continue
        if "a" in options:
            found = [".", "..", *found]
        elif "A" not in options:
            found = [one for one in found if not one.startswith(".")]
        entries = [(one, posixpath.join(path, one)) for one in found]
        await _list(process, options, "total 0\n", entries)
    return code


async def _list(
    process: Process, options: str, heading: str, entries: list[tuple[str, str]]
) -> None:
    lines = []
    for name, path in entries:
        size = process.place.files.size(path)
        kind = "drwxr-xr-x" if size is None else "-rw-r--r--"
        facts = f"{kind}    1 root     root     {size or 0:>9} Mar  1  2016 "
        lines.append(f"{facts if 'l' in options else ''}{name}\n")
    await process.print((heading if "l" in options else "") + "".join(lines))


async def _change(
    process: Process,
    command: str,
    names: list[str],
    change: Callable[[str], None],
) -> int:
    """Apply a change to each of some paths; report those that fail."""
    if not names:
        return await fail(process, f"{command}: missing operand")
    code = 0
    for name in names:
        try:
            change(_path(process, name))
        except OSError as error:
            code = await fail(process, f"{command}: '{name}': {error.strerror}")
    return code


async def _rm(process: Process, args: list[str]) -> int:
    options, names = _split(args)
    files = process.place.files
    if "f" in options:
        names = [name for name in names if files.exists(_path(process, name))]
        if not names:
            return 0
    recursive = "r" in options or "R" in options
    return await _change(
        process, "rm", names, lambda path: files.remove(path, recursive=recursive)
    )


async def _mkdir(process: Process, args: list[str]) -> int:
    options, names = _split(args)
    files = process.place.files

    def create(path: str) -> None:
        files.create_directory(path, parents="p" in options)

    return await _change(process, "mkdir", names, create)


async def _touch(process: Process, args: list[str]) -> int:
    _, names = _split(args)
    files = process.place.files
    return await _change(
        process, "touch", names, lambda path: files.write(path, append=True)
    )


# --- tests ----------------------------------------------------------------------------

_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}


def _holds(args: list[str], files: Files, directory: str) -> bool:
    """Return whether the condition of ``test`` holds.

    Raises:
        ValueError: The condition has an unknown operator or a bad number.
    """
    match args:
        case []:
            return False
        case [text]:
            return bool(text)
        case ["!", *rest]:
            return not _holds(rest, files, directory)
        case ["-n", text]:
            return bool(text)
        case ["-z", text]:
            return not text
        case ["-d" | "-e" | "-f" | "-r" | "-s" | "-w" | "-x" as operator, name]:
            path = posixpath.normpath(posixpath.join(directory, name))
            return _has(operator, path, files)
        case [left, "=" | "==", right]:
            return left == right
        case [left, "!=", right]:
            return left != right
        case [left, operator, right] if operator in _COMPARE:
            return _COMPARE[operator](int(left), int(right))
    raise ValueError("unknown operand")


def _has(operator: str, path: str, files: Files) -> bool:
    size = files.size(path)
    match operator:
        case "-d":
            # Outside of volumes every path is an empty directory.
            return files.is_directory(path) or not files.covers(path)
        case "-f":
            return size is not None
        case "-s":
            return bool(size)
        case "-x":
            return files.is_directory(path)
        case "-w":
            return files.exists(path) and files.is_writable(path)
    return files.exists(path)


async def _test(process: Process, args: list[str]) -> int:
    try:
        return 0 if _holds(args, process.place.files, process.directory) else 1
    except ValueError:
        return await fail(process, "sh: test: bad number or unknown operand", 2)


async def _bracket(process: Process, args: list[str]) -> int:
    if args[-1:] != ["]"]:
        return await fail(process, "sh: [: missing ]", 2)
    return await _test(process, args[:-1])


FILE_COMMANDS: Mapping[str, Command] = {
    "cat": _cat,
    "ls": _ls,
    "rm": _rm,
    "mkdir": _mkdir,
    "touch": _touch,
    "test": _test,
    "[": _bracket,
}
