"""The embedded default: real Apache Kafka and a MongoDB-protocol database from wheels and pinned jars.

No Docker, no Java and no Maven of the machine. Entry points: `deploy.embedded.up.up` (what `parley up` runs),
`deploy.embedded.platform.EmbeddedServers` (only the servers), `reading_database` (only the database, for a
reading command) and `deploy.embedded.doctor.run_checks`.
"""
