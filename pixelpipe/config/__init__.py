"""The configuration of an experiment: one YAML file, strict. Every default lives here and nowhere else."""

from pixelpipe.config.budget import BudgetConfig
from pixelpipe.config.dataset import BACKGROUND, CaptionsConfig, DatasetConfig
from pixelpipe.config.experiment import SECTIONS, ExperimentConfig, alignment_warning, as_name
from pixelpipe.config.judge import FIRST_STAGE_SHARE, JudgeConfig, alpha_of_look, fewest_prompts
from pixelpipe.config.load import content_id, describe_validation, load_config, parse_config
from pixelpipe.config.sampling import SamplingConfig
from pixelpipe.config.strict import Strict, UserPath
from pixelpipe.config.training import VAE_FACTOR, ModelConfig, TrainingConfig

__all__ = [
    "BACKGROUND",
    "FIRST_STAGE_SHARE",
    "SECTIONS",
    "VAE_FACTOR",
    "BudgetConfig",
    "CaptionsConfig",
    "DatasetConfig",
    "ExperimentConfig",
    "JudgeConfig",
    "ModelConfig",
    "SamplingConfig",
    "Strict",
    "TrainingConfig",
    "UserPath",
    "alignment_warning",
    "alpha_of_look",
    "as_name",
    "content_id",
    "describe_validation",
    "fewest_prompts",
    "load_config",
    "parse_config",
]
