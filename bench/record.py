#!/usr/bin/env python3
"""Loss and CPU time of Wiretape beside tcpdump, dumpcap, netsniff-ng and stenotype, in one run on one veth pair.

The sender (`tcpreplay --topspeed -K`) is pinned to core 0, the recorder to core 1. CPU time is what both cores were busy
above a run of the sender alone of the same length, a packet: so it holds the kernel's work for the recorder too. The
sender keeps its core busy in both runs, but sends less when the kernel copies each packet into the recorder's ring on that
core: the second figure counts that too (busy time a packet, less the sender's own a packet). Everything happens in a
network namespace of its own that is removed at the end. Needs root; writes to DIRECTORY (default: build/bench), onto
a file system of the benchmark's own that is mounted without `discard`: with it, the time that a disk takes for each removed
file decides the run (`--in-directory` shows that).
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import link

HERE = pathlib.Path(__file__).resolve().parent
LINK = link.Link("wiretape-bench")
RING_MIB = 64
BUDGET = 8_000_000_000


class Recorder:
    def __init__(self, name, command, counters, keeps_own_budget=True):
        self.name, self.command, self.counters, self.keeps_own_budget = name, command, counters, keeps_own_budget


def find(pattern, text):
    match = re.search(pattern, text)
    return int(match.group(1).replace(",", "")) if match else None


def tcpdump_counters(text):
    return find(r"(\d+) packets? captured", text), find(r"(\d+) packets? dropped by kernel", text)


def dumpcap_counters(text):
    match = re.search(r"received/dropped on interface '[^']*': (\d+)/(\d+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else (None, None)


def netsniff_counters(text):
    # "passed filter" counts what the kernel gave or would have given, "failed filter" what did not fit the ring.
    passed = find(r"(\d+) +packets passed filter", text)
    failed = find(r"(\d+) +packets failed filter", text) or 0
    return passed, failed


def steno_counters(text):
    rows = re.findall(r"packets=(\d+).*?drops?=(\d+)", text)
    return (int(rows[-1][0]), int(rows[-1][1])) if rows else (None, None)


def recorders(binary, folder):
    out = str(folder)
    file_mb = BUDGET // 8 // 1_000_000
    return [
        Recorder("wiretape", [binary, "record", "-i", "in0", "--tape", out + "/tape", "--budget", str(BUDGET)], tcpdump_counters),
        Recorder("tcpdump", ["tcpdump", "-i", "in0", "-n", "-s", "0", "-Z", "root", "-C", str(file_mb), "-W", "8", "-w", out + "/dump.pcap"], tcpdump_counters),
        Recorder("tcpdump -B 65536", ["tcpdump", "-i", "in0", "-n", "-s", "0", "-Z", "root", "-B", "65536", "-C", str(file_mb), "-W", "8", "-w", out + "/dump.pcap"], tcpdump_counters),
        Recorder("dumpcap", ["dumpcap", "-i", "in0", "-q", "-B", str(RING_MIB), "-b", f"filesize:{file_mb * 1000}", "-b", "files:8", "-w", out + "/dump.pcapng"], dumpcap_counters),
        Recorder("netsniff-ng", ["netsniff-ng", "--in", "in0", "--out", out, "--silent", "--ring-size", f"{RING_MIB}MiB", "--interval", f"{file_mb}MiB", "--overwrite", "8"], netsniff_counters),
        Recorder("stenotype", ["stenotype", "--iface=in0", "--threads=1", f"--blocks={RING_MIB}", "--aiops=16", f"--filesize_mb={file_mb}", f"--dir={out}", "--uid=root", "--gid=root", "--seccomp=none", "-v"], steno_counters, keeps_own_budget=False),
    ]


def make_volume(directory):
    """A file system for the recorders in a file, whose blocks are there before; it goes around the page cache."""
    remove_volume(directory)
    image, volume = directory / "volume.img", directory / "volume"
    volume.mkdir(exist_ok=True)
    subprocess.run(["fallocate", "-l", str(BUDGET * 7 // 4), image], check=True)
    loop = subprocess.run(["losetup", "--find", "--show", "--direct-io=on", image], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["mkfs.ext4", "-q", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", loop], check=True)
    subprocess.run(["mount", "-o", "nodiscard", loop, volume], check=True)
    return volume


def remove_volume(directory):
    image, volume = directory / "volume.img", directory / "volume"
    if os.path.ismount(volume):
        subprocess.run(["umount", volume], check=True)
    loops = subprocess.run(["losetup", "-nO", "NAME", "-j", image], capture_output=True, text=True).stdout.split()
    for loop in loops:
        subprocess.run(["losetup", "-d", loop])
    image.unlink(missing_ok=True)


def busy_seconds():
    """Seconds all cores were busy since boot: user, nice, system, irq, softirq."""
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:]]
    return (sum(fields[:3]) + fields[5] + fields[6]) / os.sysconf("SC_CLK_TCK")


def received_packets():
    text = LINK.run("cat", "/sys/class/net/in0/statistics/rx_packets", capture_output=True, text=True).stdout
    return int(text)


def send(capture, seconds, begun=lambda: None):
    """Sends the capture in a loop for `seconds`; gives packets sent, seconds it took and CPU time of all cores."""
    packets, busy, clock = received_packets(), busy_seconds(), time.monotonic()
    sender = subprocess.Popen(
        [*LINK.inside, "taskset", "-c", "0", "tcpreplay", "--topspeed", "-K", "--unique-ip", "--loop=0", "-q", "-i", "out0", str(capture)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while received_packets() == packets:  # reading the capture into memory is not part of the run
        time.sleep(0.05)
    busy, clock = busy_seconds(), time.monotonic()
    begun()
    time.sleep(seconds)
    sender.send_signal(signal.SIGINT)
    sender.wait()
    return received_packets() - packets, time.monotonic() - clock, busy_seconds() - busy


def keep_small(folder, stop):
    """Removes the oldest files of a recorder that has no budget of its own."""
    while not stop.wait(1):
        files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in files)
        for path in files[:-2]:
            if total > BUDGET:
                total -= path.stat().st_size
                path.unlink()


class Questions:
    """Five questions to the tape that is being recorded, each asked again as soon as it is answered, on the recorder's core."""

    ASKED = [
        ["flows", "host 10.0.3.232 and port 21000"],
        ["packets", "--limit", "1", "host 10.0.3.232 and port 21000"],
        ["flows", "net 198.18.0.0/24", "--limit", "1000"],
        ["packets", "-w", "/dev/null", "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"],
        ["flows", "--top", "20", "--by", "dest_ip"],
    ]

    def __init__(self, binary, tape):
        self.binary, self.tape = binary, tape
        self.stop, self.took, self.threads = threading.Event(), [[] for _ in self.ASKED], []

    def begin(self):
        for asked, took in zip(self.ASKED, self.took):
            self.threads.append(threading.Thread(target=self.ask, args=(asked, took), daemon=True))
            self.threads[-1].start()

    def ask(self, asked, took):
        while not self.stop.is_set():
            start = time.monotonic()
            command = ["taskset", "-c", "1", self.binary, asked[0], "--tape", self.tape, *asked[1:]]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not self.stop.wait(0.02):
                pass
            if process.poll() is None:
                process.kill()
                process.wait()
            else:
                took.append(time.monotonic() - start)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        return [{"asked": " ".join(asked), "answers": len(took), "seconds": sum(took) / len(took) if took else None}
                for asked, took in zip(self.ASKED, self.took)]


