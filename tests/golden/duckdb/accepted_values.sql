SELECT count("code") AS rows,
       count_if(("code" IS NOT NULL AND NOT ("code" IN ('AA', 'it''s', 'back\slash', '')))) AS failing
FROM batch
