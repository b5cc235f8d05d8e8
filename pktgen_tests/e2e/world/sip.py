# SPDX-License-Identifier: BSD-3-Clause
"""SIP messages (RFC 3261), digest answers (RFC 7616) and SDP, as far as tests need them."""

import hashlib
import random
import re

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact",
           "l": "content-length", "c": "content-type", "k": "supported"}


def token(length=10):
    return "".join(random.choices("abcdefghijkmnpqrstuvwxyz23456789", k=length))


class Message:
    """A request or a response. Headers keep their order and may repeat."""

    def __init__(self, first, headers=None, body=""):
        self.first = first
        self.headers = headers or []
        self.body = body

    @classmethod
    def parse(cls, raw):
        head, _, body = raw.decode("utf-8", "replace").partition("\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
        headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            headers.append((COMPACT.get(name, name), value.strip()))
        return cls(lines[0], headers, body)

    def bytes(self):
        body = self.body.encode()
        lines = [self.first]
        lines += [f"{name.title() if name != 'call-id' else 'Call-ID'}: {value}"
                  for name, value in self.headers if name != "content-length"]
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    @property
    def is_response(self):
        return self.first.startswith("SIP/2.0 ")

    @property
    def status(self):
        return int(self.first.split()[1]) if self.is_response else None

    @property
    def method(self):
        return self.get("cseq").split()[1] if self.is_response else self.first.split()[0]

    @property
    def uri(self):
        return self.first.split()[1]

    def get(self, name, default=""):
        return next((v for n, v in self.headers if n == name), default)

    def all(self, name):
        """Every value of a header; a list in one line counts as several."""
        values = []
        for header, value in self.headers:
            if header == name:
                values += [v.strip() for v in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', value)]
        return values

    def tag(self, name):
        found = re.search(r";tag=([^;>\s]+)", self.get(name))
        return found.group(1) if found else None

    @property
    def branch(self):
        found = re.search(r"branch=([^;,\s]+)", self.get("via"))
        return found.group(1) if found else None

    @property
    def call_id(self):
        return self.get("call-id")

    @property
    def cseq(self):
        return int(self.get("cseq").split()[0])

    def contact_uri(self):
        found = re.search(r"<([^>]+)>", self.get("contact"))
        return found.group(1) if found else self.get("contact").split(";")[0]

    def __str__(self):
        return self.bytes().decode()


def response_to(request, status, reason, tag=None, headers=(), body=""):
    """A response with what RFC 3261 §8.2.6 copies from the request."""
    copied = [(n, v) for n, v in request.headers
              if n in ("via", "from", "call-id", "cseq", "record-route")]
    to = request.get("to")
    if tag and ";tag=" not in to:
        to += f";tag={tag}"
    copied.insert(2, ("to", to))
    if body:
        headers = [*headers, ("content-type", "application/sdp")]
    return Message(f"SIP/2.0 {status} {reason}", copied + list(headers), body)


HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def challenges(response):
    """The challenges of a 401 or 407 as dictionaries, in the order of preference."""
    name = "www-authenticate" if response.status == 401 else "proxy-authenticate"
    found = []
    for header, value in response.headers:
        if header == name:
            fields = dict((key.lower(), plain or quoted) for key, quoted, plain in
                          re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,"]+))', value))
            fields.setdefault("algorithm", "MD5")
            found.append(fields)
    return found


def digest_answer(challenge, method, uri, user, password, count=1):
    """The value of (Proxy-)Authorization (RFC 7616 §3.4)."""
    make_hash = HASHES[challenge["algorithm"].upper()]

    def digest(text):
        return make_hash(text.encode()).hexdigest()

    realm, nonce = challenge["realm"], challenge["nonce"]
    first = digest(f"{user}:{realm}:{password}")
    second = digest(f"{method}:{uri}")
    fields = (f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
              f'algorithm={challenge["algorithm"]}')
    if "auth" in challenge.get("qop", "").split(","):
        client, number = token(16), f"{count:08x}"
        answer = digest(f"{first}:{nonce}:{number}:{client}:auth:{second}")
        fields += f', response="{answer}", qop=auth, cnonce="{client}", nc={number}'
    else:
        fields += f', response="{digest(f"{first}:{nonce}:{second}")}"'
    if "opaque" in challenge:
        fields += f', opaque="{challenge["opaque"]}"'
    return fields


class Sdp:
    """What tests look at in a description."""

    def __init__(self, text):
        self.text = text
        lines = [line.strip() for line in text.split("\n")]
        self.address = next((l.split()[2] for l in lines if l.startswith("c=")), None)
        media = next((l.split() for l in lines if l.startswith("m=audio")), None)
        self.port = int(media[1]) if media else None
        self.formats = media[3:] if media else []
        self.direction = next((l[2:] for l in lines if l in (
            "a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")), "sendrecv")
        origin = next((l.split() for l in lines if l.startswith("o=")), None)
        self.version = int(origin[2]) if origin else None


def make_sdp(address, port, direction="sendrecv", formats=("0", "8", "101"), version=1):
    maps = {"0": "PCMU/8000", "8": "PCMA/8000", "101": "telephone-event/8000"}
    family = "IP6" if ":" in address else "IP4"
    lines = ["v=0", f"o=- 4711 {version} IN {family} {address}", "s=-", f"c=IN {family} {address}",
             "t=0 0", f"m=audio {port} RTP/AVP {' '.join(formats)}"]
    lines += [f"a=rtpmap:{f} {maps[f]}" for f in formats]
    if "101" in formats:
        lines.append("a=fmtp:101 0-15")
    lines += ["a=ptime:20", f"a={direction}"]
    return "\r\n".join(lines) + "\r\n"
