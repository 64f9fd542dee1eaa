#!/usr/bin/env python3
"""What of an incident is still there after a flood of a hundred times the disk, beside rings of the same size.

A generator (crates/packet/examples/survival) makes weeks of ordinary traffic of a web server, an incident of a few hundred
small flows, and junk in one shape at one target, with what the victim answers, as a stream; `wiretape import --as-live`
takes it in, the packets' times being the clock. What `wiretape packets` and `flows` give back is compared with the
generator's truth, and so is what tcpdump's ring (-C/-W) and Stenographer's files of the same size would still hold, which
is worked out from the same stream (tcpdump's is also checked once against tcpdump itself; Stenographer's is simulated as
first in, first out of its own records, with no index and no disk kept free, so it is better here than it is).

Reach is measured, not asked: of ordinary flows by the moment of their begin, the share of head bytes that came back
(on synth.py's mix: of heads that are whole), summed over time. All lengths follow from the reach R of the lane that reaches least without a flood.
"""
import argparse
import concurrent.futures
import datetime
import fcntl
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import time

import link

HERE = pathlib.Path(__file__).resolve().parent
LINK = link.Link("wiretape-survival")
HOME = "10.0.0.0/8,fd20::/16,2001:db8:1::/48"
SHAPES = ["spoofed", "one-source", "real-sources", "outbound-one", "outbound-many", "long-flow", "under-head", "drip",
          "framing", "fragments", "tables", "rows"]
TARGETS = ["open", "closed", "udp"]
F_SETPIPE_SZ = 1031
DAY = 86_400
# The clients of synth.py's mix, and its servers.
OURS, THEIRS = "10.0.0.0/8,2001:db8:1::/48", "198.18.0.0/15,2001:db8:f000::/36"
HALVES = "10.1.0.0/21,2001:db8:1::/48,198.18.0.0/16"
LANES = ["client", "server"]
LIMIT_MIB = 256
# Days of ordinary traffic before anything happens, the same for all: rows take room back for months, and heads reach back
# a little less from week to week.
BEFORE_DAYS = 24


def say(text):
    print(text, file=sys.stderr, flush=True)


class Failed(Exception):
    pass


def generator(*arguments):
    return [ARGUMENTS.generator, *(str(argument) for argument in arguments)]


def settings(**values):
    return [f"{name}={value}" for name, value in values.items()]


def wide_pipe():
    reading, writing = os.pipe()
    fcntl.fcntl(writing, F_SETPIPE_SZ, 1 << 20)
    return reading, writing


def through(producer, consumer, log, **options):
    """Runs producer | consumer; gives the consumer's seconds and peak memory in MiB."""
    reading, writing = wide_pipe()
    clock = time.monotonic()
    first = subprocess.Popen(producer, stdout=writing, stderr=log, **options)
    second = subprocess.Popen(consumer, stdin=reading, stdout=subprocess.DEVNULL, stderr=log)
    os.close(reading), os.close(writing)
    _, status, usage = os.wait4(second.pid, 0)
    second.returncode = os.waitstatus_to_exitcode(status)
    if first.wait() != 0 or second.returncode != 0:
        raise Failed(f"{' '.join(map(str, producer))} ({first.returncode}) | {' '.join(map(str, consumer))} ({second.returncode})")
    return time.monotonic() - clock, usage.ru_maxrss / 1024


def import_command(tape, budget, home=HOME, *more):
    return [ARGUMENTS.binary, "import", "--as-live", "--budget", str(budget), "--keep-free", "1GB", "--home-net", home, *more, "--tape", tape, "-"]


def disk_bytes(folder):
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def judged(tape, truth, log):
    """What the tape still has of the truth."""
    rows = truth.with_suffix(".rows")
    with open(rows, "w") as file:
        subprocess.run([ARGUMENTS.binary, "flows", "--tape", tape, "--format", "json"], stdout=file, stderr=log)
    packets = subprocess.Popen([ARGUMENTS.binary, "packets", "--tape", tape, "-w", "-", "--format", "pcap"], stdout=subprocess.PIPE, stderr=log)
    judge = subprocess.run(generator("judge", truth, rows), stdin=packets.stdout, stdout=subprocess.PIPE, stderr=log)
    packets.stdout.close()
    packets.wait()
    if judge.returncode != 0:
        raise Failed(f"judge of {tape}")
    return json.loads(judge.stdout)


