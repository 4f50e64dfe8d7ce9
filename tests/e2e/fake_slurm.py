"""The four commands of SLURM that a submission needs, on this machine: ``fake_slurm.py COMMAND FOLDER ARGS...``.

``sbatch`` starts the script of each job of an array at once and keeps a copy of it in the folder; ``srun`` runs what it
is given; ``scontrol requeue`` starts a job again; ``sacct`` says that all of them run.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ARRAY = 7


def sbatch(folder: Path, words: list[str]) -> None:
    script = Path(words[-1]).read_text()
    (folder / "script").write_text(script)
    last = re.search(r"#SBATCH --array=0-(\d+)", script)
    for number in range(int(last[1]) + 1 if last else 1):
        start(folder, number)
    print(f"Submitted batch job {ARRAY}")


def start(folder: Path, number: int) -> None:
    told = {
        "SLURM_JOB_ID": f"{ARRAY + number}",
        "SLURM_ARRAY_JOB_ID": f"{ARRAY}",
        "SLURM_ARRAY_TASK_ID": f"{number}",
        "SLURM_NTASKS": "1",
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
    }
    with (folder / f"job-{number}.log").open("ab") as log:
        subprocess.Popen(
            ["bash", str(folder / "script")],
            env={**os.environ, **told},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def srun(_folder: Path, words: list[str]) -> None:
    while words[0].startswith("-"):
        words = words[2:] if words[0] in ("--output", "--error") else words[1:]
    os.execvp(words[0], words)


def scontrol(folder: Path, words: list[str]) -> None:
    assert words[0] == "requeue"
    with (folder / "requeued").open("a") as file:
        file.write(f"{words[1]}\n")
    start(folder, int(words[1].partition("_")[2]))


def sacct(folder: Path, _words: list[str]) -> None:
    print("JobID|State|NodeList")
    for log in folder.glob("job-*.log"):
        print(f"{ARRAY}_{log.stem.removeprefix('job-')}|RUNNING|here")


def install(folder: Path) -> Path:
    """A folder for PATH, whose commands keep their notes in ``folder``."""
    commands = folder / "bin"
    commands.mkdir(parents=True)
    for name in ("sbatch", "srun", "scontrol", "sacct"):
        path = commands / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" {name} "{folder}" "$@"\n')
        path.chmod(0o755)
    return commands


if __name__ == "__main__":
    {"sbatch": sbatch, "srun": srun, "scontrol": scontrol, "sacct": sacct}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
