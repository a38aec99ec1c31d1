"""Tells the stack's event bus what has happened: reads the table's stream (docs/events-out.md).

No route: Lambda hands it the records in batches.
"""

from signet.edge.table_stream import table_stream

lambda_handler = table_stream("publish_events")
