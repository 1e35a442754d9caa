"""The quickstart example, run as a user runs the program, on every real stack file."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from tests.support.programs import QUICKSTART, environment, quiet
from tests.support.realfiles import BAD, GOOD, STACKFILES

# The first test waits for the runs of all stack files.
pytestmark = pytest.mark.timeout(1500)

#: Seconds after which a run counts as hanging; a single run takes less than five.
LIMIT = 120.0
#: Runs at a time: mostly they wait.
AT_ONCE = 4


class Ended(NamedTuple):
    status: int
    out: str
    err: str


def quickstart(file: str) -> Ended:
    arguments = [str(STACKFILES / file)] if file else []
    ended = subprocess.run(
        [*QUICKSTART, *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        env=environment(),
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, quiet(ended.stderr))


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Mapping[str, Ended]:
    """What became of each file that the chosen tests ask for, several at a time."""
    wanted: list[str] = [
        str(item.callspec.params["file"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.module is request.module
        and "runs" in item.fixturenames
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(wanted, pool.map(quickstart, wanted), strict=True))


@pytest.mark.parametrize("file", ["", *GOOD])
def test_stack_file_comes_up_and_goes_down(
    runs: Mapping[str, Ended], file: str
) -> None:
    status, out, err = runs[file]

    assert err == ""
    assert status == 0
    assert out.endswith("==> done; containers left: none\n")
    assert "==> deploying" in out
    assert "==> terminating it" in out


@pytest.mark.parametrize("file", BAD)
def test_other_file_is_refused_by_naming_the_place(
    runs: Mapping[str, Ended], file: str
) -> None:
    status, out, err = runs[file]

    assert status == 1
    assert err.count("\n") == 1
    assert str(STACKFILES / file) in err
    place = r"Compose|version|service \S+: (key \S+: )?\S|key \S+: \S"
    assert re.search(place, err.partition(file)[2])
    assert "==> deploying" not in out


def test_missing_file_is_refused_by_name() -> None:
    status, _, err = quickstart("no-such-file.yml")

    assert status == 1
    assert "no-such-file.yml" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "moment",
    [
        "a cloud on the embedded engine is ready",
        "deploying",
        "following the logs",
        "redeploying",
        "terminating",
    ],
)
def test_ctrl_c_ends_it_cleanly(moment: str) -> None:
    """Ctrl-C ends the demonstration with status 0: to stop is not a failure."""
    with subprocess.Popen(
        QUICKSTART,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(),
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith(f"==> {moment}"):
                    break
            else:
                pytest.fail(f"it never said: {moment}")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LIMIT)
        finally:
            process.kill()

    assert quiet(err) == ""
    assert process.returncode == 0
    assert out.endswith("==> interrupted; everything is down\n")
