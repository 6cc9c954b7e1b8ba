"""CNI plugins: what their configurations mean to libvirt on a plain host."""
