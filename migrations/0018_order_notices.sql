-- Streams of notices (docs/rotation.md, "Being told of a new value"): a notice gets its place when it
-- is spread. One transaction at a time gives out places, to what has been committed, so that they
-- become visible in their own order and without holes that fill later: who has seen one has seen all
-- before it. seq doesn't do: it is given out before the commit.
-- Of one credential the places are in the order of what happened to it.
CREATE SEQUENCE rotation_notice_place AS int8;
ALTER TABLE rotation_notice ADD COLUMN place int8; -- outside of the MAC; NULL until it is spread
UPDATE rotation_notice n SET place = p.place FROM (
    SELECT s.id, nextval('rotation_notice_place') AS place FROM (
        SELECT o.id FROM rotation_notice o WHERE o.spread ORDER BY o.seq) AS s) AS p
    WHERE p.id = n.id;
CREATE UNIQUE INDEX rotation_notice_placed ON rotation_notice (place) WHERE place IS NOT NULL;
CREATE INDEX rotation_notice_streamed ON rotation_notice (mount_id, place) WHERE place IS NOT NULL;

CREATE OR REPLACE FUNCTION rotation_notice_spread(most int8) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    done int8;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM rotation_notice WHERE NOT spread)
        OR NOT pg_try_advisory_xact_lock(hashtext('rotation_notice_spread')) THEN
        RETURN 0;
    END IF;
    WITH fresh AS MATERIALIZED (
        SELECT o.*, nextval('rotation_notice_place') AS next_place FROM (
            SELECT n.* FROM rotation_notice n WHERE NOT n.spread ORDER BY n.seq LIMIT most) AS o
    ), put AS (
        INSERT INTO rotation_delivery (notifier_id, notice_id, credential_id, seq, state, tries,
            since, next_try_at, done_at, status, error, node, fence, lease_until)
        SELECT f.id, n.id, n.credential_id, n.seq, 'waiting', 0, clock_timestamp(),
            clock_timestamp(), to_timestamp(0), 0, '', '', 0, to_timestamp(0)
        FROM fresh n JOIN rotation_notifier f ON f.mount_id = n.mount_id
        WHERE f.enabled AND n.event = ANY (f.events) AND rotation_covers(f, n.credential, n.owner)
        ON CONFLICT DO NOTHING
    )
    UPDATE rotation_notice n SET spread = true, place = fresh.next_place FROM fresh
        WHERE n.id = fresh.id;
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
END $$;

-- Who got a value while it was current may still hold it when it has been replaced; who asked for it
-- as the previous one knows that there is another.
ALTER TABLE rotation_read ADD COLUMN held boolean NOT NULL DEFAULT false;
