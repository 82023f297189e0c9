"""The connection to a Ray cluster."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

REACH_SECONDS = 2.0
"""Longest wait for a machine to answer at an address."""

NO_RAY = 'Ray must be installed for --executor ray: pip install "sleepbench[ray]"'


def connect(address: str | None) -> tuple[Any, bool]:
    """Connect this process with a cluster, unless it is connected already.

    Args:
        address: host:port of its head; None for $RAY_ADDRESS or a cluster on this machine.

    Returns:
        The module `ray`, and whether this process was connected before.

    Raises:
        ValueError: if there is no Ray, or no cluster there.
    """
    try:
        import ray
    except ImportError:
        raise ValueError(NO_RAY) from None
    if ray.is_initialized():
        return ray, True
    address = address or os.environ.get("RAY_ADDRESS") or "auto"
    if address != "auto":
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), REACH_SECONDS).close()
        except (OSError, ValueError, OverflowError) as error:
            raise ValueError(
                f"--address must be host:port of the head of a Ray cluster, got {address}: {error}"
            ) from None
    try:
        with _own_signals():
            ray.init(address=address, log_to_driver=False, configure_logging=False)
    except ConnectionError as error:
        raise ValueError(
            "a Ray cluster must be there for --executor ray, found none: give its --address, "
            f"or begin one with `ray start --head` ({str(error).splitlines()[0]})"
        ) from None
    except RuntimeError as error:
        raise ValueError(f"the Ray cluster at {address} refuses: {error}") from None
    return ray, False


@contextmanager
def _own_signals() -> Iterator[None]:
    """Answer signals afterwards as before: Ray would end this process at SIGTERM in its own way."""
    main = threading.current_thread() is threading.main_thread()
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    yield
    for one, answer in before.items():
        if main and answer is not None:
            signal.signal(one, answer)
