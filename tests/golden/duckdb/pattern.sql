SELECT count("code") AS rows,
       count_if(("code" IS NOT NULL AND NOT regexp_matches("code", '^[A-Z]{2}\d+''$'))) AS failing
FROM batch
