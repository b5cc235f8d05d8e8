# SPDX-License-Identifier: BSD-3-Clause
"""JsSIP in headless Chromium on a host of the lab. deploy/setup --test installs both."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

from .lab import DOMAIN, wait_until

SCRIPT = os.path.join(os.path.dirname(__file__), "../../../build/browser/phone.js")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--enable-logging=stderr", "--ignore-certificate-errors")


def is_there():
    return shutil.which("chromium") and os.path.exists(SCRIPT)


class Browser:
    """Registers a user over WSS; what it says is in its log. media: the end point (rtp.Rtp) that
    talks for it; dial: whom it calls after
    the first call, one after the other."""

    PEER = "JsSIP in Chromium"

    def __init__(self, lab, user, server, media, dial):
        self.directory = tempfile.mkdtemp(prefix="tandem-browser-")
        shutil.copy(SCRIPT, self.directory)
        with open(f"{self.directory}/index.html", "w", encoding="utf-8") as page:
            page.write("<!doctype html><script src=phone.js></script>\n")
        options = json.dumps({"server": server, "uri": f"sip:{user}@{DOMAIN}",
                              "password": f"{user}-secret", "dial": [f"sip:{one}@{DOMAIN}" for one in dial],
                              "media": {"address": media.address, "port": media.port}})
        self.media = media
        self.log = f"{lab.run_dir}/log/browser-{user}.log"  # kept when a test fails
        with open(self.log, "wb") as log:
            self.process = lab.popen(user, "chromium", *FLAGS,
                                     f"--user-data-dir={self.directory}/data",
                                     f"file://{self.directory}/index.html#"
                                     + urllib.parse.quote(options),
                                     stdout=log, stderr=log, start_new_session=True)

    def said(self, text):
        """All that it has said which matches."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return list(re.finditer(f"phone: {text}", log.read()))

    def wait(self, text, seconds=20):
        return wait_until(lambda: self.said(text), seconds, f"the browser says {text!r}")

    def talk(self):
        """The media goes where the last description says."""
        last = self.wait(r"hears from (\S+) (\d+)", 5)[-1]
        self.media.start(last.group(1), int(last.group(2)))

    def close(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)
        shutil.rmtree(self.directory, ignore_errors=True)
