# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces of a benchmark, and veth pairs between them."""

import subprocess

MADE = []


def _ip(*arguments, check=True):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    """Loopback is up, IPv6 does not wait for duplicate addresses."""

    def __init__(self, name):
        self.name = name
        _ip("netns", "add", name)
        MADE.append(self)
        self.run("sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0",
                 "net.ipv6.conf.all.accept_dad=0", check=False)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments, check=True):
        return _ip("-n", self.name, *arguments, check=check)

    def run(self, *arguments, check=True):
        return subprocess.run(["ip", "netns", "exec", self.name, *arguments], check=check,
                              capture_output=True, text=True)

    def mac(self, interface):
        return self.run("cat", f"/sys/class/net/{interface}/address").stdout.strip()

    def remove(self):
        _ip("netns", "del", self.name, check=False)
        if self in MADE:
            MADE.remove(self)


def veth(one, interface, other, other_interface):
    """A cable between two namespaces, up at both ends."""
    one.ip("link", "add", interface, "type", "veth", "peer", "name", other_interface,
           "netns", other.name)
    one.ip("link", "set", interface, "up")
    other.ip("link", "set", other_interface, "up")


def remove_all():
    for namespace in reversed(list(MADE)):
        namespace.remove()
