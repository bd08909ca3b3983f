"""The office refers customers to the bank: through its outbox, and past it."""

from audit import Referral, audit
from protean.server.engine import Engine


@audit.event_enricher
def say_where_from(event, aggregate):
    return {"office": "Whitehall"}


audit.init(traverse=False)
with audit.domain_context():
    for number in range(20):
        audit.repository_for(Referral).add(Referral.make("Grace Höpper", f"R-{number:03}"))
    for number in range(5):
        audit.brokers["default"].publish("walk-ins", {"holder": "Alan Turing", "number": f"W-{number:03}"})
# Publishes what lies in the outbox, and ends.
Engine(audit, test_mode=True).run()
