"""What a process is told by its environment, checked once at the start.

Every value has a variable of its own (upper-case, listed in `Settings`); nothing else in the code reads the
environment. A wrong value ends the process with a sentence that names the variable and the rule it broke,
never the value of a secret.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings", "SettingsError"]

_OWN_FILES = ("signing_key", "master_key", "address_book", "smtp_ca")


class SettingsError(ValueError):
    """The environment is wrong. The message names each variable and the rule it breaks."""


class Settings(BaseSettings):
    """All settings of a Parley process. Times are seconds, sizes bytes, unless the name says otherwise."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=False,
        populate_by_name=True,
        validate_default=True,
        env_ignore_empty=True,  # compose files and shells can hand a variable on only as an empty one
    )

    # --- servers
    kafka_bootstrap: str = Field(
        default="127.0.0.1:9092", min_length=3, description="host:port of one broker or more, comma separated"
    )
    mongodb_uri: SecretStr = Field(
        default=SecretStr("mongodb://127.0.0.1:27017"), description="the database; may hold a password"
    )
    database: str = Field(default="parley", alias="PARLEY_DATABASE", pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,37}$")

    # --- the house's own numbers
    partitions: int = Field(
        default=12, ge=1, le=1000, alias="PARLEY_PARTITIONS", description="of every topic, fixed at creation"
    )
    replication: int | None = Field(
        default=None,
        ge=1,
        le=9,
        alias="PARLEY_REPLICATION",
        description="copies of every partition; unset: what the cluster allows, 3 with three brokers or more",
    )
    in_sync: int | None = Field(
        default=None,
        ge=1,
        le=9,
        alias="PARLEY_MIN_INSYNC",
        description="copies that must have a record before it counts as written; all but one if unset",
    )
    policies: Path | None = Field(
        default=None,
        alias="PARLEY_POLICIES",
        description="folder of the policy packs; the built-in ones if unset",
    )
    wake_index: bool = Field(
        default=True,
        alias="PARLEY_WAKE_INDEX",
        description="index the days that wake documents: quick to take over many, dear at every write where"
        " an index is dear; the embedded database has none",
    )
    prefix: str = Field(
        default="",
        alias="PARLEY_PREFIX",
        pattern=r"^[A-Za-z0-9._-]{0,60}$",
        description="before the name of every topic and group, for clusters that are shared",
    )

    # --- keys of the archive and of agreements
    signing_key: Path | None = Field(
        default=None,
        alias="PARLEY_SIGNING_KEY",
        description="PEM file of the lender's Ed25519 key; unset: nothing is signed",
    )
    master_key: Path | None = Field(
        default=None,
        alias="PARLEY_MASTER_KEY",
        description="file of 32 bytes or more that every person's key depends on; keep it off the database",
    )

    # --- ways out for messages to borrowers; none configured: notice does not run with `parley run all`
    smtp_host: str | None = Field(default=None, min_length=1, alias="PARLEY_SMTP_HOST")
    smtp_port: int = Field(default=587, ge=1, le=65535, alias="PARLEY_SMTP_PORT")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", alias="PARLEY_SMTP_SECURITY", description="none: on the same machine only"
    )
    smtp_sender: str | None = Field(default=None, min_length=3, alias="PARLEY_SMTP_SENDER")
    smtp_user: str | None = Field(default=None, alias="PARLEY_SMTP_USER")
    smtp_password: SecretStr | None = Field(default=None, alias="PARLEY_SMTP_PASSWORD")
    smtp_ca: Path | None = Field(
        default=None,
        alias="PARLEY_SMTP_CA",
        description="PEM file of the one authority to trust for the mail server; unset: the system's",
    )
    address_book: Path | None = Field(
        default=None,
        alias="PARLEY_ADDRESS_BOOK",
        description="JSON file: customer -> borrower (or id of an authority) -> email -> address",
    )
    webhook_url: str | None = Field(
        default=None, alias="PARLEY_WEBHOOK_URL", description="the lender's own sender of messages"
    )
    webhook_secret: SecretStr | None = Field(
        default=None, min_length=16, alias="PARLEY_WEBHOOK_SECRET", description="signs what is posted there"
    )
    portal: str | None = Field(
        default=None, alias="PARLEY_PORTAL", description="in every message: where the borrower can read on"
    )
    contact_line: str | None = Field(
        default=None, alias="PARLEY_CONTACT", description="in every message: how to reach a person"
    )
    opt_out_line: str | None = Field(
        default=None, alias="PARLEY_OPT_OUT", description="in every message: how to stop them"
    )

    # --- batches
    batch_records: int = Field(default=500, ge=1, le=10_000, alias="PARLEY_BATCH_RECORDS")
    batch_least: int = Field(
        default=10,
        ge=1,
        le=10_000,
        alias="PARLEY_BATCH_LEAST",
        description="a slow database makes batches smaller, down to here",
    )
    batch_seconds: float = Field(
        default=5,
        gt=0,
        le=300,
        alias="PARLEY_BATCH_SECONDS",
        description="of the database's time for a batch; above it the next is half as large",
    )
    poll_seconds: float = Field(
        default=0.1, ge=0.001, le=1, alias="PARLEY_POLL_SECONDS", description="an empty poll waits this long"
    )
    fetch_wait_seconds: float = Field(
        default=0.1,
        ge=0.001,
        le=1,
        alias="PARLEY_FETCH_WAIT_SECONDS",
        # The client asks nothing new of a broker before the fetch under way has returned: a partition that
        # was not in it waits so long. Short fetches find nothing most of the time and cost both sides.
        description="how long the broker may hold a fetch that finds nothing",
    )
    fetch_bytes: int = Field(default=4 << 20, ge=1 << 16, le=64 << 20, alias="PARLEY_FETCH_BYTES")
    message_bytes: int = Field(
        default=1 << 20, ge=1 << 12, le=16 << 20, alias="PARLEY_MESSAGE_BYTES", description="largest message"
    )
    document_bytes: int = Field(
        default=8 << 20,
        ge=1 << 14,
        le=15 << 20,
        alias="PARLEY_DOCUMENT_BYTES",
        description="largest document",
    )

    # --- patience
    session_seconds: float = Field(
        default=6,
        ge=1,
        le=300,
        alias="PARLEY_SESSION_SECONDS",
        description="silence after which a replica is dead",
    )
    drain_seconds: float = Field(
        default=20, ge=1, le=600, alias="PARLEY_DRAIN_SECONDS", description="to finish the batch in hand"
    )
    rebalance_seconds: float = Field(default=30, ge=2, le=900, alias="PARLEY_REBALANCE_SECONDS")
    ack_seconds: float = Field(
        default=15,
        ge=1,
        le=300,
        alias="PARLEY_ACK_SECONDS",
        description="to wait for Kafka's acknowledgements",
    )
    database_seconds: float = Field(default=10, ge=1, le=300, alias="PARLEY_DATABASE_SECONDS")
    start_seconds: float = Field(
        default=60,
        ge=1,
        le=3600,
        alias="PARLEY_START_SECONDS",
        description="to wait for the servers at start",
    )
    backoff_first_seconds: float = Field(default=0.2, gt=0, le=60, alias="PARLEY_BACKOFF_FIRST_SECONDS")
    backoff_most_seconds: float = Field(default=10, gt=0, le=600, alias="PARLEY_BACKOFF_MOST_SECONDS")

    # --- health
    health_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        alias="PARLEY_HEALTH_PORT",
        description="/live, /ready, /lag; unset: off",
    )
    health_host: str = Field(
        default="127.0.0.1", min_length=1, alias="PARLEY_HEALTH_HOST", description="0.0.0.0: every address"
    )
    ready_seconds: float = Field(
        default=60,
        ge=1,
        le=3600,
        alias="PARLEY_READY_SECONDS",
        description="nothing has moved for so long though there is work: not ready",
    )
    stall_seconds: float = Field(
        default=300,
        ge=2,
        le=86_400,
        alias="PARLEY_STALL_SECONDS",
        description="the same, though the servers answer: the process ends, to be started again",
    )

    # --- Kafka's security
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ssl_cafile: Path | None = Field(default=None, description="PEM file of the authority to trust")
    kafka_ssl_certfile: Path | None = Field(
        default=None, description="PEM file of the client's own certificate"
    )
    kafka_ssl_keyfile: Path | None = None

    # --- telemetry and logs
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None, pattern=r"^https?://", description="spans and metrics go there; else to the database"
    )
    otel_metrics_exporter: Literal["otlp", "none"] = Field(
        default="otlp", description="none: the endpoint takes spans only (Jaeger)"
    )
    telemetry: bool = Field(default=True, alias="PARLEY_TELEMETRY")
    sampling: float = Field(
        default=1.0, ge=0, le=1, alias="PARLEY_SAMPLING", description="share of the cases that are traced"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", alias="PARLEY_LOG_LEVEL")
    log_format: Literal["auto", "json", "text"] = Field(default="auto", alias="PARLEY_LOG_FORMAT")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.rebalance_seconds <= self.drain_seconds:
            raise ValueError(
                "PARLEY_REBALANCE_SECONDS must be longer than PARLEY_DRAIN_SECONDS: a replica that drains "
                "longer than Kafka waits for it would still work on partitions that another one already owns"
            )
        if self.document_bytes < self.message_bytes:
            raise ValueError("PARLEY_DOCUMENT_BYTES must not be smaller than PARLEY_MESSAGE_BYTES")
        if self.batch_least > self.batch_records:
            raise ValueError("PARLEY_BATCH_LEAST must not be larger than PARLEY_BATCH_RECORDS")
        if self.stall_seconds <= self.ready_seconds:
            raise ValueError("PARLEY_STALL_SECONDS must be longer than PARLEY_READY_SECONDS")
        if self.in_sync is not None and self.in_sync > (self.replication or 9):
            raise ValueError(
                "PARLEY_MIN_INSYNC must not be larger than PARLEY_REPLICATION: nothing could be written"
            )
        if self.backoff_most_seconds < self.backoff_first_seconds:
            raise ValueError(
                "PARLEY_BACKOFF_MOST_SECONDS must not be smaller than PARLEY_BACKOFF_FIRST_SECONDS"
            )
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_username and self.kafka_password
        ):
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs KAFKA_USERNAME "
                "and KAFKA_PASSWORD"
            )
        if (self.kafka_ssl_certfile is None) != (self.kafka_ssl_keyfile is None):
            raise ValueError("KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE belong together: set both or none")
        self._ways_out()
        for name in ("kafka_ssl_cafile", "kafka_ssl_certfile", "kafka_ssl_keyfile", *_OWN_FILES):
            path: Path | None = getattr(self, name)
            if path is not None and not path.is_file():
                raise ValueError(f"{self.variable(name)} names a file that does not exist")
        if self.policies is not None and not self.policies.is_dir():
            raise ValueError("PARLEY_POLICIES must name a folder that exists")
        return self

    def _ways_out(self) -> None:
        """Refuse messages that would lack an address, a signature, or the way to stop them."""
        if self.smtp_host is not None and (self.smtp_sender is None or self.address_book is None):
            raise ValueError("PARLEY_SMTP_HOST needs PARLEY_SMTP_SENDER and PARLEY_ADDRESS_BOOK")
        if (self.webhook_url is None) != (self.webhook_secret is None):
            raise ValueError("PARLEY_WEBHOOK_URL and PARLEY_WEBHOOK_SECRET belong together: set both or none")
        if self.has_channels and not (self.portal and self.contact_line and self.opt_out_line):
            raise ValueError("messages need PARLEY_PORTAL, PARLEY_CONTACT and PARLEY_OPT_OUT: all say them")

    @property
    def has_channels(self) -> bool:
        """Whether messages to borrowers can leave by some channel."""
        return self.smtp_host is not None or self.webhook_url is not None

    @classmethod
    def load(cls, **overrides: Any) -> "Settings":
        """Read the environment; `overrides` (by field name) win over it. Raises SettingsError."""
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise SettingsError("\n".join(_explain(cls, problem) for problem in error.errors())) from None

    @classmethod
    def variable(cls, field: str) -> str:
        """Give the environment variable of a field."""
        return (cls.model_fields[field].alias or field).upper()


def _explain(cls: type[Settings], problem: Any) -> str:
    """Say which variable breaks which rule; the value itself stays out, it may be a secret."""
    message = str(problem["msg"]).removeprefix("Value error, ")
    where = [str(part) for part in problem["loc"]]
    if not where:
        return message
    field = where[0]
    variable = cls.variable(field) if field in cls.model_fields else field.upper()
    return f"{variable}: {message[:1].lower()}{message[1:]}"
