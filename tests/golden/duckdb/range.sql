SELECT count("Order") AS rows,
       count_if(("Order" < 0 OR "Order" > 10)) AS failing
FROM batch
