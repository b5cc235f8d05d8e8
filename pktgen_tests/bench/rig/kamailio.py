# SPDX-License-Identifier: BSD-3-Clause
"""Kamailio (Debian's package): a record-routing proxy, with rtpengine or without, and a registrar
with digest authentication. Nothing else is loaded, and nothing is logged."""

import os
import shutil
import subprocess

from . import machine
from .process import Process
from .rtpengine import NG_PORT
from .suite import Unable

START_S = 10
MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"

COMMON = """\
debug=0
log_stderror=yes
children={children}
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
server_signature=no
max_while_loops=100000
listen=udp:{address}:5060
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

# The shape of Kamailio's own default configuration: sanity of Max-Forwards, loose routing within
# dialogs, a transaction and a Record-Route for what begins one.
PROXY = """\
modparam("rr", "enable_full_lr", 1)
modparam("rr", "append_fromtag", 0)
{rtpengine_load}
request_route {{
	if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
	if (is_method("CANCEL")) {{
		if (t_check_trans()) t_relay();
		exit;
	}}
	if (has_totag()) {{
		if (!loose_route()) {{
			if (is_method("ACK") && t_check_trans()) t_relay();
			exit;
		}}
		{rtpengine_end}
		t_relay();
		exit;
	}}
	t_check_trans();
	record_route();
	{rtpengine_offer}
	$du = "sip:{callee}:5060";
	t_relay();
}}
{rtpengine_answer}
"""

RTPENGINE = {
    "rtpengine_load": f"""\
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:{NG_PORT}")""",
    "rtpengine_end": 'if (is_method("BYE")) rtpengine_delete();',
    "rtpengine_offer": """\
if (is_method("INVITE")) {
		rtpengine_offer("replace-origin ICE=remove");
		t_on_reply("ANSWER");
	}""",
    "rtpengine_answer": """\
onreply_route[ANSWER] {
	if (has_body("application/sdp")) rtpengine_answer("replace-origin ICE=remove");
}""",
}

# Users in memory, bindings in memory; qop=auth, which RFC 7616 wants, without a replay check.
REGISTRAR = """\
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "htable.so"
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "hash_size", 12)
modparam("auth", "qop", "auth")
modparam("htable", "htable", "users=>size=12;")
event_route[htable:mod-init] {{
	$var(i) = 0;
	while ($var(i) < {users}) {{
		$sht(users=>user$var(i)) = "secret" + $var(i);
		$var(i) = $var(i) + 1;
	}}
}}
request_route {{
	if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
	if (!is_method("REGISTER")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
	if (!pv_www_authenticate("$td", "$sht(users=>$au)", "0")) {{
		www_challenge("$td", "1");
		exit;
	}}
	if (!save("location")) sl_reply_error();
	exit;
}}
"""


class Kamailio:
    """In a namespace, on one address. route: PROXY or REGISTRAR filled in."""

    def __init__(self, bench, namespace, address, route, children=2):
        program = shutil.which("kamailio")
        if not program:
            raise Unable("kamailio is not installed (deploy/setup --bench)")
        directory = bench.path("kamailio")
        os.makedirs(directory)
        config = os.path.join(directory, "kamailio.cfg")
        with open(config, "w", encoding="utf-8") as out:
            out.write(COMMON.format(address=address, modules=MODULES, children=children) + route)
        self.process = Process(
            "kamailio",
            [program, "-DD", "-E", "-f", config, "-Y", directory, "-w", directory, "-m", "512",
             "-M", "16", "-P", os.path.join(directory, "pid")],
            bench.path("kamailio.log"), namespace.name)
        self.process.wait_for(lambda: self._listens(namespace, address), START_S, "listens")

    @staticmethod
    def _listens(namespace, address):
        return f"{address}:5060" in namespace.run("ss", "-H", "-u", "-l", "-n").stdout

    def cpu_seconds(self):
        return machine.session_cpu_seconds(self.process.pid)

    def stop(self):
        self.process.stop()

    @staticmethod
    def version():
        done = subprocess.run(["kamailio", "-v"], capture_output=True, text=True, check=False)
        return done.stdout.split()[2] if done.stdout else "?"


def proxy(bench, namespace, address, callee, rtpengine):
    """A record-routing proxy in front of a callee."""
    words = RTPENGINE if rtpengine else dict.fromkeys(RTPENGINE, "")
    return Kamailio(bench, namespace, address, PROXY.format(callee=callee, **words))


def registrar(bench, namespace, address, users):
    """user0 … with the passwords secret0 …"""
    return Kamailio(bench, namespace, address, REGISTRAR.format(users=users))
