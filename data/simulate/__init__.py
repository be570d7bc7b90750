"""Trials with known truth: generation (``generate``) and delivery as files (``simulate``), adjuvant and advanced."""

from data.simulate.advanced import AdvancedTrial, generate_advanced, simulate_advanced
from data.simulate.delivery import SimulationSummary, simulate
from data.simulate.generate import Simulated, generate
from data.simulate.worlds import World, load_worlds

__all__ = [
    "AdvancedTrial",
    "Simulated",
    "SimulationSummary",
    "World",
    "generate",
    "generate_advanced",
    "load_worlds",
    "simulate",
    "simulate_advanced",
]
