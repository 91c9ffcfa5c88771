SELECT count(*) FILTER (WHERE ("day" IS NOT NULL AND "at" IS NOT NULL)) AS rows,
       count(*) FILTER (WHERE (("day" IS NOT NULL AND "at" IS NOT NULL) AND (NOT (CAST("day" AS TIMESTAMP) <= "at")))) AS failing
FROM batch
