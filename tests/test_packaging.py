"""The package: its list of folders, its data, its declared dependencies, and both ways to install it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from affetto import __version__
from affetto.models.registry import EXTRAS

REPOSITORY = Path(__file__).parents[1]
ROOTS = ("server", "models", "pipelines", "clients")
IGNORED = ("__pycache__", "*.pyc", "*.egg-info", "node_modules")
COMES_WITH = {"starlette": "fastapi", "h11": "uvicorn", "pydantic_core": "pydantic"}
"""Modules that are half of another package, which pins them itself."""


@pytest.fixture(scope="session")
def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def shipped_files() -> Iterator[Path]:
    """Everything under the package's folders, relative to the repository."""
    for root in ROOTS:
        for path in sorted((REPOSITORY / root).rglob("*")):
            relative = path.relative_to(REPOSITORY)
            if path.is_file() and not any(fnmatch(part, ignored) for part in relative.parts for ignored in IGNORED):
                yield relative


def test_the_package_list_is_the_tree(project: dict[str, Any]) -> None:
    listed = project["tool"]["setuptools"]["packages"]
    folders = {path.parent for path in shipped_files() if path.suffix == ".py"}
    assert sorted(listed) == sorted(["affetto", *(".".join(("affetto", *folder.parts)) for folder in folders)])
    assert [str(folder) for folder in folders if not (REPOSITORY / folder / "__init__.py").is_file()] == []


def taken(path: Path, packages: set[Path], patterns: list[str]) -> bool:
    """Whether setuptools takes a data file: a pattern fits its path from some package above it, part by part."""
    for package in (parent for parent in path.parents if parent in packages):
        parts = path.relative_to(package).parts
        if any(
            len(parts) == len(pattern.split("/")) and all(map(fnmatch, parts, pattern.split("/")))
            for pattern in patterns
        ):
            return True
    return False


def test_data_is_taken_along(project: dict[str, Any]) -> None:
    setuptools = project["tool"]["setuptools"]
    packages = {Path(*name.split(".")[1:]) for name in setuptools["packages"]}
    data = [path for path in shipped_files() if path.suffix != ".py"]
    assert data
    assert [str(path) for path in data if not taken(path, packages, setuptools["package-data"]["*"])] == []


def test_the_version_is_said_once(project: dict[str, Any]) -> None:
    assert project["project"]["version"] == __version__


def test_extras_that_messages_name_exist(project: dict[str, Any]) -> None:
    assert set(EXTRAS.values()) <= set(project["project"]["optional-dependencies"])


def imported(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"affetto"}


def distribution_name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_every_import_is_declared(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    required = [*project["project"]["dependencies"], *(name for names in extras.values() for name in names)]
    declared = {distribution_name(requirement) for requirement in required}
    providers = packages_distributions()
    undeclared: dict[str, list[str]] = {}
    for path in shipped_files():
        for module in imported(REPOSITORY / path) if path.suffix == ".py" else ():
            names = {name.lower().replace("_", "-") for name in providers.get(COMES_WITH.get(module, module), [module])}
            if not names & declared and module not in EXTRAS:
                undeclared.setdefault(module, []).append(str(path))
    assert undeclared == {}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a clean checkout has, as far as it is packaged."""
    folder = tmp_path_factory.mktemp("checkout")
    for root in ROOTS:
        shutil.copytree(REPOSITORY / root, folder / root, ignore=shutil.ignore_patterns(*IGNORED))
    for name in ("pyproject.toml", "README.md", "LICENSE", "__init__.py", "py.typed"):
        shutil.copy(REPOSITORY / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh virtual environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    return folder / "bin"


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.packaging
def test_the_wheel_has_every_file_and_the_licence(checkout: Path, environment: Path, tmp_path: Path) -> None:
    run(environment / "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, checkout)
    (wheel,) = tmp_path.glob("affetto-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"affetto/{path.as_posix()}" for path in shipped_files()} <= names
    assert "affetto/py.typed" in names
    assert [name for name in names if name.endswith("licenses/LICENSE")] != []
    assert [name for name in names if not name.startswith("affetto")] == []


@pytest.mark.packaging
@pytest.mark.parametrize("editable", [False, True], ids=["install", "install-editable"])
def test_it_installs_and_talks(checkout: Path, environment: Path, tmp_path: Path, editable: bool) -> None:
    """Into an environment without affetto; the second way finds the dependencies of the first there."""
    run(environment / "python", "-m", "pip", "uninstall", "--quiet", "--yes", "affetto")
    run(environment / "pip", "install", "--quiet", *(["--editable"] if editable else []), checkout)
    where = Path(run(environment / "python", "-c", "import affetto.models as m; print(m.__file__)").strip())
    assert where.is_relative_to(checkout) is editable
    assert run(environment / "affetto", "--version").strip() == f"affetto {__version__}"
    assert json.loads(run(environment / "affetto", "pull", "--list", "--json", "--models-dir", tmp_path))
    demo = json.loads(run(environment / "affetto", "demo", "--profile", "scripted", "--json", "--out", tmp_path))
    assert demo["reply"]
    assert (tmp_path / "reply.wav").stat().st_size > 10_000
