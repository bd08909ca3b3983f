"""Takes the figures of the bank in Protean for Python.

`figures.py NAME NUMBER...` prints one line of JSON. Database and broker are in BANK_DATABASE
and BANK_REDIS; what an earlier run left there is removed first.

Whoever asks gives it a process group: every process it begins stays in there and goes on until
all of the group is ended. When its input ends, it does that itself.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import BrokenBarrierError, Thread

import psycopg
import redis

HERE = Path(__file__).parent
CATEGORY = "bank::account"
# Deposits to an account, fewer than a snapshot is taken after.
EACH = 5
# So many processes share the commands that are sent at once, or what waits in a stream.
WORKERS = 2
# Seconds without any progress.
PATIENCE = 120
GLANCE = 0.005
REST = 0.05


def main():
    name, *numbers = sys.argv[1:]
    figures = (commands, relay, project, hops, pipeline, idle)
    take = {figure.__name__: figure for figure in figures}[name]
    Thread(target=end_with_input, daemon=True).start()
    with psycopg.connect(os.environ["BANK_DATABASE"], autocommit=True) as database:
        broker = redis.Redis.from_url(os.environ["BANK_REDIS"])
        prepare(database, broker)
        print(json.dumps(take(*map(int, numbers), database, broker)), flush=True)


def end_with_input():
    """Whoever asked may be gone; what was begun for them must not go on."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


# --- the figures


