# SPDX-License-Identifier: BSD-3-Clause
"""tandem-dataplane and tandem-controlplane as one switch: SIP on an interface of the kernel, media
on a port of the dataplane."""

import os

from . import machine
from .process import Process

START_S = 30

CONFIG = """\
run_dir: {run_dir}
log: {{level: info}}
dataplane:
  ports:
    - name: media
      device: {media_interface}
      tap: tap0
      addresses: [{media}/24]
  media:
    - {{address: {media}, port_first: 16384, port_last: 65535}}
  cores: [{core}]
  idle: adaptive
  memory_mb: 128
sip:
  domains: [bench.invalid]
  digest: [MD5] # sipp 3.6 gives up when the first challenge is for another algorithm
  listeners: [{listeners}]
{sip}
users: [{users}]
trunks:
  - {{name: caller, addresses: [{caller}], inbound: true}}
  - {{name: callee, addresses: [{callee}], port: 5060, prefix: "9"}}
{trunks}
controlplane:
  shards: 1
  state_dir: {state_dir}
"""


class Tandem:
    """network: of figures/sip.py. users: how many there are, user0 with secret0 and so on. sip,
    trunks: lines for these sections of the configuration. transports: what is listened for."""

    def __init__(self, bench, network, users=0, sip="", trunks="", transports=("udp",)):
        self.run_dir = bench.path("tandem")
        os.makedirs(self.run_dir, mode=0o700)
        config = bench.path("tandem.yaml")
        with open(config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(
                run_dir=self.run_dir, state_dir=os.path.join(self.run_dir, "state"),
                media_interface=network.MEDIA, media=network.MEDIA_ADDRESS,
                caller=network.CALLER, callee=network.CALLEE,
                core=bench.cores.dut, sip=sip, trunks=trunks,
                listeners=", ".join(f"{{transport: {t}, address: {network.SWITCH}, port: 5060}}"
                                    for t in transports),
                users=", ".join(f"{{name: user{i}, password: secret{i}}}" for i in range(users))))
        environment = {"TANDEM_RUN_DIR": self.run_dir}
        self.dataplane, self.controlplane = (
            Process(name, [bench.program(name), "--config", config], bench.path(name + ".log"),
                    network.switch.name, environment)
            for name in ("tandem-dataplane", "tandem-controlplane"))
        self.controlplane.wait_for(self._ready, START_S, "takes calls")

    def _ready(self):
        output = self.controlplane.output()
        return "attached to the dataplane" in output and "ready: " in output

    def cpu_seconds(self):
        return machine.cpu_seconds(self.controlplane.pid)

    def dataplane_cpu_seconds(self):
        return machine.cpu_seconds(self.dataplane.pid)

    def stop(self):
        self.controlplane.stop()
        self.dataplane.stop()
