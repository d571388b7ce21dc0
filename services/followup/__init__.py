"""The followup service: model, rules, decide, app."""
