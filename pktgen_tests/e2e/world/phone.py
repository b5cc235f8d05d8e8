# SPDX-License-Identifier: BSD-3-Clause
"""A baresip phone on a host of the lab, controlled over its TCP port."""

import glob
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from . import tone
from .lab import ADDRESSES, ADDRESSES6, DOMAIN, SIP_ADDRESS, SIP_ADDRESS6, wait_until

CONTROL_PORT = 4444
TONE_SECONDS = 120

CONFIG = """\
poll_method epoll
sip_listen {listen}
call_local_timeout 120
call_max_calls 4
audio_source aufile,{directory}/tone.wav
audio_player nothing
audio_alert nothing
audio_channels 1
ausrc_srate 8000
auplay_srate 8000
audio_buffer 20-160
rtp_stats yes
jitter_buffer_delay 1-10
module_path {modules}
module g711.so
module aufile.so
module sndfile.so
module uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {directory}
"""

MODULE_DIRS = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules")


class Phone:
    """Registers as one of the lab's users, plays a tone, records what it hears."""

    PEER = "baresip"

    def __init__(self, lab, user, frequency, host=None, proxy=True, ipv6=False, codec="PCMU",
                 auto_answer=True, control=CONTROL_PORT, password=None, transport="udp",
                 ca=None, server=None):
        """server: an outbound proxy, host and port, that is not Tandem."""
        self.lab = lab
        self.user = user
        self.host = host or user
        self.frequency = frequency
        self.address = (ADDRESSES6 if ipv6 else ADDRESSES)[self.host]
        self.directory = tempfile.mkdtemp(prefix=f"tandem-phone-{user}-")
        self.log_path = os.path.join(self.directory, "baresip.log")
        self.events = []
        self._responses = {}
        self._changed = threading.Condition()
        self._closed = False
        tone.write_wav(os.path.join(self.directory, "tone.wav"), frequency, TONE_SECONDS)
        self._write_configuration(proxy, ipv6, codec, auto_answer, control,
                                  password or f"{user}-secret", transport, ca, server)
        with open(self.log_path, "wb") as log:
            self.process = lab.popen(self.host, "baresip", "-f", self.directory, "-v", stdout=log,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        self._connect(control)

    def _write_configuration(self, proxy, ipv6, codec, auto_answer, control, password,
                             transport, ca, server):
        host_part = f"[{self.address}]" if ipv6 else self.address
        modules = next(d for d in MODULE_DIRS if os.path.isdir(d))
        with open(os.path.join(self.directory, "config"), "w", encoding="utf-8") as config:
            config.write(CONFIG.format(directory=self.directory, control=control, modules=modules,
                                       listen=f"{host_part}:5060"))
            if ca:
                config.write(f"sip_cafile {ca}\nsip_verify_server yes\n")
        server = server or ((f"[{SIP_ADDRESS6}]" if ipv6 else SIP_ADDRESS)
                            + (":5061" if transport == "tls" else ""))
        account = (f"<sip:{self.user}@{DOMAIN};transport={transport}>;auth_user={self.user};"
                   f"auth_pass={password};outbound=\"sip:{server};transport={transport}\";regint=600"
                   if proxy else f"<sip:{self.user}@{host_part}>;regint=0")
        account += f";audio_codecs={codec}/8000/1;mwi=no"
        if auto_answer:
            account += ";answermode=auto"
        with open(os.path.join(self.directory, "accounts"), "w", encoding="utf-8") as accounts:
            accounts.write(account + "\n")

    # --- control ------------------------------------------------------------------------

    def _connect(self, port):
        def attempt():
            assert self.process.poll() is None, f"baresip ended:\n{self.log()}"
            self._control = self.lab.socket(self.host, kind=socket.SOCK_STREAM)
            try:
                self._control.connect(("127.0.0.1", port))
                return True
            except OSError:
                self._control.close()
                return False
        wait_until(attempt, 10, f"{self.user}: baresip takes commands")
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        buffer = b""
        while not self._closed:
            try:
                data = self._control.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b":" in buffer:
                size, _, rest = buffer.partition(b":")
                if len(rest) <= int(size):
                    break
                self._take(json.loads(rest[:int(size)].decode("utf-8", "replace")))
                buffer = rest[int(size) + 1:]

    def _take(self, message):
        with self._changed:
            if message.get("response"):
                self._responses[message.get("token")] = message
            else:
                message["time"] = time.monotonic()
                self.events.append(message)
            self._changed.notify_all()

    def command(self, command, parameters=""):
        """Sends a command of baresip's menu; returns the text of the answer."""
        name = f"{command}-{time.monotonic_ns()}"
        text = json.dumps({"command": command, "params": parameters, "token": name}).encode()
        self._control.sendall(str(len(text)).encode() + b":" + text + b",")
        with self._changed:
            assert self._changed.wait_for(lambda: name in self._responses, 5), \
                f"{self.user}: baresip does not answer {command}"
            return self._responses[name].get("data", "")

    def wait_event(self, kind, seconds=15):
        """Waits for an event such as REGISTER_OK or CALL_ESTABLISHED; returns it."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: next((e for e in self.events if e.get("type") == kind), None), seconds)
        seen = [e.get("type") for e in self.events]
        assert found, f"{self.user}: no {kind} within {seconds} s, seen: {seen}"
        return found

    # --- what a person does -----------------------------------------------------------

    def wait_registered(self):
        """It may have happened before events were taken, so the phone is asked for its state."""
        wait_until(lambda: "OK" in self.command("reginfo"), 10,
                   f"{self.user}: baresip is registered", 0.1)

    def dial(self, uri):
        self.command("dial", uri)

    def answer(self):
        self.command("accept")

    def hang_up(self):
        self.command("hangup")

    def hold(self):
        self.command("hold")

    def resume(self):
        self.command("resume")

    def recordings(self):
        return sorted(glob.glob(os.path.join(self.directory, "dump-*-dec.wav")))

    def heard_frequency(self):
        """The frequency in the newest recording, None if there is none or silence."""
        recordings = self.recordings()
        if not recordings:
            return None
        return tone.dominant_frequency(*tone.read_wav(recordings[-1]))

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def close(self):
        """Ends baresip and removes its files."""
        if self._closed:
            return
        self._closed = True
        self.process.terminate()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        try:
            self._control.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._control.close()
        self.ended_log = self.log()
        self.final_frequency = self.heard_frequency()
        shutil.rmtree(self.directory, ignore_errors=True)
