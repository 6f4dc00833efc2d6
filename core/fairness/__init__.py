"""The ledger: what was promised and what was done, sealed, and how anybody can check it."""
