"""Asks auditward's rules about documents that outgrow one machine: `auditward replay` inside Apache Spark.

The documents of a host go to one task, in the order of their time, so that a sequence is never cut. Each task runs
`auditward replay -` over its hosts; what it prints is written by Spark's own committer, which takes the output of one
attempt of a task and no more. See README.md.
"""

import argparse
import functools
import os
import shutil
import subprocess
import tempfile
import threading

from pyspark import SparkFiles
from pyspark.sql import SparkSession
from pyspark.sql import functions as sql

# Where a document names its host, the best first; each as it is, with dots in its name, or inside `_source`.
HOST_FIELDS = ["host.id", "agent.id", "host.name", "host.hostname"]
TIME_FIELD = "@timestamp"

# Lines that one replay may say about what it could not read; the rest are counted.
SAID = 10_000


def main():
    arguments = parse()
    spark = SparkSession.builder.appName("auditward replay").getOrCreate()
    context = spark.sparkContext
    context.addFile(arguments.auditward)
    with tempfile.TemporaryDirectory() as scratch:
        context.addArchive(archive(arguments.rules, scratch))
        ask = functools.partial(replay, program=os.path.basename(arguments.auditward), options=arguments.replay)
        documents = by_host(read(spark, arguments), arguments.partitions or 4 * context.defaultParallelism)
        answers = spark.createDataFrame(documents.rdd.mapPartitions(ask), "kind string, value string")
        write(answers, arguments)
    spark.stop()


def parse():
    parser = argparse.ArgumentParser(description="auditward replay inside Apache Spark")
    parser.add_argument("input", nargs="+", help="files, directories or globs, of any file system that Spark reads")
    parser.add_argument("--output", required=True, help="directory to make; the job stops where it is there already")
    parser.add_argument("--input-format", choices=["ndjson", "parquet"], default="ndjson")
    parser.add_argument("--output-format", choices=["ndjson", "parquet"], default="ndjson")
    parser.add_argument("--auditward", default=shutil.which("auditward"), help="the program, here; it is sent to each worker")
    parser.add_argument("--rules", required=True, help="a rule file or directory, here; it is sent to each worker")
    parser.add_argument("--partitions", type=int, help="tasks that ask the rules. Default: four for each core")
    parser.add_argument(
        "--replay", action="append", default=[], metavar="OPTION", help="an option for `auditward replay`, such as --replay=--any-index"
    )
    arguments = parser.parse_args()
    if not arguments.auditward:
        parser.error("no auditward on this machine's PATH: say --auditward PATH")
    return arguments


def archive(rules, scratch):
    """The rules as one archive, which every worker unpacks into a folder `rules`."""
    folder = os.path.join(scratch, "rules")
    if os.path.isdir(rules):
        shutil.copytree(rules, folder)
    else:
        os.mkdir(folder)
        shutil.copy(rules, folder)
    return shutil.make_archive(os.path.join(scratch, "rules"), "zip", folder) + "#rules"


def read(spark, arguments):
    """One row a document, `value` is its JSON."""
    if arguments.input_format == "ndjson":
        return spark.read.text(arguments.input)
    table = spark.read.parquet(*arguments.input)
    if table.columns == ["value"]:
        return table
    return table.select(sql.to_json(sql.struct("*")).alias("value"))


def by_host(documents, partitions):
    """Each host whole in one partition, in the order of time; where times are equal or missing, in that of the input."""
    time = first_of([TIME_FIELD])
    # Milliseconds since 1970 as a number, or a date as text.
    time = sql.coalesce((time.cast("double") / 1000).cast("timestamp"), time.cast("timestamp"))
    return (
        documents.withColumn("place", sql.monotonically_increasing_id())
        .withColumn("host", sql.coalesce(first_of(HOST_FIELDS), sql.lit("")))
        .withColumn("time", time)
        .repartition(partitions, "host")
        .sortWithinPartitions("host", "time", "place")
        .select("value")
    )


def first_of(fields):
    """The first of the fields that a document has, as text."""
    paths = [
        path
        for field in fields
        for path in (f"$.{field}", f"$['{field}']", f"$._source.{field}", f"$._source['{field}']")
    ]
    return sql.coalesce(*(sql.get_json_object("value", path) for path in dict.fromkeys(paths)))


def replay(rows, program, options):
    """What one run of `auditward replay -` prints about these documents: rows of ("alert", its JSON) and ("said", a line
    about what could not be read). A run that fails is a task that fails, which Spark tries again."""
    first = next(rows, None)
    if first is None:
        return
    # `--site`: the overrides, exceptions and lists of the machine on which the task happens to run have no say.
    # The folder of the rules is named in each alert, so it has one name wherever Spark has put it.
    command = [SparkFiles.get(program), "replay", "-", "--format", "json", "--rules", "rules", "--site", "rules", *options]
    run = subprocess.Popen(
        command,
        cwd=SparkFiles.getRootDirectory(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    failures, said = [], []

    def feed():
        try:
            run.stdin.write(line_of(first))
            for row in rows:
                run.stdin.write(line_of(row))
        except BrokenPipeError:
            pass  # its exit status says why
        except BaseException as failure:  # of the rows: Spark's, to be told as such
            failures.append(failure)
        finally:
            try:
                run.stdin.close()
            except BrokenPipeError:
                pass

    def listen():
        for line in run.stderr:
            if len(said) < SAID:
                said.append(text_of(line))
            else:
                said[-1] = text_of(line)  # the summary comes last

    threads = [threading.Thread(target=work, daemon=True) for work in (feed, listen)]
    for thread in threads:
        thread.start()
    try:
        for line in run.stdout:
            yield ("alert", text_of(line))
        for thread in threads:
            thread.join()
        status = run.wait()
        if failures:
            raise failures[0]
        if status != 0:
            raise RuntimeError(f"{' '.join(command)}: status {status}: " + "\n".join(said[-20:]))
        for line in said:
            yield ("said", line)
    finally:
        if run.poll() is None:
            run.kill()


def line_of(row):
    return row.value.encode("utf-8", "replace") + b"\n"


def text_of(line):
    return line.decode("utf-8", "replace").rstrip("\n")


def write(answers, arguments):
    if arguments.output_format == "ndjson":
        # One folder for each kind: kind=alert and kind=said.
        answers.write.partitionBy("kind").text(arguments.output)
        return
    columns = {
        "timestamp": "$.@timestamp",
        "host_id": "$.host.id",
        "host_name": "$.host.name",
        "rule_id": "$.rule.uuid",
        "rule_name": "$.rule.name",
        "severity": "$.event.severity",
        "alert_id": "$.event.id",
    }
    for column, path in columns.items():
        answers = answers.withColumn(column, sql.get_json_object("value", path))
    answers = answers.withColumn("timestamp", sql.col("timestamp").cast("timestamp"))
    answers = answers.withColumn("severity", sql.col("severity").cast("int"))
    answers.write.partitionBy("kind").parquet(arguments.output)


if __name__ == "__main__":
    main()
