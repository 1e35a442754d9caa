"""``run`` and ``batch``: one service from the command line, and many from a file."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from typing import Annotated, Any, cast

import typer
from rich.progress import Progress

from ...batch import LIMIT, JobResult, run_jobs
from ...batch.job import terminate, to_the_end
from ...resources.managed import WAIT_TIMEOUT
from ...types import Service, ServiceFields
from ...wire import states
from ..columns import BY_KIND
from ..exits import FAILED, SUCCESS
from ..frame import Cli, command
from ..options import argument, option
from ..output import Columns, Form
from ..printing import LogPrinter
from ..tables import progress_console
from ..values import at_least, checked, seconds

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "run", examples=_RUN, verbatim=True)(run)
    command(app, "batch", examples=_BATCH)(batch)


# --- run ----------------------------------------------------------------------------

_RUN = """
    aiodockercloud run busybox -- echo hello
    aiodockercloud run -e LEVEL=debug acme/report -- report --month 5
    aiodockercloud run -d --name web -p 8080:80 nginx
    aiodockercloud run --set memory=64 --set autorestart=ON_FAILURE acme/job
"""


def _field(text: str) -> tuple[str, Any]:
    """Return name and value of ``FIELD=VALUE``, whose value may be JSON."""
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise ValueError(f"{text!r} is not FIELD=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _variable(text: str) -> tuple[str, str]:
    """Return name and value of ``NAME=VALUE``; ``NAME`` has the value of this process.

    Raises:
        ValueError: The text has no name, or the environment has no such variable.
    """
    name, separator, value = text.partition("=")
    if separator and name:
        return name, value
    if text in os.environ:
        return text, os.environ[text]
    raise ValueError(f"{text!r} is not NAME=VALUE, nor a variable of this environment")


async def run(
    cli: Cli,
    image: Annotated[str, argument(metavar="IMAGE")],
    words: Annotated[list[str] | None, argument(metavar="[-- COMMAND...]")] = None,
    name: Annotated[
        str | None, option("--name", metavar="NAME", help="name of the service")
    ] = None,
    env: Annotated[
        list[Any] | None,
        option(
            "--env",
            "-e",
            metavar="NAME=VALUE",
            parser=checked(str, _variable),
            help="variable of the containers; without a value that of this environment",
        ),
    ] = None,
    publish: Annotated[
        list[str] | None,
        option("--publish", "-p", metavar="PORT", help="port, as 8080:80 or 80"),
    ] = None,
    fields: Annotated[
        list[Any] | None,
        option(
            "--set",
            metavar="FIELD=VALUE",
            parser=checked(str, _field),
            help="any field of a service, its value as JSON or text",
        ),
    ] = None,
    detach: Annotated[
        bool,
        option(
            "--detach", "-d", help="return when the service runs, and let it run on"
        ),
    ] = False,
    keep: Annotated[
        bool, option("--keep", help="keep the service when the command has ended")
    ] = False,
    timeout: Annotated[  # noqa: ASYNC109 - an option of the user
        Any,
        option(
            "--timeout",
            metavar="TIME",
            parser=checked(str, seconds),
            help="time to wait at most (default: no limit, with -d 10m)",
        ),
    ] = None,
) -> int:
    """Run a command in a service of its own, and end with the command's status.

    The output of the containers is printed. At the end, and after Ctrl-C, the service
    is removed. With -d, the service is started like any other and stays.
    """
    line = [] if words is None else words[1:] if words[:1] == ["--"] else words
    definition: dict[str, Any] = {"image": image, **dict(fields or ())}
    if name:
        definition["name"] = name
    if line:
        definition["run_command"] = join(line)
    if env:
        definition["container_envvars"] = dict(env)
    if publish:
        definition["container_ports"] = publish
    if detach:
        with cli.output.waiting(f"starting {image} …"):
            service = await cli.cloud.services.run(
                **definition, timeout=timeout or WAIT_TIMEOUT
            )
        cli.output.rows([service], BY_KIND["service"])
        return SUCCESS
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            return await _attached(cli, cast(ServiceFields, definition), keep)
    except TimeoutError:
        if not limit.expired():
            raise
        raise TimeoutError(f"the job has not ended within {timeout:g} s") from None


async def _attached(cli: Cli, definition: ServiceFields, keep: bool) -> int:
    services = cli.cloud.services
    # A task of its own: a service that the server creates must be known to be removed.
    creating = asyncio.create_task(services.create(**definition))
    try:
        await asyncio.wait([creating])
        service = creating.result()
        started = await services.start(service)
        async with asyncio.TaskGroup() as group:
            group.create_task(services.wait(started, states.STOPPED, timeout=None))
            group.create_task(_print(cli, service))
        codes = [one["exit_code"] for one in await services.containers(service)]
    finally:
        if not keep:
            await to_the_end(_removed(cli, creating))
    return next((code for code in codes if code), SUCCESS)


async def _print(cli: Cli, service: Service) -> None:
    printer = LogPrinter(as_json=cli.output.form is Form.JSON)
    async with cli.cloud.services.logs(service, until="stopped") as lines:
        async for line in lines:
            printer.print(line)


async def _removed(cli: Cli, creating: asyncio.Task[Service]) -> None:
    """Remove the service, if the server has created one."""
    await asyncio.wait([creating])
    if not creating.cancelled() and creating.exception() is None:
        await terminate(cli.cloud, creating.result()["resource_uri"])


# --- batch --------------------------------------------------------------------------

_BATCH = """
    aiodockercloud batch jobs.jsonl --limit 20 --retries 2 > results.jsonl
    generate-jobs | aiodockercloud batch -

    A line of jobs.jsonl: {"image": "acme/job", "run_command": "work 1"}
