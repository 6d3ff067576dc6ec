-- Tokens. A revoked or expired token is a deleted row; children and cubbyholes go with it.

CREATE TABLE token (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    hash bytea NOT NULL UNIQUE, -- keyed BLAKE2b of the token: the token itself is stored nowhere
    accessor text COLLATE "C" NOT NULL UNIQUE,
    parent_id uuid REFERENCES token ON DELETE CASCADE,
    type text NOT NULL,
    policies text[] NOT NULL,
    path text NOT NULL, -- where it was made, e.g. auth/token/create
    display_name text NOT NULL,
    meta text NOT NULL, -- JSON object of strings
    role text NOT NULL,
    bound_cidrs text[] NOT NULL,
    orphan boolean NOT NULL,
    renewable boolean NOT NULL,
    created_at timestamptz NOT NULL,
    ttl_s int8 NOT NULL,              -- as granted first
    period_s int8 NOT NULL,
    explicit_max_ttl_s int8 NOT NULL,
    expires_at timestamptz NOT NULL,  -- 'infinity': never
    num_uses int8 NOT NULL,           -- 0: unlimited
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    -- Change with every use, so not under the MAC.
    uses_left int8 NOT NULL
);
CREATE INDEX token_parent ON token (parent_id);
CREATE INDEX token_expiry ON token (expires_at) WHERE expires_at <> 'infinity';

-- What every mutating statement of a caller asks first. 0: go on; 1: the token is gone; 2: mounts or
-- policies have changed since the caller was authorised. Locks the token against revocation.
CREATE FUNCTION write_allowed(caller uuid, seen_epoch int8) RETURNS int8 LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM token WHERE id = caller AND expires_at > clock_timestamp() FOR KEY SHARE;
    IF NOT FOUND THEN
        RETURN 1;
    END IF;
    IF (SELECT epoch FROM vault_epoch WHERE namespace_id = 1) <> seen_epoch THEN
        RETURN 2;
    END IF;
    RETURN 0;
END $$;
