"""The figures that the ConSelf paper prints (arXiv 2603.29292), as plain data, to stand beside ours.

Pass rates are shares (the paper's percentages / 100). Its training problems are 19,764 of TACO, each row of its tables
the mean of three runs; its figures 5 to 7 have no printed numbers, so only the statements of its text are here.
"""

from collections.abc import Mapping

BACKBONES = ("CodeLlama-7B", "DeepSeek-Coder-6.7B", "Qwen2.5-Coder-7B")
BENCHMARKS = ("HumanEval", "MBPP", "HumanEval+", "MBPP+", "LCB easy", "LCB medium", "LCB hard", "LCB")
MEASURED_ON = (
    "The paper's figures: means of three runs of 7B models trained on TACO (19,764 problems), greedy pass@1 on "
    "HumanEval, MBPP, EvalPlus and LiveCodeBench v5."
)
# The columns of BENCHMARKS, then the paper's average, all in percent.
_TABLE_1_AND_4 = {
    "CodeLlama-7B": {
        "base": (35.98, 52.91, 31.10, 44.80, 23.06, 1.21, 0.27, 7.80, 34.52),
        "pfpo": (34.55, 53.09, 29.27, 44.97, 23.66, 1.01, 0.54, 8.11, 33.99),
        "self_sft": (32.93, 50.88, 27.24, 43.03, 20.19, 0.91, 0.02, 6.82, 32.18),
        "self_dpo": (33.54, 53.17, 28.86, 45.33, 19.35, 1.11, 0.36, 7.73, 33.73),
        "conself": (36.59, 55.03, 31.50, 46.74, 24.85, 1.31, 0.27, 8.45, 35.66),
        "wo_cw": (35.77, 53.70, 30.49, 45.41, 24.25, 1.51, 0.27, 8.37, 34.75),
        "wo_cc": (34.15, 53.44, 28.66, 45.24, 23.30, 1.21, 0.27, 7.95, 33.89),
    },
    "DeepSeek-Coder-6.7B": {
        "base": (77.24, 74.87, 71.14, 66.58, 44.21, 9.97, 0.72, 18.07, 61.58),
        "pfpo": (74.39, 72.75, 69.51, 64.81, 43.01, 8.76, 0.63, 17.27, 59.75),
        "self_sft": (72.56, 70.90, 68.29, 62.17, 40.14, 7.55, 0.54, 15.80, 57.94),
        "self_dpo": (74.80, 73.28, 70.12, 65.08, 43.73, 8.46, 0.72, 17.35, 60.13),
        "conself": (78.46, 76.98, 72.15, 68.78, 48.75, 10.88, 0.90, 19.92, 63.26),
        "wo_cw": (77.44, 75.40, 71.95, 67.20, 46.95, 10.47, 0.81, 19.17, 62.23),
        "wo_cc": (75.61, 74.07, 70.93, 66.40, 45.52, 9.06, 0.63, 18.11, 61.02),
    },
    "Qwen2.5-Coder-7B": {
        "base": (88.21, 82.80, 84.15, 71.34, 68.58, 22.05, 2.97, 31.29, 71.56),
        "pfpo": (89.21, 82.54, 85.37, 71.69, 69.89, 23.56, 2.88, 32.20, 72.20),
        "self_sft": (85.77, 82.01, 81.09, 71.16, 65.23, 21.75, 1.80, 29.70, 69.95),
        "self_dpo": (88.82, 82.63, 84.53, 71.52, 69.53, 22.26, 2.79, 31.59, 71.78),
        "conself": (91.46, 86.51, 86.59, 74.60, 71.33, 23.26, 3.33, 32.77, 74.39),
        "wo_cw": (90.85, 85.71, 86.38, 72.75, 70.61, 22.66, 3.06, 32.20, 73.58),
        "wo_cc": (89.63, 83.07, 84.76, 71.96, 70.25, 22.36, 2.70, 31.82, 72.25),
    },
}
AVERAGE = "average"


def _shares(row: tuple[float, ...]) -> dict[str, float]:
    return {name: round(value / 100, 6) for name, value in zip((*BENCHMARKS, AVERAGE), row, strict=True)}


PASS_AT_1: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    backbone: {method: _shares(row) for method, row in rows.items()} for backbone, rows in _TABLE_1_AND_4.items()
}
"""Tables 1 and 4: backbone -> method -> benchmark (or ``average``) -> pass@1."""

RELATIVE_IMPROVEMENT: Mapping[str, Mapping[str, float]] = {
    "CodeLlama-7B": {"pfpo": -0.0154, "self_sft": -0.0678, "self_dpo": -0.0229, "conself": 0.0330},
    "DeepSeek-Coder-6.7B": {"pfpo": -0.0297, "self_sft": -0.0591, "self_dpo": -0.0235, "conself": 0.0273},
    "Qwen2.5-Coder-7B": {"pfpo": 0.0089, "self_sft": -0.0225, "self_dpo": 0.0031, "conself": 0.0395},
}
"""Table 1, column RI: backbone -> method -> relative improvement of the average over the base model, as printed."""

RELATIVE_DEGRADATION: Mapping[str, Mapping[str, float]] = {
    "CodeLlama-7B": {"wo_cw": -0.0255, "wo_cc": -0.0496},
    "DeepSeek-Coder-6.7B": {"wo_cw": -0.0163, "wo_cc": -0.0354},
    "Qwen2.5-Coder-7B": {"wo_cw": -0.0109, "wo_cc": -0.0288},
}
"""Table 4, column RD: backbone -> ablation -> relative change of the average against ConSelf, as printed."""

