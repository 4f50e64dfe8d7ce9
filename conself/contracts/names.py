"""The names used on the page of contracts: the contracts, and the parts of its examples."""

from __future__ import annotations

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement, Keys, agreement_of
from conself.amplifications.amplification import Amplification, NewInput
from conself.benchmarks.dataset import DatasetBenchmark
from conself.benchmarks.task import Benchmark, Judge, Task
from conself.curricula.selection import Curriculum, Selection, normalise
from conself.datasets.dataset import Dataset
from conself.datasets.validation import Rejected
from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Complete, Demand, Engine, Flow, Reply, Runtime
from conself.engines.nobody import OneCall
from conself.executors.executor import Executor, Here, Runner
from conself.guards.guard import Assessment, Guard, Probe
from conself.losses.output import LogProbs, Loss, LossOutput, MeanOver, Signal
from conself.metrics.metric import Metric, TextMetric
from conself.metrics.naive_semantic_entropy import Grouping
from conself.online.calibration import Calibration
from conself.online.updates.update import Update
from conself.oracles import Oracle
from conself.pairings.build import IndexPair, Pairing
from conself.prompts.prompts import Message, PromptStyle, Texts, program_messages
from conself.proposers.proposal import Answered, Brief, Proposal
from conself.proposers.proposer import Proposer
from conself.proposers.sieve import Sieve
from conself.rankings.b4_calibration import Prior
from conself.rankings.ranked import Ranked, Ranking, by_score, chosen, nobody
from conself.records import Candidate, ModelRef, Outcome, Pool, Problem, Status, Trace, Uncertainty, Undefined
from conself.rewards.reward import Reward
from conself.runtime.parts import build
from conself.runtime.steps import Steps, finished
from conself.samplers.guided import candidate
from conself.samplers.sampler import Asking, Sampler
from conself.tester_rewards.tester_reward import Evidence, TesterReward
from conself.tracking.no_tracker import NoTracker
from conself.tracking.tracker import Tracker
from conself.training.data import Example
from conself.training.layouts.padded import Layout, PairsLayout
from conself.training.micro_batches import MicroBatch
from conself.training.policy.tuning import Full, Policy, Tuning
from conself.training.strategies.distributed import DDP, Sharing

__all__ = [  # noqa: RUF022 - packed, for this is a page
    "Agreement", "Amplification", "Answered", "Ask", "Asking", "Assessment", "Benchmark", "Brief", "Calibration",
    "Candidate", "Comparison", "Complete", "Curriculum", "DDP", "Dataset", "DatasetBenchmark", "Decoding",
    "Demand", "Engine", "Evidence", "Example", "Executor", "Flow", "Full", "Grouping", "Guard", "Here",
    "IndexPair", "Judge", "Keys", "Layout", "LogProbs", "Loss", "LossOutput", "MeanOver", "Message", "Metric",
    "MicroBatch", "ModelRef", "NewInput", "NoTracker", "OneCall", "Oracle", "Outcome", "Pairing", "PairsLayout",
    "PassingMatrix", "Policy", "Pool", "Prior", "Probe", "Problem", "PromptStyle", "Proposal", "Proposer",
    "Ranked", "Ranking", "Rejected", "Reply", "Reward", "Runner", "Runtime", "Sampler", "Selection", "Sharing",
    "Sieve", "Signal", "Status", "Steps", "Task", "TesterReward", "TextMetric", "Texts", "Trace", "Tracker",
    "Tuning", "Uncertainty", "Undefined", "Update", "agreement_of", "build", "by_score", "candidate", "chosen",
    "finished", "nobody", "normalise", "program_messages",
]  # fmt: skip
