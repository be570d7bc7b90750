"""Trials with known truth: generation (``generate``) and delivery (``simulate``), labels and ceiling from the truth."""

from data.simulate.advanced import AdvancedTrial, generate_advanced, simulate_advanced
from data.simulate.delivery import SimulationSummary, simulate
from data.simulate.generate import Simulated, generate
from data.simulate.labels import truth_label
from data.simulate.posterior import observed_posterior
from data.simulate.worlds import World, load_worlds

__all__ = [
    "AdvancedTrial",
    "Simulated",
    "SimulationSummary",
    "World",
    "generate",
    "generate_advanced",
    "load_worlds",
    "observed_posterior",
    "simulate",
    "simulate_advanced",
    "truth_label",
]
