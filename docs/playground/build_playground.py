"""Build the playground, a page that runs kvnet in the browser, from pinned packages of npm and PyPI.

    python docs/playground/build_playground.py FOLDER

writes it to a folder, which any web server can serve. It takes npm, node and pip, and the network the first time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["Unavailable", "build"]

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
_PACKAGES = _HERE.parent / "_generated" / "playground-packages"
"""Where packages are kept from one build to the next."""

_PAGE = ("index.html", "style.css", "worker.js")
_PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
_LEFT_OUT = ("bulk", "cli", "live", "testing")
"""Packages of kvnet that the page has no use for."""
_ANY_WHEEL = ("--python-version=3.12", "--implementation=cp", "--platform=manylinux_2_28_x86_64")
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_SECONDS = 300
_NODE = 18
"""The oldest release of Node.js that runs Pyodide."""


class Unavailable(Exception):
    """The packages cannot be had here; the text says why."""


def build(folder: Path) -> None:
    """Write the playground to a folder, which is replaced. Raises Unavailable where packages cannot be had."""
    _check_node()
    modules, wheels = _node_modules(), _wheels()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pyodide").mkdir(parents=True)
    for name in _PAGE:
        shutil.copy(_HERE / name, folder)
    for name in _PYODIDE:
        shutil.copy(modules / "pyodide" / name, folder / "pyodide")
    (folder / "examples.json").write_text(json.dumps(list(_examples())), encoding="utf-8")
    (folder / "licenses.txt").write_text("\n\n".join(_licenses(modules, wheels)), encoding="utf-8")
    _bundle(modules, folder / "app.js")
    _archive(folder / "kvnet.zip", {**_modules_of_wheels(wheels), **_modules_of_kvnet()})
    _run(["node", str(_HERE / "compile.mjs"), str(folder / "kvnet.zip")], {"NODE_MODULES": str(modules)})


def _check_node() -> None:
    """Raise Unavailable without a Node.js that runs Pyodide."""
    version = _fetch(["node", "--version"], _HERE).strip().removeprefix("v")
    if int(version.partition(".")[0]) < _NODE:
        raise Unavailable(f"node {version} is too old, Pyodide needs {_NODE}")


def _node_modules() -> Path:
    """The folder of npm's packages, as package-lock.json pins them."""
    folder = _PACKAGES / "npm"
    pins = [_HERE / "package.json", _HERE / "package-lock.json"]
    if not _is_as_pinned(folder, pins):
        folder.mkdir(parents=True, exist_ok=True)
        for pin in pins:
            shutil.copy(pin, folder)
        _fetch(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"], folder)
        _remember(folder, pins)
    return folder / "node_modules"


def _wheels() -> list[Path]:
    """Python's packages, as requirements.txt pins them."""
    folder, pins = _PACKAGES / "wheels", [_HERE / "requirements.txt"]
    if not _is_as_pinned(folder, pins):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        options = ["--no-deps", "--only-binary=:all:", "--require-hashes", *_ANY_WHEEL]
        _fetch([sys.executable, "-m", "pip", "download", "--quiet", *options, "-d", ".", "-r", str(pins[0])], folder)
        _remember(folder, pins)
    return sorted(folder.glob("*.whl"))


def _is_as_pinned(folder: Path, pins: list[Path]) -> bool:
    stamp = folder / "pinned"
    return stamp.exists() and stamp.read_bytes() == _content(pins)


def _remember(folder: Path, pins: list[Path]) -> None:
    (folder / "pinned").write_bytes(_content(pins))


def _content(pins: list[Path]) -> bytes:
    return b"".join(pin.read_bytes() for pin in pins)


def _fetch(command: list[str], folder: Path) -> str:
    """What a program prints. Raises Unavailable where there is none, or a package manager has no package."""
    program = Path(command[0]).name
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=_SECONDS).stdout
    except FileNotFoundError:
        raise Unavailable(f"there is no {program}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{program} took more than {_SECONDS} seconds") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"status {error.returncode}"]
        raise Unavailable(f"{program} could not fetch the packages: {lines[0]}") from None


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, env={**os.environ, **environment}, check=True, timeout=_SECONDS)


def _bundle(modules: Path, app: Path) -> None:
    """The page's own modules and CodeMirror as one."""
    options = ["--bundle", "--format=esm", "--minify", "--target=es2022", "--log-level=warning"]
    command = [str(modules / ".bin" / "esbuild"), str(_HERE / "app.js"), *options, f"--outfile={app}"]
    _run(command, {"NODE_PATH": str(modules)})


def _modules_of_wheels(wheels: list[Path]) -> dict[str, bytes]:
    """The modules written in Python, and the versions, which attrs asks for."""
    found = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as opened:
            names = [name for name in opened.namelist() if name.endswith((".py", ".dist-info/METADATA"))]
            found.update({name: opened.read(name) for name in names})
    return found


def _modules_of_kvnet() -> dict[str, bytes]:
    package = _ROOT / "kvnet"
    left_out = [package / name for name in _LEFT_OUT]
    files = [path for suffix in ("py", "json", "md") for path in package.rglob(f"*.{suffix}")]
    kept = [path for path in files if not any(path.is_relative_to(each) for each in left_out)]
    modules = {path.relative_to(_ROOT).as_posix(): path.read_bytes() for path in kept}
    return {**modules, "answer.py": (_HERE / "answer.py").read_bytes()}


def _archive(path: Path, content: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(content):
            archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), content[name], zipfile.ZIP_DEFLATED)


def _examples() -> Iterator[dict[str, str]]:
    """The examples of the repository, each with the facts that lie beside it, and its first sentence."""
    for path in sorted((_ROOT / "examples").glob("*.yaml"), key=lambda path: path.stem):
        if path.name.endswith(".facts.yaml"):
            continue
        text, facts = path.read_text(encoding="utf-8"), path.with_suffix(".facts.yaml")
        known = facts.read_text(encoding="utf-8") if facts.exists() else ""
        yield {"name": path.stem, "about": text.partition("\n")[0].lstrip("# "), "manifest": text, "facts": known}


def _licenses(modules: Path, wheels: list[Path]) -> Iterator[str]:
    for path in sorted([*modules.glob("*/LICENSE*"), *modules.glob("@*/*/LICENSE*")]):
        yield f"{path.parent.relative_to(modules)}\n\n{path.read_text(encoding='utf-8')}"
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as opened:
            names = [name for name in opened.namelist() if ".dist-info/licenses/LICENSE" in name]
            yield from (f"{wheel.name}\n\n{opened.read(name).decode()}" for name in names)


if __name__ == "__main__":
    try:
        build(Path(sys.argv[1]))
    except Unavailable as reason:
        sys.exit(f"the playground cannot be built: {reason}")
