"""What the figures of every tenant must be, counted straight from the CSV files by the definitions that truths.json gives.

Shares no code with the product, and never talks to it. Reads the folder that its argument names; writes one JSON object: by
tenant and grouping, the rows that `ordersStats` must answer with; the rows of `leadsStats`; and what truths.json says too.
"""

import csv
import json
import sys
import uuid
from collections import Counter, defaultdict
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path

HOUSE = uuid.uuid5(uuid.NAMESPACE_DNS, "marketplace.olist").hex
CANCELLED = ("canceled", "unavailable")
STEPS = ("created", "approved", "processing", "invoiced", "shipped", "delivered")


def table(name):
    with open(Path(sys.argv[1]) / f"olist_{name}.csv", encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def centavos(text):
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int((part + "00")[:2])


def time(text):
    return datetime.fromisoformat(text) if text else None


def fixed(number, places):
    """The number with so many decimal places, halves rounded away from zero."""
    if number is None:
        return None
    digits = str(int(abs(number) * 10**places + Fraction(1, 2))).rjust(places + 1, "0")
    return ("-" if number < 0 else "") + digits[:-places] + "." + digits[-places:]


def trimmed(number, places=6):
    text = fixed(number, places)
    return text and text.rstrip("0").rstrip(".")


def percentile(numbers, share):
    """Between two numbers, in proportion; for a half, that is statistics.median."""
    if not numbers:
        return None
    numbers = sorted(numbers)
    below, rest = divmod((len(numbers) - 1) * share, 1)
    low = numbers[int(below)]
    return low + rest * (numbers[min(int(below) + 1, len(numbers) - 1)] - low)


def mean(numbers):
    return Fraction(sum(numbers), len(numbers)) if numbers else None


class Order:
    def __init__(self, row, state):
        status = row["order_status"]
        bought, approved, carrier, arrived = (
            time(row[f"order_{name}"])
            for name in ("purchase_timestamp", "approved_at", "delivered_carrier_date", "delivered_customer_date")
        )
        self.status, self.state = status, state or None
        self.month = row["order_purchase_timestamp"][:7]
        self.cancelled = status in CANCELLED
        self.scores = []

        # A step was taken if it is the status, or has its date and does not come after the status.
        def took(step, when):
            if self.cancelled:
                return when is not None
            return status == step or (when is not None and STEPS.index(status) >= STEPS.index(step))

        self.approved = took("approved", approved)
        self.delivered = took("delivered", arrived)
        self.shipped = took("shipped", carrier) or self.delivered
        self.seconds, self.late = None, False
        if status == "delivered" and arrived:
            self.seconds = int((arrived - bought).total_seconds())
            self.late = arrived.date() > time(row["order_estimated_delivery_date"]).date()


def figures(parts):
    """What pairs of an order and its items come to: each order is there once."""
    orders = [order for order, _ in parts]
    timed = [order.seconds for order in orders if order.seconds is not None]
    scores = [score for order in orders for score in order.scores]
    worth = [(order, sum(item[0] for item in items)) for order, items in parts]
    count = lambda holds: str(sum(1 for order in orders if holds(order)))
    days = lambda seconds: trimmed(None if seconds is None else Fraction(seconds) / 86400)
    late = int(count(lambda order: order.late))
    return {
        "orders": str(len(orders)),
        "items": str(sum(len(items) for _, items in parts)),
        "revenue": {"amount": str(sum(sum_ for _, sum_ in worth))},
        "freight": {"amount": str(sum(item[1] for _, items in parts for item in items))},
        "valueLost": {"amount": str(sum(sum_ for order, sum_ in worth if order.cancelled))},
        "approved": count(lambda order: order.approved),
        "shipped": count(lambda order: order.shipped),
        "delivered": count(lambda order: order.delivered),
        "reviewed": count(lambda order: order.scores),
        "cancelled": count(lambda order: order.cancelled),
        "timedDeliveries": str(len(timed)),
        "meanDeliveryDays": days(mean(timed)),
        "medianDeliveryDays": days(percentile(timed, Fraction(1, 2))),
        "p90DeliveryDays": days(percentile(timed, Fraction(9, 10))),
        "late": str(late),
        "lateShare": fixed(Fraction(late, len(timed)), 4) if timed else None,
        "reviews": str(len(scores)),
        "meanReviewScore": trimmed(mean(scores)),
    }


def grouped(parts, key, name, shown=lambda value: value):
    groups = defaultdict(list)
    for order, items in parts:
        groups[key(order)].append((order, items))
    keys = sorted(groups, key=lambda value: (value is None, value))
    return [{name: shown(value), **figures(groups[value])} for value in keys]


def by_item(parts, column, name):
    groups = defaultdict(list)
    for order, items in parts:
        own = defaultdict(list)
        for item in items:
            own[item[column]].append(item)
        for value, items_of in (own or {None: []}).items():
            groups[value].append((order, items_of))
    keys = sorted(groups, key=lambda value: (value is None, value or ""))
    return [{name: value, **figures(groups[value])} for value in keys]


def start(month):
    return f"{month}-01T00:00:00+00:00"


def tenant(parts):
    return {
        "all": [figures(parts)],
        "months": grouped(parts, lambda order: order.month, "start", start),
        "states": grouped(parts, lambda order: order.state, "state"),
        "statuses": grouped(parts, lambda order: order.status, "status", str.upper),
        "products": by_item(parts, 2, "productId"),
        "sellers": by_item(parts, 3, "sellerId"),
    }


def leads():
    won = {row["mql_id"]: date.fromisoformat(row["won_date"][:10]) for row in table("closed_deals")}
    groups = defaultdict(list)
    everything = []
    months = Counter()
    for row in table("marketing_qualified_leads"):
        deal, contact = won.get(row["mql_id"]), date.fromisoformat(row["first_contact_date"])
        lead = None if deal is None else (deal - contact).days
        groups[row["origin"] or None].append(lead)
        everything.append(lead)
        months[row["first_contact_date"][:7]] += 1

    def funnel(group):
        days = [lead for lead in group if lead is not None]
        return {
            "leads": str(len(group)),
            "won": str(len(days)),
            "conversionRate": fixed(Fraction(len(days), len(group)), 4),
            "medianDaysToWin": trimmed(percentile(days, Fraction(1, 2)), 1),
        }

    origins = sorted(groups, key=lambda origin: (-len(groups[origin]), origin is None, origin))
    return {
        "all": [funnel(everything)],
        "origins": [{"origin": origin, **funnel(groups[origin])} for origin in origins],
        "months": [{"start": start(month), "leads": str(months[month])} for month in sorted(months)],
    }


def main():
    states = {row["customer_id"]: row["customer_state"] for row in table("customers")}
    orders = {row["order_id"]: Order(row, states.get(row["customer_id"])) for row in table("orders")}
    for row in table("order_reviews"):
        orders[row["order_id"]].scores.append(int(row["review_score"]))
    items = defaultdict(lambda: defaultdict(list))
    for row in table("order_items"):
        item = (centavos(row["price"]), centavos(row["freight_value"]), row["product_id"], row["seller_id"])
        items[row["order_id"]][row["seller_id"]].append(item)
    tenants = defaultdict(list)
    for id, order in orders.items():
        for seller, own in (items.get(id) or {HOUSE: []}).items():
            tenants[seller].append((order, own))
    found = {id: tenant(parts) for id, parts in tenants.items()}

    sellers = sorted(items_of for items_of in found if items_of != HOUSE)
    rank = sorted(sellers, key=lambda id: (-int(found[id]["all"][0]["revenue"]["amount"]), id))
    total = lambda name: sum(int(rows["all"][0][name]["amount"]) for rows in found.values())
    truths = {
        "counts": {
            "orders": len(orders),
            "items": sum(int(rows["all"][0]["items"]) for rows in found.values()),
            "reviews": sum(len(order.scores) for order in orders.values()),
            "sellers_with_items": len(sellers),
            "orders_without_items": len(tenants[HOUSE]),
            "orders_with_more_than_one_seller": sum(1 for own in items.values() if len(own) > 1),
        },
        "order_status_counts": Counter(order.status for order in orders.values()),
        "totals": {"item_price_centavos": total("revenue"), "freight_centavos": total("freight")},
        "top20_sellers": [
            {
                "rank": place,
                "seller_id": id,
                "orders": int(found[id]["all"][0]["orders"]),
                "items": int(found[id]["all"][0]["items"]),
                "revenue_centavos": int(found[id]["all"][0]["revenue"]["amount"]),
            }
            for place, id in enumerate(rank[:20], 1)
        ],
    }
    json.dump({"tenants": found, "leads": leads(), "truths": truths}, sys.stdout)


main()
