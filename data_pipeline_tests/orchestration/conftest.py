"""The definitions of a deployment of the test's own."""

from pathlib import Path

import pytest

from data_pipeline.orchestration.build import build_definitions
from data_pipeline.settings import Settings


@pytest.fixture(scope="session")
def definitions(tmp_path_factory):
    """The project's own sources, with a state folder that nobody else has."""
    state = tmp_path_factory.mktemp("state")
    return build_definitions(Settings.from_env(state_dir=state))


@pytest.fixture
def snapshot(request):
    """Compares with a kept file; `--update-snapshots` writes it anew."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "snapshots" / name
        if request.config.getoption("--update-snapshots"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert text == path.read_text(), f"{name} has changed; if it should have, run pytest with --update-snapshots and commit it."

    return compare