"""

_RESULTS: Columns = {
    "JOB": lambda one: one["number"],
    "OK": lambda one: "yes" if one["ok"] else "no",
    "EXIT CODES": lambda one: ", ".join(map(str, one["exit_codes"])),
    "ATTEMPTS": lambda one: one["attempts"],
    "ERROR": lambda one: (one["error"] or "").partition("\n")[0],
}


async def batch(
    cli: Cli,
    file: Annotated[
        str,
        argument(
            metavar="FILE",
            help="JSON lines, or a list in YAML or JSON; - is standard input",
        ),
    ],
    limit: Annotated[
        Any,
        option(
            "--limit",
            metavar="N",
            parser=at_least(1),
            help="jobs at once (default: 50)",
        ),
    ] = LIMIT,
    retries: Annotated[
        Any,
        option(
            "--retries",
            metavar="N",
            parser=at_least(0),
            help="further attempts (default: 0)",
        ),
    ] = 0,
    timeout: Annotated[  # noqa: ASYNC109 - an option of the user
        Any,
        option(
            "--timeout",
            metavar="TIME",
            parser=checked(str, seconds),
            help="time for each attempt of a job (default: 10m)",
        ),
    ] = WAIT_TIMEOUT,
) -> int:
    """Run many jobs: a service for each, which is removed at its end.

    A job has the fields of a service. Each result is printed as one line of JSON as
    soon as the job has ended, with the number of the job in the file. The status is 1
    when a job has failed. Ctrl-C removes all services of the batch.
    """
    jobs = _jobs(await asyncio.to_thread(_read, file))
    numbers = {id(job): number for number, job in enumerate(jobs, 1)}
    failed = 0
    rows: list[dict[str, Any]] = []
    as_table = cli.output.form is Form.TABLE
    # Where results are read on a terminal as they come, they show the progress.
    shows_bar = as_table or not sys.stdout.isatty()
    with _bar(len(jobs) if shows_bar else 0) as advance:

        def ended(done: int, total: int | None, result: JobResult) -> None:
            nonlocal failed
            failed += not result.ok
            row = _result(numbers[id(result.job)], result)
            if as_table:
                rows.append(row)
            else:
                cli.output.line(row)
            advance(failed)

        await run_jobs(
            cli.cloud,
            jobs,
            limit=limit,
            retries=retries,
            timeout=timeout,
            progress=ended,
        )
    if as_table:
        cli.output.rows(sorted(rows, key=lambda row: int(row["number"])), _RESULTS)
    return FAILED if failed else SUCCESS


def _read(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")


def _jobs(text: str) -> list[ServiceFields]:
    """Return the jobs of a text: JSON lines, or one list in YAML or JSON.

    Raises:
        ValueError: A job is no object, or has no image; the message names its place.
    """
    if text.lstrip().startswith("{"):
        lines = enumerate(text.splitlines(), 1)
        found = [
            (f"line {number}", _line(number, line)) for number, line in lines if line
        ]
    else:
        # Here, because only lists in YAML need the package, which is slow to import.
        import yaml  # noqa: PLC0415

        try:
            items = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"the jobs are neither JSON nor YAML: {error}") from error
        if not isinstance(items, list):
            raise ValueError("the jobs must be JSON lines, or a list in YAML or JSON")
        found = [(f"job {number}", item) for number, item in enumerate(items, 1)]
    for place, job in found:
        if not isinstance(job, Mapping) or "image" not in job:
            raise ValueError(f"{place}: a job is an object with at least an image")
    return [cast(ServiceFields, job) for _, job in found]


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number} is not JSON: {error}") from None


def _result(number: int, result: JobResult) -> dict[str, Any]:
    return {
        "number": number,
        "ok": result.ok,
        "exit_codes": result.exit_codes,
        "attempts": result.attempts,
        "error": None if result.error is None else str(result.error),
        "output": result.output,
        "job": result.job,
    }


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    """Show a progress bar on a terminal; yields a function to call after each job."""
    console = progress_console()
    if console is None or not total:
        yield lambda failed: None
        return
    with Progress(console=console, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("jobs", total=total)

        def advance(failed: int) -> None:
            text = f"jobs, {failed} failed" if failed else "jobs"
            progress.update(task, advance=1, description=text)

        yield advance
