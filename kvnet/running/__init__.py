"""What is to be said of a machine that runs: its NICs' status, and what a change of its manifest comes to."""

from kvnet.running.controller import controller_status
from kvnet.running.handler import handler_status
from kvnet.running.migration import MigrationRequired, is_migratable, live_migratable, migration_required
from kvnet.running.status import status

__all__ = [
    "MigrationRequired",
    "controller_status",
    "handler_status",
    "is_migratable",
    "live_migratable",
    "migration_required",
    "status",
]
