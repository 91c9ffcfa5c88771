SELECT count("code") AS rows,
       count(*) FILTER (WHERE ("code" IS NOT NULL AND (length("code") < 1 OR length("code") > 6))) AS failing
FROM batch