def one_run(name, budget, producer, consumer_options=(), home=HOME):
    """A stream onto a tape of its own; the verdict with what it cost."""
    folder = ARGUMENTS.directory / name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log_path = folder.with_suffix(".log")
    with open(log_path, "w") as log:
        try:
            seconds, memory = through(producer(folder / "truth"), import_command(folder / "tape", budget, home, *consumer_options), log)
            verdict = judged(folder / "tape", folder / "truth", log)
        except Failed as failed:
            raise Failed(f"{failed}: {log_path.read_text()[-400:]}") from failed
    disk = disk_bytes(folder / "tape")
    shutil.rmtree(folder)
    log_path.unlink()
    verdict.update(name=name, seconds=seconds, memory_mib=memory, disk_bytes=disk, budget_bytes=budget, at_home=home)
    return verdict


def flood_run(name, budget, reach_days, **values):
    base = dict(budget=budget, day_bytes=budget // 3, before=BEFORE_DAYS, flood=reach_days / 4, after=0.02 * reach_days,
                reach=reach_days, flood_bytes=ARGUMENTS.times * budget, seed=ARGUMENTS.seed)
    base.update(values)
    verdict = one_run(name, budget, lambda truth: generator("traffic", truth, *settings(**base)))
    say(line_of(verdict))
    return verdict


# What a verdict says.

def reach_days(verdict, recorder="wiretape", lane=None, of="bytes"):
    """Days of ordinary flows of which the bytes of their heads came back (or heads that are whole, or rows), summed over when they began."""
    about = verdict["about"]
    bins = verdict["recorders"][recorder]["bins"]
    if lane is None:
        bins = {"all": [[sum(values) for values in zip(*both)] for both in zip(*bins.values())]}
        lane = "all"
    total, share = 0.0, 0.0
    for flows, whole, rows, head, head_kept in reversed(bins[lane]):
        if flows:
            share = {"bytes": head_kept / head, "heads": whole / flows, "rows": rows / flows}[of]
        total += share
    return total * (about["end"] - about["start"]) / 1e9 / DAY / len(bins[lane])


def share(verdict, group, kept, whole, recorder="wiretape"):
    sums = verdict["recorders"][recorder]["groups"].get(group)
    return sums[kept] / sums[whole] if sums and sums[whole] else None


def heads(verdict, group, recorder="wiretape"):
    return share(verdict, group, "heads_whole", "flows", recorder)


def percent(value):
    return "" if value is None else f"{value:.1%}" if 0 < value < 1 else f"{value:.0%}"


def line_of(verdict):
    kept = "  ".join(f"{group}: {percent(heads(verdict, group))}" for group in ("before client", "before server", "during client", "during server"))
    return (f"{verdict['name']:28} heads of {kept}; rows {percent(share(verdict, 'before', 'rows', 'flows'))}; "
            f"reach {reach_days(verdict, lane='client'):.2f} {reach_days(verdict, lane='server'):.2f} d; "
            f"{verdict['seconds']:.0f} s, {verdict['memory_mib']:.0f} MiB, {verdict['disk_bytes'] / 1e6:.1f} MB")


# The scenarios.

def control(budget, **values):
    """Without a flood; the reach of the lane that reaches least is the measure for all others."""
    verdict = flood_run("no flood", budget, 4.0, shape="none", flood=1, **values)
    return verdict, min(reach_days(verdict, lane=lane) for lane in LANES)


def shape_runs(shapes, targets):
    runs = []
    for shape in shapes:
        for target in targets:
            runs.append((f"{shape} {target}", dict(shape=shape, target=target)))
    return runs


