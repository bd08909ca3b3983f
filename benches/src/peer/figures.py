"""Measures the bank in Protean for Python.

`figures.py NAME NUMBER...` prints one line of JSON. Database and broker are in BANK_DATABASE
and BANK_REDIS; what an earlier run left there is removed first.

The caller starts it in a separate process group. Every process that it starts stays in that
group and runs until the whole group is killed; it does that itself when its stdin closes.
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
from threading import BrokenBarrierError, Event, Thread

import psycopg
import redis

HERE = Path(__file__).parent
CATEGORY = "bank::account"
# Deposits per account: fewer than the snapshot threshold.
DEPOSITS_PER_ACCOUNT = 5
# Customers beside a migration.
CUSTOMER_COUNT = 30
BULK = -100
LAST_POSITION = "SELECT coalesce(max(global_position), 0) FROM message_store.messages"
# The events of the category and the position after which deposits are read.
DEPOSITS = """
    SELECT global_position, stream_name FROM message_store.messages
    WHERE split_part(stream_name, '-', 1) = %s AND global_position > %s
      AND type LIKE '%%.DepositMade.%%'
    ORDER BY global_position
"""
# Processes that share concurrent commands, or the entries of a stream.
WORKER_COUNT = 2
# The longest time without progress.
PROGRESS_TIMEOUT_S = 120
POLL_INTERVAL_S = 0.005
MESSAGE_PAUSE_S = 0.05


def main():
    name, *numbers = sys.argv[1:]
    figures = (commands, relay, project, hops, pipeline, migration, idle)
    measure = {figure.__name__: figure for figure in figures}[name]
    Thread(target=end_with_input, daemon=True).start()
    with psycopg.connect(os.environ["BANK_DATABASE"], autocommit=True) as database:
        broker = redis.Redis.from_url(os.environ["BANK_REDIS"])
        prepare(database, broker)
        print(json.dumps(measure(*map(int, numbers), database, broker)), flush=True)


def end_with_input():
    """Kills the group when the caller is gone."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


# --- the figures


