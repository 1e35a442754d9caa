"""The small shell of the embedded engine: its grammar, its commands, its input."""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple

import pytest

from aiodockercloud.server.engines.embedded.clock import ManualClock
from aiodockercloud.server.engines.embedded.shell import (
    Pipe,
    Place,
    Shell,
    unsupported,
)
from aiodockercloud.server.engines.embedded.shell.grammar import (
    For,
    If,
    Loop,
    Simple,
    parse,
)
from aiodockercloud.server.engines.embedded.shell.lexer import (
    Incomplete,
    Part,
    Redirect,
    ShellError,
    Stream,
)

# --- grammar: text in, commands out ---------------------------------------------------


def only(script: str) -> object:
    [[(_, command)]] = parse(script)
    return command


def test_parse_words_splits_at_blanks() -> None:
    assert only("echo  a\tb") == Simple(
        (), ((Part("echo"),), (Part("a"),), (Part("b"),)), ()
    )


def test_parse_comment_is_left_out() -> None:
    assert parse("# nothing\n") == ()
    assert only("echo a#b # c") == Simple((), ((Part("echo"),), (Part("a#b"),)), ())


def test_parse_joints_keeps_them_in_order() -> None:
    [joined, last] = parse("a && b ||\n c; d")

    assert [joint for joint, _ in joined] == ["", "&&", "||"]
    assert len(last) == 1


def test_parse_assignment_before_command_only() -> None:
    command = only("A=1 B= c D=2")

    assert isinstance(command, Simple)
    assert [name for name, _ in command.assignments] == ["A", "B"]
    assert command.words == ((Part("c"),), (Part("D=2"),))


def test_parse_redirects_names_streams() -> None:
    command = only("a >&2 2>&1 2>/dev/null > /dev/stderr >>f")

    assert isinstance(command, Simple)
    assert command.redirects == (
        Redirect("stdout", copy="stderr"),
        Redirect("stderr", copy="stdout"),
        Redirect("stderr", target=(Part("/dev/null"),)),
        Redirect("stdout", target=(Part("/dev/stderr"),)),
        Redirect("stdout", target=(Part("f"),), append=True),
    )


def test_parse_compound_commands() -> None:
    assert isinstance(only("while true; do a; done"), Loop)
    assert isinstance(only("until true\ndo\na\ndone"), Loop)
    assert isinstance(only("for x in 1 2; do a; done"), For)
    assert isinstance(only("if a; then b; elif c; then d; else e; fi"), If)


@pytest.mark.parametrize(
    "script",
    [
        *("echo 'a", 'echo "a', "while true; do", "if a; then", "a &&", "for x in"),
        *("a \\", "a |", "(a", "{ a;", "echo $(a", "echo `a", "echo $((1", "! "),
    ],
)
def test_parse_open_end_is_incomplete(script: str) -> None:
    with pytest.raises(Incomplete):
        parse(script)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("done", 'unexpected "done"'),
        ("; a", 'unexpected ";"'),
        ("a ;; b", 'unexpected ";;"'),
        ("while true; do done", 'unexpected "done"'),
        ("a &", "'&' is not supported"),
        ("f() { a; }", "'(' is not supported"),
        ("cat << x", "'<<' is not supported"),
        ("case x in y) a;; esac", "'case' is not supported"),
        ("echo ${x%y}", "is not supported"),
        ("echo $(a &)", "'&' is not supported"),
        ("a | | b", 'unexpected "|"'),
        ("( )", 'unexpected ")"'),
        ("}", 'unexpected "}"'),
        ("$(" * 20 + ")" * 20, "nested too deeply"),
        ("while a; do " * 5000, "nested too deeply"),
    ],
)
def test_parse_wrong_or_unsupported_names_the_text(script: str, message: str) -> None:
    with pytest.raises(ShellError, match=re.escape(message)):
        parse(script)


# --- running --------------------------------------------------------------------------


