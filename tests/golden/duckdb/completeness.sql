SELECT count(*) AS rows,
       count_if(("code" IS NULL OR "code" IN ('', 'N/A'))) AS failing
FROM batch
