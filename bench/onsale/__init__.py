"""The on-sale in figures: each scenario loads a site of several processes over loopback, and its history is checked."""
