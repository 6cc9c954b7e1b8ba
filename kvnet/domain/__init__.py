"""The whole ``<domain>``: built anew, or somebody's own with NICs put in."""
