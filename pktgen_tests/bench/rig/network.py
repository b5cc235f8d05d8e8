# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces of a benchmark, and veth pairs between them."""

import ctypes
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
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


def deliver_on(namespace, interface, core):
    """What arrives at the interface goes through the kernel on this core, whoever sent it."""
    path = f"/sys/class/net/{interface}/queues/rx-0/rps_cpus"
    namespace.run("sh", "-c", f"echo {1 << core:x} > {path}")


def remove_all():
    for namespace in reversed(list(MADE)):
        namespace.remove()


def socket_in(namespace, *kind):
    """A socket of that kind (family, type, protocol) that lives in a network namespace. A thread enters it and ends: the caller's
    own namespace does not change."""
    result = []

    def make():
        try:
            with open(f"/run/netns/{namespace}", "rb") as handle:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns {namespace}")
            result.append(socket.socket(*kind))
        except OSError as error:
            result.append(error)
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]
