"""`scripts/prerequisites.sh` on machines that lack something, made of a PATH with nothing but what a test puts there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data_pipeline.settings import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "scripts" / "prerequisites.sh"
TOOLS = ("sed", "head", "tr", "env", "id", "cat", "touch", "chmod")


class Machine:
    """A machine whose only programs are a few basic ones and those added here."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bin"
        self.path.mkdir(parents=True)
        self.installed_log = folder / "installed"
        self.no_java = folder / "jvm"
        for tool in TOOLS:
            (self.path / tool).symlink_to(str(shutil.which(tool)))

    def add(self, name: str, body: str) -> Path:
        program = self.path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        return program

    def add_java(self, version: str, name: str = "java") -> Path:
        return self.add(name, f"""echo 'openjdk version "{version}" 2025-01-01' >&2""")

    def add_python(self, name: str, version: tuple[int, int]) -> Path:
        # Judges the very expression that the script asks, as a Python of that version would.
        compare = f"import sys; sys.version_info = {version!r}; sys.argv[1] == '-c' and exec(sys.argv[2])"
        return self.add(name, f"""exec {Path(sys.executable).resolve()} -c "{compare}" "$@" """)

    def add_apt(self, packages: dict[str, tuple[str, str]]) -> None:
        """An apt that knows these packages; each adds one program."""
        cases = "".join(
            f"{name}) cat > {self.path}/{program} <<'EOF'\n#!/bin/sh\n{body}\nEOF\nchmod +x {self.path}/{program};;\n"
            for name, (program, body) in packages.items()
        )
        self.add("apt-get", f'echo "$*" >> {self.installed_log}\nfor word in "$@"; do case $word in\n{cases}esac; done')
        known = "".join(f'{name}) echo "  Candidate: 1";;\n' for name in packages)
        self.add("apt-cache", f'case $2 in\n{known}*) echo "  Candidate: (none)";;\nesac')

    def run(self, *names: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.path), "JAVA_ROOT": str(self.no_java), **variables}
        return subprocess.run(["/bin/sh", str(SCRIPT), *names], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("version", ["17", "17.0.15", "21.0.1", "25-ea"])
def test_java_17_or_newer_is_found(machine: Machine, version: str) -> None:
    java = machine.add_java(version)
    assert machine.run("java").stdout == f"java={java}\n"


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2", "16.0.1"])
def test_an_older_java_does_not_count(machine: Machine, version: str) -> None:
    machine.add_java(version)
    result = machine.run("java")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "error: A JDK, version 17 or newer, is missing: get it from https://adoptium.net/" in result.stderr


def test_a_newer_java_beside_an_old_one_is_taken(machine: Machine) -> None:
    machine.add_java("11.0.2")
    newer = machine.add_java("21.0.1", "../jvm/java-21/bin/java")
    assert Path(machine.run("java").stdout.removeprefix("java=").strip()).resolve() == newer.resolve()


def test_java_home_goes_before_the_path(machine: Machine, tmp_path: Path) -> None:
    machine.add_java("17.0.1")
    home = machine.add_java("21.0.1", "../home/bin/java")
    assert machine.run("java", JAVA_HOME=str(tmp_path / "home")).stdout == f"java={tmp_path}/home/bin/java\n"
    assert home.exists()


def test_python_3_10_does_not_count_and_3_12_does(machine: Machine) -> None:
    machine.add_python("python3", (3, 10))
    old = machine.run("python")
    assert old.returncode == 1
    assert "Python 3.11 or newer (with venv) is missing" in old.stderr
    newer = machine.add_python("python3.12", (3, 12))
    assert machine.run("python").stdout == f"python={newer}\n"


def test_a_python_without_venv_does_not_count(machine: Machine) -> None:
    machine.add("python3.11", "case $2 in *ensurepip*) exit 1;; esac")
    assert machine.run("python").returncode == 1


def test_a_shim_with_nothing_behind_it_does_not_count(machine: Machine) -> None:
    machine.add("python3.11", "echo 'pyenv: python3.11: command not found' >&2; exit 127")
    python = machine.add_python("python3", (3, 13))
    assert machine.run("python").stdout == f"python={python}\n"


def test_what_is_missing_is_installed_by_apt_for_root_after_an_update(machine: Machine) -> None:
    if os.getuid() != 0:
        machine.add("sudo", 'shift; exec "$@"')
    machine.add_apt({"openjdk-21-jdk-headless": ("java", """echo 'openjdk version "21.0.1"' >&2"""), "maven": ("mvn", "true")})
    result = machine.run("java", "maven")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"java={machine.path}/java\nmaven={machine.path}/mvn\n"
    calls = machine.installed_log.read_text().splitlines()
    assert [call.split()[-1] for call in calls] == ["update", "openjdk-21-jdk-headless", "maven"]


def test_without_root_and_sudo_nothing_is_tried_and_the_way_is_named(machine: Machine) -> None:
    machine.add_apt({"maven": ("mvn", "true")})
    (machine.path / "id").unlink()
    machine.add("id", "echo 1000")
    machine.add("sudo", "exit 1")
    result = machine.run("maven")
    assert result.returncode == 1
    assert "error: Maven (mvn) is missing: install it as root with `apt-get update && apt-get install maven`" in result.stderr
    assert not machine.installed_log.exists()


def test_homebrew_is_used_where_there_is_no_apt(machine: Machine) -> None:
    machine.add("brew", f"echo \"$*\" >> {machine.installed_log}\nprintf '#!/bin/sh\\n' > {machine.path}/mvn\nchmod +x {machine.path}/mvn")
    result = machine.run("maven")
    assert result.stdout == f"maven={machine.path}/mvn\n", result.stderr
    assert machine.installed_log.read_text() == "install -q maven\n"


def test_a_browser_that_only_tells_to_install_a_snap_does_not_count(machine: Machine) -> None:
    machine.add("chromium-browser", "echo 'requires the chromium snap to be installed' >&2; exit 10")
    result = machine.run("chromium")
    assert result.returncode == 1
    assert "Chromium" in result.stderr


def test_an_unknown_name_is_an_error(machine: Machine) -> None:
    result = machine.run("docker")
    assert result.returncode == 1
    assert "'docker' is not a prerequisite" in result.stderr
