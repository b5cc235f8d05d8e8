# SPDX-License-Identifier: BSD-3-Clause
"""A client of rtpengine's NG protocol: a cookie, a space, and a bencoded dictionary over UDP; the
answer comes with the same cookie."""

import os
import socket

from .network import socket_in

TRIES = 3
WAIT_S = 1.0


class NgError(Exception):
    """rtpengine refused a command, or did not answer."""


def encode(value):
    """Bencoding: integers, byte strings, lists, dictionaries with sorted keys."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, (list, tuple)):
        return b"l" + b"".join(encode(v) for v in value) + b"e"
    if isinstance(value, dict):
        return b"d" + b"".join(encode(k) + encode(value[k]) for k in sorted(value)) + b"e"
    raise TypeError(f"{type(value).__name__} cannot be bencoded")


def decode(data):
    """The value of a whole message; strings become text."""
    value, end = _decode_at(data, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes behind the end")
    return value


def _decode_at(data, at):
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = _decode_at(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    if end > len(data):
        raise ValueError("a string is longer than the message")
    return data[colon + 1:end].decode(errors="replace"), end


class NgClient:
    def __init__(self, address, namespace=None):
        self.socket = socket_in(namespace, socket.AF_INET, socket.SOCK_DGRAM) if namespace else socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(address)
        self.socket.settimeout(WAIT_S)
        self._cookie = 0

    def close(self):
        self.socket.close()

    def command(self, name, **arguments):
        """Sends a command (underscores in keys stand for hyphens) and returns the answer. A
        repetition has the same cookie, so rtpengine carries it out once."""
        self._cookie += 1
        cookie = b"%d_%d" % (os.getpid(), self._cookie)
        message = {key.replace("_", "-"): value for key, value in arguments.items()}
        request = cookie + b" " + encode(dict(message, command=name))
        for _ in range(TRIES):
            self.socket.send(request)
            answer = self._answer(cookie)
            if answer is None:
                continue
            if answer.get("result") == "error":
                raise NgError(f"{name}: {answer.get('error-reason')}")
            return answer
        raise NgError(f"{name}: no answer")

    def _answer(self, cookie):
        while True:
            try:
                reply, _, body = self.socket.recv(65535).partition(b" ")
            except (TimeoutError, ConnectionRefusedError):
                return None
            if reply == cookie:
                return decode(body)


def sdp(ip, port):
    """An SDP with one PCMU stream."""
    return (f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n")


def media_of(text):
    """(address, port) of the first stream of an SDP."""
    lines = text.splitlines()
    port = next(int(line.split()[1]) for line in lines if line.startswith("m="))
    return next(line.split()[2] for line in lines if line.startswith("c=")), port


class NgCalls:
    """Calls as a SIP proxy would make them: offer from the caller, answer from the callee."""

    def __init__(self, client):
        self.client = client
        self.ids = []

    def add(self, caller, callee):
        """caller, callee: (ip, port) of the phones. Returns where each of them has to send."""
        name = f"call-{len(self.ids)}"
        ids = {"call_id": name, "from_tag": f"{name}-from"}
        options = {"ICE": "remove", "replace": ["origin"]}
        offer = self.client.command("offer", sdp=sdp(*caller), **ids, **options)
        answer = self.client.command("answer", sdp=sdp(*callee), to_tag=f"{name}-to", **ids,
                                     **options)
        self.ids.append(ids)
        return media_of(answer["sdp"]), media_of(offer["sdp"])

    def delete_all(self):
        for ids in self.ids:
            self.client.command("delete", **ids)
        self.ids = []
