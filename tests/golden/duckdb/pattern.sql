SELECT count("code") AS rows,
       count(*) FILTER (WHERE ("code" IS NOT NULL AND NOT regexp_matches("code", '^[A-Z]{2}\d+''$'))) AS failing
FROM batch
