"""Measure any pool of programs: ``python -m conself.score pool=FILE [out=DIR] [group=choice] [key=value] [-m]``.

FILE holds one JSON object per problem, as lines; it may be gzipped (``.gz``)::

    {"id": "a", "entry_point": "f", "inputs": [[1, 2], {"py": "({1, 2}, None)"}], "candidates": [{"code": "..."}, ...]}
    {"id": "b", "entry_point": null, "inputs": ["1 2\\n", ""], "candidates": [{"code": "...", "passed": true}, ...]}

``entry_point`` is the function to call, whose inputs are JSON arrays of positional arguments or literals of a tuple;
null means programs that read stdin, whose inputs are texts. A candidate's ``code`` is null where an answer had no
program in it. Optional: ``prefix``, code put before each program, and ``statement``; of a candidate ``passed``,
``mean_nll`` or ``token_logprobs`` (natural logarithms), ``mean_token_entropy`` (nats), ``text`` (the whole answer).
"""

import hydra
from omegaconf import DictConfig

from conself.app.command import run_command
from conself.app.old_words import refusing_old_words
from conself.runtime.config_folder import CONF


@refusing_old_words
@hydra.main(version_base="1.3", config_path=CONF, config_name="score")
def main(config: DictConfig) -> None:
    """Run one job of the command line."""
    run_command(config)


if __name__ == "__main__":
    main()
