-- The audit log (docs/audit.md). Records form one hash chain per batch connection; each batch carries
-- a signature of its head; checkpoints list all chains.

CREATE TABLE audit_key (
    number int8 PRIMARY KEY,           -- 1, 2, 3 ...
    public_key bytea NOT NULL,
    succession_signature bytea NOT NULL, -- by the predecessor; the first key signs itself
    wrapped_private bytea,             -- NULL once succeeded: the private half is destroyed
    created_at timestamptz NOT NULL,
    succeeded_at timestamptz
);

CREATE SEQUENCE audit_chain_id AS int8;

CREATE TABLE audit_chain (
    id int8 PRIMARY KEY,
    node text NOT NULL,
    worker int8 NOT NULL,
    system_id int8 NOT NULL, -- of the PostgreSQL cluster
    timeline int8 NOT NULL,
    backend_pid int8 NOT NULL,
    opened_at timestamptz NOT NULL,
    previous_id int8,        -- the chain whose connection was lost; NULL for a worker's first
    previous_seq int8 NOT NULL,
    previous_head bytea NOT NULL,
    genesis bytea NOT NULL,  -- hash of all the above: what the first record is chained to
    key_number int8 NOT NULL REFERENCES audit_key,
    signature bytea NOT NULL, -- of genesis
    closed_at timestamptz,
    closed_seq int8,
    closed_head bytea
);
CREATE INDEX audit_chain_open ON audit_chain (id) WHERE closed_at IS NULL;

-- A change that is committed and whose audit record is not yet: the barrier that appends the record
-- removes the row, and whoever takes over a chain turns what is left into records.
CREATE TABLE effect (
    request_id uuid PRIMARY KEY,
    chain_id int8 NOT NULL,
    namespace_id int8 NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    accessor text NOT NULL,
    actor text NOT NULL,
    operation text NOT NULL,
    path text NOT NULL
);
CREATE INDEX effect_chain ON effect (chain_id);

CREATE TABLE audit_record (
    chain_id int8 NOT NULL,
    seq int8 NOT NULL, -- from 1 without gaps
    time timestamptz NOT NULL,
    request_id uuid NOT NULL,
    namespace_id int8 NOT NULL,
    accessor text NOT NULL,
    actor text NOT NULL,
    auth_method text NOT NULL,
    remote text NOT NULL,
    operation text NOT NULL,
    path text NOT NULL,
    result int8 NOT NULL, -- HTTP status
    duration_us int8 NOT NULL,
    effect boolean NOT NULL, -- it changed something
    detail text NOT NULL,    -- JSON: HMACs of what was sent, reasons
    hash bytea NOT NULL,
    PRIMARY KEY (chain_id, seq, time)
) PARTITION BY RANGE (time);
CREATE TABLE audit_record_default PARTITION OF audit_record DEFAULT;
CREATE INDEX audit_record_time ON audit_record USING brin (time);

CREATE TABLE audit_batch (
    chain_id int8 NOT NULL,
    last_seq int8 NOT NULL,
    first_seq int8 NOT NULL,
    time timestamptz NOT NULL,
    head bytea NOT NULL, -- hash of record last_seq
    key_number int8 NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (chain_id, last_seq, time)
) PARTITION BY RANGE (time);
CREATE TABLE audit_batch_default PARTITION OF audit_batch DEFAULT;

CREATE TABLE audit_checkpoint (
    number int8 PRIMARY KEY, -- from 1 without gaps
    time timestamptz NOT NULL,
    previous_hash bytea NOT NULL,
    content text NOT NULL, -- JSON: every chain with head and count
    hash bytea NOT NULL,
    key_number int8 NOT NULL,
    signature bytea NOT NULL
);

-- Signed statements of what retention removed.
CREATE TABLE audit_tombstone (
    id uuid PRIMARY KEY,
    time timestamptz NOT NULL,
    content text NOT NULL,
    hash bytea NOT NULL,
    key_number int8 NOT NULL,
    signature bytea NOT NULL
);

CREATE TABLE audit_sink (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    path text COLLATE "C" NOT NULL, -- ends in a slash
    type text NOT NULL,
    description text NOT NULL,
    options text NOT NULL, -- JSON
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    UNIQUE (namespace_id, path)
);

-- Daily partitions up to a week ahead. Called at start and once an hour.
CREATE FUNCTION audit_ensure_partitions() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day date;
    suffix text;
BEGIN
    FOR day IN SELECT d::date FROM generate_series(now()::date, now()::date + 7, '1 day') AS d LOOP
        suffix := to_char(day, 'YYYYMMDD');
        IF to_regclass('audit_record_' || suffix) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF audit_record FOR VALUES FROM (%L) TO (%L)',
                           'audit_record_' || suffix, day::timestamptz, (day + 1)::timestamptz);
            EXECUTE format('CREATE TABLE %I PARTITION OF audit_batch FOR VALUES FROM (%L) TO (%L)',
                           'audit_batch_' || suffix, day::timestamptz, (day + 1)::timestamptz);
        END IF;
    END LOOP;
END $$;
SELECT audit_ensure_partitions();

-- The last act of every mutating statement, in its transaction.
CREATE FUNCTION effect_record(request uuid, chain int8, namespace int8, accessor text, actor text,
                              operation text, path text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO effect (request_id, chain_id, namespace_id, accessor, actor, operation, path)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
$$;

-- The commit barrier: appends a batch of records with the signature of its head and settles the
-- effects that they are about. Its commit waits for the disk, and with it for everything that this
-- connection committed before. Refuses a key that was succeeded half a minute ago: by then every node
-- has taken over the new one.
CREATE FUNCTION audit_append(chain int8, seqs int8[], times timestamptz[], requests uuid[],
                             namespaces int8[], accessors text[], actors text[],
                             auth_methods text[], remotes text[], operations text[], paths text[],
                             results int8[], durations int8[], effects bool[], details text[],
                             hashes bytea[], at timestamptz, key int8, signature bytea)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    IF EXISTS (SELECT 1 FROM audit_key k WHERE k.number = key
               AND k.succeeded_at < clock_timestamp() - interval '30 seconds') THEN
        RAISE EXCEPTION 'audit key was succeeded' USING ERRCODE = 'RT001';
    END IF;
    INSERT INTO audit_record
    SELECT chain, r.* FROM unnest(seqs, times, requests, namespaces, accessors, actors, auth_methods,
                                  remotes, operations, paths, results, durations, effects, details,
                                  hashes) AS r;
    INSERT INTO audit_batch VALUES (chain, seqs[array_upper(seqs, 1)], seqs[1], at,
                                    hashes[array_upper(hashes, 1)], key, signature);
    IF true = ANY (effects) THEN
        DELETE FROM effect WHERE request_id = ANY (requests);
    END IF;
END $$;
