-- Rotation (docs/rotation.md): systems, the credentials that live there, the values of each
-- credential, and the attempts that replace them. Whatever decides is under a MAC made by the vault;
-- who has an attempt just now (fence, lease, node) and when it goes on stands outside of it.

-- One sequence for all: a fence that was given out is smaller than every later one, whichever target
-- and account they are for.
CREATE SEQUENCE rotation_fence AS int8;

CREATE TABLE rotation_target (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    mount_id uuid NOT NULL REFERENCES mount ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    rotator text NOT NULL,
    principal text NOT NULL,     -- who the rotator is at the target
    settings text NOT NULL,      -- JSON object of strings: host, port ...
    concurrency int8 NOT NULL,   -- attempts at work there at once
    timeout_s int8 NOT NULL,     -- of one step at the target
    secret_version int8 NOT NULL,
    ciphertext bytea NOT NULL,   -- what the principal proves itself with
    key_epoch int8 NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    UNIQUE (mount_id, name),
    FOREIGN KEY (namespace_id, key_epoch) REFERENCES key_epoch (namespace_id, epoch)
);
CREATE INDEX rotation_target_key_epoch ON rotation_target (namespace_id, key_epoch);

CREATE TABLE rotation_credential (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    mount_id uuid NOT NULL REFERENCES mount ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    target_id uuid NOT NULL REFERENCES rotation_target,
    kind int8 NOT NULL CHECK (kind BETWEEN 1 AND 6), -- K1 to K6: include/rotunda/rotator.h
    strategy text NOT NULL,         -- single: one account; pair: two that take turns
    slots int8 NOT NULL,            -- values of one account that are valid side by side
    accounts text[] NOT NULL,
    account_settings text NOT NULL, -- JSON object of strings
    owner text NOT NULL,
    purpose text NOT NULL,
    interval_s int8 NOT NULL,
    grace_s int8 NOT NULL,          -- how long the previous value stays valid
    jitter_s int8 NOT NULL,         -- up to so much is added to the interval, always the same
    cron text NOT NULL,             -- instead of the interval; empty: none
    time_zone text NOT NULL,        -- of cron and windows
    windows text NOT NULL,          -- JSON list of when it may and may not be rotated; []: any time
    value_bits int8 NOT NULL,       -- entropy of a generated value
    value_alphabet text NOT NULL,   -- empty: letters, digits, - and _
    paused boolean NOT NULL,
    expires_at timestamptz NOT NULL,       -- 'infinity': never
    next_rotation_at timestamptz NOT NULL, -- stored, not derived; 'infinity': only when asked
    last_rotated_at timestamptz NOT NULL,  -- 1970: never
    last_version int8 NOT NULL,            -- the highest number ever given out
    current_version int8 NOT NULL,         -- 0: none yet
    previous_version int8 NOT NULL,        -- 0: none that is served
    previous_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    UNIQUE (mount_id, name)
) WITH (fillfactor = 85);
CREATE INDEX rotation_credential_target ON rotation_credential (target_id);
CREATE INDEX rotation_credential_due ON rotation_credential (next_rotation_at)
    WHERE next_rotation_at < 'infinity';

-- An account is in the care of one credential only. The fence is that of whoever came last.
CREATE TABLE rotation_principal (
    target_id uuid NOT NULL REFERENCES rotation_target,
    account text COLLATE "C" NOT NULL,
    namespace_id int8 NOT NULL,
    credential_id uuid NOT NULL REFERENCES rotation_credential ON DELETE CASCADE,
    fence int8 NOT NULL,
    PRIMARY KEY (target_id, account)
);
CREATE INDEX rotation_principal_credential ON rotation_principal (credential_id);

