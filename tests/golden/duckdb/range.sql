SELECT count("Order") AS rows,
       count(*) FILTER (WHERE ("Order" IS NOT NULL AND ("Order" < 0 OR "Order" > 10))) AS failing
FROM batch
