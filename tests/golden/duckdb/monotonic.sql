SELECT count(*) AS rows,
       count_if((_sluicegate_before IS NOT NULL AND NOT ("at" > _sluicegate_before))) AS failing
FROM (SELECT *, lag("at") OVER (ORDER BY "id", _sluicegate_row) AS _sluicegate_before FROM (SELECT *, row_number() OVER () AS _sluicegate_row FROM batch) WHERE "at" IS NOT NULL)
