-- Making, renewing, revoking and expiring tokens. The mutating functions take the guards of
-- vault/core/operation.h first and return its outcomes.

-- When a counted token was found used up: it goes a while later, when no request that spent the
-- last use can be under way any more.
ALTER TABLE token ADD COLUMN used_up_at timestamptz;
CREATE INDEX token_used_up ON token (used_up_at) WHERE num_uses > 0 AND uses_left <= 0;

-- 4: the id is taken (only ids that clients choose can be).
CREATE FUNCTION token_create(caller uuid, seen_epoch int8, request uuid, chain int8,
                             namespace int8, caller_accessor text, actor text, operation text,
                             request_path text, new_token token)
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    refused int8 := write_allowed(caller, seen_epoch);
BEGIN
    IF refused <> 0 THEN
        RETURN refused;
    END IF;
    INSERT INTO token SELECT new_token.* ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 4;
    END IF;
    PERFORM effect_record(request, chain, namespace, caller_accessor, actor, operation,
                          request_path);
    RETURN 0;
END $$;

-- 4: revoked or expired meanwhile. A renewal never brings a token back.
CREATE FUNCTION token_renew(caller uuid, seen_epoch int8, request uuid, chain int8, namespace int8,
                            caller_accessor text, actor text, operation text, request_path text,
                            target uuid, seen_row_version int8, new_expiry timestamptz,
                            new_mac bytea)
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    refused int8 := write_allowed(caller, seen_epoch);
    stored_version int8;
BEGIN
    IF refused <> 0 THEN
        RETURN refused;
    END IF;
    SELECT t.row_version INTO stored_version FROM token t
    WHERE t.id = target AND t.namespace_id = namespace AND t.expires_at > clock_timestamp()
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 4;
    END IF;
    IF stored_version <> seen_row_version THEN
        RETURN 3;
    END IF;
    UPDATE token t SET expires_at = new_expiry, row_version = seen_row_version + 1, mac = new_mac
    WHERE t.id = target;
    PERFORM effect_record(request, chain, namespace, caller_accessor, actor, operation,
                          request_path);
    RETURN 0;
END $$;

-- Tokens with all that descends from them, at most `most` of them. The settings keep the planner,
-- which can't know how deep it goes, from reading the whole table for each generation.
CREATE FUNCTION token_tree(roots uuid[], most int8) RETURNS uuid[] LANGUAGE sql STABLE
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    WITH RECURSIVE tree AS (
        SELECT t.id FROM token t WHERE t.id = ANY (roots)
        UNION ALL
        SELECT child.id FROM token child JOIN tree ON child.parent_id = tree.id
    )
    SELECT coalesce(array_agg(id), '{}') FROM (SELECT id FROM tree LIMIT most) AS part
$$;

-- The descendants are deleted by this statement rather than by its cascade, which takes one level of
-- the server's stack for each generation and fails above some thousands. What the cascade still
-- finds are children made meanwhile: whoever made them held the parent until then.
CREATE FUNCTION token_delete_trees(roots uuid[]) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    tree uuid[] := token_tree(roots, 9223372036854775807);
    deleted int8;
BEGIN
    DELETE FROM token WHERE id = ANY (tree);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END $$;

-- 4: more than `most` tokens: too many for a batch connection.
CREATE FUNCTION token_revoke(caller uuid, seen_epoch int8, request uuid, chain int8,
                             namespace int8, caller_accessor text, actor text, operation text,
                             request_path text, target uuid, most int8)
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    refused int8;
    tree uuid[];
BEGIN
    -- Else two requests to revoke the same caller would both hold it and wait for one another.
    IF target = caller THEN
        PERFORM 1 FROM token WHERE id = caller FOR UPDATE;
    END IF;
    refused := write_allowed(caller, seen_epoch);
    IF refused <> 0 THEN
        RETURN refused;
    END IF;
    tree := token_tree(ARRAY(SELECT t.id FROM token t
                             WHERE t.id = target AND t.namespace_id = namespace), most + 1);
    IF cardinality(tree) > most THEN
        RETURN 4;
    END IF;
    DELETE FROM token WHERE id = ANY (tree);
    PERFORM effect_record(request, chain, namespace, caller_accessor, actor, operation,
                          request_path);
    RETURN 0;
END $$;

-- Deletes what has expired or was used up, at most `most` of either with their descendants, and
-- leaves an effect when there was any. Nodes that do this at the same time don't wait for each other.
CREATE FUNCTION token_expire(request uuid, chain int8, namespace int8, actor text, operation text,
                             request_path text, most int8, used_up_grace_s int8)
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    oldest timestamptz := moment - used_up_grace_s * interval '1 second';
    dead uuid[];
    used_up uuid[];
    deleted int8;
BEGIN
    dead := ARRAY(SELECT id FROM token WHERE expires_at <= moment AND expires_at <> 'infinity'
                  ORDER BY expires_at LIMIT most FOR UPDATE SKIP LOCKED);
    used_up := ARRAY(SELECT id FROM token
                     WHERE num_uses > 0 AND uses_left <= 0 AND used_up_at < oldest
                     ORDER BY used_up_at LIMIT most FOR UPDATE SKIP LOCKED);
    UPDATE token SET used_up_at = moment
    WHERE id IN (SELECT id FROM token WHERE num_uses > 0 AND uses_left <= 0 AND used_up_at IS NULL
                 LIMIT most FOR UPDATE SKIP LOCKED);
    IF cardinality(dead) + cardinality(used_up) = 0 THEN
        RETURN 0;
    END IF;
    deleted := token_delete_trees(dead || used_up);
    PERFORM effect_record(request, chain, namespace, '', actor, operation, request_path);
    RETURN deleted;
END $$;
