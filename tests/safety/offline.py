"""Start a program of Python without sockets: ``python -m tests.safety.offline SCRIPT|-m MODULE ARGUMENT...``."""

from __future__ import annotations

import runpy
import socket
import sys

REFUSED = "a socket was asked for"


def refuse(*arguments: object, **options: object) -> object:
    """What stands in for every door to the network."""
    raise AssertionError(f"{REFUSED}: {arguments}")


class NoSocket(socket.socket):
    """Sockets of this machine alone, as event loops and worker processes use them between themselves."""

    def __init__(self, family: int = -1, *arguments: object, **options: object) -> None:
        if family != socket.AF_UNIX:
            refuse(family)
        super().__init__(family, *arguments, **options)  # type: ignore[arg-type]


if __name__ == "__main__":
    socket.socket = NoSocket  # type: ignore[misc]
    socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse  # type: ignore[assignment]
    what = sys.argv[1:]
    sys.argv = what[1:] if what[0] == "-m" else what
    if what[0] == "-m":
        runpy.run_module(what[1], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(what[0], run_name="__main__")
