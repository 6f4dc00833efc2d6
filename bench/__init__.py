"""What is promised in figures, measured: `fairness.py` and `ledger_cost.py`, each on a database of its own."""
