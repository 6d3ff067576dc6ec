-- Each token's own secrets: they go with the token. Every write makes a row of a new id, which the
-- value is bound to.

CREATE TABLE cubbyhole (
    token_id uuid NOT NULL REFERENCES token ON DELETE CASCADE,
    path_hash bytea NOT NULL,
    id uuid NOT NULL UNIQUE,
    namespace_id int8 NOT NULL,
    path text COLLATE "C" NOT NULL,
    ciphertext bytea NOT NULL,
    key_epoch int8 NOT NULL,
    mac bytea NOT NULL,
    PRIMARY KEY (token_id, path_hash),
    FOREIGN KEY (namespace_id, key_epoch) REFERENCES key_epoch (namespace_id, epoch)
);
CREATE INDEX cubbyhole_key_epoch ON cubbyhole (namespace_id, key_epoch);

CREATE FUNCTION cubbyhole_put(caller uuid, seen_epoch int8, request uuid, chain int8,
                              namespace int8, accessor text, actor text, operation text,
                              request_path text, new_row cubbyhole)
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    refused int8 := write_allowed(caller, seen_epoch);
BEGIN
    IF refused <> 0 THEN
        RETURN refused;
    END IF;
    INSERT INTO cubbyhole SELECT new_row.*
    ON CONFLICT (token_id, path_hash) DO UPDATE SET
        id = excluded.id, ciphertext = excluded.ciphertext, key_epoch = excluded.key_epoch,
        mac = excluded.mac;
    PERFORM effect_record(request, chain, namespace, accessor, actor, operation, request_path);
    RETURN 0;
END $$;

-- Removing what isn't there changes nothing and is no effect.
CREATE FUNCTION cubbyhole_remove(caller uuid, seen_epoch int8, request uuid, chain int8,
                                 namespace int8, accessor text, actor text, operation text,
                                 request_path text, hash bytea)
    RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    refused int8 := write_allowed(caller, seen_epoch);
BEGIN
    IF refused <> 0 THEN
        RETURN refused;
    END IF;
    DELETE FROM cubbyhole c WHERE c.token_id = caller AND c.path_hash = hash;
    IF NOT FOUND THEN
        RETURN 4;
    END IF;
    PERFORM effect_record(request, chain, namespace, accessor, actor, operation, request_path);
    RETURN 0;
END $$;
