SELECT count(*) AS rows,
       count(*) FILTER (WHERE ("code" IS NULL OR "code" IN ('', 'N/A'))) AS failing
FROM batch
