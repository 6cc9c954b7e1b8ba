"""What is to be said of a machine that runs: its NICs' status, and what a change of its manifest comes to."""

from kvnet.running.controller import controller_status
from kvnet.running.handler import handler_status
from kvnet.running.migration import MigrationRequired, is_migratable, live_migratable, migration_required
from kvnet.running.restart import device_changes, network_changes, restart_required
from kvnet.running.status import status
from kvnet.running.sync import Synced, synced

__all__ = [
    "MigrationRequired",
    "Synced",
    "controller_status",
    "device_changes",
    "handler_status",
    "is_migratable",
    "live_migratable",
    "migration_required",
    "network_changes",
    "restart_required",
    "status",
    "synced",
]
