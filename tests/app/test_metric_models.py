"""Which models metrics read programs by is said of the metrics that a pipeline reads, and of no others."""

from conself.app.metric_models import metric_models
from conself.pipelines.evaluation import Evaluation
from conself.pipelines.preference.pipeline import Preference
from conself.pipelines.reinforcement.pipeline import Reinforcement
from tests.test_conf import composed

NAIVE = "naive semantic entropy: programs are read by the policy itself"


def test_only_of_metrics_that_the_pipeline_reads() -> None:
    config = composed()
    assert metric_models(config, Preference.parts) == [NAIVE]
    assert metric_models(config, Evaluation.parts) == []
    assert metric_models(config, Reinforcement.parts) == [], "it reports no metrics beside the driver"
    driven = composed("metric=naive_semantic_entropy")
    assert metric_models(driven, Reinforcement.parts) == [NAIVE]
