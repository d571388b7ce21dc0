"""The assessment service: model, rules, decide, app."""
