"""A bookshop in Protean for Python that reads and writes entries of streams.

A line of input is a request as JSON, a line of output its answer.
"""

import json
import logging
import sys
import warnings
from datetime import UTC, datetime

# A line of output is an answer, and nothing else is of interest.
answers, sys.stdout = sys.stdout, sys.stderr
logging.disable()
warnings.simplefilter("ignore")

from protean import Domain  # noqa: E402
from protean.exceptions import DeserializationError  # noqa: E402
from protean.fields import Dict, Float, Identifier, String  # noqa: E402
from protean.utils.eventing import Message  # noqa: E402

shop = Domain(name="Bookshelf")


@shop.aggregate
class Book:
    book_id = Identifier(identifier=True)


@shop.event(part_of=Book)
class BookAdded:
    book_id = Identifier(required=True)
    title = String()
    price = Float()
    notes = Dict()


@shop.command(part_of=Book)
class AddBook:
    book_id = Identifier(identifier=True)
    title = String()
    price = Float()


def read(entry):
    """What a consumer of a stream makes of an entry."""
    try:
        message = Message.deserialize(json.loads(entry))
    except DeserializationError as error:
        return {"refused": str(error)}
    made = message.to_domain_object()
    return {
        "verified": message.verify_integrity(),
        "class": type(made).__name__,
        "fields": made.payload,
        "metadata": message.metadata.to_dict(),
    }


def returned(entry):
    """The same message, as Python sends it."""
    return json.dumps(Message.deserialize(json.loads(entry)).to_dict())


def replay(letter):
    """What the tool for dead letters sends to the stream again."""
    message = json.loads(letter)
    notice = message.pop("_dlq_metadata")
    return {"notice": notice, "again": read(json.dumps(message))}


def happened(fields):
    book = Book(book_id="b-1")
    book.raise_(BookAdded(book_id="b-1", **fields))
    return Message.from_domain_object(book._events[0])


def event(fields):
    return json.dumps(happened(fields).to_dict())


def published(fields):
    """What other systems get of an event: no checksum, and less beside it."""
    return json.dumps(happened(fields).to_external_dict())


def command(fields):
    given = {"deadline": datetime(2026, 11, 20, 17, 12, 43, tzinfo=UTC), "idempotency_key": "k-1"}
    wanted = AddBook(book_id="b-1", **fields)
    wanted = shop._command_processor.enrich(wanted, True, correlation_id="c-1", **given)
    return json.dumps(Message.from_domain_object(wanted).to_dict())


shop.init(traverse=False)
with shop.domain_context():
    work = {f.__name__: f for f in (read, returned, replay, event, published, command)}
    for line in sys.stdin:
        request = json.loads(line)
        answer = work[request["do"]](request["with"])
        print(json.dumps(answer), file=answers, flush=True)
