# SPDX-License-Identifier: BSD-3-Clause
"""Linphone (linphonec of Debian's linphone-cli) on a host of the lab, told what to do on its
standard input."""

import os
import re
import shutil
import subprocess
import tempfile

from . import tone
from .lab import DOMAIN, SIP_ADDRESS, SIP_ADDRESS6, wait_until

TONE_SECONDS = 60
# -1: a port of the kernel's choice, 0: none.
PORTS = {"udp": (-1, 0, 0), "tcp": (0, -1, 0), "tls": (0, 0, -1)}

# Its folder is its /tmp, where it leaves a socket of a name that is always the same; and it has an
# /etc/hosts of its own. What "ip netns exec" mounts is seen by what it starts alone. --pipe: it
# looks after SIP each 20 ms, and not once a second.
START = "mount --bind $0/hosts /etc/hosts && mount --bind $0 /tmp && cd /tmp && exec \"$@\""

CONFIG = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
use_ipv6={ipv6}
default_proxy=0
register_only_when_network_is_up=0
auto_net_state_mon=0
use_info={info}
use_rfc2833={rfc2833}
session_expires_enabled=1
session_expires_value=1800
100rel_support_level=1
verify_server_certs=1
verify_server_cn=1
root_ca=/tmp/ca.pem
media_encryption=none

[proxy_0]
reg_proxy=<sip:{domain};transport={transport}>
reg_route=<sip:{domain};transport={transport};lr>
reg_identity=sip:{user}@{domain}
reg_expires=600
reg_sendregister=1
publish=0

[auth_info_0]
username={user}
passwd={password}
realm={domain}
domain={domain}

[net]
dns_srv_enabled=0

[rtp]
audio_rtp_port=-1
timeout=30

[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1

[misc]
version_check_url_root=
"""


class Linphone:
    """Registers as one of the lab's users, plays a tone from a file, records what it hears."""

    PEER = "Linphone"

    def __init__(self, lab, user, frequency, transport="udp", ipv6=False, ca=None, info=False):
        """info: digits go by INFO, and not as RTP events."""
        self.lab = lab
        self.user = user
        self.frequency = frequency
        self.directory = tempfile.mkdtemp(prefix=f"tandem-linphone-{user}-")
        # Where logs of a test that fails are kept from.
        self.log_path = f"{lab.run_dir}/log/linphone-{user}.log"
        self.debug_path = f"{lab.run_dir}/log/linphone-{user}-sip.log"
        self._closed = False
        self._write_files(transport, ipv6, ca, info)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                lab.command(user, "sh", "-c", START, self.directory, "linphonec", "--pipe", "-S",
                            "-a", "-c", "/tmp/linphonerc", "-d", "5", "-l", self.debug_path),
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
                env=dict(os.environ, HOME="/tmp"), start_new_session=True)
        self._wait_prompt(0)
        for command in ("soundcard use files", "play /tmp/tone.wav", "record /tmp/heard.wav"):
            self.command(command)

    def _file(self, name):
        return os.path.join(self.directory, name)

    def _write_files(self, transport, ipv6, ca, info):
        os.makedirs(self._file(".local/share/linphone"))  # for its database
        tone.write_wav(self._file("tone.wav"), self.frequency, TONE_SECONDS)
        if ca:
            shutil.copy(ca, self._file("ca.pem"))
        # Tandem by its name, which is what Linphone compares with the certificate.
        with open(self._file("hosts"), "w", encoding="ascii") as hosts:
            hosts.write(f"{SIP_ADDRESS6 if ipv6 else SIP_ADDRESS} {DOMAIN}\n")
        udp, tcp, tls = PORTS[transport]
        with open(self._file("linphonerc"), "w", encoding="utf-8") as config:
            config.write(CONFIG.format(
                udp=udp, tcp=tcp, tls=tls, ipv6=int(ipv6), info=int(info), rfc2833=int(not info),
                transport=transport, user=self.user, domain=DOMAIN,
                password=f"{self.user}-secret"))

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def messages(self):
        """What Linphone says of itself and of SIP."""
        with open(self.debug_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def requests(self):
        """The methods of requests that it has sent, and that it was sent."""
        return tuple(set(re.findall(way + r"[^\n]*\n([A-Z]+) sips?:", self.messages()))
                     for way in ("message sent to", "new bytes from"))

    def _prompts(self):
        return self.log().count("linphonec> ")

    def _wait_prompt(self, before):
        """It takes one command at a time, and prompts for the next."""
        wait_until(lambda: self.process.poll() is not None or self._prompts() > before, 10,
                   f"{self.user}: Linphone takes commands")
        assert self.process.poll() is None, f"Linphone ended:\n{self.log()}"

    def command(self, text):
        before = self._prompts()
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        self._wait_prompt(before)

    def wait(self, text, seconds=10, times=1):
        """Waits until it has said what this pattern matches, and so often."""
        wait_until(lambda: len(re.findall(text, self.log())) >= times, seconds,
                   f"{self.user}: Linphone says {text!r}")

    def _wait_log(self, text, seconds=10):
        wait_until(lambda: re.search(text, self.messages()), seconds,
                   f"{self.user}: Linphone's log has {text!r}")

    # --- what a person does -----------------------------------------------------------

    def wait_registered(self):
        self._wait_log(r"to \[LinphoneRegistrationOk\]")

    def dial(self, uri):
        self.command(f"call {uri}")

    def wait_established(self, times=1):
        """As often as that: it says so after each re-INVITE."""
        self.wait("Media streams established", times=times)

    def hang_up(self):
        self.command("terminate")

    def hold(self):
        self.command("pause")

    def resume(self):
        self.command("resume")

    def dtmf(self, digit):
        self.command(digit)

    def heard_frequency(self):
        """The frequency of the last second that it heard, None for silence. It writes that down
        when the call has ended."""
        try:
            heard, rate = tone.read_wav(self._file("heard.wav"))
        except (FileNotFoundError, IndexError):
            return None
        return tone.dominant_frequency(heard[-rate:], rate)

    def close(self):
        if self._closed:
            return
        self._closed = True
        try:
            if self.process.poll() is None:
                self.command("terminate all")
                self.command("unregister")
                self._wait_log(r"to \[LinphoneRegistrationCleared\]", 3)
        except (AssertionError, OSError):
            pass
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        shutil.rmtree(self.directory, ignore_errors=True)
