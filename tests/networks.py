"""Networks of a test's own: namespaces, and links between them that take time and can be cut."""

from __future__ import annotations

import os
import select
import shutil
import struct
import subprocess
import threading
import time
from collections import deque
from pathlib import Path

DEVICE = Path("/dev/net/tun")
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h


def run(*command: str) -> str:
    """What a command prints. Raises CalledProcessError."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Namespace:
    """A network of its own, with a loopback and whatever links are led into it."""

    def __init__(self, name: str) -> None:
        self.name = name
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")

    @property
    def within(self) -> tuple[str, ...]:
        """The command that runs another one in it."""
        return ("ip", "netns", "exec", self.name)

    def remove(self) -> None:
        """Once nothing runs in it."""
        subprocess.run(["ip", "netns", "delete", self.name], check=False)


class Link:
    """Carries every packet between two namespaces, `delay` seconds after it was sent.

    By hand, over two TUN devices: not every kernel has the queue that delays (`netem`).
    `network` is the first three numbers of its addresses, `.1` at the first end, `.2` at the other.
    """

    def __init__(self, one: Namespace, other: Namespace, network: str, delay: float) -> None:
        self.cut = False  # nothing gets through, in either direction, and nobody is told
        self._delay = delay
        self._ends: list[int] = []
        self._stopping = threading.Event()
        for number, end in enumerate((one, other), 1):
            self._ends.append(_led_into(end, f"{network}.{number}/24"))
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def _carry(self) -> None:
        one, other = self._ends
        opposite = {one: other, other: one}
        under_way: deque[tuple[float, int, bytes]] = deque()
        while not self._stopping.is_set():
            seconds = under_way[0][0] - time.monotonic() if under_way else 0.1
            for end in select.select(self._ends, [], [], max(seconds, 0))[0]:
                packet = os.read(end, 65_536)
                under_way.append((time.monotonic() + self._delay, opposite[end], packet))
            while under_way and under_way[0][0] <= time.monotonic():
                _, end, packet = under_way.popleft()
                if not self.cut:
                    os.write(end, packet)

    def remove(self) -> None:
        """Its devices go with it."""
        self._stopping.set()
        self._thread.join()
        for end in self._ends:
            os.close(end)


def available() -> bool:
    """Whether this process may make them here."""
    return bool(shutil.which("ip")) and os.access(DEVICE, os.R_OK | os.W_OK) and _may_make()


def _may_make() -> bool:
    probe = f"kbprobe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False)
    if made.returncode == 0:
        run("ip", "netns", "delete", probe)
    return made.returncode == 0


def _led_into(namespace: Namespace, address: str) -> int:
    """A TUN device in a namespace, by the descriptor that its packets are read from."""
    device = f"kb{os.getpid() % 100_000}x"
    descriptor = os.open(DEVICE, os.O_RDWR)
    try:
        import fcntl  # not on Windows

        wish = struct.pack("16sH22x", device.encode(), _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(descriptor, _TUNSETIFF, wish)
        run("ip", "link", "set", device, "netns", namespace.name)
        inside = f"link{address.split('.')[2]}"
        run("ip", "-n", namespace.name, "link", "set", device, "name", inside)
        run("ip", "-n", namespace.name, "address", "add", address, "dev", inside)
        run("ip", "-n", namespace.name, "link", "set", inside, "up")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
