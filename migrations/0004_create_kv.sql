-- Key-value secrets with versions. A head is one path of one mount; its versions hold the values,
-- sealed. Names, owners and custom metadata are plain, so that they can be searched.

CREATE TABLE kv_head (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    mount_id uuid NOT NULL REFERENCES mount ON DELETE CASCADE,
    -- Keyed hash of mount and path: what a read looks up, by this alone. A condition on the mount beside
    -- it would make every index look good to the planner as long as the tables are small.
    path_hash bytea NOT NULL UNIQUE,
    path text COLLATE "C" NOT NULL,
    current_version int8 NOT NULL,        -- 0: there is only metadata yet
    oldest_version int8 NOT NULL,         -- 0 until the first version was dropped
    max_versions int8 NOT NULL,           -- 0: the mount's
    cas_required boolean NOT NULL,
    delete_version_after_s int8 NOT NULL, -- 0: the mount's
    custom_metadata text NOT NULL,        -- JSON object of strings; empty when there is none
    owner text COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL,      -- what the owner was told; 'infinity': never
    description text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL
) WITH (fillfactor = 85); -- so that a new version updates the head within its page
CREATE INDEX kv_head_path ON kv_head (mount_id, path);
CREATE INDEX kv_head_owner ON kv_head (mount_id, owner, path) WHERE owner <> '';
CREATE INDEX kv_head_expiry ON kv_head (mount_id, expires_at) WHERE expires_at <> 'infinity';

