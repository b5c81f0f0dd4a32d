"""What a process tells about itself: Prometheus metrics, liveness and readiness over HTTP."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

RECORDS: Final = Counter("scrip_records_total", "Records read and committed", ["service"])
BATCHES: Final = Counter("scrip_batches_total", "Transactions by outcome", ["service", "outcome"])
COMMIT_SECONDS: Final = Histogram(
    "scrip_commit_seconds",
    "From begin to committed",
    ["service"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
PARTITIONS: Final = Gauge("scrip_partitions", "Held partitions by phase", ["service", "phase"])
SINK_ROWS: Final = Counter("scrip_sink_facts_total", "Facts written to PostgreSQL", ["sink"])
RETURN_RATE: Final = Gauge(
    "scrip_settlement_return_rate_bp", "Debits that came back in 60 days, basis points", ["kind"]
)
RETRIES: Final = Gauge(
    "scrip_settlement_retries",
    "What is due for runs, did not go through (the bank refuses a file) and is tried again later",
)
WAITING: Final = Gauge("scrip_waiting", "1 while a loop waits for something away", ["loop"])


def serve_health(port: int, ready: Callable[[], bool]) -> ThreadingHTTPServer:
    """Serve /metrics, /livez and /readyz on loopback-reachable `port` until shut down."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._send(200, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path == "/livez":
                self._send(200, b"ok\n", "text/plain")
            elif self.path == "/readyz":
                status = ready()
                self._send(
                    200 if status else 503, b"ready\n" if status else b"not yet\n", "text/plain"
                )
            else:
                self._send(404, b"/metrics, /livez or /readyz\n", "text/plain")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Probes are no events."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
