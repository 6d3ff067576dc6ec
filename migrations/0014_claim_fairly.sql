-- Who is served first when much is ready (docs/rotation.md): no target can keep others waiting,
-- however much is ready there, and one that doesn't answer is tried by one attempt at a time.

-- Failures in a row of getting an answer from a target. It only decides when somebody tries, so it is
-- under no MAC.
CREATE TABLE rotation_trouble (
    target_id uuid PRIMARY KEY REFERENCES rotation_target ON DELETE CASCADE,
    failures int8 NOT NULL,
    failed_at timestamptz NOT NULL
);

-- The earliest of each target, whatever waits at the others.
CREATE INDEX rotation_attempt_waiting ON rotation_attempt (target_id, next_step_at)
    WHERE open AND state <> 'blocked';

-- Who is at work there.
DROP INDEX rotation_attempt_leased;
CREATE INDEX rotation_attempt_leased ON rotation_attempt (target_id, lease_until) WHERE open;

CREATE FUNCTION rotation_unanswered(target uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO rotation_trouble AS t (target_id, failures, failed_at)
    VALUES (target, 1, clock_timestamp())
    ON CONFLICT (target_id) DO UPDATE SET failures = t.failures + 1, failed_at = clock_timestamp()
$$;

CREATE FUNCTION rotation_answered(target uuid) RETURNS void LANGUAGE sql AS $$
    DELETE FROM rotation_trouble t WHERE t.target_id = target
$$;

-- How many more attempts may be at work at a target. After three failures in a row one at a time, and
-- none until a while after the last: 1 s, doubled with each failure, at most a minute.
CREATE FUNCTION rotation_room(target uuid, concurrency int8, moment timestamptz)
    RETURNS TABLE (room int8) LANGUAGE sql STABLE AS $$
    SELECT greatest(0, CASE
        WHEN coalesce(f.failures, 0) < 3 THEN concurrency
        WHEN moment < f.failed_at + least(60, 2 ^ least(f.failures - 3, 6)) * interval '1 second'
            THEN 0
        ELSE 1
    END - b.count)
    FROM (SELECT count(*) AS count FROM rotation_attempt a
          WHERE a.target_id = target AND a.open AND a.lease_until > moment) AS b
    LEFT JOIN rotation_trouble f ON f.target_id = target
$$;

-- Takes attempts that are ready and nobody's: `most` at a time, the earliest first, no more of one
-- target than there is room for, each with a new fence and a lease by this clock. Two nodes never
-- claim at one target at once, since neither would count what the other takes; what others are
-- claiming is passed over.
CREATE OR REPLACE FUNCTION rotation_claim(node_name text, lease_us int8, most int8)
    RETURNS TABLE (attempt_id uuid, attempt_fence int8) LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    targets uuid[];
BEGIN
    PERFORM FROM rotation_attempt a
    WHERE a.open AND a.state <> 'blocked' AND a.next_step_at <= moment AND a.lease_until <= moment
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- One look into the index for each target where something waits.
    WITH RECURSIVE waiting (target_id) AS (
        (SELECT a.target_id FROM rotation_attempt a WHERE a.open AND a.state <> 'blocked'
         ORDER BY a.target_id LIMIT 1)
        UNION ALL
        SELECT (SELECT a.target_id FROM rotation_attempt a
                WHERE a.open AND a.state <> 'blocked' AND a.target_id > w.target_id
                ORDER BY a.target_id LIMIT 1)
        FROM waiting w WHERE w.target_id IS NOT NULL
    ), locked AS (
        SELECT t.id
        FROM waiting w JOIN rotation_target t ON t.id = w.target_id
        CROSS JOIN LATERAL (
            SELECT a.next_step_at FROM rotation_attempt a
            WHERE a.target_id = t.id AND a.open AND a.state <> 'blocked'
                AND a.next_step_at <= moment AND a.lease_until <= moment
            ORDER BY a.next_step_at LIMIT 1
        ) AS earliest
        CROSS JOIN LATERAL rotation_room(t.id, t.concurrency, moment) AS here
        WHERE here.room > 0
        ORDER BY earliest.next_step_at LIMIT most
        FOR NO KEY UPDATE OF t SKIP LOCKED
    )
    SELECT array_agg(l.id) INTO targets FROM locked l;
    -- A statement of its own: it sees what was claimed there until the lock was had.
    RETURN QUERY
    WITH ready AS (
        SELECT r.id, r.next_step_at
        FROM rotation_target t
        CROSS JOIN LATERAL rotation_room(t.id, t.concurrency, moment) AS here
        CROSS JOIN LATERAL (
            SELECT a.id, a.next_step_at FROM rotation_attempt a
            WHERE a.target_id = t.id AND a.open AND a.state <> 'blocked'
                AND a.next_step_at <= moment AND a.lease_until <= moment
            ORDER BY a.next_step_at
            LIMIT here.room
        ) AS r
        WHERE t.id = ANY (targets)
        ORDER BY r.next_step_at LIMIT most
    ), taken AS (
        SELECT a.id FROM rotation_attempt a JOIN ready r ON r.id = a.id
        WHERE a.lease_until <= moment AND a.open AND a.state <> 'blocked'
        FOR UPDATE OF a SKIP LOCKED
    ), claimed AS (
        UPDATE rotation_attempt a SET fence = nextval('rotation_fence'), node = node_name,
            lease_until = moment + lease_us * interval '1 microsecond'
        FROM taken WHERE a.id = taken.id RETURNING a.id, a.credential_id, a.fence
    ), fenced AS (
        UPDATE rotation_principal p SET fence = c.fence FROM claimed c
        WHERE p.credential_id = c.credential_id
    )
    SELECT c.id, c.fence FROM claimed c;
END $$;

-- Microseconds until something is due or ready; not above 0: it is already, and waits for room or for
-- an attempt before it. NULL: nothing is known of.
CREATE FUNCTION rotation_quiet_us() RETURNS int8 LANGUAGE sql AS $$
    SELECT (extract(epoch FROM least(
        (SELECT c.next_rotation_at FROM rotation_credential c
         WHERE c.next_rotation_at < 'infinity' AND NOT c.paused AND NOT EXISTS (
             SELECT 1 FROM rotation_attempt a WHERE a.credential_id = c.id AND a.open)
         ORDER BY c.next_rotation_at LIMIT 1),
        (SELECT a.next_step_at FROM rotation_attempt a
         WHERE a.open AND a.state <> 'blocked' AND a.lease_until <= clock_timestamp()
         ORDER BY a.next_step_at LIMIT 1)
    ) - clock_timestamp()) * 1000000)::int8
$$;
