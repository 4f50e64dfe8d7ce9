"""The rows of the table, in the order in which they are run: the words of ``conself.train`` that tell them apart."""

ZEROCODER = ("experiment=zerocoder",)
ORACLE = ("reward=oracle", "ranking=oracle", "labels=all")
TESTS_ALONE = ("reward=all_passed", "online/update@testing.update=coder")
DYNAMIC = "calibration@testing.calibration=dynamic_b4"

SUPERVISED = ("reward=supervised", "labels=10")

ROWS: dict[str, tuple[str, ...]] = {
    "con_grpo": ("experiment=con_grpo",),
    "codet": (*ZEROCODER, "ranking=codet"),
    "max_pass": (*ZEROCODER, "ranking=max_pass"),
    "tests_times_consensus": (*ZEROCODER, "ranking=codet", "reward=tests_times_consensus"),
    "b4": ZEROCODER,
    "oracle": (*ZEROCODER, *ORACLE),
    "online_tests": (*ZEROCODER, *TESTS_ALONE),
    "dynamic_b4": (*ZEROCODER, DYNAMIC, "labels=10"),
    "offline_tests": (*ZEROCODER, *TESTS_ALONE, "testing.frozen=true"),
    "without_mutation": (*ZEROCODER, "testing.tester_reward.high=0.0", "testing.n_mutants=0"),
}
"""Those of the issue that this folder is for."""
FURTHER: dict[str, tuple[str, ...]] = {
    **{f"rank_{least}": (*ZEROCODER, f"curriculum.threshold={least}") for least in range(4)},
    **{f"dynamic_b4_{count}": (*ZEROCODER, DYNAMIC, f"labels={count}") for count in (5, 20)},
    "reply_columns": (*ZEROCODER, "testing.column=reply"),
    "joint": (*ZEROCODER, "online/update@testing.update=joint"),
    "cure": (*ZEROCODER, "tester_reward@testing.tester_reward=cure"),
    "abstaining": (*ZEROCODER, "reward=abstaining"),
    "con_grpo_labels": ("experiment=con_grpo", "reward=supervised", "reward@reward.reward=consensus", "labels=10"),
    "codet_labels": (*ZEROCODER, "ranking=codet", *SUPERVISED),
    "max_pass_labels": (*ZEROCODER, "ranking=max_pass", *SUPERVISED),
    "b4_labels": (*ZEROCODER, *SUPERVISED),
    "online_tests_labels": (*ZEROCODER, *SUPERVISED, "reward@reward.reward=all_passed", TESTS_ALONE[1]),
    "offline_tests_labels": (
        *ZEROCODER,
        *SUPERVISED,
        "reward@reward.reward=all_passed",
        TESTS_ALONE[1],
        "testing.frozen=true",
    ),
    "dynamic_b4_labels": (
        *(*ZEROCODER, DYNAMIC, "reward=supervised", "labels=20"),
        *("reward.problems=10", "testing.calibration.problems=10"),
    ),
}
"""Thresholds of the rank filter, calibration sizes, variants, and rows with rewards by ten labels; run where named."""
