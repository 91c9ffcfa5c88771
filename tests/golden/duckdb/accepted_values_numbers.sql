SELECT count("price") AS rows,
       count("price") - count_if(("price" IN (1.00, 0.10))) AS failing
FROM batch
