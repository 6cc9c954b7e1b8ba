"""Build, read, patch and import whole ``<domain>`` documents."""
