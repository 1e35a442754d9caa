"""One container of the embedded engine: its runs, its restarts, its end."""

from __future__ import annotations

import asyncio
import secrets
import signal
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from ....wire.exec import SIGKILL_EXIT_CODE
from ....wire.service_fields import ALWAYS, ON_FAILURE
from .. import ContainerObservation, ContainerSpec
from .clock import Clock
from .exec import ShellSession
from .files import Files
from .health import HealthCheck
from .images import Image, command_line
from .logs import Log
from .network import Endpoint, Network
from .nodes import EmbeddedNode
from .place import Place
from .runtime import Container
from .settings import EmbeddedSettings
from .text import to_valid

__all__ = ["EmbeddedContainer"]

#: The exit code of a process that a signal ended is the number of the signal above.
_KILLED_BY = 128

_State = Literal["starting", "running", "stopped", "gone"]


class EmbeddedContainer:
    """A container, running or not. Each of its runs is a ``Container``.

    Args:
        spec: The specification from the control plane.
        image: The image to run.
        node: The node of the container.
        network: The private network of the engine, which the container joins.
        files: The file system of the container.
        log: The log of all runs.
        clock: The clock of the engine.
        settings: The settings of the engine.
        report: Called with each change, unless the node is unreachable.
    """

    def __init__(
        self,
        spec: ContainerSpec,
        image: Image,
        node: EmbeddedNode,
        *,
        network: Network,
        files: Files,
        log: Log,
        clock: Clock,
        settings: EmbeddedSettings,
        report: Callable[[ContainerObservation], None],
    ) -> None:
        self.spec = spec
        self.node = node
        self.files = files
        self.log = log
        self.state: _State = "stopped"
        self._image = image
        self._clock = clock
        self._settings = settings
        self._report = report
        self._command: Sequence[str] = ()
        self._network = network
        self._endpoint: Endpoint = network.join(spec)
        options = spec.options
        self._place = Place(
            hostname=str(options.get("hostname") or spec.name),
            domainname=str(options.get("domainname") or ""),
            user=str(options.get("user") or "root"),
            directory=str(options.get("working_dir") or "/"),
            files=files,
        )
        private_ip = self._endpoint.address
        self._environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOSTNAME": self._place.hostname,
            "HOME": "/root",
            **image.info.environment,
            **spec.environment,
            **dict.fromkeys(spec.address_variables, f"{private_ip}/16"),
        }
        self._docker_id = secrets.token_hex(32)
        self._ports = node.claim((), ())
        self._exit_code: int | None = None
        self._message = ""
        self._task: asyncio.Task[int] | None = None
        self._run: Container | None = None
        #: Exit codes of a run that ``stop`` or ``crash`` cancels.
        self._ending: int | None = None
        self._crash: int | None = None
        self._sessions: set[ShellSession] = set()
        self._health = HealthCheck(
            options.get("healthcheck"),
            expected=image.reports_health,
            execute=self.exec,
            clock=clock,
            changed=self._health_changed,
        )

    @property
    def active(self) -> bool:
        """Whether the container runs or waits for its restart."""
        return self._task is not None

    def observation(self) -> ContainerObservation:
        """Return the container as the engine reports it."""
        return ContainerObservation(
            uuid=self.spec.uuid,
            state=self.state,
            exit_code=self._exit_code,
            health=self._health.health,
            message=self._message,
            docker_id=self._docker_id,
            private_ip=self._endpoint.address,
            ports={key: tuple(found) for key, found in self._ports.numbers.items()},
        )

    # --- operations -------------------------------------------------------------------

    def launch(self) -> None:
        """Start the container, which must not be active.

        Raises:
            EngineError: The command cannot be split into words, or a host port is
                taken.
        """
        self._command = command_line(self.spec, self._image.info)
        self._ports = self.node.claim(self.spec.ports, self._image.info.ports)
        self._endpoint.reserve(self._image.info.ports)
        self._ending = self._crash = None
        self._message = ""
        self._health.begin()
        self._change("running")
        self._task = asyncio.create_task(self._keep_running())
        # A callback, because a task cancelled early never enters _keep_running.
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Ask the function to stop; cancel the function when the grace has passed.

        A function that does not wait for the request is cancelled at once, as every
        function with the stop signal SIGKILL.
        """
        options = self.spec.options
        grace = options.get("stop_grace_period")
        if _stop_signal(options) == signal.SIGKILL:
            grace = 0
        await self._end(self._settings.stop_grace if grace is None else grace)

    async def kill(self) -> None:
        """Cancel the function at once."""
        await self._end(0)

    async def _end(self, grace: float) -> None:
        task = self._task
        if task is None:
            return
        sessions = list(self._sessions)
        self._ending = SIGKILL_EXIT_CODE
        if grace:
            self._ending = _KILLED_BY + _stop_signal(self.spec.options)
        if grace and self._run is not None:
            self._run.stopping.set()
            if self._run.stops_itself:
                timer = asyncio.create_task(self._clock.sleep(grace))
                try:
                    await asyncio.wait({task, timer}, return_when="FIRST_COMPLETED")
                finally:
                    timer.cancel()
                await asyncio.wait({timer})
                self._ending = SIGKILL_EXIT_CODE
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=self._settings.cancel_again)
        for session in sessions:
            await session.close()

    def crash(self, exit_code: int) -> None:
        """End the present run with an exit code, as if the function had returned."""
        self._crash = exit_code & 255
        if self._task is not None and self._run is not None:  # else not begun yet
            self._task.cancel()

    def exec(self, command: Sequence[str]) -> ShellSession:
        """Run a command in the container; the end of the run ends the command."""
        session = ShellSession(
            command,
            environment=self._environment,
            clock=self._clock,
            settings=self._settings,
            place=self._place,
        )
        self._sessions.add(session)
        session.when_done(self._sessions.discard)
        return session

    def leave(self) -> None:
        """Remove the container from the private network."""
        self._network.leave(self._endpoint)

    def report_removed(self) -> None:
        """Report the container as removed."""
        self._change("gone", self._exit_code)

    # --- the task ---------------------------------------------------------------------

    def _change(self, state: _State, exit_code: int | None = None) -> None:
        self.state, self._exit_code = state, exit_code
        if self.node.state != "unreachable":
            self._report(self.observation())

    def _health_changed(self) -> None:
        self._change(self.state, self._exit_code)

    async def _keep_running(self) -> int:
        """Run as often as the restart policy demands; return the last exit code."""
        policy = self.spec.autorestart
        settings = self._settings
        pause = settings.first_restart_pause
        limits = self.spec.options.get("restart_policy") or {}
        restarts: deque[float] = deque()
        while True:
            began = self._clock.monotonic()
            code = await self._run_once()
            if self._ending is not None or not (
                policy == ALWAYS or (policy == ON_FAILURE and code)
            ):
                return code
            now = self._clock.monotonic()
            while (
                limits.get("window")
                and restarts
                and (now - restarts[0] > limits["window"])
            ):
                restarts.popleft()
            if limits.get("max_attempts") and len(restarts) >= limits["max_attempts"]:
                return code
            restarts.append(now)
            if now - began >= settings.good_run:
                pause = settings.first_restart_pause
            self._health.end()
            self._change("starting", code)
            delay = limits.get("delay")
            await self._clock.sleep(pause if delay is None else delay)
            pause = min(2 * pause, settings.longest_restart_pause)
            self._message = ""
            self._health.begin()
            self._change("running")

    async def _run_once(self) -> int:
        self._run = container = Container(
            self.spec,
            command=self._command,
            environment=self._environment,
            place=self._place,
            address=self.node.address,
            network=self._network,
            endpoint=self._endpoint,
            ports=self._ports,
            clock=self._clock,
            settings=self._settings,
            log=self.log.write,
            report_health=self._health.report,
        )
        code: object = None
        try:
            if self._crash is None:
                code = await self._image.function(container)
        except SystemExit as exit:
            code = exit.code if isinstance(exit.code, int | None) else 1
        except asyncio.CancelledError:
            code = self._ending
            if code is None and self._crash is None:  # it cancelled itself
                code = 1
        except Exception as error:
            code = 1
            text = to_valid(traceback.format_exception_only(error)[-1].strip())
            container.error(text)
            self._message = text[: self._settings.longest_log_line]
        finally:
            self._run = None
            self.files.empty_temporary()
            container.close_connections()
            for session in list(self._sessions):
                session.kill()
        if self._crash is not None and self._ending is None:
            code, self._crash = self._crash, None
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        return code & 255 if isinstance(code, int) else 0

    def _ended(self, task: asyncio.Task[int]) -> None:
        self._task = None
        self.node.release(self._ports)
        self._endpoint.release()
        self._health.end()
        if not task.cancelled():
            code = task.result()
        elif self._exit_code is not None:  # while the container waited for its restart
            code = self._exit_code
        else:
            code = self._ending or SIGKILL_EXIT_CODE
        self._change("stopped", code)


def _stop_signal(options: Mapping[str, Any]) -> int:
    """Return the number of the signal with which a container is asked to stop."""
    wanted = options.get("stop_signal") or "SIGTERM"
    if wanted.isdecimal():
        return int(wanted)
    name = f"SIG{wanted.removeprefix('SIG')}"
    return int(getattr(signal, name, signal.SIGTERM))
