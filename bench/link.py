"""A veth pair, `out0` and `in0`, in a network namespace of its own."""
import subprocess


class Link:
    def __init__(self, namespace, mtu=1500):
        self.mtu, self.inside = mtu, ["ip", "netns", "exec", namespace]
        self.namespace = namespace

    def run(self, *command, **options):
        return subprocess.run([*self.inside, *command], check=True, **options)

    def make(self):
        self.remove()
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        self.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        mtu = ["mtu", str(self.mtu)]
        self.run("ip", "link", "add", "out0", *mtu, "type", "veth", "peer", "name", "in0", *mtu)
        for device in ("lo", "out0", "in0"):
            self.run("ip", "link", "set", device, "up")

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.namespace], stderr=subprocess.DEVNULL)
