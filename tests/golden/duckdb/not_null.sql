SELECT count(*) AS rows,
       count(*) - count("id") AS failing
FROM batch
