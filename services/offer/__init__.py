"""The offer service: model, rules, decide, app."""
