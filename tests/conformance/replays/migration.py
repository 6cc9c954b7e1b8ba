"""Whether a machine can migrate live, and whether it must."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import kvnet
from kvnet.lifecycle import live_migratable, migration_required
from replays.case import Case, Difference, network_status, running


def migratable(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    plugins = kvnet.load_facts({"bindingPlugins": given.get("bindingPlugins") or {}}).binding_plugins
    reason = live_migratable(running(given["vmi"]), plugins)
    yield "networkMigratable", expected["networkMigratable"], reason is None
    yield "reason", expected["reason"], "InterfaceNotLiveMigratable" if reason else ""


def auto_migration(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    status = network_status(given["podAnnotations"])
    required = migration_required(running(given["vmi"]), status, datetime.fromisoformat(given["now"]))
    yield "migrationRequired", expected["migrationRequired"], str(required)
