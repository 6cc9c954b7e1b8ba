"""What a change of a manifest means for its running machine: restart, live migration, or taken over at once."""

from kvnet.lifecycle.migration import MigrationRequired, is_migratable, live_migratable, migration_required
from kvnet.lifecycle.restart import Synced, network_changes, not_plugged, restart_required, synced

__all__ = [
    "MigrationRequired",
    "Synced",
    "is_migratable",
    "live_migratable",
    "migration_required",
    "network_changes",
    "not_plugged",
    "restart_required",
    "synced",
]
