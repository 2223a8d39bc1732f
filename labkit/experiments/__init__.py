"""The runs that verdicts rest on, one module a chapter; `labkit record NN` runs them (see labkit.record)."""
