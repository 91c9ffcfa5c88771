SELECT coalesce(sum(n), 0) AS rows,
       coalesce(sum(n) FILTER (WHERE n > 1), 0) AS failing
FROM (SELECT count(*) AS n FROM batch WHERE ("Order" IS NOT NULL AND "code" IS NOT NULL) GROUP BY "Order", "code")
