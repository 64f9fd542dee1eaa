#!/usr/bin/env python3
"""Questions to a tape beside tcpdump, stenoread and DuckDB over the same packets, cold and warm.

The packets are synth.py's (of the folder `shared` beside this repository, or $WIRETAPE_SYNTH): captures of --sizes bytes,
imported onto tapes; besides, a tape of 64-byte packets, and a sparse one of --sparse segments of 1 GB that are mostly
holes. What is built in DIRECTORY is used again. Cold means that the page cache was dropped (as root), the median of three;
warm is the best of five; what takes many seconds is asked less often. --only asks some of the questions, so that all of it
can be measured in pieces: results of the same day stay. Stenographer's files are made once by its own stenotype from the smallest capture (root).
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

import steno
from packets import drop_caches, find_synth, make_capture, say

HERE = pathlib.Path(__file__).resolve().parent
HOST = "10.1.0.10"  # the busiest of synth.py's hosts
SYN = "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"
SMALL_FLOWS, SMALL_PACKETS = 10_000, 5_000_000


def bytes_of(text):
    units = {"M": 10**6, "G": 10**9}
    return int(float(text[:-1]) * units[text[-1]]) if text[-1] in units else int(text)


def needle_of(capture):
    """Client port and server of a flow that synth.py planted in the middle."""
    with open(capture.with_suffix(".flows.jsonl")) as manifest:
        rows = [json.loads(line) for line in manifest if '"needle": ' in line]
    row = sorted((row for row in rows if row.get("complete")), key=lambda row: row["first_ns"])[len(rows) // 2]
    return row["client"], row["cport"], row["server"]


def make_tape(binary, capture, tape, *options):
    if not tape.exists():
        say(f"importing {capture.name} onto {tape.name}")
        part = tape.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run([binary, "import", *options, "--tape", part, capture], check=True, stderr=subprocess.DEVNULL)
        part.rename(tape)
    return tape


def make_small_packets(path):
    """Packets of 64 bytes, of ten thousand flows in random order, as a recorder of a busy service sees them."""
    if path.exists():
        return path
    frames = []
    for number in range(SMALL_FLOWS):
        client, server = struct.pack("!I", 0x0A000000 + 1 + number), struct.pack("!I", 0xC6120000 + number % 1000)
        for source, target, ports in [(client, server, (20_000 + number % 40_000, 443)), (server, client, (443, 20_000 + number % 40_000))]:
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 50, 1, 0x4000, 64, 17, 0, source, target)
            frames.append(b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + struct.pack("!HHHH", *ports, 30, 0) + bytes(22))
    chance, seconds = random.Random(1), 1_750_000_000
    with open(path, "wb", buffering=1 << 22) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for number in range(SMALL_PACKETS):
            frame = frames[int(chance.random() * len(frames))]
            out.write(struct.pack("<IIII", seconds + number // 1_000_000, number % 1_000_000 * 1000, len(frame), len(frame)) + frame)
    return path


def index_share(tape):
    """Bytes of rows, index and catalog, and of packets, on a tape."""
    index = sum(path.stat().st_size for part in ("flows", "catalog") for path in (tape / part).rglob("*") if path.is_file())
    text = subprocess.run([ARGUMENTS.binary, "flows", "--tape", tape, "--top", "1", "--by", "sensor", "--format", "json"],
                          capture_output=True, text=True).stdout
    group = json.loads(text.splitlines()[0])
    return index, group.get("bytes") or group["bytes_toserver"] + group["bytes_toclient"]


def timed(command, first_byte=False):
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE if first_byte else subprocess.DEVNULL, stderr=subprocess.PIPE)
    if first_byte:
        process.stdout.read(1)
        took = time.perf_counter() - start
        process.stdout.close()
        process.communicate()
        return took
    _, errors = process.communicate()
    took = time.perf_counter() - start
    if process.returncode not in (0, 1, 5):
        raise RuntimeError(f"{command}: {errors.decode()[-300:]}")
    return took


def asked(command, **options):
    """Seconds cold (if they can be had) and warm; a command that measures itself gives them as its output."""
    ask = command if callable(command) else lambda: timed(command, **options)
    cold = None
    if os.geteuid() == 0:
        colds = [(drop_caches(), ask())[1]]
        while len(colds) < 3 and sum(colds) < 5:
            colds.append((drop_caches(), ask())[1])
        cold = sorted(colds)[len(colds) // 2]
    warm = [ask() for _ in range(2)]
    while len(warm) < 5 and sum(warm) < 20:
        warm.append(ask())
    return {"cold": cold, "warm": min(warm)}


def duckdb(python, tape, sql):
    """A function that asks DuckDB in a fresh process and gives the seconds of the query alone."""
    program = ("import duckdb,sys,time,os\nos.chdir(sys.argv[1]);text=open(sys.argv[2]).read()\nstart=time.perf_counter()\n"
               "base=duckdb.connect();base.execute(text);base.execute(sys.argv[3]).fetchall()\nprint(time.perf_counter()-start)")
    command = [python, "-c", program, tape, HERE.parent / "docs" / "flows.sql", sql]
    # What takes long has a bar before it.
    return lambda: float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def duckdb_python(directory):
    """A Python that has DuckDB, in a venv that only this benchmark uses."""
    python = directory / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", directory / "venv"], check=True)
    has = lambda: subprocess.run([python, "-c", "import duckdb, pytz"], stderr=subprocess.DEVNULL).returncode == 0
    if not has() and subprocess.run([python, "-m", "pip", "install", "-q", "duckdb", "pytz"]).returncode:
        say("no DuckDB: pip cannot install it")
    return python if has() else None


def questions(tape, needle):
    """Names, and how they are asked of Wiretape, tcpdump, Stenographer and DuckDB."""
    client, port, server = needle
    flow = f"host {server} and port {port}"
    wiretape = lambda command, *more: [ARGUMENTS.binary, command, "--tape", tape, *more]
    return [
        ("needle: the flow", dict(wiretape=wiretape("flows", flow), tcpdump=flow, steno=flow,
                                  duckdb=f"select * from flows where (src_ip='{server}' or dest_ip='{server}') and (src_port={port} or dest_port={port})")),
        ("needle: the flow, by fields", dict(wiretape=wiretape("flows", f"dest_ip = {server} and src_port = {port}"))),
        ("needle: first packet", dict(wiretape=wiretape("packets", flow), first_byte=True)),
        ("needle: all packets", dict(wiretape=wiretape("packets", "-w", "/dev/null", flow), tcpdump=flow, steno=flow)),
        ("host: flows", dict(wiretape=wiretape("flows", f"host {HOST}"), duckdb=f"select * from flows where src_ip='{HOST}' or dest_ip='{HOST}'")),
        ("host: packets", dict(wiretape=wiretape("packets", "-w", "/dev/null", f"host {HOST}"), tcpdump=f"host {HOST}", steno=f"host {HOST}")),
        ("port scan: packets", dict(wiretape=wiretape("packets", "-w", "/dev/null", SYN), tcpdump=SYN)),
        ("port scan: flows, by fields", dict(wiretape=wiretape("flows", "conn_state in (S0, REJ)", "--top", "20", "--by", "src_ip", "--sort", "flows"),
                                             duckdb="select src_ip, count(*) n from flows where conn_state in ('S0','REJ') group by 1 order by n desc limit 20")),
        ("export: everything", dict(wiretape=wiretape("packets", "-w", "/dev/null"), tcpdump="")),
        ("export: tcp", dict(wiretape=wiretape("packets", "-w", "/dev/null", "tcp"), tcpdump="tcp")),
        ("aggregate: top talkers", dict(wiretape=wiretape("flows", "--top", "20", "--by", "dest_ip"),
                                        duckdb="select dest_ip, sum(bytes_toserver + bytes_toclient) b from flows group by 1 order by b desc limit 20")),
    ]


def ask_all(name, tape, capture, needle, tools, results, stenographer=None, only=None):
    rows = results["questions"].setdefault(name, {})
    python = duckdb_python(ARGUMENTS.directory) if "duckdb" in tools else None
    for question, of in questions(tape, needle):
        if not all(any(word in question for word in words) for words in (only, ARGUMENTS.only) if words):
            continue
        row = rows.setdefault(question, {})
        first_byte = of.get("first_byte", False)
        if "wiretape" in tools:
            row["wiretape"] = asked(of["wiretape"], first_byte=first_byte)
        if "tcpdump" in tools and "tcpdump" in of and capture:
            row["tcpdump"] = asked(["tcpdump", "-Z", "root", "-nr", capture, "-w", "/dev/null", of["tcpdump"]])
        if python and "duckdb" in of:
            row["duckdb"] = asked(duckdb(python, tape, of["duckdb"]))
        if stenographer and "steno" in of:
            row["stenoread"] = asked(stenographer.question(of["steno"]))
        say(f"{name}: {question}: " + ", ".join(f"{tool} {shown(took)}" for tool, took in row.items()))
    return rows


def shown(took):
    text = lambda seconds: "" if seconds is None else f"{seconds * 1e3:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"
    return f"{text(took['cold'])} / {text(took['warm'])}"


def table(name, rows):
    tools = [tool for tool in ("wiretape", "tcpdump", "stenoread", "duckdb") if any(tool in row for row in rows.values())]
    others = [tool for tool in tools if tool != "wiretape"]
    head = [f"{tool}, cold / warm" for tool in tools] + [f"{tool} beside wiretape" for tool in others]
    lines = [f"### {name}", "", "| question | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for question, row in rows.items():
        cells = [shown(row[tool]) if tool in row else "" for tool in tools]
        for tool in others:
            ratio = lambda kind: f"{row[tool][kind] / row['wiretape'][kind]:.1f}" if row[tool][kind] and row["wiretape"][kind] else ""
            cells.append(f"{ratio('cold')} / {ratio('warm')}" if tool in row and "wiretape" in row else "")
        lines.append(f"| {question} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measure(results, directory):
    tools = ARGUMENTS.tools.split(",")
    synth = find_synth()
    shares = results.setdefault("index", {})
    for size in filter(None, ARGUMENTS.sizes.split(",")):
        capture = make_capture(synth, directory, size)
        needle = needle_of(capture)
        tapes = {f"{size} of packets": make_tape(ARGUMENTS.binary, capture, directory / f"synth-{size.lower()}.tape")}
        if size == ARGUMENTS.small_size:
            tapes[f"{size} of packets, --compress none"] = make_tape(ARGUMENTS.binary, capture, directory / f"synth-{size.lower()}-none.tape", "--compress", "none")
        for name, tape in tapes.items():
            first = size == ARGUMENTS.small_size and not name.endswith("none")
            stenographer = steno.Stenographer(capture, directory / "steno") if first and "stenoread" in tools else None
            ask_all(name, tape, capture, needle, tools, results, stenographer)
            shares[name] = index_share(tape)
    if ARGUMENTS.small:
        capture = make_small_packets(directory / "small.pcap")
        shares["64-byte packets of 10,000 flows"] = index_share(make_tape(ARGUMENTS.binary, capture, directory / "small.tape"))
    if ARGUMENTS.sparse:
        tape = directory / f"sparse-{ARGUMENTS.sparse}.tape"
        if not tape.exists():
            say(f"making {tape.name}")
            subprocess.run([ARGUMENTS.sparse_maker, tape.with_suffix(".part"), str(ARGUMENTS.sparse)], check=True)
            tape.with_suffix(".part").rename(tape)
        # The maker's middle segment has this flow, and no other has its server.
        name = f"sparse, {ARGUMENTS.sparse} segments that stand for 1 GB each"
        ask_all(name, tape, None, ("10.1.0.10", 40_000, "203.0.113.7"), ["wiretape"], results, only=["needle", "host", "port scan: flows", "aggregate"])


def keep(results):
    folder = HERE / "results"
    day = datetime.date.today().isoformat()
    head = (f"# Questions, {day}\n\n`make bench-query`, Linux {platform.release()}, {os.cpu_count()} cores. Cold (page cache dropped) / warm; "
            "DuckDB without the start of its process.\n\n")
    shares = ["### Rows, index and catalog beside the packets", "", "| tape | bytes | of packet bytes |", "|---|--:|--:|"]
    shares += [f"| {name} | {index:,} | {index / packets:.2%} |" for name, (index, packets) in results["index"].items()]
    tables = [table(name, rows) for name, rows in results["questions"].items()]
    print("\n\n".join(tables + ["\n".join(shares)]))
    if not ARGUMENTS.no_results:
        (folder / f"{day}-query.md").write_text(head + "\n\n".join(tables + ["\n".join(shares)]) + "\n")
        (folder / f"{day}-query.json").write_text(json.dumps(results, indent=1) + "\n")


def main():
    global ARGUMENTS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/wiretape", type=lambda path: os.path.abspath(path))
    parser.add_argument("--directory", default="build/bench/query", type=lambda path: pathlib.Path(path).absolute())
    parser.add_argument("--sizes", default="1G,10G", help="of the captures, large enough for what is asked")
    parser.add_argument("--small-size", default="1G", help="the one that Stenographer gets too, and a tape without compression")
    parser.add_argument("--tools", default="wiretape,tcpdump,stenoread,duckdb")
    parser.add_argument("--only", default=[], type=lambda text: text.split(","), help="questions whose names have one of these words")
    parser.add_argument("--sparse", type=int, default=10_000, help="segments of the sparse tape; 0 for none")
    parser.add_argument("--sparse-maker", default="target/release/examples/sparse", type=lambda path: os.path.abspath(path))
    parser.add_argument("--no-small", dest="small", action="store_false", help="without the tape of 64-byte packets")
    parser.add_argument("--no-results", action="store_true", help="do not write bench/results")
    ARGUMENTS = parser.parse_args()
    ARGUMENTS.directory.mkdir(parents=True, exist_ok=True)
    day = HERE / "results" / f"{datetime.date.today().isoformat()}-query.json"
    # Whoever ends it keeps what has been measured.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # What was measured today of other tools or sizes stays in the table.
    results = json.loads(day.read_text()) if day.exists() else {"questions": {}}
    try:
        measure(results, ARGUMENTS.directory)
    finally:
        keep(results)


if __name__ == "__main__":
    main()
