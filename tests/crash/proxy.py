"""A TCP proxy that can be slow, fall silent, or lose the one answer that matters.

`KafkaProxy` and `PostgresProxy` know just enough of either protocol to see a commit go by.
"""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from deploy.embedded.places import free_ports

CHUNK = 65_536
LOOK_SECONDS = 0.02
KAFKA_END_TXN = 26
POSTGRES_COMMIT = b"COMMIT\x00"


@dataclass(eq=False)
class Side:
    """One direction of a connection: what was read and waits until it is due."""

    source: socket.socket
    target: socket.socket
    to_server: bool
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    seen: bytearray = field(default_factory=bytearray)


class Proxy:
    """Listens on a port of its own and passes on what comes, `delay` seconds late."""

    def __init__(self, port: int) -> None:
        self.delay = 0.0
        self.cut = 0
        self._dark_seconds = 0.0
        self._dark_until = 0.0
        self._target = port
        self._armed = 0
        self._lock = threading.Lock()
        # Not from the range clients get theirs from: one of them could connect to itself.
        self._listener = socket.create_server(("127.0.0.1", *free_ports(1)))
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._pairs: dict[socket.socket, tuple[Side, Side]] = {}
        self._dumb: set[socket.socket] = set()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="proxy")
        self._thread.start()

    def lose_answers(self, count: int, dark: float = 0.0) -> None:
        """Pass the next commits on, and cut the connection instead of passing back the answer.

        For `dark` seconds afterwards nobody gets through at all, so that asking again is no help.
        """
        with self._lock:
            self._armed += count
            self._dark_seconds = dark

    def close(self) -> None:
        """End every connection and the proxy."""
        self._ended = True
        self._thread.join(5)
        for connection in list(self._pairs):
            connection.close()
        self._listener.close()
        self._selector.close()

    def is_commit(self, side: Side) -> bool:
        """Has a commit gone by in what this side has seen? Takes what it has understood."""
        side.seen.clear()
        return False

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(self._patience()):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.data, Side) and key.data.source in self._pairs:
                    self._read(key.data)
            self._pass_on()

    def _patience(self) -> float:
        dues = [
            side.waiting[0][0] for pair in self._pairs.values() for side in pair if side.waiting
        ]
        return max(0.0, min(LOOK_SECONDS, min(dues, default=1e18) - time.monotonic()))

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if time.monotonic() < self._dark_until:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=2)
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(5)
        out, back = Side(client, server, True), Side(server, client, False)
        self._pairs[client] = self._pairs[server] = (out, back)
        self._selector.register(client, selectors.EVENT_READ, out)
        self._selector.register(server, selectors.EVENT_READ, back)

    def _read(self, side: Side) -> None:
        try:
            content = side.source.recv(CHUNK)
        except OSError:
            content = b""
        if not content:
            self._end(side.source)
            return
        if not side.to_server and side.source in self._dumb:
            # The server has answered, so it has committed: nobody will ever hear of it.
            self.cut += 1
            self._end(side.source)
            if self._dark_seconds:
                self._dark_until = time.monotonic() + self._dark_seconds
                for one in list(self._pairs):
                    self._end(one)
            return
        if side.to_server:
            side.seen += content
            commits = self.is_commit(side)
            with self._lock:
                if commits and self._armed:
                    self._armed -= 1
                    self._dumb.add(side.target)
        side.waiting.append((time.monotonic() + self.delay, content))

    def _pass_on(self) -> None:
        now = time.monotonic()
        for side in {side for pair in list(self._pairs.values()) for side in pair}:
            while side.waiting and side.waiting[0][0] <= now:
                _, content = side.waiting.popleft()
                try:
                    side.target.sendall(content)
                except OSError:
                    self._end(side.source)
                    break

    def _end(self, one: socket.socket) -> None:
        pair = self._pairs.get(one)
        if pair is None:
            return
        for side in pair:
            self._pairs.pop(side.source, None)
            self._dumb.discard(side.source)
            side.waiting.clear()
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(side.source)
            side.source.close()


class PostgresProxy(Proxy):
    """Sees COMMIT, as a query of its own."""

    def is_commit(self, side: Side) -> bool:
        """Whether the text stands in what has gone by."""
        found = POSTGRES_COMMIT in side.seen
        del side.seen[: max(0, len(side.seen) - len(POSTGRES_COMMIT))]
        if found:
            side.seen.clear()
        return found


class KafkaProxy(Proxy):
    """Sees EndTxn: requests are length-prefixed and begin with the number of what they ask."""

    def is_commit(self, side: Side) -> bool:
        """Whether a request that ends a transaction begins in what has gone by."""
        found = False
        while len(side.seen) >= 6:
            size, asked = struct.unpack(">ih", side.seen[:6])
            found = found or asked == KAFKA_END_TXN
            if len(side.seen) < 4 + size:
                break
            del side.seen[: 4 + size]
        return found
