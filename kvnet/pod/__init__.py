"""The pod's side of a machine's network as pure plans: annotations, links, NAT, DHCP and cloud-init network data."""