def commands(count, at_once, database, broker):
    """Synchronous commands of each kind: commands per second."""
    processes = min(WORKER_COUNT, at_once)
    threads = at_once // processes
    each = -(-count // at_once)
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(processes + 1)
    args = (gate, threads, each)
    make = context.Process
    running = [make(target=customers, args=args, daemon=True) for _ in range(processes)]
    for process in running:
        process.start()
    try:
        gate.wait()
        took = [timed(gate.wait) for _ in ("open", "deposit")]
    except BrokenBarrierError:
        for process in running:
            process.join()
        sys.exit("a process that sends commands failed, see above")
    done = each * threads * processes
    return {"open": done / took[0], "deposit": done / took[1]}


def customers(gate, threads, each):
    """One process that sends commands; the gate opens before and after each kind."""
    try:
        domain = bank()
        with domain.domain_context():
            # Initializes lazily created objects, which two threads must not do at once.
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
            deposited(accounts[number // DEPOSITS_PER_ACCOUNT])


def relay(count, database, broker):
    """From the outbox to a stream: messages per second."""
    from protean import UnitOfWork
    from protean.utils.outbox import Outbox

    domain = bank()
    Server("", WORKER_COUNT)
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
    """From a stream to rows: events per second."""
    domain = bank()
    with domain.domain_context():
        waiting = [json.dumps(message.to_dict()) for message in events(count)]
    Server("projector", WORKER_COUNT)
    pipe = broker.pipeline(transaction=False)
    for entry in waiting:
        pipe.xadd(CATEGORY, {"data": entry})
    began = time.monotonic()
    pipe.execute()
    until_many(lambda: rows(database), count)
    return {"rate": count / (time.monotonic() - began)}


def hops(count, database, broker):
    """From the send, and from the return of `process`, to the handler of an idle server: µs."""
    domain = bank()
    sending, returning = [], []
    Server()
    with domain.domain_context():
        account = opened(0)
        for number in range(1, count + 1):
            time.sleep(MESSAGE_PAUSE_S)
            sent = time.time_ns()
            deposited(account, asynchronous=True)
            returned = time.time_ns()
            until(lambda: length(database, account) > number)
            begun = last_handler_start(database, account)
            sending.append((begun - sent) / 1e3)
            returning.append((begun - returned) / 1e3)
    return {
        "from_sending": {"p50": percentile(sending, 50), "p99": percentile(sending, 99)},
        "after_return": {"p50": percentile(returning, 50), "p99": percentile(returning, 99)},
    }


def pipeline(count, database, broker):
    """From the first command sent to the last row written: commands per second.

    Two servers share the handlers. The workers of one server cannot: commands come from the
    event store, so each worker would handle every command.
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


def migration(accounts, per_second, margin_ms, database, broker):
    """Deposits on a schedule from before a migration until after it, in seconds and ms.

    Lanes are on. They order events; commands come from the event store in their order.
    """
    domain = bank()
    os.environ["BANK_LANES"] = "on"
    Server("teller")
    Server("projector")
    with domain.domain_context():
        customers = [opened(number) for number in range(CUSTOMER_COUNT)]
    until_many(lambda: rows(database), CUSTOMER_COUNT)
    margin, stop, sent = margin_ms / 1000, Event(), []
    last_position = database.execute(LAST_POSITION).fetchone()[0]
    start = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(arrivals, domain, customers, per_second, start, stop, sent)
        watching = pool.submit(
            handled, last_position, customers, per_second, start, sending, sent
        )
        time.sleep(margin)
        begin = time.monotonic() - start
        context = multiprocessing.get_context("spawn")
        sender = context.Process(target=flood, args=(accounts,), daemon=True)
        sender.start()
        sender.join()
        until_many(lambda: rows(database), CUSTOMER_COUNT + accounts)
        end = time.monotonic() - start
        time.sleep(margin)
        stop.set()
        late = watching.result()
    deposits = [
        {"due_s": number / per_second, "latency_ms": latency} for number, latency in late.items()
    ]
    return {"deposits": deposits, "begin_s": begin, "end_s": end}


def flood(count):
    """One process that sends bulk commands."""
    domain = bank()
    with domain.domain_context():
        for number in range(count):
            opened(number, asynchronous=True, priority=BULK)


def arrivals(domain, customers, per_second, start, stop, sent):
    """Sends deposits on their schedule; the customers take turns."""
    with domain.domain_context():
        while not stop.is_set():
            number = len(sent)
            time.sleep(max(0, start + number / per_second - time.monotonic()))
            sent.append(number)
            deposited(customers[number % len(customers)], asynchronous=True)


def handled(position, customers, per_second, start, sending, sent):
    """The latency of each deposit from its due time, by its number."""
    late, made = {}, dict.fromkeys(customers, 0)
    turn = {account: number for number, account in enumerate(customers)}
    limit = time.monotonic() + PROGRESS_TIMEOUT_S
    with psycopg.connect(os.environ["BANK_DATABASE"], autocommit=True) as database:
        while not sending.done() or len(late) < len(sent):
            page = database.execute(DEPOSITS, (CATEGORY, position)).fetchall()
            now = time.monotonic() - start
            for position, stream in page:
                account = stream.removeprefix(f"{CATEGORY}-")
                number = made[account] * len(customers) + turn[account]
                made[account] += 1
                late[number] = (now - number / per_second) * 1000
            if page:
                limit = time.monotonic() + PROGRESS_TIMEOUT_S
            elif time.monotonic() > limit:
                sys.exit(f"no deposit for {PROGRESS_TIMEOUT_S} s: is the server stuck?")
            time.sleep(POLL_INTERVAL_S)
    sending.result()
    return late


def idle(milliseconds, database, broker):
    """The start of a server, and its cost while idle."""
    bank()
    began = time.monotonic()
    server = Server()
    ready = time.monotonic() - began
    time.sleep(1)
    asked, used = command_count(broker), server.processor_time()
    time.sleep(milliseconds / 1000)
    asked, used = command_count(broker) - asked - 1, server.processor_time() - used
    return {
        "ready_ms": ready * 1000,
        "processor_percent": used / milliseconds * 100_000,
        "memory_mib": server.memory(),
        "redis_commands": asked / milliseconds * 1000,
    }


# --- the parts


@cache
def bank():
    """The domain, initialized once."""
    from bank import bank

    bank.init(traverse=False)
    return bank


def opening(number):
    return {
        "account_number": f"ACC-{number:09}",
        "holder_name": f"Holder Number {number}",
        "opening_deposit": 100.0,
    }


def opened(number, asynchronous=False, priority=None):
    from bank import OpenAccount, bank

    command = OpenAccount(**opening(number))
    return bank.process(command, asynchronous=asynchronous, priority=priority)


def deposited(account, asynchronous=False):
    from bank import MakeDeposit, bank

    bank.process(MakeDeposit(account_id=account, amount=1.0), asynchronous=asynchronous)


def events(count):
    """Opening events of `count` new accounts."""
    from bank import Account
    from protean.utils.eventing import Message

    for number in range(count):
        account = Account.open(**opening(number))
        yield Message.from_domain_object(account._events[0])


def prepare(database, broker):
    """Creates or empties the tables."""
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


def last_handler_start(database, account):
    """When the handler of the last deposit began, which it stores as the reference."""
    query = """
        SELECT data ->> 'reference' FROM message_store.messages
        WHERE stream_name = %s ORDER BY position DESC LIMIT 1
    """
    return int(database.execute(query, (f"{CATEGORY}-{account}",)).fetchone()[0])


def command_count(broker):
    return broker.info("stats")["total_commands_processed"]


def timed(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def until_many(how_many, count):
    """Waits for `count` as long as the number grows."""
    found = how_many()
    while found < count:
        before = found
        until(lambda: how_many() > before)
        found = how_many()


def until(holds):
    limit = time.monotonic() + PROGRESS_TIMEOUT_S
    while not holds():
        if time.monotonic() > limit:
            sys.exit(f"no progress for {PROGRESS_TIMEOUT_S} s: is the server stuck?")
        time.sleep(POLL_INTERVAL_S)


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class Server:
    """A ready `protean server` as a separate process, which runs until the group is killed."""

    def __init__(self, parts="teller projector", workers=1):
        self.workers = workers
        command = [sys.executable, "-m", "protean", "server", "--domain", str(HERE / "bank.py")]
        command += ["--workers", str(workers)]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"BANK_PARTS": parts},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        until(self.has_started)

    def has_started(self):
        output = self.output()
        if self.process.poll() is not None:
            sys.exit("the server exited early:\n" + output[-2000:])
        return output.count("engine.started") == self.workers

    def output(self):
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
