"""contrib/spark on a real standalone cluster: a master and two workers on loopback.

    python3 contrib/spark/test.py AUDITWARD [--hosts N] [--seconds]

AUDITWARD is the program. Needs pyspark in this Python and Java. Documents of N hosts, mixed, are made of the recordings
in tests/fixtures; one `auditward replay` over the same file says what is to come out. Asked are: NDJSON and Parquet, in and
out; a worker and its tasks killed in the middle; with --seconds also the time of two workers against one.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pyspark

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
FIXTURES = REPOSITORY / "tests" / "fixtures"
SPARK = Path(pyspark.__file__).parent
SUBMIT_SECONDS = 900


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("auditward", type=Path)
    parser.add_argument("--hosts", type=int, default=24)
    parser.add_argument("--seconds", action="store_true", help="time two workers against one")
    arguments = parser.parse_args()
    program = arguments.auditward.resolve(strict=True)
    with tempfile.TemporaryDirectory(prefix="auditward-spark-") as scratch:
        scratch = Path(scratch)
        shutil.copytree(REPOSITORY / "rules", scratch / "rules")
        documents = scratch / "documents.ndjson"
        count = make(program, arguments.hosts, documents)
        print(f"{count} documents of {arguments.hosts} hosts, {documents.stat().st_size >> 20} MiB")
        expected = one_replay(program, documents, scratch)
        print(f"one replay: {len(expected)} alerts")
        assert len(expected) >= 18 * arguments.hosts, "too few to tell anything"
        with Cluster(scratch) as cluster:
            cluster.start_worker()
            if arguments.seconds:
                one = timed(cluster, program, documents, scratch / "one")
                cluster.start_worker()
                two = timed(cluster, program, documents, scratch / "two")
                print(f"one worker {one:.1f} s, two {two:.1f} s: {one / two:.2f} times")
                same("timed", ndjson(scratch / "two"), expected)
            else:
                cluster.start_worker()
            killed(cluster, program, documents, scratch / "killed", expected)
            cluster.start_worker()
            parquet(cluster, program, documents, scratch, expected)
    print("all as it should be")


def make(program, hosts, path):
    """The recordings as documents, of every host, the hosts mixed line by line."""
    lines = []
    for recording in [FIXTURES / "admin-day.log.gz", *sorted((FIXTURES / "uid0").glob("*.log"))]:
        command = [program, "events", "--format", "json", "--secrets", "keep", recording]
        lines += subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    unnamed = '"host":{"id":"unknown"'
    assert all(unnamed in line for line in lines), "a document without the host that replay gives"
    lines.sort(key=lambda line: json.loads(line)["@timestamp"])
    with path.open("w") as out:
        for line in lines:
            for host in range(hosts):
                out.write(line.replace(unnamed, f'"host":{{"id":"{host:08x}","name":"host-{host}"') + "\n")
    return len(lines) * hosts


def one_replay(program, documents, scratch):
    command = [program, "replay", documents, "--format", "json", "--rules", "rules", "--site", "rules", "--secrets", "keep"]
    run = subprocess.run(command, cwd=scratch, check=True, capture_output=True, text=True)
    return sorted(run.stdout.splitlines())


def killed(cluster, program, documents, output, expected):
    """One of two workers dies, with its executor, while it asks the rules; nothing is missing and nothing twice."""
    job = cluster.submit(program, [documents], output, ["--partitions", "16"])
    asked = None
    while job.poll() is None:
        asked = stages(cluster.driver_port)
        # The second stage asks the rules: something of it is done, and much is not.
        if any(stage["numCompleteTasks"] in range(2, 10) and stage["numTasks"] == 16 for stage in asked):
            break
        time.sleep(0.05)
    assert job.poll() is None, f"the job ended before a worker could be killed: {asked}"
    victim = cluster.kill_worker()
    finish(job, output)
    failed = subprocess.run(["grep", "-c", "-E", "Lost (task|executor)", job.log], capture_output=True, text=True).stdout
    assert int(failed) > 0, f"{victim} died and Spark lost nothing: it was killed too late"
    same("a worker killed", ndjson(output), expected)
    print(f"a worker killed in the middle ({int(failed)} lines of loss in Spark's log): the same {len(expected)} alerts, each once")


def parquet(cluster, program, documents, scratch, expected):
    """The same documents as a table, whose columns are the fields; the alerts as one."""
    convert = scratch / "convert.py"
    convert.write_text(
        "import sys\n"
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "if sys.argv[1] == 'table':\n"
        "    spark.read.json(sys.argv[2]).write.parquet(sys.argv[3])\n"
        "else:\n"
        "    alerts = spark.read.parquet(sys.argv[2]).where(\"kind = 'alert'\")\n"
        "    assert alerts.where('host_id is null or rule_id is null or alert_id is null or timestamp is null').count() == 0\n"
        "    alerts.select('value').write.text(sys.argv[3])\n"
    )
    few = scratch / "few.ndjson"
    with documents.open() as whole, few.open("w") as out:
        out.writelines(line for line in whole if '"id":"00000000"' in line or '"id":"00000001"' in line)
    few_expected = [line for line in expected if '"id":"00000000"' in line or '"id":"00000001"' in line]
    finish(cluster.run(convert, ["table", few, scratch / "table"]), "table")
    finish(
        cluster.submit(program, [scratch / "table"], scratch / "alerts", ["--input-format", "parquet", "--output-format", "parquet"]),
        "alerts",
    )
    finish(cluster.run(convert, ["text", scratch / "alerts", scratch / "text"]), "text")
    # A table knows no order of fields and no empty ones: what an alert copies of its events may stand in another order.
    ids = sorted(json.loads(line)["event"]["id"] for line in lines_of(scratch / "text"))
    same("Parquet", ids, sorted(json.loads(line)["event"]["id"] for line in few_expected))
    print(f"Parquet in and out: the same {len(ids)} alerts")


def timed(cluster, program, documents, output):
    start = time.monotonic()
    finish(cluster.submit(program, [documents], output, ["--partitions", "16"]), output)
    return time.monotonic() - start


def finish(job, output):
    status = job.wait(timeout=SUBMIT_SECONDS)
    if status != 0:
        sys.exit(f"{output}: the job ended with status {status}:\n" + "\n".join(Path(job.log).read_text().splitlines()[-60:]))


def ndjson(output):
    assert (output / "_SUCCESS").exists(), f"{output} is not whole"
    return sorted(lines_of(output / "kind=alert"))


def lines_of(folder):
    return [line for part in folder.glob("part-*") for line in part.read_text().splitlines()]


def same(what, got, expected):
    if got == expected:
        return
    missing, more = set(expected) - set(got), set(got) - set(expected)
    sys.exit(
        f"{what}: {len(got)} alerts where {len(expected)} are expected, {len(missing)} missing, {len(more)} other, "
        f"{len(got) - len(set(got))} doubled; the first: {min(missing | more, default='')[:400]}"
    )


def stages(port):
    """The job's stages as Spark's own page tells them; none as long as it is not there."""
    base = f"http://127.0.0.1:{port}/api/v1/applications"
    with contextlib.suppress(OSError, ValueError):
        with urllib.request.urlopen(base, timeout=2) as answer:
            applications = json.load(answer)
        found = []
        for application in applications:
            with urllib.request.urlopen(f"{base}/{application['id']}/stages?status=active", timeout=2) as answer:
                found += json.load(answer)
        return found
    return []


class Cluster:
    """A master and workers of one core each, every one a process of this test."""

    def __init__(self, scratch):
        self.scratch = scratch / "spark"
        self.scratch.mkdir()
        self.port, self.web, self.driver_port = free_port(), free_port(), free_port()
        self.workers, self.processes, self.jobs = [], [], 0

    def __enter__(self):
        master = "org.apache.spark.deploy.master.Master"
        self.start(master, ["--host", "127.0.0.1", "--port", str(self.port), "--webui-port", str(self.web)])
        self.wait(lambda: self.state()["status"] == "ALIVE")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def environment(self):
        return {
            **os.environ,
            "SPARK_HOME": str(SPARK),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.scratch / "local"),
            "PYSPARK_PYTHON": sys.executable,
        }

    def start(self, of, arguments):
        """One of Spark's own processes, the head of a process group: what it starts ends with it."""
        with (self.scratch / f"{of}-{len(self.processes)}.log").open("w") as log:
            process = subprocess.Popen(
                [SPARK / "bin" / "spark-class", of, *arguments],
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_worker(self):
        arguments = ["-c", "1", "-m", "1g", "--host", "127.0.0.1", "--webui-port", "0"]
        arguments += ["-d", str(self.scratch / f"work-{len(self.processes)}"), f"spark://127.0.0.1:{self.port}"]
        self.workers.append(self.start("org.apache.spark.deploy.worker.Worker", arguments))
        self.wait(lambda: self.alive() == len(self.workers))

    def kill_worker(self):
        """kill -9 of a worker, its executor and the programs that the executor runs."""
        worker = self.workers.pop(0)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        return f"worker {worker.pid}"

    def alive(self):
        return sum(worker["state"] == "ALIVE" for worker in self.state()["workers"])

    def state(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/json/", timeout=5) as answer:
            return json.load(answer)

    def wait(self, until):
        for _ in range(1200):
            with contextlib.suppress(OSError, ValueError, KeyError):
                if until():
                    return
            time.sleep(0.1)
        sys.exit("the cluster did not become what it should within two minutes")

    def submit(self, program, documents, output, more):
        arguments = [*documents, "--output", output, "--auditward", program, "--rules", self.scratch.parent / "rules"]
        return self.run(HERE / "replay.py", [*arguments, "--replay=--secrets=keep", *more])

    def run(self, script, arguments):
        self.jobs += 1
        log = self.scratch / f"job-{self.jobs}.log"
        command = [SPARK / "bin" / "spark-submit", "--master", f"spark://127.0.0.1:{self.port}"]
        command += ["--conf", f"spark.ui.port={self.driver_port}", "--conf", "spark.executor.memory=768m", script, *arguments]
        with log.open("w") as out:
            job = subprocess.Popen(
                [str(part) for part in command], env=self.environment(), stdout=out, stderr=out, start_new_session=True
            )
        job.log = log
        self.processes.append(job)
        return job


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
