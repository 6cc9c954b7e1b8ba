def dhcp(case): yield from ()
