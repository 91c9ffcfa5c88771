SELECT count("code") AS rows,
       count_if("code" <> 'AA' AND "code" <> 'it''s' AND "code" <> 'back\slash' AND "code" <> '') AS failing
FROM batch
