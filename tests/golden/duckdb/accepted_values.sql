SELECT count("code") AS rows,
       count(*) FILTER (WHERE ("code" IS NOT NULL AND NOT ("code" IN ('AA', 'it''s', 'back\slash', '')))) AS failing
FROM batch
