SELECT count("code") AS rows,
       count("code") - count_if(list_position(['AA', 'it''s', 'back\slash', ''], "code") > 0) AS failing
FROM batch
