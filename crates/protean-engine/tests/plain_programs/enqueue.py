"""A plain application: it writes its own table and enqueues commands, in one transaction.

Arguments: the database, the name of a ledger, and how many transactions.
"""

import json
import sys

import psycopg2

uri, ledger, count = sys.argv[1:]
connection = psycopg2.connect(uri)
for number in range(int(count)):
    cursor = connection.cursor()
    cursor.execute("INSERT INTO orders (ledger, number) VALUES (%s, %s)", (ledger, number))
    for step in range(3):
        data = json.dumps({"ledger": ledger, "line": f"{number}.{step}"})
        cursor.execute("INSERT INTO protean_intake (type, data) VALUES ('Enter', %s)", (data,))
    if number % 3 == 2:
        connection.rollback()
    else:
        connection.commit()
with connection, connection.cursor() as cursor:
    malformed = [("Enter", '{"ledger"'), ("Rob", "{}"), ("Burn", "{}"), ("Enter", "{}")]
    cursor.executemany("INSERT INTO protean_intake (type, data) VALUES (%s, %s)", malformed)
