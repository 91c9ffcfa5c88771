"""A port of one's own that a server can leave and come back to: nobody else gets it meanwhile, and while it is down it refuses."""

from __future__ import annotations

import socket

__all__ = ["HOST", "listening", "reserved"]

HOST = "127.0.0.1"


def reserved() -> socket.socket:
    """A bound socket that doesn't listen: who connects to its port is refused, unless another one listens there."""
    return _bound(0)


def listening(reservation: socket.socket) -> socket.socket:
    """A socket that listens where that one is bound."""
    found = _bound(reservation.getsockname()[1])
    found.listen(128)
    return found


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind((HOST, port))
    return found
