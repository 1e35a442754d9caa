"""Pipes, substitutions and the commands on text of the embedded engine's shell."""

from __future__ import annotations

import asyncio

import pytest

from aiodockercloud.server.engines.embedded.clock import ManualClock
from aiodockercloud.server.engines.embedded.files import Files, Mount, Storage
from aiodockercloud.server.engines.embedded.settings import EmbeddedSettings
from aiodockercloud.server.engines.embedded.shell import Pipe, Place, Shell
from aiodockercloud.server.engines.embedded.shell.lexer import Stream
from aiodockercloud.server.engines.embedded.shell.patterns import Pattern
from tests.support.facts import PATIENCE


class Session:
    """A script that runs, and its output so far."""

    def __init__(
        self, script: str, *, stdin: str = "", clock: ManualClock | None = None
    ) -> None:
        self.output = {"stdout": "", "stderr": ""}
        storage = Storage(EmbeddedSettings())
        files = Files({"/data": Mount(storage, "data", True)})
        self.changed = asyncio.Event()
        shell = Shell(
            {"A": "1  2", "NAME": "web", "PATH": "/bin"},
            write=self._write,
            stdin=Pipe.filled(stdin),
            clock=clock or ManualClock(0),
            place=Place(hostname="web-1", directory="/data", files=files),
        )
        self.task = asyncio.create_task(shell.run(["sh", "-c", script]))

    async def _write(self, stream: Stream, text: str) -> None:
        self.output[stream] += text
        self.changed.set()

    async def until(self, output: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.output["stdout"] != output:
                self.changed.clear()
                await self.changed.wait()


async def run(script: str, stdin: str = "") -> tuple[int, str, str]:
    session = Session(script, stdin=stdin)
    async with asyncio.timeout(PATIENCE):
        code = await session.task
    return code, session.output["stdout"], session.output["stderr"]


@pytest.mark.parametrize(
    ("script", "output"),
    [
        # pipes
        ("echo hi | wc -c", "3\n"),
        ("env | sort | grep NAME", "NAME=web\n"),
        ("seq 5 | head -3 | tail -n 1", "3\n"),
        ("yes | head -1", "y\n"),
        ("yes | head -n 2 | wc -l", "2\n"),
        ("while true; do echo y; done | head -1", "y\n"),
        ("echo a >&2 2>&1 | cat", ""),
        ("{ echo a; echo b >&2; } 2>&1 | wc -l", "2\n"),
        ("for x in c a b; do echo $x; done | sort", "a\nb\nc\n"),
        ("echo a b | while read x y; do echo $y $x; done", "b a\n"),
        ("seq 3 | while read n; do echo $((n * 2)); done | tail -1", "6\n"),
        ("X=1; echo | X=2; echo $X", "1\n"),
        ("false | true; echo $?; true | false; echo $?", "0\n1\n"),
        ("! true; echo $?; ! false && echo yes", "1\nyes\n"),
        ("exit 3 | cat; echo $?", "0\n"),
        ("cat | cat | cat", "typed\n"),
        # substitutions
        ("echo $(echo a) b", "a b\n"),
        ('echo "$(echo "a  b")"', "a  b\n"),
        ("echo `echo a`", "a\n"),
        ("X=$(seq 3); echo $X", "1 2 3\n"),
        ("X=$(false); echo $?", "1\n"),
        ("echo $(echo $(echo deep))", "deep\n"),
        ("echo $(echo ')' \"(\")", ") (\n"),
        ("for n in $(seq 2); do echo n$n; done", "n1\nn2\n"),
        ("echo there are $(ls | wc -l) files", "there are 0 files\n"),
        ("i=0; while [ $i -lt 3 ]; do i=$((i + 1)); echo $i; done", "1\n2\n3\n"),
        ("i=7; echo $(( ($i - 1) / 4 % 3 )) $((-7 / 2)) $((2 < 3))", "1 -3 1\n"),
        # groups
        ("(X=1; cd /; echo $X); echo [$X]; pwd", "1\n[]\n/data\n"),
        ("{ X=1; echo a; }; echo $X", "a\n1\n"),
        ("(exit 4); echo $?", "4\n"),
        ("(echo a) && (false || echo b)", "a\nb\n"),
        # redirections
        ("seq 3 >f; cat <f; wc -l <f; wc -l f", "1\n2\n3\n3\n3 f\n"),
        ("{ echo a; echo b; } >f; while read x; do echo [$x]; done <f", "[a]\n[b]\n"),
        ("echo a | tee f | tr a b; cat f", "b\na\n"),
        ("cat </dev/null | wc -c", "0\n"),
        # commands
        ("seq 12 | grep -c 1; seq 12 | grep -n '^1.$'", "4\n10:10\n11:11\n12:12\n"),
        ("seq 5 | grep -v -E '2|4'; seq 3 | grep -q 9 || echo no", "1\n3\n5\nno\n"),
        ("echo Error | grep -i error; echo a.b | grep -F a.b", "Error\na.b\n"),
        ("echo root:x:0 | cut -d: -f1,3; echo abcdef | cut -c2-4", "root:0\nbcd\n"),
        ("printf 'b\\na\\nb\\n' | sort | uniq -c", "      1 a\n      2 b\n"),
        ("printf '10\\n9\\n' | sort -n; printf 'b\\na\\n' | sort -r", "9\n10\nb\na\n"),
        ("printf 'x 2\\ny 1\\n' | sort -k2 -n; echo a | sort -u", "y 1\nx 2\na\n"),
        ("echo hello | tr a-z A-Z; echo a-b_c | tr -d _-", "HELLO\nabc\n"),
        ("echo aabb | tr -s ab; echo hi | tr '[:lower:]' '[:upper:]'", "ab\nHI\n"),
        ("seq 5 | tail -2; seq 5 | tail -n +4; seq 9 | head -c 3", "4\n5\n4\n5\n1\n2"),
        ("echo one two | wc; printf é | wc -c; printf é | wc -m", None),
        ("date +%s; uname; id -u; hostname; true; echo $?", "0\nLinux\n0\nweb-1\n0\n"),
        ("[ -n x ] && test 1 -lt 2 && printf '%s\\n' ok", "ok\n"),
    ],
)
async def test_script_that_users_type_first(script: str, output: str | None) -> None:
    if output is None:
        output = "".join(f"{n:>10}" for n in (1, 2, 8)) + "\n2\n1\n"

    assert await run(script, "typed\n") == (0, output, "") or ">&2" in script


@pytest.mark.parametrize(
    ("script", "code", "error"),
    [
        ("nosuch | cat", 0, "sh: nosuch: not found\n"),
        ("cat | nosuch", 127, "sh: nosuch: not found\n"),
        ("cat <missing", 1, "sh: can't open missing: No such file or directory\n"),
        ("grep '['", 2, "grep: "),
        ("grep -z x", 2, "grep: unrecognized option: z\n"),
        ("head missing", 1, "head: missing: No such file or directory\n"),
        ("head -n x", 1, "head: invalid number 'x'\n"),
        ("echo $((1 / 0))", 2, "sh: divide by zero\n"),
        ("echo $((x y))", 2, "sh: arithmetic syntax error\n"),
        ("echo $((2 ** 9))", 2, "sh: arithmetic syntax error\n"),
        ("read 1", 2, "sh: read: 1: bad variable name\n"),
        ("read x", 1, ""),
    ],
)
async def test_script_that_fails_names_the_reason(
    script: str, code: int, error: str
) -> None:
    found, _, stderr = await run(script)

    assert found == code
    assert stderr.startswith(error)


async def test_lines_of_a_pipe_appear_one_by_one() -> None:
    clock = ManualClock(0)
    script = "for n in 1 2; do echo $n; sleep 60; done | while read x; do echo $x; done"
    session = Session(script, clock=clock)

    await session.until("1\n")
    await clock.advance(60)
    await session.until("1\n2\n")
    await clock.advance(60)

    assert await session.task == 0


@pytest.mark.parametrize(
    "script",
    [
        "yes >/dev/null",
        "yes | cat >/dev/null",
        "yes | grep n",
        "yes | while read x; do :; done",
        "while :; do echo $(echo a) | tr a b; done >/dev/null",
    ],
)
async def test_busy_pipe_does_not_block_other_tasks(script: str) -> None:
    session = Session(script)

    for _ in range(500):
        await asyncio.sleep(0)

    assert not session.task.done()
    session.task.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({session.task})


@pytest.mark.parametrize(
    "script",
    ["yes | sort", "X=$(yes)", 'F=\'sh -c "$F | $F"\'; export F; eval; sh -c "$F"'],
)
async def test_endless_growth_ends_with_an_error(script: str) -> None:
    code, _, stderr = await run(script)

    assert code
    assert stderr


@pytest.mark.parametrize(
    ("text", "options", "matching", "other"),
    [
        ("^a.*b$", {}, ["ab", "axxb"], ["xab", "abx"]),
        ("a*", {}, ["", "b"], []),
        ("^$", {}, [""], ["a"]),
        ("a|b", {}, ["a|b"], ["a", "b"]),
        (r"a\|b", {}, ["a", "b"], ["c"]),
        ("a|b", {"extended": True}, ["a", "b"], ["c"]),
        ("^(ab)+c?$", {"extended": True}, ["ab", "ababc"], ["a", "abab cc"]),
        ("[^0-9]x", {}, ["ax"], ["0x"]),
        ("^[[:digit:]]*$", {}, ["012"], ["0a"]),
        (r"a\.b", {}, ["a.b"], ["axb"]),
        ("*", {}, ["*"], ["a"]),
        ("a.c", {"fixed": True}, ["a.c"], ["abc"]),
        ("É", {"ignore_case": True}, ["é"], ["e"]),
        ("ab", {"whole": True}, ["ab"], ["abc", "xab"]),
    ],
)
async def test_pattern_matches_as_grep_does(
    text: str, options: dict[str, bool], matching: list[str], other: list[str]
) -> None:
    pattern = Pattern(text, **options)

    assert [line for line in matching if not await pattern.search(line)] == []
    assert [line for line in other if await pattern.search(line)] == []


@pytest.mark.parametrize("text", ["(", "a)", "[", "a{2}", "x" * 2000])
def test_pattern_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Pattern(text, extended=True)


async def test_pattern_that_backtracks_elsewhere_ends() -> None:
    pattern = Pattern("^(a+)+$", extended=True)

    assert not await pattern.search("a" * 50_000 + "b")