def peak_memory_mib(pid):
    try:
        return find(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read()) / 1024
    except (OSError, TypeError):
        return None


def packets_cut(tape):
    """Packets that Wiretape did not keep whole in their lanes, by its log: cut to headers, or made junk."""
    lines = [json.loads(line) for path in tape.glob("chain/*.jsonl") for line in open(path)]
    return sum(line["packets"] for line in lines if line["kind"] in ("overload", "pace"))


def run(recorder, capture, seconds, folder, log_path, asks=False):
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("PKT0", "IDX0"):
        (folder / part).mkdir(parents=True)
    log = open(log_path, "w+")
    process = subprocess.Popen([*LINK.inside, "taskset", "-c", "1", *recorder.command], stdout=log, stderr=log)
    time.sleep(2)
    if process.poll() is not None:
        log.seek(0)
        return {"recorder": recorder.name, "error": log.read()[-400:]}
    stop = threading.Event()
    if not recorder.keeps_own_budget:
        threading.Thread(target=keep_small, args=(folder, stop), daemon=True).start()
    questions = Questions(recorder.command[0], str(folder / "tape"))
    sent, took, busy = send(capture, seconds, questions.begin if asks else lambda: None)
    answers = questions.end()
    time.sleep(1.5)
    memory = peak_memory_mib(process.pid)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
    stop.set()
    log.seek(0)
    text = log.read()
    captured, dropped = recorder.counters(text)
    cut = packets_cut(folder / "tape")
    shutil.rmtree(folder, ignore_errors=True)
    row = {"recorder": recorder.name, "sent": sent, "seconds": took, "busy": busy, "captured": captured,
           "dropped": dropped, "packets_cut": cut, "memory_mib": memory, "log": text[-600:]}
    return {**row, "recorder": recorder.name + ", asked", "questions": answers} if asks else row


