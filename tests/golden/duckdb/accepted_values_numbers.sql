SELECT count("price") AS rows,
       count_if(("price" IS NOT NULL AND NOT ("price" IN (1.00, 0.10)))) AS failing
FROM batch