def commands(count, at_once, database, broker):
    """Synchronous commands of each kind: commands a second."""
    processes = min(WORKERS, at_once)
    threads = at_once // processes
    each = -(-count // at_once)
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(processes + 1)
    words = (gate, threads, each)
    make = context.Process
    running = [make(target=customers, args=words, daemon=True) for _ in range(processes)]
    for process in running:
        process.start()
    try:
        gate.wait()
        took = [timed(gate.wait) for _ in ("open", "deposit")]
    except BrokenBarrierError:
        for process in running:
            process.join()
        sys.exit("a process that sends commands has failed, see above")
    done = each * threads * processes
    return {"open": done / took[0], "deposit": done / took[1]}


def customers(gate, threads, each):
    """A process of those who send commands at once; the gate opens before and after each kind."""
    try:
        domain = bank()
        with domain.domain_context():
            # What is used first is made then, and not by two threads at once.
            deposited(opened(0))
        with ThreadPoolExecutor(threads) as pool:
            gate.wait()
            accounts = list(pool.map(open_accounts, [domain] * threads, [each] * threads))
            gate.wait()
            list(pool.map(make_deposits, [domain] * threads, accounts))
            gate.wait()
    except BaseException:
        gate.abort()
        raise


def open_accounts(domain, count):
    with domain.domain_context():
        return [opened(number) for number in range(count)]


def make_deposits(domain, accounts):
    with domain.domain_context():
        for number in range(len(accounts)):
            deposited(accounts[number // EACH])


def relay(count, database, broker):
    """What waits in the outbox goes to a stream: messages a second."""
    from protean import UnitOfWork
    from protean.utils.outbox import Outbox

    domain = bank()
    Server("", WORKERS)
    with domain.domain_context(), UnitOfWork():
        outbox = domain._get_outbox_repo("default")
        for message in events(count):
            headers = message.metadata.headers
            outbox.add(
                Outbox.create_message(
                    headers.id, headers.stream, headers.type, message.data, message.metadata
                )
            )
    began = time.monotonic()
    until_many(lambda: broker.xlen(CATEGORY), count)
    return {"rate": count / (time.monotonic() - began)}


def project(count, database, broker):
    """What waits in a stream becomes rows: events a second."""
    domain = bank()
    with domain.domain_context():
        waiting = [json.dumps(message.to_dict()) for message in events(count)]
    Server("projector", WORKERS)
    pipe = broker.pipeline(transaction=False)
    for entry in waiting:
        pipe.xadd(CATEGORY, {"data": entry})
    began = time.monotonic()
    pipe.execute()
    until_many(lambda: rows(database), count)
    return {"rate": count / (time.monotonic() - began)}


def hops(count, database, broker):
    """From sending, and from when `process` has returned, until an idle server handles: µs."""
    domain = bank()
    sending, returning = [], []
    Server()
    with domain.domain_context():
        account = opened(0)
        for number in range(1, count + 1):
            time.sleep(REST)
            sent = time.time_ns()
            deposited(account, asynchronous=True)
            returned = time.time_ns()
            until(lambda: length(database, account) > number)
            begun = last_begun(database, account)
            sending.append((begun - sent) / 1e3)
            returning.append((begun - returned) / 1e3)
    return {
        "from_sending": {"p50": percentile(sending, 50), "p99": percentile(sending, 99)},
        "after_return": {"p50": percentile(returning, 50), "p99": percentile(returning, 99)},
    }


def pipeline(count, database, broker):
    """From the first command sent to the last row written: commands a second.

    Two servers share the handlers. Workers of one cannot: each of them would handle every
    command, because commands come from the event store.
    """
    domain = bank()
    Server("teller")
    Server("projector")
    began = time.monotonic()
    with domain.domain_context():
        for number in range(count):
            opened(number, asynchronous=True)
    until_many(lambda: rows(database), count)
    return {"rate": count / (time.monotonic() - began)}


def idle(milliseconds, database, broker):
    """The start of a server, and what it costs while nothing is to do."""
    bank()
    began = time.monotonic()
    server = Server()
    ready = time.monotonic() - began
    time.sleep(1)
    asked, used = questions(broker), server.processor_time()
    time.sleep(milliseconds / 1000)
    asked, used = questions(broker) - asked - 1, server.processor_time() - used
    return {
        "ready_ms": ready * 1000,
        "processor_percent": used / milliseconds * 100_000,
        "memory_mib": server.memory(),
        "redis_commands": asked / milliseconds * 1000,
    }


# --- what they are made of


@cache
def bank():
    """The domain, made ready once."""
    from bank import bank

    bank.init(traverse=False)
    return bank


def opening(number):
    return {
        "account_number": f"ACC-{number:09}",
        "holder_name": f"Holder Number {number}",
        "opening_deposit": 100.0,
    }


def opened(number, asynchronous=False):
    from bank import OpenAccount, bank

    return bank.process(OpenAccount(**opening(number)), asynchronous=asynchronous)


def deposited(account, asynchronous=False):
    from bank import MakeDeposit, bank

    bank.process(MakeDeposit(account_id=account, amount=1.0), asynchronous=asynchronous)


def events(count):
    """What so many new accounts have to tell."""
    from bank import Account
    from protean.utils.eventing import Message

    for number in range(count):
        account = Account.open(**opening(number))
        yield Message.from_domain_object(account._events[0])


def prepare(database, broker):
    """Makes the tables, or empties them."""
    for key in broker.scan_iter("bank::*"):
        broker.delete(key)
    tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
    found = database.execute(tables + " WHERE schemaname IN ('public', 'message_store')")
    found = [table for (table,) in found]
    if found:
        database.execute("TRUNCATE " + ", ".join(found) + " RESTART IDENTITY")
    else:
        database.execute((HERE / "message_store.sql").read_text())
        domain = bank()
        with domain.domain_context():
            domain.setup_database()


def rows(database):
    return database.execute("SELECT count(*) FROM account_summary").fetchone()[0]


def length(database, account):
    query = "SELECT count(*) FROM message_store.messages WHERE stream_name = %s"
    return database.execute(query, (f"{CATEGORY}-{account}",)).fetchone()[0]


def last_begun(database, account):
    """When the last deposit was begun: its handler makes that the reference."""
    query = """
        SELECT data ->> 'reference' FROM message_store.messages
        WHERE stream_name = %s ORDER BY position DESC LIMIT 1
    """
    return int(database.execute(query, (f"{CATEGORY}-{account}",)).fetchone()[0])


def questions(broker):
    return broker.info("stats")["total_commands_processed"]


def timed(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def until_many(how_many, count):
    """Waits as long as there are more and more of them."""
    found = how_many()
    while found < count:
        before = found
        until(lambda: how_many() > before)
        found = how_many()


def until(holds):
    limit = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > limit:
            sys.exit(f"nothing has happened for {PATIENCE} s: is the server of the bank stuck?")
        time.sleep(GLANCE)


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class Server:
    """`protean server` in a process of its own, ready. It serves until the group is ended."""

    def __init__(self, parts="teller projector", workers=1):
        self.workers = workers
        words = [sys.executable, "-m", "protean", "server", "--domain", str(HERE / "bank.py")]
        words += ["--workers", str(workers)]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            words,
            env=os.environ | {"BANK_PARTS": parts},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        until(self.has_started)

    def has_started(self):
        told = self.told()
        if self.process.poll() is not None:
            sys.exit("the server of the bank has ended:\n" + told[-2000:])
        return told.count("engine.started") == self.workers

    def told(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def processor_time(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            kib = next(line for line in status if line.startswith("VmRSS:")).split()[1]
        return int(kib) / 1024


if __name__ == "__main__":
    main()
