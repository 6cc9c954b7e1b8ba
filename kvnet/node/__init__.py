"""Carry out the plans of a pod on this host: namespaces, CNI, links, NAT, DHCP and the domain; needs root and ``kvnet[node]``."""
