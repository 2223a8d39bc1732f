"""Checks of chapter 6, a module for each section: the names of all exercises stand here."""
from labkit.checks.ch06.finance import cost_per_loan as cost_per_loan
from labkit.checks.ch06.health import predictive_values as predictive_values
from labkit.checks.ch06.images import efficient_multiplications as efficient_multiplications
from labkit.checks.ch06.language import best_span as best_span
from labkit.checks.ch06.language import mask_tokens as mask_tokens
from labkit.checks.ch06.recommendation import ndcg as ndcg
