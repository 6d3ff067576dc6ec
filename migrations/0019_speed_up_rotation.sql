-- A function in SQL is planned at each call, one in PL/pgSQL once in a session. These are called by every
-- change: planning was most of what they cost.
CREATE OR REPLACE FUNCTION effect_record(request uuid, chain int8, namespace int8, accessor text,
                                         actor text, operation text, path text)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effect (request_id, chain_id, namespace_id, accessor, actor, operation, path)
    VALUES ($1, $2, $3, $4, $5, $6, $7);
END $$;

CREATE OR REPLACE FUNCTION rotation_unanswered(target uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rotation_trouble AS t (target_id, failures, failed_at)
    VALUES (target, 1, clock_timestamp())
    ON CONFLICT (target_id) DO UPDATE SET failures = t.failures + 1, failed_at = clock_timestamp();
END $$;

CREATE OR REPLACE FUNCTION rotation_answered(target uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM rotation_trouble t WHERE t.target_id = target;
END $$;

-- What is in use of a credential, without the values that have ended: up to 200 are kept of each.
CREATE INDEX rotation_value_live ON rotation_value (credential_id)
    WHERE state IN ('pending', 'current', 'previous', 'abandoned');
