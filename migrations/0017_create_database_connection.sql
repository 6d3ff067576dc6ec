-- Connections of mounts of type database (docs/database-secrets.md): what that face says about a
-- target beside what the engine needs. It lives and goes with the target, and is stored with it.

CREATE TABLE database_connection (
    target_id uuid PRIMARY KEY REFERENCES rotation_target ON DELETE CASCADE,
    namespace_id int8 NOT NULL REFERENCES namespace,
    url text NOT NULL,             -- as it was given; holds no password
    allowed_roles text[] NOT NULL, -- globs; none allows none
    verify boolean NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL
);
