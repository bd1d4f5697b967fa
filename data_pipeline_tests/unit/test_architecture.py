"""The rules of the layout, read off the source files themselves."""

import ast
from pathlib import Path

import pytest

import data_pipeline

PACKAGE = Path(data_pipeline.__file__).parent
STAGES = {"landing", "validation", "transforms", "warehouse", "serving", "operations"}
SHARED = {"common", "contracts"}
DAGSTER = {"dagster", "dagster_aws", "dagster_dbt", "dagster_pipes", "dagster_shared"}


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files_of(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((PACKAGE / package).rglob("*.py"))]


def id_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", files_of(*sorted(STAGES | SHARED)), ids=id_of)
def test_stages_know_neither_dagster_nor_each_other(path):
    package = path.relative_to(PACKAGE).parts[0]
    forbidden = (STAGES - {package}) | {"orchestration", "settings", "devstack", "commands", "cli"}
    if package == "common":
        forbidden |= {"contracts"}
    for module in imports_of(path):
        assert module.split(".")[0] not in DAGSTER, f"{id_of(path)} imports {module}"
        parts = module.split(".")
        if parts[0] == "data_pipeline" and len(parts) > 1:
            if id_of(path) == "serving/app.py" and parts[1] == "settings":
                continue
            assert parts[1] not in forbidden, f"{id_of(path)} imports {module}"


@pytest.mark.parametrize("path", [p for p in sorted(PACKAGE.rglob("*.py")) if p.name != "settings.py"], ids=id_of)
def test_only_settings_reads_the_environment(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            assert node.attr not in {"environ", "getenv", "environb"}, f"{id_of(path)}:{node.lineno} reads the environment"


@pytest.mark.parametrize("path", [p for p in sorted(PACKAGE.rglob("*.py")) if p.read_text().strip()], ids=id_of)
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text())), f"{id_of(path)} has no docstring"
