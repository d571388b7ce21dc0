"""The alert service: model, rules, decide, app."""
