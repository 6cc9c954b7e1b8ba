"""The pipelines that the documentation shows run as they are written, but for what installs kvnet."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from lxml import etree
from pages.reader import ROOT, Reader

PAGE = (ROOT / "docs" / "how-to" / "check-in-ci.md").read_text(encoding="utf-8")
GOOD = (ROOT / "examples" / "pod.yaml").read_text(encoding="utf-8")
BAD = GOOD.replace("masquerade", "masqerade")


def pipeline(name: str) -> Any:
    """The YAML that the page writes into a file."""
    found = re.search(rf"^cat > {re.escape(name)} <<'END'\n(.*?)^END$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return yaml.safe_load(found[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a job, where ``kvnet`` is a command and ``pip`` installs nothing."""
    reader = Reader(tmp_path)
    pip = tmp_path / "bin" / "pip"
    pip.write_text("#!/bin/sh\n")
    pip.chmod(0o755)
    (reader.folder / "app").mkdir()
    return reader.folder


def run(script: str, folder: Path) -> CompletedProcess[str]:
    path = os.pathsep.join([str(folder.parent / "bin"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    command = ["bash", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize(("manifest", "status"), [(GOOD, 0), (BAD, 1)], ids=["good", "bad"])
def test_the_github_workflow_fails_on_errors_and_leaves_a_log(manifest: str, status: int, folder: Path) -> None:
    (folder / "app" / "vm.yaml").write_text(manifest)
    steps = pipeline(".github/workflows/kvnet.yaml")["jobs"]["check"]["steps"]
    ended = [(step, run(step["run"], folder)) for step in steps if "run" in step]
    deciding = [each.returncode for step, each in ended if not step.get("continue-on-error")]
    assert max(deciding) == status
    assert any(each.stdout.startswith("::error file=app/vm.yaml") for _, each in ended) is bool(status)
    uploaded = next(step["with"]["sarif_file"] for step in steps if "upload-sarif" in step.get("uses", ""))
    assert len(json.loads((folder / uploaded).read_text())["runs"][0]["results"]) == status


@pytest.mark.slow
@pytest.mark.parametrize(("manifest", "status"), [(GOOD, 0), (BAD, 1)], ids=["good", "bad"])
def test_the_gitlab_job_fails_on_errors_and_leaves_a_report(manifest: str, status: int, folder: Path) -> None:
    (folder / "app" / "vm.yaml").write_text(manifest)
    job = pipeline(".gitlab-ci.yml")["kvnet"]
    assert run("\n".join(job["script"]), folder).returncode == status
    run("\n".join(job["after_script"]), folder)
    report = etree.parse(folder / job["artifacts"]["reports"]["junit"]).getroot()
    assert report.attrib["failures"] == str(status)


@pytest.mark.slow
def test_the_hook_passes_on_other_files_and_fails_on_a_mistake(folder: Path) -> None:
    (folder / "values.yaml").write_text("a: 1\n")
    (folder / "app" / "vm.yaml").write_text(BAD)
    entry = pipeline(".pre-commit-config.yaml")["repos"][0]["hooks"][0]["entry"]
    assert [run(f"{entry} {file}", folder).returncode for file in ("values.yaml", "app/vm.yaml")] == [0, 1]
