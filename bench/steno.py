"""Stenographer's own files of a capture, made by its own stenotype in a network namespace, and questions to them."""
import json
import os
import shutil
import subprocess
import sys
import time

import link

LINK = link.Link("wiretape-bench-steno", mtu=9000)
CERTIFICATES = "/etc/stenographer/certs"
PORT = 21234
# stenotype closes a file when it is a minute old; only then is it asked.
FILE_AGE_SECONDS = 60


class Stenographer:
    """The daemon, with the packets of a capture; it ends with this process."""

    def __init__(self, capture, directory):
        self.process = None
        missing = [tool for tool in ("stenographer", "stenotype", "stenoread", "tcpreplay") if not shutil.which(tool)]
        if missing or os.geteuid() != 0:
            print(f"no stenoread: {', '.join(missing) or 'root'} is missing", file=sys.stderr)
            return
        for part in ("packets", "index"):
            shutil.rmtree(directory / part, ignore_errors=True)
            (directory / part).mkdir(parents=True)
        subprocess.run(["chown", "-R", "stenographer", directory])
        config = {"Threads": [{"PacketsDirectory": str(directory / "packets"), "IndexDirectory": str(directory / "index"), "DiskFreePercentage": 1}],
                  "StenotypePath": shutil.which("stenotype"), "Interface": "in0", "Port": PORT, "Host": "127.0.0.1",
                  "Flags": ["--uid=root", "--gid=root", "--seccomp=none", "--blocks=256"], "CertPath": CERTIFICATES}
        self.config = directory / "config"
        self.config.write_text(json.dumps(config))
        self.log = open(directory / "log", "w")
        LINK.make()
        self.process = subprocess.Popen([*LINK.inside, "stenographer", f"-config={self.config}", "-syslog=false"], stdout=self.log, stderr=self.log)
        time.sleep(3)
        subprocess.run([*LINK.inside, "tcpreplay", "-q", "-K", "--mbps=800", "-i", "out0", capture], stdout=self.log, stderr=self.log)
        time.sleep(FILE_AGE_SECONDS + 10)
        size = sum(path.stat().st_size for path in (directory / "packets").iterdir())
        index = sum(path.stat().st_size for path in (directory / "index").iterdir())
        print(f"stenographer: {size:,} bytes of packets, {index:,} of index", file=sys.stderr)

    def __bool__(self):
        return self.process is not None and self.process.poll() is None

    def question(self, query):
        """A function that asks, and gives the seconds."""
        def ask():
            start = time.perf_counter()
            subprocess.run([*LINK.inside, "stenoread", query, "-w", "/dev/null"], check=True,
                           env={**os.environ, "STENOGRAPHER_CONFIG": str(self.config)}, stdout=subprocess.DEVNULL, stderr=self.log)
            return time.perf_counter() - start
        return ask

    def __del__(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            LINK.remove()
