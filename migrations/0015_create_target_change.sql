-- A target's own credential is replaced too (vault/rotation/own.h). The new value is stored here,
-- and beside it a copy that only the recovery key opens, before the target is touched.

-- One for each mount. Its private half is wrapped by a secret that operators hold as shares.
CREATE TABLE rotation_recovery_key (
    mount_id uuid PRIMARY KEY REFERENCES mount ON DELETE CASCADE,
    namespace_id int8 NOT NULL REFERENCES namespace,
    public_key bytea NOT NULL,
    wrapped_private bytea NOT NULL,
    created_at timestamptz NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL
);

CREATE TABLE rotation_target_change (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    target_id uuid NOT NULL REFERENCES rotation_target ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('staged', 'applying', 'promoted', 'abandoned')),
    principal text NOT NULL,
    salt bytea NOT NULL,
    ciphertext bytea,           -- NULL once it is over: the target's row has the value then
    key_epoch int8,
    recovery_public bytea NOT NULL,  -- the key that the copy is sealed to
    recovery_wrapped bytea NOT NULL, -- and its wrapped private half
    recovery_copy bytea NOT NULL,
    first_fence int8 NOT NULL,  -- of whoever went to the target first; 0: nobody yet
    created_at timestamptz NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    -- Outside of the MAC.
    fence int8 NOT NULL,
    node text NOT NULL,
    lease_until timestamptz NOT NULL,
    next_step_at timestamptz NOT NULL,
    tries int8 NOT NULL,
    error_class text NOT NULL,
    error text NOT NULL,
    changed_at timestamptz NOT NULL,
    open boolean NOT NULL GENERATED ALWAYS AS (state IN ('staged', 'applying')) STORED,
    FOREIGN KEY (namespace_id, key_epoch) REFERENCES key_epoch (namespace_id, epoch)
);
CREATE UNIQUE INDEX rotation_target_change_open ON rotation_target_change (target_id) WHERE open;
CREATE INDEX rotation_target_change_ready ON rotation_target_change (next_step_at) WHERE open;
CREATE INDEX rotation_target_change_past ON rotation_target_change (target_id, created_at);
CREATE INDEX rotation_target_change_key_epoch ON rotation_target_change (namespace_id, key_epoch)
    WHERE key_epoch IS NOT NULL;

CREATE OR REPLACE FUNCTION key_epoch_used(namespace int8, wanted int8) RETURNS boolean LANGUAGE sql
    STABLE SET enable_seqscan = off AS $$
    SELECT EXISTS (SELECT 1 FROM kv_version v WHERE v.namespace_id = $1 AND v.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM cubbyhole c WHERE c.namespace_id = $1 AND c.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM rotation_target t WHERE t.namespace_id = $1 AND t.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM rotation_value v WHERE v.namespace_id = $1 AND v.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM rotation_target_change v
                   WHERE v.namespace_id = $1 AND v.key_epoch = $2)
$$;
