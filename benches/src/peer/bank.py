"""The bank in Protean for Python, with the settings that make it fastest.

`protean server --domain bank.py` serves it; `figures.py` measures it.
"""

import os
import time
import warnings

warnings.simplefilter("ignore")

from protean import Domain, apply, handle, invariant  # noqa: E402
from protean.core.projector import on  # noqa: E402
from protean.exceptions import ValidationError  # noqa: E402
from protean.fields import Float, Identifier, Integer, String  # noqa: E402
from protean.utils.globals import current_domain  # noqa: E402

DATABASE = os.environ["BANK_DATABASE"]

# Settings that differ from the defaults make it faster, unless a comment gives another reason.
SETTINGS = {
    "databases": {
        "default": {
            "provider": "postgresql",
            "database_uri": DATABASE,
            # One connection per thread, without a liveness check before each use.
            "pool_size": 16,
            "pool_pre_ping": False,
        },
        "memory": {"provider": "memory"},
    },
    # The only event store that outlives a process or can be shared by two.
    "event_store": {
        "provider": "message_db",
        "database_uri": f"{DATABASE}?options=-csearch_path%3Dmessage_store",
    },
    "brokers": {"default": {"provider": "redis", "URI": os.environ["BANK_REDIS"]}},
    # Streams, and so the outbox, are measured here.
    "enable_outbox": True,
    # Small enough to share work among workers; larger values were no faster.
    "outbox": {"messages_per_tick": 50},
    "server": {
        "default_subscription_type": "stream",
        "messages_per_tick": 50,
        "priority_lanes": {"enabled": "BANK_LANES" in os.environ},
        "event_store_subscription": {"position_update_interval": 500},
        "health": {"enabled": False},
    },
    # No traces in Redis, and no log line per message.
    "observatory": {"trace_retention_days": 0},
    "logging": {
        "level": "INFO",
        "slow_handler_threshold_ms": 1_000_000,
        "slow_query_threshold_ms": 1_000_000,
        "per_logger": {
            "protean": "WARNING",
            "protean.access": "WARNING",
            "protean.server": "WARNING",
            "protean.server.subscription": "WARNING",
            # Reports when the server has started.
            "protean.server.engine": "INFO",
        },
    },
}


bank = Domain(name="bank", config=SETTINGS)


@bank.event(part_of="Account")
class AccountOpened:
    account_id: Identifier(required=True)
    account_number: String(required=True)
    holder_name: String(required=True)
    opening_deposit: Float(required=True)


@bank.event(part_of="Account")
class DepositMade:
    account_id: Identifier(required=True)
    amount: Float(required=True)
    reference: String()


@bank.aggregate(is_event_sourced=True)
class Account:
    account_number: String(max_length=20, required=True)
    holder_name: String(max_length=100, required=True)
    balance: Float(default=0.0)
    status: String(max_length=20, default="ACTIVE")

    @invariant.post
    def balance_is_not_negative(self):
        if self.balance is not None and self.balance < 0:
            raise ValidationError({"balance": ["cannot be negative"]})

    @classmethod
    def open(cls, account_number, holder_name, opening_deposit):
        account = cls._create_new()
        account.raise_(
            AccountOpened(
                account_id=str(account.id),
                account_number=account_number,
                holder_name=holder_name,
                opening_deposit=opening_deposit,
            )
        )
        return account

    def deposit(self, amount, reference=None):
        if amount <= 0:
            raise ValidationError({"amount": ["must be positive"]})
        self.raise_(
            DepositMade(account_id=str(self.id), amount=amount, reference=reference)
        )

    @apply
    def on_account_opened(self, event: AccountOpened):
        self.id = event.account_id
        self.account_number = event.account_number
        self.holder_name = event.holder_name
        self.balance = event.opening_deposit
        self.status = "ACTIVE"

    @apply
    def on_deposit_made(self, event: DepositMade):
        self.balance += event.amount


@bank.command(part_of=Account)
class OpenAccount:
    account_number: String(required=True)
    holder_name: String(required=True)
    opening_deposit: Float(required=True)


@bank.command(part_of=Account)
class MakeDeposit:
    account_id: Identifier(required=True)
    amount: Float(required=True)


@bank.projection
class AccountSummary:
    account_id: Identifier(identifier=True)
    account_number: String(max_length=20)
    holder_name: String(max_length=100)
    balance: Float(default=0.0)
    deposits: Integer(default=0)


PARTS = os.environ.get("BANK_PARTS", "teller projector").split()

if "teller" in PARTS:

    # Commands never reach a broker: their handler reads the event store.
    @bank.command_handler(part_of=Account, subscription_type="event_store")
    class Teller:
        @handle(OpenAccount)
        def open_account(self, command):
            account = Account.open(
                command.account_number, command.holder_name, command.opening_deposit
            )
            current_domain.repository_for(Account).add(account)
            return str(account.id)

        @handle(MakeDeposit)
        def make_deposit(self, command):
            begun = time.time_ns()
            accounts = current_domain.repository_for(Account)
            account = accounts.get(command.account_id)
            account.deposit(command.amount, str(begun))
            accounts.add(account)


if "projector" in PARTS:

    @bank.projector(projector_for=AccountSummary, aggregates=[Account])
    class AccountSummaryProjector:
        @on(AccountOpened)
        def opened(self, event):
            current_domain.repository_for(AccountSummary).add(
                AccountSummary(
                    account_id=event.account_id,
                    account_number=event.account_number,
                    holder_name=event.holder_name,
                    balance=event.opening_deposit,
                )
            )

        @on(DepositMade)
        def deposited(self, event):
            summaries = current_domain.repository_for(AccountSummary)
            summary = summaries.get(event.account_id)
            summary.balance += event.amount
            summary.deposits += 1
            summaries.add(summary)
