"""kvnet: what a VM's owner asks of its network, as libvirt understands it, and back."""
