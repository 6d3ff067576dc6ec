-- What the audit log needs beside appending (docs/audit.md): checkpoints as typed rows, recovery of
-- effects, succession of keys without a gap, partitions that are made and dropped without blocking.

-- Chains are numbered without gaps, so that a removed one is missed.
DROP SEQUENCE audit_chain_id;
ALTER TABLE audit_chain DROP COLUMN backend_pid;
-- The checkpoint that lists it as closed; NULL while it is to be listed again.
ALTER TABLE audit_chain ADD COLUMN final_checkpoint int8;
CREATE INDEX audit_chain_unlisted ON audit_chain (id) WHERE final_checkpoint IS NULL;

-- Set by the node that will turn it into a record of chain_id, its own chain.
ALTER TABLE effect ADD COLUMN claimed_at timestamptz;

DROP TABLE audit_tombstone;
ALTER TABLE audit_checkpoint DROP COLUMN content;
-- A tombstone: what retention has removed. NULL for an ordinary checkpoint.
ALTER TABLE audit_checkpoint ADD COLUMN dropped_before timestamptz;

-- What a checkpoint says of one chain: record `seq` has the hash `head`. Of a tombstone: everything up
-- to and with `seq` was removed.
CREATE TABLE audit_claim (
    chain_id int8 NOT NULL,
    number int8 NOT NULL,
    seq int8 NOT NULL,
    head bytea NOT NULL,
    closed boolean NOT NULL,  -- nothing follows in this chain
    dropped boolean NOT NULL, -- by a tombstone
    PRIMARY KEY (chain_id, number)
);
CREATE INDEX audit_claim_number ON audit_claim (number);

-- Daily partitions up to a week ahead. ATTACH takes no lock that appends wait for; what can't be had
-- at once is tried again later, the default partition takes what comes meanwhile.
CREATE OR REPLACE FUNCTION audit_ensure_partitions() RETURNS void LANGUAGE plpgsql
SET lock_timeout = '100ms' SET timezone = 'UTC' AS $$
DECLARE
    day date;
    parent text;
    child text;
BEGIN
    FOR day IN SELECT d::date FROM generate_series(now()::date, now()::date + 7, '1 day') AS d LOOP
        FOREACH parent IN ARRAY ARRAY['audit_record', 'audit_batch'] LOOP
            child := parent || '_' || to_char(day, 'YYYYMMDD');
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            BEGIN
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, parent);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                               parent, child, day::timestamptz, (day + 1)::timestamptz);
            EXCEPTION WHEN lock_not_available OR check_violation OR duplicate_table THEN
                RAISE LOG 'audit partition % is not made yet: %', child, SQLERRM;
            END;
        END LOOP;
    END LOOP;
END $$;

-- The daily partitions that ended before `before`.
CREATE FUNCTION audit_partitions(before timestamptz)
RETURNS TABLE (suffix text, ends timestamptz) LANGUAGE sql STABLE SET timezone = 'UTC' AS $$
    SELECT right(c.relname, 8), (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamptz
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'audit_record'::regclass AND c.relname ~ '^audit_record_[0-9]{8}$'
    AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamptz <= before
    ORDER BY 1
$$;

-- What queries want, made once nothing is appended to a partition any more: on the open one they
-- would make appends three times as slow. One partition per call; true when it made one.
CREATE FUNCTION audit_index_partition() RETURNS boolean LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    child text;
BEGIN
    FOR child IN SELECT 'audit_record_' || p.suffix
                 FROM audit_partitions(now() - interval '10 minutes') AS p LOOP
        CONTINUE WHEN to_regclass(child || '_by_time') IS NOT NULL;
        EXECUTE format('CREATE INDEX %I ON %I (actor, time)', child || '_by_actor', child);
        EXECUTE format('CREATE INDEX %I ON %I (accessor, time)', child || '_by_accessor', child);
        EXECUTE format('CREATE INDEX %I ON %I (path COLLATE "C", time)', child || '_by_path', child);
        EXECUTE format('CREATE INDEX %I ON %I (request_id)', child || '_by_request', child);
        EXECUTE format('CREATE INDEX %I ON %I (time, chain_id, seq)', child || '_by_time', child);
        RETURN true;
    END LOOP;
    RETURN false;
END $$;

-- Drops one day. Waits for its locks no longer than appends can wait behind it.
CREATE FUNCTION audit_drop_partition(suffix text) RETURNS void LANGUAGE plpgsql
SET lock_timeout = '20ms' AS $$
BEGIN
    EXECUTE format('DROP TABLE %I, %I', 'audit_record_' || suffix, 'audit_batch_' || suffix);
END $$;
