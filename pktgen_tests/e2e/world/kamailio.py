# SPDX-License-Identifier: BSD-3-Clause
"""Kamailio on a host of the lab: what stands between Tandem and others in real networks."""

import os
import shutil
import signal
import subprocess
import tempfile

from .lab import ADDRESSES, wait_until

MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
START_S = 10

COMMON = """\
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:{address}:{port}
mpath="{modules}"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
"""

# A carrier: whoever registers or calls proves that it is `user`; calls go on to `callee`.
CARRIER = """\
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 60)
modparam("registrar", "max_expires", 120)
modparam("auth", "qop", "auth")
modparam("auth", "nonce_expire", 3600)
request_route {{
	if (is_method("REGISTER")) {{
		if (!pv_www_authenticate("carrier.lab", "{password}", "0") || $au != "{user}") {{
			www_challenge("carrier.lab", "1");
			exit;
		}}
		save("location");
		exit;
	}}
	if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
	if (has_totag()) {{
		if (!loose_route()) {{ if (is_method("ACK") && t_check_trans()) t_relay(); exit; }}
		if (is_method("BYE") && $si == "{tandem}" &&
		    !pv_proxy_authenticate("carrier.lab", "{password}", "0")) {{
			proxy_challenge("carrier.lab", "1");
			exit;
		}}
		t_relay();
		exit;
	}}
	if ($si == "{tandem}" && (!pv_proxy_authenticate("carrier.lab", "{password}", "0") ||
				  $au != "{user}")) {{
		proxy_challenge("carrier.lab", "1");
		exit;
	}}
	record_route();
	$du = "sip:{callee}";
	t_relay();
}}
"""

# An edge proxy in front of Tandem: phones register through it, and are reached through it.
EDGE = """\
loadmodule "path.so"
request_route {{
	if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
	if (is_method("REGISTER")) {{
		add_path();
		$du = "sip:{tandem}:5060";
		t_relay();
		exit;
	}}
	if (has_totag()) {{
		if (!loose_route()) {{ if (is_method("ACK") && t_check_trans()) t_relay(); exit; }}
		t_relay();
		exit;
	}}
	if (!is_present_hf("Route")) {{ sl_send_reply("403", "Not By This Way"); exit; }}
	loose_route(); # not "driven" by a last one that is ours, but taken off
	record_route();
	t_relay();
}}
"""


class Kamailio:
    """One Kamailio. route: CARRIER or EDGE; words: what stands in their braces."""

    def __init__(self, lab, host, route, port=5060, **words):
        self.directory = tempfile.mkdtemp(prefix=f"tandem-kamailio-{host}-")
        self.address = ADDRESSES[host]
        config = os.path.join(self.directory, "kamailio.cfg")
        with open(config, "w", encoding="ascii") as out:
            out.write(COMMON.format(address=self.address, port=port, modules=MODULES)
                      + route.format(**words))
        with open(os.path.join(self.directory, "output.log"), "wb") as output:
            self.process = lab.popen(
                host, "kamailio", "-DD", "-E", "-f", config, "-Y", self.directory, "-w",
                self.directory, "-m", "64", "-M", "4", "-P", os.path.join(self.directory, "pid"),
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        listens = f"{self.address}:{port} "
        wait_until(lambda: self.process.poll() is not None
                   or listens in lab.run(host, "ss", "-H", "-u", "-l", "-n").stdout, START_S,
                   "Kamailio listens")
        assert self.process.poll() is None, self.log()

    def log(self):
        with open(os.path.join(self.directory, "output.log"), encoding="utf-8",
                  errors="replace") as log:
            return log.read()

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
        shutil.rmtree(self.directory, ignore_errors=True)
