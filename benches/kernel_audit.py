"""What the live benchmarks share: this machine's audit state kept as it was found, and the programs that read it.

Needs root, `auditctl`, `auditd` and `rsyslogd`. Only executions and calls of private copies are recorded.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

os.environ["PATH"] += ":/usr/sbin:/sbin"

# The one of tests/live: the machine has one audit state.
LOCK = "/run/lock/auditward-live-test.lock"
TICKS = os.sysconf("SC_CLK_TCK")
KEY = f"auditward-bench-{os.getpid()}"


def auditctl(*arguments):
    return subprocess.run(["auditctl", *arguments], check=True, capture_output=True, text=True).stdout


def settings():
    return dict(line.split(None, 1) for line in auditctl("-s").splitlines() if line)


@contextlib.contextmanager
def kernel_audit():
    """Audit state for this benchmark alone; put back however it ends."""
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = settings()
        if before["enabled"] not in "01":
            sys.exit("the audit rules are locked (enabled 2)")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            yield
        finally:
            subprocess.run(["auditctl", "-D", "-k", KEY], capture_output=True)
            auditctl("-b", before["backlog_limit"])
            auditctl("-e", before["enabled"])


@contextlib.contextmanager
def scratch():
    """A folder that the daemon, which gives up being root, may enter. Not in /tmp: what runs from there, rules alert on."""
    with tempfile.TemporaryDirectory(prefix="auditward-bench.", dir="/usr/local/lib") as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


def turn_on(*rules):
    """Turns auditing on and records what `rules` (auditctl's own words) ask for, with room for a burst."""
    auditctl("-e", "1")
    auditctl("-b", "8192")
    for rule in rules:
        auditctl("-a", *rule.split(), "-k", KEY)


def executions_of(program):
    return f"always,exit -F arch=b64 -S execve,execveat -F path={program}"


def getppid_of(executable):
    return f"always,exit -F arch=b64 -S getppid -F exe={executable}"


def until(what, look, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    sys.exit(f"not within {seconds} s: {what}")


class Program:
    """A child process: its CPU time and memory as the kernel accounts them."""

    def __init__(self, name, command, ready, **more):
        self.name = name
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **more)
        until(f"{name} is ready", lambda: self.child.poll() is not None or ready())
        if self.child.poll() is not None:
            sys.exit(f"{name} ended with {self.child.returncode}")

    def pids(self):
        return [self.child.pid]

    def cpu(self):
        """User and system seconds of all its threads so far."""
        return sum(seconds_of(pid) for pid in self.pids())

    def resident_mb(self):
        return memory_of(self.child.pid, "VmRSS")

    def lost(self):
        return 0

    def end(self):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def seconds_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid, key):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key + ":")) / 1024


def kauditd():
    """The kernel's own thread that hands records to their readers."""
    return int(subprocess.run(["pgrep", "-x", "kauditd"], check=True, capture_output=True, text=True).stdout)


class Rsyslogd(Program):
    """Private: a socket in, a file out."""

    def __init__(self, folder):
        self.socket, self.file = folder / "log", folder / "syslog"
        conf = folder / "rsyslog.conf"
        conf.write_text(f'''global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{self.socket}" CreatePath="off" RateLimit.Interval="0")
template(name="line" type="string" string="%syslogtag%|%msg%\\n")
action(type="omfile" file="{self.file}" template="line")
''')
        super().__init__("rsyslogd", ["rsyslogd", "-n", "-f", conf, "-i", folder / "rsyslogd.pid"], self.socket.exists)


class Auditward(Program):
    def __init__(self, name, program, folder, rules, syslog, further=""):
        self.runtime = folder / "run"
        for directory in ("run", "state"):
            shutil.rmtree(folder / directory, ignore_errors=True)
        conf, self.program = folder / "auditward.toml", program
        conf.write_text(f'rules = {json.dumps([str(rule) for rule in rules])}\n[syslog]\nsocket = "{syslog}"\n{further}'
                        f'[daemon]\nstate_directory = "{folder}/state"\nruntime_directory = "{self.runtime}"\n')
        log = open(folder / f"{name.split()[0]}.log", "w")
        super().__init__(name, [program, "run", "--config", conf], lambda: bool(self.sockets()), stdout=log, stderr=log)

    def sockets(self):
        """Its rows in /proc/net/netlink, the kernel's own account of what it lost."""
        inodes = set()
        for fd in pathlib.Path(f"/proc/{self.child.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
        rows = [row.split() for row in open("/proc/net/netlink").readlines()[1:]]
        return [row for row in rows if row[1] == "9" and row[3] != "00000000" and row[9] in inodes]

    def status(self):
        answer = subprocess.run([self.program, "status", "--format", "json", "--runtime", self.runtime], capture_output=True)
        return json.loads(answer.stdout or "null")

    def lost(self):
        return sum(int(row[8]) for row in self.sockets())


class Auditd(Program):
    """auditd with a configuration of its own, which writes raw records; `laurel` is a plugin of it."""

    def __init__(self, name, folder, laurel=None):
        directory = folder / "auditd"
        shutil.rmtree(directory, ignore_errors=True)
        plugins = directory / "plugins.d"
        plugins.mkdir(parents=True)
        self.log, self.laurel_log = directory / "audit.log", directory / "laurel" / "audit.log"
        (directory / "auditd.conf").write_text(f'''local_events = yes
write_logs = yes
log_file = {self.log}
log_group = root
log_format = RAW
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 4096
num_logs = 2
priority_boost = 4
name_format = NONE
max_log_file_action = IGNORE
space_left = 75
space_left_action = IGNORE
admin_space_left = 50
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
q_depth = 20000
overflow_action = SYSLOG
max_restarts = 10
plugin_dir = {plugins}
end_of_event_timeout = 2
''')
        if laurel:
            self.laurel_log.parent.mkdir()
            (directory / "laurel.toml").write_text(
                f'directory = "{self.laurel_log.parent}"\n[auditlog]\nfile = "audit.log"\nsize = 4000000000\n[state]\nfile = ""\n')
            (plugins / "laurel.conf").write_text(f"active = yes\ndirection = out\npath = {laurel}\ntype = always\n"
                                                 f"args = --config {directory}/laurel.toml\nformat = string\n")
            (plugins / "laurel.conf").chmod(0o640)
        super().__init__(name, ["auditd", "-n", "-c", directory], lambda: settings()["pid"] == str(self.child.pid),
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if laurel:
            until("laurel is started", lambda: len(self.pids()) == 2)

    def pids(self):
        children = pathlib.Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        return [self.child.pid, *map(int, children)]

    def resident_mb(self):
        return sum(memory_of(pid, "VmRSS") for pid in self.pids())

    def end(self):
        super().end()
        # auditd turns auditing off when it goes, and the next one is to find it on.
        auditctl("-e", "1")


def settled(programs, pause=0.5):
    """Waits until no program uses the processor any more; gives the CPU seconds of each."""
    now = [program.cpu() for program in programs]
    while True:
        time.sleep(pause)
        before, now = now, [program.cpu() for program in programs]
        if all(after - earlier <= 2 / TICKS for earlier, after in zip(before, now)):
            return now
