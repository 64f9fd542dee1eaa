"""Large realistic captures, as the benchmarks share them, made by synth.py (of the folder `shared` beside this repository, or $WIRETAPE_SYNTH)."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# Taken out of the environment: the program refuses settings that it does not know.
SYNTH = os.environ.pop("WIRETAPE_SYNTH", None)


def say(text):
    print(text, file=sys.stderr, flush=True)


def find_synth():
    paths = [SYNTH, HERE.parent.parent / "shared" / "bench" / "synth.py"]
    found = [pathlib.Path(path) for path in paths if path and pathlib.Path(path).exists()]
    if not found:
        sys.exit("the benchmark's packets come from shared/bench/synth.py, which is neither beside this repository nor at $WIRETAPE_SYNTH")
    return found[0]


def make_capture(synth, directory, size):
    """A capture of so many bytes ("4G"), made once; beside it the manifest of its flows."""
    capture = directory / f"synth-{size.lower()}.pcap"
    if not capture.exists():
        part = capture.with_suffix(".part")
        seed = sum(map(ord, size))
        say(f"making {capture.name} (some minutes for each 10 GB)")
        subprocess.run([sys.executable, synth, "-o", part, "--bytes", size, "--seed", str(seed), "--root", synth.parent.parent / "captures",
                        "--manifest", capture.with_suffix(".flows.jsonl")], check=True, stderr=subprocess.DEVNULL)
        part.rename(capture)
    return capture


def drop_caches():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