class Result(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


async def run(
    *argv: str,
    stdin: str = "",
    environment: dict[str, str] | None = None,
    clock: ManualClock | None = None,
    place: Place | None = None,
) -> Result:
    written: dict[Stream, str] = {"stdout": "", "stderr": ""}

    async def write(stream: Stream, text: str) -> None:
        written[stream] += text

    source = Pipe()
    await source.feed(stdin)
    source.end()
    shell = Shell(
        environment or {},
        write=write,
        stdin=source,
        clock=clock or ManualClock(0),
        place=place or Place(hostname="web-1"),
    )
    async with asyncio.timeout(60):
        exit_code = await shell.run(argv)
    return Result(exit_code, written["stdout"], written["stderr"])


@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("echo hi", "hi\n"),
        ("echo -n hi", "hi"),
        (r"echo -e 'a\tb\x41\0101'", "a\tbAA\n"),
        (r"echo 'a\tb'", "a\\tb\n"),
        ("echo a  b 'c  d'", "a b c  d\n"),
        ("echo \"$A\" '$A' ${A}x $A", "1  2 $A 1 2x 1 2\n"),
        ("echo ${NONE:-other} ${NONE}.", "other .\n"),
        ('echo "a\\"b\\$A" a\\ b', 'a"b$A a b\n'),
        ("X=5; echo $X; echo $Xy.", "5\n.\n"),
        ("echo $NONE", "\n"),
        ('printf "%s-%s\\n" "" "$NONE"', "-\n"),
        ("true && echo yes || echo no", "yes\n"),
        ("false && echo yes || echo no", "no\n"),
        ("false; echo $?; echo $?", "1\n0\n"),
        ("for x in a $A 'b c'; do echo $x; done", "a\n1\n2\nb c\n"),
        (
            "for x in 1 2 3; do if [ $x = 2 ]; then continue; fi; echo $x; done",
            "1\n3\n",
        ),
        ("while true; do echo once; break; done; echo after", "once\nafter\n"),
        ('until [ -n "$X" ]; do X=x; echo loop; done', "loop\n"),
        ("if false; then echo a; elif true; then echo b; else echo c; fi", "b\n"),
        ("X=in sh -c 'echo $X'; echo .$X", "in\n.\n"),
        ("X=local; sh -c 'echo .$X'", ".\n"),
        ("export X=out; /bin/sh -c 'echo $X'", "out\n"),
        ("bash -c 'echo $0 $2 $#' name a b", "name b 2\n"),
        ("sh -c 'exit 3'; echo $?", "3\n"),
        ("/usr/bin/printf '%s=%d\\n' a 1 b x", "a=1\nb=0\n"),
        ("printf 100%%", "100%"),
        ("env", "A=1  2\n"),
        ("env B=3 printenv B", "3\n"),
        ("printenv A", "1  2\n"),
        ("pwd; cd /srv; cd app; pwd; cd ..; pwd", "/\n/srv/app\n/srv\n"),
        ("hostname; whoami; id -un; uname", "web-1\nroot\nroot\nLinux\n"),
        ("date; date +%s", "Thu Jan  1 00:00:00 UTC 1970\n0\n"),
        ("seq 3; seq 2 3; seq 6 -2 1", "1\n2\n3\n2\n3\n6\n4\n2\n"),
        ("ls; ls /nowhere", ""),
        ("[ 1 -lt 2 ] && test -d / && [ ! -f /x ] && [ a != b ] && echo ok", "ok\n"),
        ("echo hi >/dev/null; echo ho", "ho\n"),
        ("nosuch 2>&1", "sh: nosuch: not found\n"),
        ("echo a\\\nb", "ab\n"),
        ("exec echo last; echo never", "last\n"),
    ],
)
async def test_script_writes_output(script: str, output: str) -> None:
    result = await run("sh", "-c", script, environment={"A": "1  2"})

    assert (result.stdout, result.stderr) == (output, "")


@pytest.mark.parametrize(
    ("script", "exit_code", "stderr"),
    [
        ("exit 7; echo never", 7, ""),
        ("exit 256", 0, ""),
        ("false; exit", 1, ""),
        ("false", 1, ""),
        ("nosuch a b", 127, "sh: nosuch: not found\n"),
        ("/bin/nosuch", 127, "sh: /bin/nosuch: not found\n"),
        ("echo oops >&2; exit 2", 2, "oops\n"),
        ("echo a >/etc/x", 1, "sh: can't create /etc/x: Read-only file system\n"),
        ("cat /etc/x", 1, "cat: can't open '/etc/x': No such file or directory\n"),
        ("sleep x", 1, "sleep: invalid number 'x'\n"),
        ("sleep nan", 1, "sleep: invalid number 'nan'\n"),
        ("set -e; false; exit 9", 1, ""),
        ("set -e; false || true; if false; then :; fi; exit 9", 9, ""),
        ("echo 'open", 2, "sh: syntax error: unterminated quoted string\n"),
        ("[ a -lt b ]", 2, "sh: test: bad number or unknown operand\n"),
        ("[ a", 2, "sh: [: missing ]\n"),
        ("sh script.sh", 2, "sh: can't open 'script.sh': No such file or directory\n"),
    ],
)
async def test_script_ends_with_exit_code(
    script: str, exit_code: int, stderr: str
) -> None:
    assert await run("sh", "-c", script) == Result(exit_code, "", stderr)


async def test_run_without_shell_expands_nothing() -> None:
    result = await run("echo", "$A", "&&", environment={"A": "1"})

    assert result == Result(0, "$A &&\n", "")


async def test_ls_la_shows_an_empty_directory() -> None:
    lines = (await run("ls", "-la")).stdout.splitlines()

    assert lines[0] == "total 0"
    assert [line.split()[-1] for line in lines[1:]] == [".", ".."]


async def test_cat_copies_stdin() -> None:
    assert await run("cat", stdin="a\nb") == Result(0, "a\nb", "")


