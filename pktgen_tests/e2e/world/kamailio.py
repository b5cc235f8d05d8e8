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
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
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

# Both ways with certificates: whom it connects to, and who connects to it, has to have one.
TLS = """\
enable_tls=yes
loadmodule "tls.so"
modparam("tls", "config", "{directory}/tls.cfg")
"""
TLS_CONFIG = """\
[server:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = {certificate}.key
certificate = {certificate}.pem
ca_list = {ca}
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = {certificate}.key
certificate = {certificate}.pem
ca_list = {ca}
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
modparam("path", "enable_r2", 1)
request_route {{
	if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
	if (is_method("REGISTER")) {{
		$fs = "{outside}";
		$du = "sip:{tandem}";
		add_path();
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
	if ($rd == "{domain}") {{ $fs = "{outside}"; $du = "sip:{tandem}"; }}
	t_relay();
}}
"""

# A switch with a leg of each kind: what comes from the phone at `inner` as XY… goes to Tandem over
# transport X, which sends the number 9Y… back over transport Y, and from there to `callee`. At the
# port `busy` it takes nothing.
SWITCH = """\
modparam("rr", "enable_double_rr", 1)
request_route {{
	if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
	if (has_totag()) {{
		if (!loose_route()) {{ if (is_method("ACK") && t_check_trans()) t_relay(); exit; }}
		t_relay();
		exit;
	}}
	if ($Rp == {busy}) {{ sl_send_reply("503", "Busy"); exit; }}
	record_route();
	if ($Rp != {inner}) {{
		$fs = "udp:{address}:{inner}";
		$du = "sip:{callee}";
		t_relay();
		exit;
	}}
	$var(way) = $(rU{{s.substr,0,1}});
	$ru = "sip:9" + $(rU{{s.substr,1,0}}) + "@{domain}";
	switch ($var(way)) {{
{ways}	}}
	t_relay();
}}
"""


class Kamailio:
    """One Kamailio. route: what it does with requests; words: what stands in its braces.
    listen: its sockets, as it writes them itself; certificate: with the authority beside it."""

    PEER = "Kamailio"

    def __init__(self, lab, host, route, port=5060, listen=None, certificate=None, **words):
        self.directory = tempfile.mkdtemp(prefix=f"tandem-kamailio-{host}-")
        self.address = ADDRESSES[host]
        listen = listen or [f"udp:{self.address}:{port}"]
        text = COMMON.format(modules=MODULES)
        if all(socket.startswith("udp:") for socket in listen):
            text += "disable_tcp=yes\n"
        if certificate:
            text += TLS.format(directory=self.directory)
            self._write("tls.cfg", TLS_CONFIG.format(
                certificate=certificate, ca=os.path.join(os.path.dirname(certificate), "ca.pem")))
        text += "".join(f"listen={socket}\n" for socket in listen)
        config = self._write("kamailio.cfg", text + route.format(**words))
        with open(os.path.join(self.directory, "output.log"), "wb") as output:
            self.process = lab.popen(
                host, "kamailio", "-DD", "-E", "-f", config, "-Y", self.directory, "-w",
                self.directory, "-m", "64", "-M", "8", "-P", os.path.join(self.directory, "pid"),
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        ends = [socket.partition(":")[2] + " " for socket in listen]

        def listens():
            if self.process.poll() is not None:
                return True
            shown = lab.run(host, "ss", "-H", "-u", "-t", "-l", "-n").stdout
            return all(end in shown for end in ends)
        wait_until(listens, START_S, "Kamailio listens")
        assert self.process.poll() is None, self.log()

    def _write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def log(self):
        with open(os.path.join(self.directory, "output.log"), encoding="utf-8",
                  errors="replace") as log:
            return log.read()

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
        shutil.rmtree(self.directory, ignore_errors=True)
