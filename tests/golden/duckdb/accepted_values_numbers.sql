SELECT count("price") AS rows,
       count_if("price" <> 1.00 AND "price" <> 0.10) AS failing
FROM batch
