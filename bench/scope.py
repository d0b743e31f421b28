"""Belay's changed scope beside dbt's own `state:modified`, on two dbt projects.

    python bench/scope.py BASE HEAD [--belay PROGRAM] [--dbt PROGRAM] [--same]

BASE and HEAD are folders of dbt projects with their profile. Each is parsed with dbt, and the two changed sets are
printed with what only one of them has, each with belay's reasons. Nodes that only dbt has are expected where dbt's state is
known to select too much: comments and whitespace, and sources or nodes that only another schema or database moves. Nodes
that only belay has are expected where dbt selects too little: variables, removed nodes, tests of other packages.

With --same, HEAD is not read: base is parsed again with another schema (the environment variable DBT_SCHEMA, for
profiles that read it), and belay must find nothing changed. Exit 1 when it does.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time


def run(command, folder, **environment):
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, text=True, capture_output=True, env=os.environ | environment
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def parse(dbt, project, target, **environment):
    run([dbt, "-q", "parse", "--profiles-dir", ".", "--target-path", target], project, **environment)
    if not (target / "manifest.json").is_file():
        sys.exit(f"dbt left no manifest for {project}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("base", type=lambda text: pathlib.Path(text).resolve())
    arguments.add_argument("head", type=lambda text: pathlib.Path(text).resolve(), nargs="?")
    arguments.add_argument("--belay", default="belay")
    arguments.add_argument("--dbt", default="dbt")
    arguments.add_argument("--same", action="store_true")
    asked = arguments.parse_args()
    if not asked.same and not asked.head:
        arguments.error("HEAD is missing")
    with tempfile.TemporaryDirectory() as folder:
        base, head = pathlib.Path(folder, "base"), pathlib.Path(folder, "head")
        parse(asked.dbt, asked.base, base)
        if asked.same:
            parse(asked.dbt, asked.base, head, DBT_SCHEMA="pr_1")
        else:
            parse(asked.dbt, asked.head, head)
        began = time.monotonic()
        words = [asked.belay, "--quiet", "impact", "--no-build", "--base", base, "--head", head, "--format", "json"]
        report = json.loads(run(words, folder, BELAY_STATE=str(pathlib.Path(folder, "state"))))
        seconds = time.monotonic() - began
        project = asked.base if asked.same else asked.head
        environment = {"DBT_SCHEMA": "pr_1"} if asked.same else {}
        state = [asked.dbt, "-q", "ls", "--profiles-dir", ".", "--select", "state:modified", "--state", base]
        state += ["--output", "json", "--output-keys", "unique_id", "--target-path", pathlib.Path(folder, "ls")]
        listed = run(state, project, **environment).splitlines()
    theirs = {json.loads(line)["unique_id"] for line in listed if line.startswith("{")}
    reasons = {node["node"]: ", ".join(node["reasons"]) for node in report["changed"]}
    ours = set(reasons)
    print(f"belay {len(ours)}, dbt {len(theirs)}, both {len(ours & theirs)}; belay took {seconds:.2f} s in all")
    for title, nodes in (("only dbt", theirs - ours), ("only belay", ours - theirs)):
        print(f"{title}: {len(nodes)}")
        for node in sorted(nodes):
            print(f"  {node}  {reasons.get(node, '')}".rstrip())
    sys.exit(1 if asked.same and ours else 0)


if __name__ == "__main__":
    main()
