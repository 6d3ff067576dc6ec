-- Values move to the newest key epoch in the background; an epoch that nothing refers to any more is
-- retired (vault/core/reseal.h).

-- How many values were sealed under it, all nodes together, a few seconds late.
ALTER TABLE key_epoch ADD COLUMN encryptions int8 NOT NULL DEFAULT 0;
-- Since when nothing refers to it; NULL: something does, or nobody has looked.
ALTER TABLE key_epoch ADD COLUMN unused_since timestamptz;

-- The foreign keys have the last word; this asks before. The setting keeps the planner off whole
-- tables when its statistics are older than the move.
CREATE FUNCTION key_epoch_used(namespace int8, wanted int8) RETURNS boolean LANGUAGE sql STABLE
    SET enable_seqscan = off AS $$
    SELECT EXISTS (SELECT 1 FROM kv_version v WHERE v.namespace_id = $1 AND v.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM cubbyhole c WHERE c.namespace_id = $1 AND c.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM rotation_target t WHERE t.namespace_id = $1 AND t.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM rotation_value v WHERE v.namespace_id = $1 AND v.key_epoch = $2)
$$;

-- How many values are sealed under epochs before `wanted`; of each table at most `most` are counted.
CREATE FUNCTION key_values_before(namespace int8, wanted int8, most int8) RETURNS int8 LANGUAGE sql
    STABLE SET enable_seqscan = off AS $$
    SELECT (SELECT count(*) FROM (SELECT 1 FROM kv_version v
                                  WHERE v.namespace_id = $1 AND v.key_epoch < $2 LIMIT $3) AS r)
         + (SELECT count(*) FROM (SELECT 1 FROM cubbyhole c
                                  WHERE c.namespace_id = $1 AND c.key_epoch < $2 LIMIT $3) AS r)
         + (SELECT count(*) FROM (SELECT 1 FROM rotation_target t
                                  WHERE t.namespace_id = $1 AND t.key_epoch < $2 LIMIT $3) AS r)
         + (SELECT count(*) FROM (SELECT 1 FROM rotation_value v
                                  WHERE v.namespace_id = $1 AND v.key_epoch < $2 LIMIT $3) AS r)
$$;