-- One change of one account at the target, from the plan to the end of the value before it.
CREATE TABLE rotation_attempt (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL,
    credential_id uuid NOT NULL REFERENCES rotation_credential ON DELETE CASCADE,
    target_id uuid NOT NULL REFERENCES rotation_target,
    account text COLLATE "C" NOT NULL,
    cause text NOT NULL, -- schedule, manual
    state text NOT NULL CHECK (state IN ('planned', 'staged', 'applying', 'applied', 'verified',
        'promoted', 'draining', 'retired', 'reconcile', 'blocked', 'rolled_back')),
    version int8 NOT NULL,      -- of the value that it makes; 0 until it is staged
    hold boolean NOT NULL,      -- readers wait: neither value is known to work
    values_tried int8 NOT NULL, -- beside `version`: refused by the target's rules
    created_at timestamptz NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    -- Outside of the MAC. A fence is never taken back: who holds a smaller one writes nothing.
    fence int8 NOT NULL,
    node text NOT NULL,
    lease_until timestamptz NOT NULL,
    next_step_at timestamptz NOT NULL,
    tries int8 NOT NULL,        -- failures in a row
    error_class text NOT NULL,  -- of the last failure; empty: none since the last step
    error text NOT NULL,
    changed_at timestamptz NOT NULL,
    open boolean NOT NULL GENERATED ALWAYS AS (state NOT IN ('retired', 'rolled_back')) STORED
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX rotation_attempt_credential ON rotation_attempt (credential_id) WHERE open;
CREATE UNIQUE INDEX rotation_attempt_account ON rotation_attempt (target_id, account) WHERE open;
CREATE INDEX rotation_attempt_ready ON rotation_attempt (next_step_at)
    WHERE open AND state <> 'blocked';
CREATE INDEX rotation_attempt_leased ON rotation_attempt (lease_until) WHERE open;
CREATE INDEX rotation_attempt_past ON rotation_attempt (credential_id, created_at);

CREATE TABLE rotation_value (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL,
    credential_id uuid NOT NULL REFERENCES rotation_credential ON DELETE CASCADE,
    version int8 NOT NULL,
    account text COLLATE "C" NOT NULL,
    state text NOT NULL
        CHECK (state IN ('pending', 'current', 'previous', 'retired', 'abandoned')),
    attempt_id uuid NOT NULL,   -- nil: it was imported
    external_id text NOT NULL,  -- K4, K5: the issuer's
    public_part bytea NOT NULL, -- K3: what the target has
    salt bytea NOT NULL,        -- so that applying it again gives the same octets
    ciphertext bytea,           -- NULL once it has ended
    key_epoch int8,
    created_at timestamptz NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    UNIQUE (credential_id, version),
    FOREIGN KEY (namespace_id, key_epoch) REFERENCES key_epoch (namespace_id, epoch)
);
CREATE UNIQUE INDEX rotation_value_current ON rotation_value (credential_id)
    WHERE state = 'current';
CREATE UNIQUE INDEX rotation_value_pending ON rotation_value (credential_id)
    WHERE state = 'pending';
CREATE INDEX rotation_value_key_epoch ON rotation_value (namespace_id, key_epoch);

-- What happened: one row for every step of an attempt, in the step's own transaction.
CREATE TABLE rotation_event (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL,
    credential_id uuid NOT NULL REFERENCES rotation_credential ON DELETE CASCADE,
    attempt_id uuid NOT NULL,
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    fence int8 NOT NULL,
    node text NOT NULL,
    version int8 NOT NULL,
    state text NOT NULL,       -- the state that was reached
    error_class text NOT NULL, -- why it goes no further for now; empty: it does
    detail text NOT NULL
);
CREATE INDEX rotation_event_credential ON rotation_event (credential_id, time);

-- Who still reads a value that has been replaced: what its retirement looks at.
CREATE TABLE rotation_read (
    credential_id uuid NOT NULL REFERENCES rotation_credential ON DELETE CASCADE,
    version int8 NOT NULL,
    accessor text COLLATE "C" NOT NULL,
    namespace_id int8 NOT NULL,
    actor text NOT NULL,
    remote text NOT NULL,
    reads int8 NOT NULL,
    last_read_at timestamptz NOT NULL,
    PRIMARY KEY (credential_id, version, accessor)
);

-- Takes attempts that are ready and nobody's: `most` at a time, no more of one target than its
-- concurrency allows, each with a new fence and a lease by this clock. What others are claiming is
-- passed over.
CREATE FUNCTION rotation_claim(node_name text, lease_us int8, most int8)
    RETURNS TABLE (attempt_id uuid, attempt_fence int8) LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    RETURN QUERY
    WITH busy AS (
        SELECT b.target_id, count(*) AS count FROM rotation_attempt b
        WHERE b.open AND b.lease_until > moment GROUP BY b.target_id
    ), ready AS (
        SELECT a.id, row_number() OVER (PARTITION BY a.target_id ORDER BY a.next_step_at, a.id) AS n,
               a.free
        FROM (
            SELECT a.id, a.target_id, a.next_step_at,
                   t.concurrency - coalesce(busy.count, 0) AS free
            FROM rotation_attempt a JOIN rotation_target t ON t.id = a.target_id
            LEFT JOIN busy ON busy.target_id = a.target_id
            WHERE a.open AND a.state <> 'blocked' AND a.next_step_at <= moment
                AND a.lease_until <= moment AND coalesce(busy.count, 0) < t.concurrency
            ORDER BY a.next_step_at LIMIT most * 16
        ) AS a
    ), taken AS (
        SELECT a.id FROM rotation_attempt a JOIN ready r ON r.id = a.id
        WHERE r.n <= r.free AND a.lease_until <= moment AND a.open
        ORDER BY a.next_step_at LIMIT most FOR UPDATE OF a SKIP LOCKED
    ), claimed AS (
        UPDATE rotation_attempt a SET fence = nextval('rotation_fence'), node = node_name,
            lease_until = moment + lease_us * interval '1 microsecond'
        FROM taken WHERE a.id = taken.id RETURNING a.id, a.credential_id, a.fence
    ), fenced AS (
        UPDATE rotation_principal p SET fence = c.fence FROM claimed c
        WHERE p.credential_id = c.credential_id
    )
    SELECT c.id, c.fence FROM claimed c;
END $$;

-- What is too old to tell anybody anything: all but the newest events, attempts, values and readers
-- of one credential.
CREATE FUNCTION rotation_prune(credential uuid, events_kept int8, rows_kept int8)
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    newest int8 := (SELECT c.current_version FROM rotation_credential c WHERE c.id = credential);
BEGIN
    DELETE FROM rotation_event e WHERE e.credential_id = credential AND e.time < (
        SELECT o.time FROM rotation_event o WHERE o.credential_id = credential
        ORDER BY o.time DESC OFFSET events_kept LIMIT 1);
    DELETE FROM rotation_attempt a WHERE a.credential_id = credential AND NOT a.open
        AND a.created_at < (
            SELECT o.created_at FROM rotation_attempt o WHERE o.credential_id = credential
            ORDER BY o.created_at DESC OFFSET rows_kept LIMIT 1);
    DELETE FROM rotation_value v WHERE v.credential_id = credential
        AND v.state IN ('retired', 'abandoned') AND v.version < newest - rows_kept;
    DELETE FROM rotation_read r WHERE r.credential_id = credential
        AND r.version < newest - rows_kept;
END $$;
