-- What every other table stands on: namespaces, keys, mounts and policies.
-- Text keys compare by octet (COLLATE "C"), so that paging doesn't depend on the server's locale.
-- A `mac` covers the row (vault/crypto/row_mac.h): the database's owner can't grant himself anything.

CREATE TABLE namespace (
    id int8 PRIMARY KEY,
    path text COLLATE "C" NOT NULL UNIQUE
);
INSERT INTO namespace (id, path) VALUES (1, '');

-- Changes with every change of mounts, policies, sinks or keys, in the same transaction. Nodes keep
-- what they cached exactly as long as this stays the same.
CREATE TABLE vault_epoch (
    namespace_id int8 PRIMARY KEY REFERENCES namespace,
    epoch int8 NOT NULL
);
INSERT INTO vault_epoch (namespace_id, epoch) VALUES (1, 1);

-- A MAC over the list of mounts, policies and sinks with their versions: finds a row that was removed
-- or put back.
CREATE TABLE vault_manifest (
    namespace_id int8 PRIMARY KEY REFERENCES namespace,
    epoch int8 NOT NULL,
    mac bytea NOT NULL
);

-- Made by init, which is off from then on.
CREATE TABLE vault_instance (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    cluster_id uuid NOT NULL,
    initialized_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How the root key is sealed (vault/seal/seal.h): one row for the seal, and one of type 3 for the
-- recovery shares beside an automatic seal.
CREATE TABLE seal_config (
    type int8 PRIMARY KEY,
    shares int8 NOT NULL,
    threshold int8 NOT NULL,
    set_id bytea NOT NULL,
    key_id bytea NOT NULL,
    share_digests bytea NOT NULL, -- one after the other
    wrapped_root_key bytea NOT NULL
);

-- The keyring at rest (vault/crypto/keyring.h): each key sealed by the one above it.
CREATE TABLE wrapped_key (
    kind int8 NOT NULL,
    namespace_id int8 NOT NULL, -- 0 for the long-lived keys of the whole vault
    epoch int8 NOT NULL,
    state int8 NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, namespace_id, epoch)
);

-- What ciphertexts refer to: a data key goes only when nothing is left that it sealed.
CREATE TABLE key_epoch (
    namespace_id int8 NOT NULL REFERENCES namespace,
    epoch int8 NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (namespace_id, epoch)
);

CREATE TABLE mount (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    path text COLLATE "C" NOT NULL, -- ends in a slash
    type text NOT NULL,
    accessor text COLLATE "C" NOT NULL UNIQUE,
    description text NOT NULL,
    config text NOT NULL,  -- JSON: default_lease_ttl, max_lease_ttl, ...
    options text NOT NULL, -- JSON: what the engine wants to keep
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    UNIQUE (namespace_id, path)
);

CREATE TABLE policy (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    name text COLLATE "C" NOT NULL,
    text text NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    UNIQUE (namespace_id, name)
);
