"""The process that opens the port and keeps the workers alive; it holds no weights.

uvicorn's own supervisor, which it uses for several workers, here also for one: a worker that
dies is started again while the port stays open, and clients merely wait. Settings reach the
workers through the pipe that starts them, never through a command line.
"""

from __future__ import annotations

import logging
import math
import os
import socket
from dataclasses import replace
from functools import partial

from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess

from model.errors import ConfigError, RespunError
from serve.http.application import create_worker
from serve.http.metrics import FOLDER_VARIABLE
from serve.http.security import MAXIMUM_HEADER_BYTES, PatientProtocol
from serve.http.settings import Settings, keys
from serve.render import printable

_BACKLOG = 1024
_KEEP_ALIVE_S = 15
_HEALTH_CHECK_S = 30  # a worker that starts on a busy machine may be silent for long
_SHUTDOWN_SLACK_S = 5

_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(process)d %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        name: {"handlers": ["stderr"], "level": "INFO", "propagate": False}
        for name in ("uvicorn.error", "respun")
    },
}

_log = logging.getLogger("respun")


def supervise(settings: Settings, listener: socket.socket) -> bool:
    """Run the workers until a signal ends them; False where one could not start at all."""
    supervisor = _Supervisor(settings, listener)
    supervisor.run()
    return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)


def configure(settings: Settings) -> Config:
    """uvicorn's configuration of one worker."""
    return Config(
        partial(create_worker, settings),
        factory=True,
        workers=settings.workers,
        http=PatientProtocol,
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=_LOGGING,
        access_log=False,  # it would log queries, and with them keys
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.forwarded_allow_ips),
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        # A request may have just begun to send its body.
        timeout_graceful_shutdown=math.ceil(
            settings.body_timeout_s + settings.deadline_s + _SHUTDOWN_SLACK_S
        ),
        timeout_worker_healthcheck=_HEALTH_CHECK_S,
        h11_max_incomplete_event_size=MAXIMUM_HEADER_BYTES,
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket on a port, which workers inherit; raises RespunError where it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, UnicodeError) as error:  # the latter for names that are none, as a..b
        reason = getattr(error, "strerror", None) or "no such name"
        raise RespunError(
            f"{host} port {port}: cannot be opened ({reason}); choose another --port "
            "or --host, or end what listens there"
        ) from error
    # From now on clients wait for the first worker, as they do for one that is started again.
    listener.listen(_BACKLOG)
    listener.set_inheritable(True)
    return listener


class _Supervisor(Multiprocess):
    """uvicorn's, which also keeps the keys, and has three things more to tidy up.

    The keys file is read here, at the start and at SIGHUP, and workers are given what it held: one
    that replaces a dead one while somebody edits the file must not fail at it, which would end the
    service.
    """

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._known_pids: set[int | None] = set()
        super().__init__(configure(_with_keys(settings)), [listener])

    def handle_hup(self) -> None:
        """Read the keys anew and replace the workers; where that fails all stays as it is."""
        try:
            self.config = configure(_with_keys(self._settings))
        except ConfigError as error:
            _log.error("%s; the workers keep the keys that they have", printable(str(error)))
            return
        super().handle_hup()

    def terminate_all(self) -> None:
        """Close the port first: what would queue there now, nobody would ever answer."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def keep_subprocess_alive(self) -> None:
        """Replace the dead, and forget what their queues held."""
        for process in self.processes:
            # With the workers' ends of the pipes held by them alone, a death is seen at once,
            # and not when the health check runs out of time.
            process.child_conn.close()
        self._known_pids.update(process.pid for process in self.processes)
        super().keep_subprocess_alive()
        pids = {process.pid for process in self.processes}
        if FOLDER_VARIABLE in os.environ:
            for pid in self._known_pids - pids:  # also those that a signal has replaced
                mark_process_dead(pid)  # type: ignore[no-untyped-call]
        self._known_pids = pids


def _with_keys(settings: Settings) -> Settings:
    """The settings with the keys that the file holds now in place of the file."""
    return replace(settings, api_keys=keys(settings), keys_file=None)
