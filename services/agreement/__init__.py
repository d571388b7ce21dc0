"""The agreement service: model, rules, decide, app."""