def table(kind, alone, rows):
    bytes_each = alone["bytes_each"]
    sender_us = alone["busy"] / alone["sent"] * 1e6
    lines = [f"### {kind}: {bytes_each:.0f} bytes a packet on average; sender alone {alone['sent'] / alone['seconds'] / 1e6:.2f} Mpps",
             "", "| recorder | sent Mpps | Gbit/s | loss | CPU µs a packet | beside wiretape | with the sender's slowing down | peak memory MiB |", "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        if "error" in row:
            lines.append(f"| {row['recorder']} | did not run | | | | | | |")
            continue
        rate = row["sent"] / row["seconds"]
        row["loss"] = None if row["captured"] is None else max(0.0, 1 - row["captured"] / row["sent"])
        row["cpu_us"] = (row["busy"] - alone["busy"] / alone["seconds"] * row["seconds"]) / row["sent"] * 1e6
        row["cpu_us_with_slowing"] = row["busy"] / row["sent"] * 1e6 - sender_us
        ratio = row["cpu_us"] / rows[0]["cpu_us"] if rows[0].get("cpu_us") else float("nan")
        loss = "not told" if row["loss"] is None else f"{row['loss']:.2%}"
        memory = "" if row["memory_mib"] is None else f"{row['memory_mib']:.0f}"
        lines.append(f"| {row['recorder']} | {rate / 1e6:.2f} | {rate * bytes_each * 8 / 1e9:.2f} | {loss} | {row['cpu_us']:.2f} | {ratio:.2f} | {row['cpu_us_with_slowing']:.2f} | {memory} |")
    lines += [f"\nOf those {row['packets_cut']:,} were cut to headers or became junk." for row in rows if row.get("packets_cut")]
    asked = [row["questions"] for row in rows if "questions" in row]
    if asked:
        lines += ["", "Asked while it recorded, on its core:", "", "| question | answers | seconds each |", "|---|--:|--:|"]
        lines += [f"| {one['asked'].replace('|', chr(92) + '|')} | {one['answers']} | {one['seconds'] or 0:.2f} |" for one in asked[0]]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/wiretape")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--directory", default="build/bench", help="where the recorders write; a real disk")
    parser.add_argument("--in-directory", action="store_true", help="write to DIRECTORY as it is mounted, not onto a file system in a file there")
    parser.add_argument("--only", help="names of recorders, separated by commas")
    parser.add_argument("--kinds", default="full,mix")
    parser.add_argument("--questions", action="store_true", help="wiretape alone, and again with five questions running on its core")
    parser.add_argument("--no-results", action="store_true", help="do not write bench/results")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("the benchmark makes a network namespace: run it as root")
    directory = pathlib.Path(arguments.directory).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    results, tables = {}, []
    target = directory if arguments.in_directory else make_volume(directory)
    mounted, log = file_system(target), directory / "recorder.log"
    try:
        for kind in arguments.kinds.split(","):
            capture = directory / f"{kind}.pcap"
            if not capture.exists():
                subprocess.run([sys.executable, str(HERE / "traffic.py"), kind, str(capture)], check=True)
            LINK.make()
            sent, took, busy = send(capture, min(20, arguments.seconds))
            count, size = packets_of(capture)
            alone = {"sent": sent, "seconds": took, "busy": busy, "bytes_each": size / count}
            rows = []
            for recorder in recorders(os.path.abspath(arguments.binary), target / "out"):
                only = "wiretape" if arguments.questions else arguments.only
                if only and recorder.name not in only.split(","):
                    continue
                print(f"{kind}: {recorder.name} …", file=sys.stderr, flush=True)
                LINK.make()
                rows.append(run(recorder, capture, arguments.seconds, target / "out", log))
                if arguments.questions and recorder.name == "wiretape":
                    LINK.make()
                    rows.append(run(recorder, capture, arguments.seconds, target / "out", log, asks=True))
                if rows[-1].get("captured") is None:
                    print(rows[-1].get("error", rows[-1].get("log")), file=sys.stderr)
            tables.append(table(kind, alone, rows))
            print(tables[-1], flush=True)
            results[kind] = {"sender alone": alone, "recorders": rows}
    finally:
        LINK.remove()
        if target != directory:
            remove_volume(directory)
    if not arguments.no_results:
        keep(results, tables, arguments, mounted)


def packets_of(capture):
    """Packets and bytes of a nanosecond pcap of our own making."""
    import struct
    count = size = 0
    with open(capture, "rb") as file:
        file.seek(24)
        while header := file.read(16):
            length = struct.unpack("<IIII", header)[2]
            file.seek(length, 1)
            count, size = count + 1, size + length
    return count, size


def file_system(directory):
    found = subprocess.run(["findmnt", "-no", "FSTYPE,OPTIONS", "-T", directory], capture_output=True, text=True).stdout.split()
    kind, options = (found + ["", ""])[:2]
    return f"{kind} mounted {'with' if 'discard' in options.split(',') else 'without'} `discard`"


def keep(results, tables, arguments, mounted):
    day = datetime.date.today().isoformat()
    for kind in results.values():
        for row in kind["recorders"]:
            row.pop("log", None)
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    head = (f"# Recording, {day}\n\n`{'bench/record.py --questions' if arguments.questions else 'make bench'}` ({arguments.seconds} s each), Linux {platform.release()}, "
            f"{os.cpu_count()} cores, ring {RING_MIB} MiB where the recorder lets one choose, budget {BUDGET // 10**9} GB, on {mounted}.\n\n")
    name = "asked" if arguments.questions else "record"
    (folder / f"{day}-{name}.md").write_text(head + "\n\n".join(tables) + "\n")
    (folder / f"{day}-{name}.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
