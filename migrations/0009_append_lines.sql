-- The commit barrier takes its records as one array of rows: half the work of one array per column.

-- What differs between the records of a batch.
CREATE TYPE audit_line AS (
    request_id uuid,
    namespace_id int8,
    accessor text,
    actor text,
    auth_method text,
    remote text,
    operation text,
    path text,
    result int8,
    duration_us int8,
    effect boolean,
    detail text,
    hash bytea
);

DROP FUNCTION audit_append(int8, int8[], timestamptz[], uuid[], int8[], text[], text[], text[], text[],
                           text[], text[], int8[], int8[], bool[], text[], bytea[], timestamptz, int8,
                           bytea);

-- Appends a batch of records, numbered from `first_seq`, with the signature of its head, and removes
-- the effects that are `settled` by it. Its commit waits for the disk, and with it for everything that
-- this connection committed before. Refuses a key that was succeeded half a minute ago: by then every
-- node has taken over the new one.
CREATE FUNCTION audit_append(chain int8, first_seq int8, at timestamptz, lines audit_line[],
                             settled uuid[], key int8, signature bytea)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    IF EXISTS (SELECT 1 FROM audit_key k WHERE k.number = key
               AND k.succeeded_at < clock_timestamp() - interval '30 seconds') THEN
        RAISE EXCEPTION 'audit key was succeeded' USING ERRCODE = 'RT001';
    END IF;
    INSERT INTO audit_record (chain_id, seq, time, request_id, namespace_id, accessor, actor,
                              auth_method, remote, operation, path, result, duration_us, effect,
                              detail, hash)
    SELECT chain, first_seq + l.n - 1, at, l.request_id, l.namespace_id, l.accessor, l.actor,
           l.auth_method, l.remote, l.operation, l.path, l.result, l.duration_us, l.effect,
           l.detail, l.hash
    FROM unnest(lines) WITH ORDINALITY AS l(request_id, namespace_id, accessor, actor, auth_method,
                                            remote, operation, path, result, duration_us, effect,
                                            detail, hash, n);
    INSERT INTO audit_batch (chain_id, last_seq, first_seq, time, head, key_number, signature)
    VALUES (chain, first_seq + cardinality(lines) - 1, first_seq, at,
            lines[cardinality(lines)].hash, key, signature);
    IF cardinality(settled) > 0 THEN
        DELETE FROM effect WHERE request_id = ANY (settled);
    END IF;
END $$;
