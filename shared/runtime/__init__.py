"""The shell around the deciders: the only place that knows Kafka, MongoDB, OpenTelemetry and the clock."""