CORRELATIONS: Mapping[str, Mapping[str, tuple[float, float, float]]] = {
    "CodeLlama-7B": {
        "crash_rate": (-0.344, -0.240, -0.207),
        "code_semantic_entropy": (-0.327, -0.292, -0.195),
        "naive_semantic_entropy": (-0.265, -0.229, -0.180),
        "nll": (0.084, 0.061, 0.041),
        "token_entropy": (0.078, 0.058, 0.039),
    },
    "DeepSeek-Coder-6.7B": {
        "crash_rate": (-0.270, -0.337, -0.287),
        "code_semantic_entropy": (-0.712, -0.572, -0.445),
        "naive_semantic_entropy": (-0.275, -0.244, -0.225),
        "nll": (-0.054, -0.035, -0.027),
        "token_entropy": (-0.033, -0.014, -0.011),
    },
    "Qwen2.5-Coder-7B": {
        "crash_rate": (-0.261, -0.303, -0.256),
        "code_semantic_entropy": (-0.717, -0.624, -0.528),
        "naive_semantic_entropy": (-0.287, -0.251, -0.232),
        "nll": (-0.353, -0.341, -0.262),
        "token_entropy": (-0.364, -0.341, -0.262),
    },
}
"""Table 2: backbone -> metric -> Pearson, Spearman, Kendall coefficients with the pass rate."""

CORRELATION_P: Mapping[str, Mapping[str, tuple[float, float, float]]] = {
    "CodeLlama-7B": {
        "crash_rate": (6e-181, 9e-83, 5e-85),
        "code_semantic_entropy": (4e-195, 1e-133, 8e-133),
        "naive_semantic_entropy": (2e-110, 5e-95, 1e-65),
        "nll": (4e-26, 1e-14, 1e-14),
        "token_entropy": (1e-22, 1e-13, 1e-13),
    },
    "DeepSeek-Coder-6.7B": {
        "crash_rate": (4e-295, 0, 0),
        "code_semantic_entropy": (0, 0, 0),
        "naive_semantic_entropy": (8e-12, 4e-7, 4e-7),
        "nll": (5e-13, 3e-6, 4e-6),
        "token_entropy": (9e-6, 6e-6, 7e-4),
    },
    "Qwen2.5-Coder-7B": {
        "crash_rate": (4e-277, 0, 0),
        "code_semantic_entropy": (0, 0, 0),
        "naive_semantic_entropy": (3e-130, 6e-105, 1e-95),
        "nll": (0, 0, 0),
        "token_entropy": (0, 0, 0),
    },
}
"""Table 2: the p-values beside ``CORRELATIONS``, as printed; 0 stands for less than 1e-300."""

CURRICULA: Mapping[str, Mapping[str, float]] = {
    "CodeLlama-7B": {
        "nll": 0.3195,
        "token_entropy": 0.3218,
        "naive_semantic_entropy": 0.3365,
        "code_semantic_entropy": 0.3566,
    },
    "DeepSeek-Coder-6.7B": {
        "nll": 0.6062,
        "token_entropy": 0.6044,
        "naive_semantic_entropy": 0.6175,
        "code_semantic_entropy": 0.6326,
    },
    "Qwen2.5-Coder-7B": {
        "nll": 0.7285,
        "token_entropy": 0.7290,
        "naive_semantic_entropy": 0.7220,
        "code_semantic_entropy": 0.7439,
    },
}
"""Table 3: backbone -> metric -> average pass@1 after training on the curriculum that the metric gives."""

TRAINING_SIZES: Mapping[str, int] = {"conself": 6_372, "self_dpo": 46_734, "pfpo": 42_278}
"""Figure 5, as stated in the text: examples that methods train DeepSeek-Coder-6.7B on."""

TAUS: Mapping[str, float] = {"CodeLlama-7B": 0.3, "DeepSeek-Coder-6.7B": 0.3, "Qwen2.5-Coder-7B": 0.55}
"""The thresholds of its main results, chosen on TACO's test split."""

BEST_AUC = 0.804
"""Figure 6: the highest AUC that the text gives for code semantic entropy."""

GOLDEN_RATE: Mapping[float, float] = {1.0: 0.15, 0.1: 0.60}
"""Figure 7b, DeepSeek-Coder-6.7B: about 15 % at tau 1.0; above 60 % at tau 0.1."""

BEST_TAU = 0.3
"""Figure 7a, DeepSeek-Coder-6.7B: the tau of the highest average, with RELATIVE_IMPROVEMENT's +2.73 %."""

# conf/benchmark/*.yaml -> the paper's columns.
COLUMNS: Mapping[str, str] = {"humaneval": "HumanEval", "mbpp": "MBPP", "humaneval_plus": "HumanEval+"}
COLUMNS = {**COLUMNS, "mbpp_plus": "MBPP+", "livecodebench": "LCB"}
BY_DIFFICULTY: Mapping[str, Mapping[str, str]] = {
    "livecodebench": {"easy": "LCB easy", "medium": "LCB medium", "hard": "LCB hard"}
}
"""Benchmark -> its difficulty -> the paper's column."""

_SAME = {"codellama_7b": "CodeLlama-7B", "deepseek_coder_6_7b": "DeepSeek-Coder-6.7B"}
_SAME |= {"qwen2_5_coder_7b": "Qwen2.5-Coder-7B"}


def backbone_of(model: str) -> str | None:
    """Return the paper's name of a model of conf/model/, or None for a model that it does not use."""
    return _SAME.get(model)