def side_by_side(runs, budget, reach, jobs):
    def work(run):
        try:
            return flood_run(run[0], budget, reach, **run[1])
        except Failed as failed:
            say(f"{run[0]}: {failed}")
            return {"name": run[0], "error": str(failed)}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(work, runs))


def check_ring(budget):
    """tcpdump's own ring beside the simulation of it, of a short stream; the counts of packets have to be the same."""
    folder = ARGUMENTS.directory / "ring"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    file_mb = budget // 8 // 1_000_000
    values = dict(budget=file_mb * 8 * 1_000_000, shape="real-sources", target="open", before=12, flood=0.5, flood_bytes=budget, after=0.5, day_bytes=budget // 3)
    with open(folder / "log", "w") as log:
        through(generator("traffic", folder / "truth", *settings(**values)),
                ["tcpdump", "-Z", "root", "-r", "-", "-C", str(file_mb), "-W", "8", "-w", folder / "dump.pcap"], log)
    kept = {}
    merged = subprocess.Popen(["mergecap", "-F", "nsecpcap", "-w", "-", *sorted(folder.glob("dump.pcap*"))], stdout=subprocess.PIPE)
    judge = subprocess.run(generator("judge", folder / "truth"), stdin=merged.stdout, stdout=subprocess.PIPE, check=True)
    verdict = json.loads(judge.stdout)
    # What came back is in the place of Wiretape's packets.
    for recorder, name in (("wiretape", "tcpdump itself"), ("tcpdump", "simulated")):
        kept[name] = sum(verdict["recorders"][recorder]["groups"][group]["packets_kept"] for group in ("before", "during", "ordinary"))
    shutil.rmtree(folder)
    say(f"ring check: {kept}")
    return kept


def find_synth():
    paths = [os.environ.get("WIRETAPE_SYNTH"), HERE.parent.parent / "shared" / "bench" / "synth.py"]
    return next((pathlib.Path(path) for path in paths if path and pathlib.Path(path).exists()), None)


def synth_capture(synth, name, size, *options):
    capture = ARGUMENTS.directory / f"{name}.pcap"
    if not capture.exists():
        say(f"making {capture.name}")
        part = capture.with_suffix(".part")
        subprocess.run([sys.executable, synth, "-o", part, "--bytes", str(size), "--seed", "1", "--root", synth.parent.parent / "captures", *options],
                       check=True, stderr=subprocess.DEVNULL)
        part.rename(capture)
    return capture


def among_others(budget):
    """Floods among synth.py's mix, slowed down to the same bytes a day, half of whose flows strangers begin."""
    synth = find_synth()
    if synth is None:
        say("skipped: needs shared/bench/synth.py beside this repository, or $WIRETAPE_SYNTH")
        return None, []
    day_bytes = budget // 3
    gbit = day_bytes * 8 / DAY / 1e9
    capture = synth_capture(synth, "synth-slow", day_bytes * 26, "--rate", f"{gbit:.12f}", "--start", "1749945600", "--xmax", "8e6")
    unhurt, reach = control(budget, ordinary=capture, before=20)
    runs = [(f"{shape}, synth.py's mix", dict(shape=shape, ordinary=capture, before=20)) for shape in ("spoofed", "real-sources", "rows", "all")]
    verdicts = side_by_side(runs, budget, reach, ARGUMENTS.jobs)
    capture.unlink()
    return unhurt, verdicts


def synth_run(name, capture, budget, home, head=16_384, options=()):
    with open(capture, "rb") as input:
        def producer(truth):
            return ["bash", "-c", '"$@" < ' + f"'{capture}'", "pass", *generator("pass", truth, *settings(budget=budget, head=head))]
        verdict = one_run(name, budget, producer, options, home)
    row = {"name": name, "head_bytes": head, "seconds": verdict["seconds"], "memory_mib": verdict["memory_mib"], "disk_bytes": verdict["disk_bytes"]}
    ring = reach_days(verdict, "tcpdump", of="heads") * DAY
    row.update(tcpdump_seconds=ring, head_seconds=reach_days(verdict, of="heads") * DAY, row_seconds=reach_days(verdict, of="rows") * DAY)
    row.update(heads_beside=row["head_seconds"] / ring, rows_beside=row["row_seconds"] / ring)
    say(f"{name}: heads {row['head_seconds']:.2f} s, {row['heads_beside']:.2f} times tcpdump's {ring:.2f} s; rows {row['row_seconds']:.1f} s, {row['rows_beside']:.1f} times")
    return row


def against_rings(size, budget, head_curve):
    """Reach on synth.py's mix; its clients begin every flow of it, so who is at home decides the lane."""
    synth = find_synth()
    if synth is None:
        say("skipped: needs shared/bench/synth.py beside this repository, or $WIRETAPE_SYNTH")
        return []
    capture = synth_capture(synth, f"synth-{size.lower()}", size)
    rows = [synth_run("all flows ours: client", capture, budget, OURS),
            synth_run("all flows to us: server", capture, budget, THEIRS),
            synth_run("a half of the clients ours, and a half of the servers", capture, budget, HALVES)]
    for head in head_curve:
        rows.append(synth_run(f"head of {head // 1024} KiB", capture, budget, OURS, head, ("--head", str(head))))
    capture.unlink()
    return rows


# Through a real interface.

def live_run(name, budget, reach_seconds, **values):
    """The same shapes, but days are seconds, and tcpreplay sends them at their own times to a recorder."""
    folder = ARGUMENTS.directory / name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    reach = reach_seconds / DAY
    base = dict(budget=budget, day_bytes=int(budget / 3 * 3.8 / reach), before=5.3 * reach, flood=reach / 4, after=0.02 * reach,
                reach=reach, flood_bytes=ARGUMENTS.times * budget, seed=ARGUMENTS.seed)
    base.update(values)
    capture = folder / "capture.pcap"
    with open(capture, "wb") as file:
        subprocess.run(generator("traffic", folder / "truth", *settings(**base)), stdout=file, check=True)
    LINK.make()
    log = open(folder / "log", "w+")
    command = [ARGUMENTS.binary, "record", "-i", "in0", "--tape", folder / "tape", "--budget", str(budget), "--keep-free", "1GB", "--home-net", HOME]
    recorder = subprocess.Popen([*LINK.inside, *command], stdout=log, stderr=log)
    time.sleep(2)
    clock = time.monotonic()
    LINK.run("tcpreplay", "-q", "-i", "out0", capture, stdout=log, stderr=log)
    seconds = time.monotonic() - clock
    time.sleep(2)
    recorder.send_signal(signal.SIGINT)
    _, _, usage = os.wait4(recorder.pid, 0)
    LINK.remove()
    verdict = judged(folder / "tape", folder / "truth", log)
    log.seek(0)
    verdict.update(name=name, seconds=seconds, memory_mib=usage.ru_maxrss / 1024, disk_bytes=disk_bytes(folder / "tape"), budget_bytes=budget, log=log.read()[-800:])
    shutil.rmtree(folder)
    say(line_of(verdict))
    return verdict


# What is published.

def shape_table(title, verdicts, unhurt):
    lines = [f"### {title}", "",
             "| junk | heads of the incident before | its packets | its rows | tcpdump's ring: heads | Stenographer's: heads | heads during, client | heads during, server | rows during "
             "| ordinary reach client | server | Mpps | peak MiB | disk of budget |", "|---" + "|--:" * 13 + "|"]
    for verdict in verdicts:
        if "error" in verdict:
            lines.append(f"| {verdict['name']} | did not run" + " |" * 13)
            continue
        beside = [percent(reach_days(verdict, lane=lane) / reach_days(unhurt, lane=lane)) if unhurt else f"{reach_days(verdict, lane=lane):.2f} d" for lane in LANES]
        packets = (verdict["packets"]["junk_sent"] + sum(one["packets"] for name, one in verdict["recorders"]["wiretape"]["groups"].items() if " " not in name)) / verdict["seconds"] / 1e6
        cells = [percent(heads(verdict, "before")), percent(share(verdict, "before", "packets_kept", "packets")), percent(share(verdict, "before", "rows", "flows")),
                 percent(heads(verdict, "before", "tcpdump")), percent(heads(verdict, "before", "stenographer")),
                 percent(heads(verdict, "during client")), percent(heads(verdict, "during server")), percent(share(verdict, "during", "rows", "flows")),
                 *beside, f"{packets:.2f}", f"{verdict['memory_mib']:.0f}", percent(verdict["disk_bytes"] / verdict["budget_bytes"])]
        lines.append(f"| {verdict['name']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def length_table(verdicts, reach):
    lines = ["### Longer floods", "", "| flood | of the reach | heads of the incident before | ordinary reach client | server |", "|---|--:|--:|--:|--:|"]
    for verdict in verdicts:
        if "error" in verdict:
            lines.append(f"| {verdict['name']} | did not run | | | |")
            continue
        span = (verdict["about"]["flood_end"] - verdict["about"]["flood_start"]) / 1e9 / DAY
        lines.append(f"| {verdict['name']} | {span / reach:.2f} | {percent(heads(verdict, 'before'))} | {older(verdict, 'client')} | {older(verdict, 'server')} |")
    return "\n".join(lines)


def older(verdict, lane):
    """Ordinary flows from before the flood that are still there, as days of them."""
    about = verdict["about"]
    bins = verdict["recorders"]["wiretape"]["bins"][lane]
    width = (about["end"] - about["start"]) / len(bins)
    kept = sum(head_kept / head for number, (_, _, _, head, head_kept) in enumerate(bins) if head and about["start"] + number * width < about["flood_start"])
    return f"{reach_days(verdict, lane=lane):.2f} d, {kept * width / 1e9 / DAY:.2f} d of before"


def reach_table(rows, size, budget):
    if not rows:
        return ""
    lines = [f"### Reach beside tcpdump's ring of {budget // 10**6} MB, on synth.py's mix of {size}", "",
             "| run | heads, seconds | tcpdump's ring | heads beside it | rows, seconds | rows beside it | peak MiB |", "|---" + "|--:" * 6 + "|"]
    for row in rows:
        lines.append(f"| {row['name']} | {row['head_seconds']:.2f} | {row['tcpdump_seconds']:.2f} | {row['heads_beside']:.2f} | {row['row_seconds']:.2f} | {row['rows_beside']:.1f} | {row['memory_mib']:.0f} |")
    return "\n".join(lines)


def keep(results, tables):
    day = datetime.date.today().isoformat()
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    text = "\n\n".join(table for table in tables if table)
    print(text)
    if ARGUMENTS.no_results:
        return
    name = "survival-quick" if ARGUMENTS.quick else "survival"
    head = (f"# Survival, {day}\n\n`make bench-survival`{' (--quick)' if ARGUMENTS.quick else ''}: a tape of {ARGUMENTS.budget // 10**6} MB, junk of {ARGUMENTS.times} times that in a quarter of "
            f"the reach ({results['reach_days']:.2f} days) unless said otherwise, Linux {platform.release()}, {os.cpu_count()} cores. An incident's head is whole "
            "if all of each flow's first 16 KiB came back. tcpdump's ring and Stenographer's files are worked out from the same stream.\n\n")
    (folder / f"{day}-{name}.md").write_text(head + text + "\n")
    (folder / f"{day}-{name}.json").write_text(json.dumps(results) + "\n")


def compact(verdict):
    """Without the bins, which are a megabyte."""
    if "recorders" in verdict:
        verdict = {**verdict, "recorders": {name: recorder["groups"] for name, recorder in verdict["recorders"].items()}}
    return verdict


def measure():
    budget, quick, jobs = ARGUMENTS.budget, ARGUMENTS.quick, ARGUMENTS.jobs
    wanted = ARGUMENTS.only.split(",") if ARGUMENTS.only else ["ring", "shapes", "bursts", "mix", "lengths", "reach", "live"]
    tables, results = [], {}
    unhurt, reach = control(budget)
    results.update(reach_days=reach, no_flood=compact(unhurt))
    say(f"reach without a flood: {reach:.2f} days")
    if "ring" in wanted and not quick:
        results["ring check"] = check_ring(budget)
    if "shapes" in wanted:
        shapes = ARGUMENTS.shapes.split(",") if ARGUMENTS.shapes else SHAPES
        runs = shape_runs(shapes, ["open"] if quick else TARGETS)
        if not ARGUMENTS.shapes:
            runs.append(("all at once", dict(shape="all")))
        verdicts = side_by_side(runs, budget, reach, jobs)
        tables.append(shape_table(f"Junk of {ARGUMENTS.times} times the tape, in a quarter of the reach", [unhurt, *verdicts], unhurt))
        results["shapes"] = [compact(verdict) for verdict in verdicts]
    if "bursts" in wanted and not quick:
        minute = dict(flood=60 / DAY)
        runs = [(f"{shape}, in a minute", dict(shape=shape, **minute)) for shape in ("spoofed", "real-sources", "tables", "rows", "all")]
        verdicts = side_by_side(runs, budget, reach, jobs)
        tables.append(shape_table("The same in one minute", verdicts, unhurt))
        results["bursts"] = [compact(verdict) for verdict in verdicts]
    if "mix" in wanted and not quick:
        mixed, verdicts = among_others(budget)
        tables.append(mixed and shape_table("Among synth.py's mix", [mixed, *verdicts], mixed))
        results["mix"] = [compact(verdict) for verdict in [mixed, *verdicts] if verdict]
    if "lengths" in wanted and not quick:
        runs = [(f"{shape}, {length:g} R", dict(shape=shape, flood=length * reach, flood_bytes=int(20 * budget * length / 0.25)))
                for shape in ("real-sources", "under-head") for length in (0.25, 0.5, 1, 2, 3)]
        verdicts = side_by_side(runs, budget, reach, jobs)
        tables.append(length_table(verdicts, reach))
        results["lengths"] = [compact(verdict) for verdict in verdicts]
    if "reach" in wanted and not quick:
        rows = against_rings("4G", 150_000_000, [size * 1024 for size in (2, 4, 8, 16, 32, 64)])
        tables.append(reach_table(rows, "4G", 150_000_000))
        results["reach"] = rows
    if "live" in wanted and not quick:
        if os.geteuid() == 0:
            verdicts = [live_run("all at once, live", 24_000_000, 60, shape="all")]
            tables.append(shape_table("Through an interface: a tape of 24 MB that reaches a minute, junk in 15 s", verdicts, None))
            results["live"] = [compact(verdict) for verdict in verdicts]
        else:
            say("skipped: the run through an interface needs root")
    keep(results, tables)
    return results


def main():
    global ARGUMENTS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    absolute = os.path.abspath
    parser.add_argument("--binary", default="build/wiretape", type=absolute)
    parser.add_argument("--generator", default="target/release/examples/survival", type=absolute)
    parser.add_argument("--directory", default="build/bench/survival", type=lambda path: pathlib.Path(path).absolute())
    parser.add_argument("--budget", default=64_000_000, type=int, help="bytes of the tape")
    parser.add_argument("--times", type=int, help="bytes of the junk, as a multiple of the tape's [default: 100; with --quick 5]")
    parser.add_argument("--seed", default=1, type=int)
    parser.add_argument("--jobs", default=2, type=int, help="runs at a time")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the junk, at the open port only, without rings, lengths, reach and interface (3 minutes)")
    parser.add_argument("--only", help="of ring,shapes,bursts,mix,lengths,reach,live")
    parser.add_argument("--shapes", help="only these shapes")
    parser.add_argument("--no-results", action="store_true", help="do not write bench/results")
    ARGUMENTS = parser.parse_args()
    ARGUMENTS.times = ARGUMENTS.times or (5 if ARGUMENTS.quick else 100)
    ARGUMENTS.directory.mkdir(parents=True, exist_ok=True)
    try:
        measure()
    finally:
        LINK.remove()


if __name__ == "__main__":
    main()
