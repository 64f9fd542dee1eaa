#!/usr/bin/env python3
"""What is said in a capture: flows with all their fields, and files with all their hashes, beside tshark and tcpflow.

The packets are synth.py's (of the folder `shared` beside this repository, or $WIRETAPE_SYNTH). Every tool reads the same
capture from the page cache; it is run --times times, and the median counts. Fields that tshark prints are those that fill
flow rows. Files: Wiretape reads every protocol and makes MD5, SHA-1 and SHA-256 of each file; tshark writes HTTP's objects,
`tcpflow -a` what it finds, both without hashes, onto --directory, which is emptied after each run.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import time

from packets import find_synth, make_capture, say

HERE = pathlib.Path(__file__).resolve().parent
FIELDS = """frame.time_epoch ip.src ip.dst tcp.srcport tcp.dstport udp.srcport udp.dstport frame.len tcp.flags
http.host http.user_agent http.request.method http.request.uri http.response.code http.server
tls.handshake.extensions_server_name tls.handshake.extensions_alpn_str tls.handshake.ja3 tls.handshake.ja3s
x509sat.printableString x509ce.dNSName dns.qry.name dns.a dns.aaaa dns.cname ssh.protocol ssh.kex.hassh
smtp.req.parameter imf.from imf.to imf.subject imf.message_id ftp.request.arg dhcp.option.hostname""".split()


def questions(arguments, capture, out):
    tshark = ["tshark", "-n", "-r", capture]
    return {
        "flows with all fields": {
            "wiretape": [arguments.binary, "flows", "-r", capture, "--format", "json"],
            "tshark": [*tshark, "-T", "fields", *(word for field in FIELDS for word in ("-e", field))],
        },
        "files with all hashes": {
            "wiretape": [arguments.binary, "files", "-r", capture, "--format", "json"],
            "tshark": [*tshark, "-Q", "--export-objects", f"http,{out}"],
            "tcpflow": ["tcpflow", "-a", "-r", capture, "-o", out],
        },
    }


def run(command, out):
    """Seconds, seconds of processor, most memory in bytes."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    begun = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    shutil.rmtree(out, ignore_errors=True)
    if process.returncode not in (0, 1):
        say(f"{command[0]} ended with {process.returncode}")
    return {"seconds": took, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * 1024}


def measure(arguments):
    capture = make_capture(find_synth(), arguments.directory, arguments.size)
    out, size, results = arguments.directory / "out", capture.stat().st_size, {}
    with open(capture, "rb") as packets:
        while packets.read(1 << 24):
            pass
    for question, tools in questions(arguments, capture, out).items():
        for tool, command in tools.items():
            if not shutil.which(command[0]):
                say(f"no {tool}: it is not installed")
                continue
            runs = [run(command, out) for _ in range(arguments.times if tool == "wiretape" else arguments.peer_times)]
            row = {name: statistics.median(one[name] for one in runs) for name in runs[0]}
            row["bytes_a_second"] = size / row["seconds"]
            results.setdefault(question, {})[tool] = row
            say(f"{question}: {tool}: {row['bytes_a_second'] / 1e6:.0f} MB/s, {row['cpu']:.1f} s of processor, {row['memory'] >> 20} MiB")
    return size, results


def table(size, results):
    lines = ["| question | tool | MB/s | wiretape is faster | processor, s | memory, MiB |", "|---|---|--:|--:|--:|--:|"]
    for question, tools in results.items():
        for tool, row in tools.items():
            ratio = "" if tool == "wiretape" else f"{row['seconds'] / tools['wiretape']['seconds']:.1f} times"
            lines.append(f"| {question} | {tool} | {row['bytes_a_second'] / 1e6:.0f} | {ratio} | {row['cpu']:.1f} | {row['memory'] >> 20} |")
    return f"{size:,} bytes of packets.\n\n" + "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/wiretape", type=lambda path: os.path.abspath(path))
    parser.add_argument("--directory", default="build/bench/query", type=lambda path: pathlib.Path(path).absolute())
    parser.add_argument("--size", default="4G", help="of the capture")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--peer-times", type=int, default=1, help="runs of the others, which take minutes")
    parser.add_argument("--no-results", action="store_true", help="do not write bench/results")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    size, results = measure(arguments)
    text = table(size, results)
    print(text)
    if not arguments.no_results:
        day = datetime.date.today().isoformat()
        head = f"# What is said, {day}\n\n`make bench-investigate`, Linux {platform.release()}, {os.cpu_count()} cores.\n\n"
        (HERE / "results" / f"{day}-investigate.md").write_text(head + text + "\n")
        (HERE / "results" / f"{day}-investigate.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
