"""The intake service: model, rules, decide, app."""
