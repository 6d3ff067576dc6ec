-- Roles of auth/token: what may be made against one, whatever the caller himself has. Part of the
-- catalog: read with it, changed under its epoch, listed in its manifest.

CREATE TABLE token_role (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    name text COLLATE "C" NOT NULL,
    allowed_policies text[] NOT NULL,
    disallowed_policies text[] NOT NULL,
    allowed_policies_glob text[] NOT NULL,
    disallowed_policies_glob text[] NOT NULL,
    bound_cidrs text[] NOT NULL,
    path_suffix text NOT NULL,
    token_type text NOT NULL,
    orphan boolean NOT NULL,
    renewable boolean NOT NULL,
    no_default_policy boolean NOT NULL,
    period_s int8 NOT NULL,
    explicit_max_ttl_s int8 NOT NULL,
    num_uses int8 NOT NULL, -- 0: unlimited
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    UNIQUE (namespace_id, name)
);
