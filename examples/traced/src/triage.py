"""A triage in Protean for Python: it hears of new tickets and says who is to solve them."""

import os
import warnings

warnings.simplefilter("ignore")

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from protean import Domain, handle  # noqa: E402
from protean.core.event import BaseEvent  # noqa: E402
from protean.fields import Identifier, String  # noqa: E402
from protean.utils.telemetry import get_tracer_provider, init_telemetry  # noqa: E402

triage = Domain(
    name="Triage",
    config={
        "brokers": {"default": {"provider": "redis", "URI": os.environ["REDIS_URI"]}},
        "command_processing": "async",
        "event_processing": "async",
        "server": {
            "default_subscription_type": "stream",
            "health": {"enabled": False},
            "priority_lanes": {"enabled": True},
        },
        # Protean for Python exports over gRPC by itself; below it exports over HTTP.
        "telemetry": {"enabled": True, "service_name": "triage", "exporter": "none"},
    },
)
init_telemetry(triage)
exporter = OTLPSpanExporter(endpoint=os.environ["COLLECTOR"] + "/v1/traces")
get_tracer_provider(triage).add_span_processor(SimpleSpanProcessor(exporter))


class TicketOpened(BaseEvent):
    ticket_id = Identifier(required=True)
    title = String()


triage.register_external_event(TicketOpened, "Helpdesk.TicketOpened.v1")


@triage.aggregate
class Case:
    ticket_id = Identifier(required=True)
    solver = String(required=True)

    @classmethod
    def assign(cls, ticket_id, solver):
        case = cls(ticket_id=ticket_id, solver=solver)
        case.raise_(CaseAssigned(ticket_id=ticket_id, solver=solver))
        return case


@triage.event(part_of=Case)
class CaseAssigned:
    ticket_id = Identifier(required=True)
    solver = String(required=True)


@triage.event_handler(part_of=Case, stream_category="helpdesk::ticket")
class Triage:
    @handle(TicketOpened)
    def opened(self, event):
        triage.repository_for(Case).add(Case.assign(event.ticket_id, "Grace"))
