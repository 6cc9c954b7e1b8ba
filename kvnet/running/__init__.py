"""What is to be said of a machine that runs: its NICs' status, and what a change of its manifest comes to."""

from kvnet.running.controller import controller_status
from kvnet.running.handler import handler_status
from kvnet.running.status import status

__all__ = [
    "controller_status",
    "handler_status",
    "status",
]
