"""`data-pipeline metrics`: what Prometheus scrapes, once to the terminal or served over HTTP.

Belongs here: options and the little server. Does not: metrics (`operations/metrics/`).
"""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import click

from data_pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

_FRESH_S = 10.0
"""Two scrapers within this time get the same look."""


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Serve `/metrics` there until stopped; without it the metrics are printed once."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
def command(port: int | None, host: str) -> None:
    """Metrics of the platform in Prometheus' format; rules and a dashboard for them stand in deploy/."""
    look = _looker(Settings.from_env())
    if port is None:
        click.echo(look().decode(), nl=False)
        return
    server = ThreadingHTTPServer((host, port), _handler(look))
    click.echo(f"http://{host}:{server.server_address[1]}/metrics", err=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


def _looker(settings: Settings) -> Callable[[], bytes]:
    from data_pipeline.operations.metrics.exposition import expose
    from data_pipeline.operations.signals.checks import run_checks
    from data_pipeline.operations.signals.facts import Limits
    from data_pipeline.orchestration.platform import Platform
    from data_pipeline.orchestration.watch.gather import Watcher

    watcher, lock = Watcher(Platform(settings)), threading.Lock()
    last: list[tuple[float, bytes]] = []

    def look() -> bytes:
        with lock:
            if not last or time.monotonic() - last[0][0] > _FRESH_S:
                facts = watcher.look()
                last[:] = [(time.monotonic(), expose(facts, run_checks(facts, Limits())))]
            return last[0][1]

    return look


def _handler(look: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    from data_pipeline.operations.metrics.exposition import CONTENT_TYPE

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.split("?")[0] != "/metrics":
                self.send_error(404, "Metrics are at /metrics.")
                return
            body = look()
            self.send_response(200)
            self.send_header("content-type", CONTENT_TYPE)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    return Handler
