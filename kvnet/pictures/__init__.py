"""Pictures of the network of a machine or a domain: from each guest NIC to what it is attached to."""

from kvnet.pictures.formats import FORMATS
from kvnet.pictures.machine import picture
from kvnet.pictures.picture import Box, Picture, Row

__all__ = ["FORMATS", "Box", "Picture", "Row", "picture"]