async def test_sh_reads_commands_from_stdin() -> None:
    typed = "echo one\rfor x in 2 3; do\r\necho $x\ndone\nnosuch &\nexit 4\necho never"

    result = await run("sh", stdin=typed)

    assert result.stdout == "one\n2\n3\n"
    assert "'&' is not supported" in result.stderr
    assert result.exit_code == 4


async def test_sh_stdin_ends_inside_quote_complains() -> None:
    result = await run("sh", stdin="echo 'open\n")

    assert result == Result(2, "", "sh: syntax error: unterminated quoted string\n")


@pytest.mark.parametrize(
    "script",
    [
        "X=aaaaaaaaaa; while true; do X=$X$X; done",
        "X=aaaaaaaaaa; while true; do X=$X$X$X; set -- $X; done",
    ],
)
async def test_growing_variable_ends_the_script(script: str) -> None:
    result = await run("sh", "-c", script)

    assert result.exit_code == 2
    assert result.stderr


async def test_endless_recursion_ends_the_script() -> None:
    again = 'sh -c "$AGAIN"'

    result = await run("sh", "-c", again, environment={"AGAIN": again})

    assert result == Result(2, "", "sh: nested too deeply\n")


@pytest.mark.parametrize(
    ("domainname", "output"),
    [
        ("example.com", "web.eu\nweb.eu.example.com\nexample.com\nweb\n/srv/app\n"),
        ("", "web.eu\nweb.eu\n\nweb\n/srv/app\n"),
    ],
)
async def test_shell_reports_its_place(domainname: str, output: str) -> None:
    place = Place(hostname="web.eu", domainname=domainname, directory="/srv/app")

    script = "hostname; hostname -f; hostname -d; hostname -s; pwd"
    result = await run("sh", "-c", script, place=place)

    assert result == Result(0, output, "")


async def test_sleep_waits_by_the_clock() -> None:
    clock = ManualClock(0)
    task = asyncio.create_task(run("sh", "-c", "sleep 1m; date +%s", clock=clock))

    await clock.advance(59)
    assert not task.done()
    await clock.advance(2)

    assert (await task).stdout == "60\n"


async def test_loop_without_pause_does_not_block_other_tasks() -> None:
    loop = asyncio.create_task(run("sh", "-c", "while true; do true; done"))

    for _ in range(100):
        await asyncio.sleep(0)

    assert not loop.done()
    loop.cancel()
    await asyncio.wait({loop})


async def test_stdin_writer_far_ahead_waits_for_reader() -> None:
    stdin = Pipe()
    await stdin.feed("x\n" * 200_000)
    second = asyncio.create_task(stdin.feed("y\n"))
    await asyncio.sleep(0)
    assert not second.done()

    async with asyncio.timeout(60):
        lines = [await stdin.readline() for _ in range(200_001)]

    assert lines[-1] == "y\n"
    assert second.done()


async def test_stdin_after_the_end_refuses_text() -> None:
    stdin = Pipe()
    await stdin.feed("a")
    stdin.end()

    with pytest.raises(BrokenPipeError):
        await stdin.feed("c\n")

    assert [await stdin.readline() for _ in range(3)] == ["a", "", ""]


async def test_pipe_without_a_reader_releases_the_waiting_writer() -> None:
    pipe = Pipe()
    await pipe.feed("x\n" * 200_000)
    waiting = asyncio.create_task(pipe.feed("y\n"))
    await asyncio.sleep(0)

    pipe.close()

    with pytest.raises(BrokenPipeError):
        await waiting


async def test_read_returns_what_has_arrived_without_waiting_for_a_newline() -> None:
    pipe = Pipe()
    await pipe.feed("a\r\nb\n\n")
    await pipe.feed("c")

    assert await pipe.read() == "a\r\nb\n\nc"


@pytest.mark.parametrize(
    "pieces", [["a\rb\r\nc\n"], ["a\rb\r", "\nc\n"], list("a\rb\rc\n")]
)
async def test_typed_line_ends_at_a_carriage_return(pieces: list[str]) -> None:
    pipe = Pipe()
    for piece in pieces:
        await pipe.feed(piece)
    pipe.end()

    lines = []
    while line := await pipe.readline(typed=True):
        lines.append(line.rstrip("\n"))

    assert [line for line in lines if line] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["redis-server", "--appendonly", "yes"], "redis-server is not a program"),
        (["/opt/run"], "/opt/run is not a program"),
        (["sh", "/start.sh"], "/start.sh does not exist"),
        (["sh", "-c", "ps & grep x"], "the script cannot be read"),
        (["sh", "-c", "-e", "ps & grep x"], "the script cannot be read"),
        (["sh", "-c", "nonsense; exit 3"], None),
        (["/bin/echo", "hi"], None),
        (["sh"], None),
        ([], None),
    ],
)
def test_unsupported_names_what_can_only_be_simulated(
    argv: list[str], reason: str | None
) -> None:
    found = unsupported(argv)

    assert (found is None) == (reason is None)
    assert (found or "").startswith(reason or "")
