SELECT avg("Order") AS value
FROM batch
