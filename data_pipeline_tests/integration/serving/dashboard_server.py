"""The real application in a process of its own, on a free port."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from data_pipeline.devstack.ports import reserve_port

ROOT = Path(__file__).parents[3]
APP = ROOT / "data_pipeline" / "serving" / "app.py"


@contextlib.contextmanager
def running_dashboards(state_dir: Path, **variables: str) -> Iterator[str]:
    """Start it over a state folder; yields its address, ends it after the block."""
    port = reserve_port()
    state_dir.mkdir(parents=True, exist_ok=True)
    log = state_dir / "dashboards.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATA_PIPELINE_")}
    environment = {**kept, "DATA_PIPELINE_STATE_DIR": str(state_dir), "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port)]
    with log.open("w") as output:
        # Not from the project's folder: the configuration must be found wherever the application is started.
        process = subprocess.Popen(command, env=environment, cwd=state_dir, stdout=output, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(process, f"{address}/_stcore/health", log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(f"the dashboards did not start: {log.read_text()[-3000:]}")
