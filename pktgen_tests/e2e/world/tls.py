# SPDX-License-Identifier: BSD-3-Clause
"""Certificates of the lab, and Tandem with listeners of TLS and WSS."""

import contextlib
import os
import shutil
import ssl
import subprocess
import tempfile

UDP6 = "    - {transport: udp, address: \"2001:2::10\", port: 5060}\n"
LISTENERS = UDP6 + """\
    - {transport: tls, address: 198.18.0.10, port: 5061}
    - {transport: tls, address: "2001:2::10", port: 5061}
    - {transport: wss, address: 198.18.0.10, port: 5443}
    - {transport: wss, address: "2001:2::10", port: 5443}
"""
BEFORE = "  registration_min_s: 2\n"
NAMES = "DNS:tandem.lab,IP:198.18.0.10,IP:2001:2::10"
TRUNK = "    prefix: \"9\"\n"
TRUNK_TLS = "    uri: \"sip:198.18.0.104:5061;transport=tls\"\n" + TRUNK


def openssl(*arguments, check=True):
    return subprocess.run(["openssl", *arguments], check=check, capture_output=True, text=True,
                          timeout=20, stdin=subprocess.DEVNULL)


def issue(folder, name, names, authority="ca"):
    """NAME.pem and NAME.key, of an authority that is made when it is not there."""
    base = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "1"]
    path = os.path.join(folder, authority)
    if not os.path.exists(path + ".pem"):
        openssl(*base, "-subj", f"/CN={authority}", "-keyout", path + ".key", "-out", path + ".pem")
    own = os.path.join(folder, name)
    openssl(*base, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
            "-addext", "basicConstraints=critical,CA:FALSE", "-CA", path + ".pem", "-CAkey",
            path + ".key", "-keyout", own + ".key", "-out", own + ".pem")
    return own


def context_of(folder, certificate):
    context = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    context.load_cert_chain(certificate + ".pem", certificate + ".key")
    return context


def tls_section(own, folder, verify):
    return f"""\
  tls:
    certificates: [{{certificate: {own}.pem, private_key: {own}.key}}]
    ca: {folder}/ca.pem
    verify_client: {verify}
"""


@contextlib.contextmanager
def with_tls(world, verify, trunk=TRUNK_TLS, more=()):
    """The lab with listeners of TLS and WSS; gives the folder of the certificates. trunk: what
    stands for the carrier's prefix; more: further changes of the configuration."""
    folder = tempfile.mkdtemp()
    try:
        own = issue(folder, "tandem", NAMES)
        with world.configured(UDP6, LISTENERS,
                              more=[(BEFORE, tls_section(own, folder, verify) + BEFORE),
                                    (TRUNK, trunk), *more]):
            yield folder
    finally:
        shutil.rmtree(folder)
