"""A trial with known truth: generation (``generate``) and its delivery as files (``simulate``)."""

from data.simulate.delivery import SimulationSummary, simulate
from data.simulate.generate import Simulated, generate
from data.simulate.worlds import World, load_worlds

__all__ = ["Simulated", "SimulationSummary", "World", "generate", "load_worlds", "simulate"]