-- The last segment of a path.
CREATE FUNCTION kv_key_of(path text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT substring(path COLLATE "C" FROM '[^/]*$')
$$;
-- Hashed, because a path of full length would not fit into an index entry twice.
CREATE INDEX kv_head_key ON kv_head (mount_id, hashtextextended(kv_key_of(path), 0));

CREATE TABLE kv_version (
    head_id uuid NOT NULL REFERENCES kv_head ON DELETE CASCADE,
    version int8 NOT NULL,
    namespace_id int8 NOT NULL,
    ciphertext bytea, -- NULL once destroyed
    key_epoch int8,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz NOT NULL, -- deleted from then on; 'infinity': never
    destroyed boolean NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    PRIMARY KEY (head_id, version),
    FOREIGN KEY (namespace_id, key_epoch) REFERENCES key_epoch (namespace_id, epoch)
);
-- Which values a key epoch still seals.
CREATE INDEX kv_version_key_epoch ON kv_version (namespace_id, key_epoch);

-- Inserts a head of row version 1, replaces one of the row version before. False: lost the race.
CREATE FUNCTION kv_store_head(new_head kv_head) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF new_head.row_version = 1 THEN
        INSERT INTO kv_head SELECT new_head.* ON CONFLICT (path_hash) DO NOTHING;
        RETURN FOUND;
    END IF;
    UPDATE kv_head h SET
        current_version = new_head.current_version,
        oldest_version = new_head.oldest_version,
        max_versions = new_head.max_versions,
        cas_required = new_head.cas_required,
        delete_version_after_s = new_head.delete_version_after_s,
        custom_metadata = new_head.custom_metadata,
        owner = new_head.owner,
        expires_at = new_head.expires_at,
        description = new_head.description,
        updated_at = new_head.updated_at,
        row_version = new_head.row_version,
        mac = new_head.mac
    WHERE h.id = new_head.id AND h.row_version = new_head.row_version - 1;
    RETURN FOUND;
END $$;

-- The mutating functions take the guards of vault/core/operation.h first, and return its outcomes.

-- A new version with its head; drops the versions that the head no longer keeps.
CREATE FUNCTION kv_put(caller uuid, seen_epoch int8, request uuid, chain int8, namespace int8,
                       accessor text, actor text, operation text, request_path text,
                       new_head kv_head, new_version kv_version)
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    refused int8 := write_allowed(caller, seen_epoch);
BEGIN
    IF refused <> 0 THEN
        RETURN refused;
    END IF;
    IF NOT kv_store_head(new_head) THEN
        RETURN 3;
    END IF;
    INSERT INTO kv_version SELECT new_version.*;
    DELETE FROM kv_version v
    WHERE v.head_id = new_head.id AND v.version < new_head.oldest_version;
    PERFORM effect_record(request, chain, namespace, accessor, actor, operation, request_path);
    RETURN 0;
END $$;

-- A head alone: its settings.
CREATE FUNCTION kv_put_head(caller uuid, seen_epoch int8, request uuid, chain int8, namespace int8,
                            accessor text, actor text, operation text, request_path text,
                            new_head kv_head)
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    refused int8 := write_allowed(caller, seen_epoch);
BEGIN
    IF refused <> 0 THEN
        RETURN refused;
    END IF;
    IF NOT kv_store_head(new_head) THEN
        RETURN 3;
    END IF;
    PERFORM effect_record(request, chain, namespace, accessor, actor, operation, request_path);
    RETURN 0;
END $$;

-- A head with all its versions.
CREATE FUNCTION kv_remove(caller uuid, seen_epoch int8, request uuid, chain int8, namespace int8,
                          accessor text, actor text, operation text, request_path text,
                          head uuid, seen_row_version int8)
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    refused int8 := write_allowed(caller, seen_epoch);
BEGIN
    IF refused <> 0 THEN
        RETURN refused;
    END IF;
    DELETE FROM kv_head h WHERE h.id = head AND h.row_version = seen_row_version;
    IF NOT FOUND THEN
        RETURN 3;
    END IF;
    PERFORM effect_record(request, chain, namespace, accessor, actor, operation, request_path);
    RETURN 0;
END $$;

-- The state of some versions of one head, all or none. What is destroyed loses its value.
CREATE FUNCTION kv_change_versions(caller uuid, seen_epoch int8, request uuid, chain int8,
                                   namespace int8, accessor text, actor text, operation text,
                                   request_path text, head uuid, versions int8[],
                                   row_versions int8[], deleted timestamptz[], gone boolean[],
                                   macs bytea[])
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    refused int8 := write_allowed(caller, seen_epoch);
    locked int8;
BEGIN
    IF refused <> 0 THEN
        RETURN refused;
    END IF;
    -- Locked in one order, so that two such changes can't wait for each other.
    SELECT count(*) INTO locked FROM (
        SELECT 1 FROM kv_version v
        JOIN unnest(versions, row_versions) AS n(version, row_version)
            ON v.version = n.version AND v.row_version = n.row_version - 1
        WHERE v.head_id = head ORDER BY v.version FOR UPDATE OF v) AS found;
    IF locked <> cardinality(versions) THEN
        RETURN 3;
    END IF;
    UPDATE kv_version v SET
        deleted_at = n.deleted_at,
        destroyed = n.destroyed,
        ciphertext = CASE WHEN n.destroyed THEN NULL ELSE v.ciphertext END,
        key_epoch = CASE WHEN n.destroyed THEN NULL ELSE v.key_epoch END,
        row_version = n.row_version,
        mac = n.mac
    FROM unnest(versions, row_versions, deleted, gone, macs)
        AS n(version, row_version, deleted_at, destroyed, mac)
    WHERE v.head_id = head AND v.version = n.version;
    PERFORM effect_record(request, chain, namespace, accessor, actor, operation, request_path);
    RETURN 0;
END $$;

-- One page of a folder: keys as they are, each sub-folder once with its slash. `folder` is empty or
-- ends in a slash; `after_entry` is an entry as listed, or empty. Takes time in proportion to the
-- page, whatever lies in the sub-folders: those are skipped by a new descent of the index. Keys that
-- follow one another are read together, more at a time the longer it goes on.
CREATE FUNCTION kv_list(mount uuid, folder text, after_entry text, page int8)
    RETURNS SETOF text LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    -- Below the first path that no longer lies in the folder: '0' is the character after '/'.
    upper_bound text COLLATE "C" := CASE WHEN folder = '' THEN repeat(chr(1114111), 600)
                                         ELSE left(folder, -1) || '0' END;
    lower_bound text COLLATE "C" := folder;
    slash int;
    found_path text COLLATE "C";
    entry text;
    chunk int8 := 1;
    given int8 := 0;
    read int8;
BEGIN
    IF after_entry <> '' THEN
        slash := strpos(after_entry, '/');
        lower_bound := folder || CASE WHEN slash > 0 THEN left(after_entry, slash - 1) || '0'
                                      ELSE after_entry || chr(1) END;
    END IF;
    WHILE given < page LOOP
        read := 0;
        FOR found_path IN
            SELECT h.path FROM kv_head h
            WHERE h.mount_id = mount AND h.path >= lower_bound AND h.path < upper_bound
            ORDER BY h.path LIMIT least(chunk, page - given)
        LOOP
            read := read + 1;
            given := given + 1;
            entry := substr(found_path, length(folder) + 1);
            slash := strpos(entry, '/');
            IF slash > 0 THEN
                RETURN NEXT left(entry, slash);
                lower_bound := folder || left(entry, slash - 1) || '0';
                EXIT;
            END IF;
            RETURN NEXT entry;
            lower_bound := found_path || chr(1);
        END LOOP;
        EXIT WHEN read = 0;
        chunk := CASE WHEN slash > 0 THEN 1 ELSE least(chunk * 4, 4096) END;
    END LOOP;
END $$;
