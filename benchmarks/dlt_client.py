"""What a careful user of dlt would write: the requests that micore made, made again, their rows into three tables.

Runs in the benchmark's own environment (see benchmarks.dlt_side), which has dlt and nothing of micore:

    python dlt_client.py MODE DATABASE-URL MARKETPLACE-URL REQUESTS FOLDER

MODE is `ordinary` (dictionaries) or `arrow` (tables). REQUESTS holds a JSON line each: stream, path, body.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.update(
    RUNTIME__DLTHUB_TELEMETRY="false",
    RUNTIME__LOG_LEVEL="ERROR",
    # Keys of its own in each row are all that dlt needs for a merge; load ids it adds to Arrow tables only if asked.
    NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID="false",
    DATA_WRITER__BUFFER_MAX_ITEMS="50000",
)

import dlt  # type: ignore[import-not-found]
import httpx2
import orjson  # type: ignore[import-not-found]
import pyarrow as pa  # type: ignore[import-not-found]

Rows = list[dict[str, Any]]


def cards(answer: dict[str, Any], asked: dict[str, Any]) -> Rows:
    del asked
    return [
        {
            "product_id": item["id"],
            "offer_id": item["offer_id"],
            "name": item["name"],
            "archived": item["is_archived"],
            "price": item["price"],
        }
        for item in answer["items"]
    ]


def stock(answer: dict[str, Any], asked: dict[str, Any]) -> Rows:
    if "items" in answer:
        return [
            {
                "sku": item["sku"],
                "warehouse_id": str(item["warehouse_id"]),
                "available": item["available_stock_count"],
                "reserved": None,
                "inbound": item["transit_stock_count"] + item["requested_stock_count"],
                "coming_back": item["return_from_customer_stock_count"],
            }
            for item in answer["items"]
        ]
    return [
        {
            "sku": item["sku"],
            "warehouse_id": str(asked["warehouse_id"]),
            "available": item["free_stock"],
            "reserved": item["reserved"],
            "inbound": None,
            "coming_back": None,
        }
        for item in answer["stocks"]
    ]


def lines(answer: dict[str, Any], asked: dict[str, Any]) -> Rows:
    del asked
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for posting in answer["postings"]:
        number = posting["posting_number"]
        for product in posting["products"]:
            line = {
                "posting_number": number,
                "sku": product["sku"],
                "status": posting["status"],
                "quantity": product["quantity"],
                "price": product["price"]["amount"],
                "currency": product["price"]["currency"],
                "ordered_at": posting.get("created_at") or posting["in_process_at"],
            }
            # A sku may stand twice in a posting; the table's key allows it once.
            line["quantity"] += found.get((number, product["sku"]), {"quantity": 0})["quantity"]
            found[number, product["sku"]] = line
    return list(found.values())


SCHEMA = {
    "stock": pa.schema(
        [
            *(("sku", pa.int64()), ("warehouse_id", pa.string())),
            *((name, pa.int64()) for name in ("available", "reserved", "inbound", "coming_back")),
        ]
    )
}
"""Where a page alone does not tell the types."""

TABLES: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], Rows], list[str]]] = {
    "cards": (cards, ["product_id"]),
    "stock": (stock, ["sku", "warehouse_id"]),
    "lines": (lines, ["posting_number", "sku"]),
}


def main() -> None:
    mode, database, market, requests, folder = sys.argv[1:]
    asked = [json.loads(line) for line in Path(requests).read_text(encoding="utf-8").splitlines()]
    client = httpx2.Client(base_url=market, headers={"Client-Id": "1000001", "Api-Key": "benchmark"}, timeout=60)

    def pages(table: str) -> Iterator[Any]:
        rows_of, _ = TABLES[table]
        for each in asked:
            if each["table"] == table:
                answer = client.post(each["path"], content=each["body"], headers={"Content-Type": "application/json"})
                rows = rows_of(orjson.loads(answer.raise_for_status().content), orjson.loads(each["body"]))
                if rows:
                    yield pa.Table.from_pylist(rows, schema=SCHEMA.get(table)) if mode == "arrow" else rows

    def resource(table: str) -> Any:
        return dlt.resource(
            lambda: pages(table),
            name=table,
            primary_key=TABLES[table][1],
            write_disposition={"disposition": "merge", "strategy": "upsert" if postgresql else "delete-insert"},
            max_table_nesting=0,
        )

    postgresql = database.startswith("postgresql")
    destination = (
        dlt.destinations.postgres(database, create_indexes=True)
        if postgresql
        else dlt.destinations.sqlalchemy(database, create_primary_keys=True, create_unique_indexes=True)
    )
    pipeline = dlt.pipeline(
        "bench", destination=destination, dataset_name="loaded" if postgresql else "main", pipelines_dir=folder
    )
    pipeline.run([resource(name) for name in TABLES], loader_file_format="csv" if postgresql else None)
    pipeline.drop_pending_packages()


if __name__ == "__main__":
    main()
