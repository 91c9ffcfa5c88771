SELECT count_if(("day" IS NOT NULL AND "at" IS NOT NULL)) AS rows,
       count_if((("day" IS NOT NULL AND "at" IS NOT NULL) AND (NOT (CAST("day" AS TIMESTAMP) <= "at")))) AS failing
FROM batch
