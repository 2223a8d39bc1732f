"""What computing costs: `cost` turns measured speed into hours and money, `scale` estimates what no laptop can run."""
from labkit.economics.cost import MILLION, Cost, cost_table, prediction_cost, training_cost
from labkit.economics.scale import (
    BYTES,
    DEVICES,
    TOKENS_PER_PARAMETER,
    Device,
    Estimate,
    compute_optimal,
    expected_loss,
    inference_memory,
    tokens_per_second,
    training_estimate,
    training_flops,
    training_memory,
)

__all__ = ["BYTES", "DEVICES", "MILLION", "TOKENS_PER_PARAMETER", "Cost", "Device", "Estimate", "compute_optimal",
           "cost_table", "expected_loss", "inference_memory", "prediction_cost", "tokens_per_second", "training_cost",
           "training_estimate", "training_flops", "training_memory"]
