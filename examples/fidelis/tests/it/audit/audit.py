"""An audit office in Protean for Python that hears what happens at the bank."""

import json
import os
import warnings

warnings.simplefilter("ignore")

from protean import Domain, handle  # noqa: E402
from protean.core.event import BaseEvent  # noqa: E402
from protean.fields import Float, Identifier, String  # noqa: E402
from protean.utils.globals import g  # noqa: E402

audit = Domain(
    name="Audit",
    config={
        "brokers": {"default": {"provider": "redis", "URI": os.environ["REDIS_URI"]}},
        "command_processing": "async",
        "event_processing": "async",
        "server": {
            "default_subscription_type": "stream",
            "health": {"enabled": False},
            "priority_lanes": {"enabled": True},
        },
    },
)


class AccountOpened(BaseEvent):
    account_id = Identifier(required=True)
    account_number = String()
    holder_name = String()
    opening_deposit = Float()


class DepositMade(BaseEvent):
    account_id = Identifier(required=True)
    amount = Float()
    reference = String()


audit.register_external_event(AccountOpened, "Fidelis.AccountOpened.v1")
audit.register_external_event(DepositMade, "Fidelis.DepositMade.v1")


@audit.aggregate
class Referral:
    holder = String(required=True)
    number = String(required=True)

    @classmethod
    def make(cls, holder, number):
        referral = cls(holder=holder, number=number)
        referral.raise_(CustomerReferred(holder=holder, number=number))
        return referral


@audit.event(part_of=Referral)
class CustomerReferred:
    holder = String(required=True)
    number = String(required=True)


@audit.event_handler(part_of=Referral, stream_category="fidelis::account")
class Auditor:
    @handle(AccountOpened)
    def opened(self, event):
        note(event)

    @handle(DepositMade)
    def deposited(self, event):
        note(event)


def note(event):
    """A line for each event, with what a reader may know of it."""
    message = g.message_in_context
    line = {
        "id": message.metadata.headers.id,
        "priority": message.metadata.domain.priority,
        "verified": message.verify_integrity(),
        "tenant": message.metadata.extensions.get("tenant"),
        "class": type(event).__name__,
        "fields": event.payload,
    }
    with open(os.environ["AUDITED"], "a") as audited:
        audited.write(json.dumps(line) + "\n")
