"""Stands between a client and a server: counts requests and bytes, and makes each request take longer.

Law: it changes nothing that passes; it runs in a process of its own, so that its time is nobody's.

    python benchmarks/wire.py PORT-OF-THE-SERVER LATENCY-IN-MS      prints its own port
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time

#: What is sent in place of a request to be told the counts since they were asked for last.
COUNT = b"COUNT\n"


class Wire:
    """The counts, and what passes."""

    def __init__(self, port: int, latency: float) -> None:
        self.port = port
        self.latency = latency
        self.counts = {"requests": 0, "sent": 0, "received": 0}

    def serve(self, client: socket.socket) -> None:
        """Carry one connection until either side ends it."""
        first = client.recv(65536)
        if first == COUNT:
            client.sendall(json.dumps(self.counts).encode())
            self.counts = dict.fromkeys(self.counts, 0)
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.port))
        answered = threading.Event()
        answered.set()

        def back() -> None:
            while content := server.recv(1 << 18):
                answered.set()
                self.counts["received"] += len(content)
                client.sendall(content)
            client.close()

        threading.Thread(target=back, daemon=True).start()
        content = first
        while content:
            if answered.is_set():
                # HTTP/1.1 without pipelining: what is sent after an answer begins a request.
                answered.clear()
                self.counts["requests"] += 1
                time.sleep(self.latency)
            self.counts["sent"] += len(content)
            server.sendall(content)
            content = client.recv(1 << 18)
        server.close()


def counts(port: int) -> dict[str, int]:
    """Return what passed since this was asked for last."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(COUNT)
        told: dict[str, int] = json.loads(connection.recv(65536))
    return told


def main() -> None:
    """Listen until the process is ended."""
    wire = Wire(int(sys.argv[1]), float(sys.argv[2]) / 1000)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(wire, client), daemon=True).start()


def _serve(wire: Wire, client: socket.socket) -> None:
    try:
        wire.serve(client)
    except OSError:
        client.close()


if __name__ == "__main__":
    main()
