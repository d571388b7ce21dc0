"""The demo: a generated portfolio and simulated borrowers."""
