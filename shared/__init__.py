"""What every service shares: contracts, runtime, lending, policy, texts."""
