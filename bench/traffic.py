"""Makes the two captures of the recording benchmark: many concurrent TCP flows, each whole from SYN to FIN.

  traffic.py full OUT.pcap    1514-byte frames: 10,000 flows of 150 KB, so about a tenth is head and the rest bulk
  traffic.py mix OUT.pcap     308 bytes on average: small requests, bare acknowledgements, some full frames

Flows are interleaved so that 10,000 are open at any time. Deterministic. All lengths are right and IP checksums are
valid, so that a recorder sees what it would see on a server; `tcpreplay --unique-ip` makes each loop new flows.
"""
import random
import struct
import sys

FLOWS = 10_000
SYN, ACK, PSH, FIN = 0x02, 0x10, 0x08, 0x01


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


class Flow:
    """One TCP conversation as a generator of frames."""

    def __init__(self, number):
        self.client = struct.pack("!I", 0x0A000000 + 1 + number)
        self.server = struct.pack("!I", 0xC6120000 + number % 4096)
        self.port = 20_000 + number % 40_000
        self.place = number * 6151 % (len(BODY) - 1460)
        self.sequence = {True: number * 7919 & 0xFFFFFFFF, False: number * 104729 & 0xFFFFFFFF}

    def frame(self, to_server, flags, payload):
        source, target = (self.client, self.server) if to_server else (self.server, self.client)
        ports = (self.port, 443) if to_server else (443, self.port)
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + payload, 1, 0x4000, 64, 6, 0, source, target)
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        tcp = struct.pack("!HHIIBBHHH", *ports, self.sequence[to_server], self.sequence[not to_server], 0x50, flags, 64240, 0, 0)
        step = payload + (1 if flags & (SYN | FIN) else 0)
        self.sequence[to_server] = (self.sequence[to_server] + step) & 0xFFFFFFFF
        macs = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02")
        ethernet = (macs[1] + macs[0] if to_server else macs[0] + macs[1]) + b"\x08\0"
        self.place = (self.place + 7919) % (len(BODY) - 1460)
        body = BODY[self.place : self.place + payload]
        return (ethernet + header + tcp + body).ljust(60, b"\0")


def conversation(flow, kind):
    yield flow.frame(True, SYN, 0)
    yield flow.frame(False, SYN | ACK, 0)
    yield flow.frame(True, ACK, 0)
    if kind == "full":
        for turn in range(100):
            yield flow.frame(turn % 25 == 0, ACK | PSH, 1460)
    else:
        for turn in range(4):
            yield flow.frame(True, ACK | PSH, 120 + 40 * turn)
            yield flow.frame(False, ACK, 0)
            yield flow.frame(False, ACK | PSH, 1460 if turn != 2 else 380)
            yield flow.frame(True, ACK, 0)
    yield flow.frame(True, FIN | ACK, 0)
    yield flow.frame(False, FIN | ACK, 0)
    yield flow.frame(True, ACK, 0)


def main():
    kind, path = sys.argv[1:]
    chance = random.Random(1)
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        waiting = [conversation(Flow(number), kind) for number in range(FLOWS)]
        order = list(range(FLOWS))
        clock, packets, size = 0, 0, 0
        while order:
            chance.shuffle(order)
            ended = set()
            for number in order:
                frame = next(waiting[number], None)
                if frame is None:
                    ended.add(number)
                    continue
                clock += 1000
                out.write(struct.pack("<IIII", 1_700_000_000 + clock // 10**9, clock % 10**9, len(frame), len(frame)) + frame)
                packets += 1
                size += len(frame)
            order = [number for number in order if number not in ended]
    print(f"{path}: {packets} packets, {size / packets:.0f} bytes on average, {FLOWS} flows")


def body():
    """4 MiB, half of it text, half random: neither free to compress nor incompressible."""
    chance = random.Random(2)
    text = bytes(chance.choices(b"etaoin shrdlu<>/=\"0123456789ETAOIN", k=1 << 21))
    noise = chance.randbytes(1 << 21)
    return b"".join(text[at : at + 8192] + noise[at : at + 8192] for at in range(0, 1 << 21, 8192))


BODY = body()

if __name__ == "__main__":
    main()
