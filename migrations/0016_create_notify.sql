-- Notices of rotation (docs/notifications.md): what happened to a credential, one row in the very
-- transaction in which it happened; who wants to hear of it; and what is on its way to them.
-- Notices and notifiers are under a MAC made by the vault. Which notice goes to whom is chosen here,
-- and checked again by the vault before it sends anything.

CREATE TABLE rotation_notice (
    id uuid PRIMARY KEY, -- the id that receivers see, the same however often it is sent
    seq int8 NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    namespace_id int8 NOT NULL REFERENCES namespace,
    mount_id uuid NOT NULL REFERENCES mount ON DELETE CASCADE,
    credential_id uuid NOT NULL, -- which may be gone by now
    credential text COLLATE "C" NOT NULL,
    owner text NOT NULL,
    event text NOT NULL,
    version int8 NOT NULL,
    time timestamptz NOT NULL,
    once text NOT NULL,    -- what is not said again; empty: said each time
    payload text NOT NULL, -- JSON, as it is sent
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    -- Outside of the MAC
    spread boolean NOT NULL DEFAULT false -- it has become deliveries
) WITH (fillfactor = 90);
CREATE INDEX rotation_notice_fresh ON rotation_notice (seq) WHERE NOT spread;
CREATE INDEX rotation_notice_credential ON rotation_notice (credential_id, event, time);
CREATE INDEX rotation_notice_mount ON rotation_notice (mount_id, time);
CREATE INDEX rotation_notice_time ON rotation_notice (time);
CREATE UNIQUE INDEX rotation_notice_once ON rotation_notice (credential_id, event, once)
    WHERE once <> '' AND event <> 'failing';

CREATE TABLE rotation_notifier (
    id uuid PRIMARY KEY,
    namespace_id int8 NOT NULL REFERENCES namespace,
    mount_id uuid NOT NULL REFERENCES mount ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    type text NOT NULL CHECK (type IN ('webhook', 'smtp')),
    url text NOT NULL,              -- webhook
    host text NOT NULL,             -- smtp, and the following
    port int8 NOT NULL,
    tls text NOT NULL,              -- starttls, implicit, none
    username text NOT NULL,         -- empty: no login
    sender text NOT NULL,
    recipient text NOT NULL,        -- empty: the owner of each credential
    ca_file text NOT NULL,          -- empty: the system's
    events text[] NOT NULL,
    credentials text[] NOT NULL,    -- patterns of names; none: all
    owner text NOT NULL,            -- empty: any
    enabled boolean NOT NULL,
    disabled_reason text NOT NULL,
    secret_version int8 NOT NULL,
    ciphertext bytea NOT NULL,      -- the signing key, or the password
    key_epoch int8 NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    row_version int8 NOT NULL,
    mac bytea NOT NULL,
    -- Outside of the MAC: how it goes
    failures int8 NOT NULL DEFAULT 0, -- in a row, to reach it at all
    hold_until timestamptz NOT NULL DEFAULT to_timestamp(0),
    UNIQUE (mount_id, name),
    FOREIGN KEY (namespace_id, key_epoch) REFERENCES key_epoch (namespace_id, epoch)
);
CREATE INDEX rotation_notifier_key_epoch ON rotation_notifier (namespace_id, key_epoch);

-- One notice on its way to one notifier.
CREATE TABLE rotation_delivery (
    notifier_id uuid NOT NULL REFERENCES rotation_notifier ON DELETE CASCADE,
    notice_id uuid NOT NULL REFERENCES rotation_notice ON DELETE CASCADE,
    credential_id uuid NOT NULL,
    seq int8 NOT NULL, -- of the notice
    state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'parked')),
    tries int8 NOT NULL,
    since timestamptz NOT NULL,       -- put in, or replayed
    next_try_at timestamptz NOT NULL,
    done_at timestamptz NOT NULL,     -- delivered or parked; 1970: neither
    status int8 NOT NULL,             -- of the last answer; 0: there was none
    error text NOT NULL,
    node text NOT NULL,
    fence int8 NOT NULL,              -- counts claims: who comes late changes nothing
    lease_until timestamptz NOT NULL,
    PRIMARY KEY (notifier_id, notice_id)
) WITH (fillfactor = 70);
CREATE INDEX rotation_delivery_notice ON rotation_delivery (notice_id);
CREATE INDEX rotation_delivery_listed ON rotation_delivery (notifier_id, seq);
CREATE INDEX rotation_delivery_waiting ON rotation_delivery (notifier_id, next_try_at)
    WHERE state = 'waiting';
CREATE INDEX rotation_delivery_order ON rotation_delivery (notifier_id, credential_id, seq)
    WHERE state = 'waiting';
CREATE INDEX rotation_delivery_parked ON rotation_delivery (notifier_id) WHERE state = 'parked';

CREATE FUNCTION rotation_is_mail(address text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT address ~ '^[A-Za-z0-9.!#$%&''*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$'
        AND length(address) <= 254
$$;

-- Names have no % and no backslash, patterns have only * beside what names have.
CREATE FUNCTION rotation_covers(f rotation_notifier, credential text, owner text)
    RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (f.owner = '' OR f.owner = owner)
        AND (f.type = 'webhook' OR f.recipient <> '' OR rotation_is_mail(owner))
        AND (f.credentials = '{}' OR EXISTS (SELECT 1 FROM unnest(f.credentials) AS p
            WHERE credential LIKE replace(replace(p, '_', '\_'), '*', '%')))
$$;

CREATE FUNCTION rotation_delivery_put(notifier uuid, notice rotation_notice)
    RETURNS int8 LANGUAGE sql AS $$
    INSERT INTO rotation_delivery AS d (notifier_id, notice_id, credential_id, seq, state, tries,
        since, next_try_at, done_at, status, error, node, fence, lease_until)
    VALUES (notifier, notice.id, notice.credential_id, notice.seq, 'waiting', 0,
        clock_timestamp(), clock_timestamp(), to_timestamp(0), 0, '', '', 0, to_timestamp(0))
    ON CONFLICT (notifier_id, notice_id) DO UPDATE SET state = 'waiting', tries = 0,
        since = clock_timestamp(), next_try_at = clock_timestamp(), done_at = to_timestamp(0),
        fence = d.fence + 1, lease_until = to_timestamp(0)
    WHERE d.state <> 'waiting'
    RETURNING 1::int8
$$;

-- New notices become deliveries, in order: one node at a time, so that a later notice of a credential
-- is never on its way before an earlier one.
CREATE FUNCTION rotation_notice_spread(most int8) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    done int8;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM rotation_notice WHERE NOT spread)
        OR NOT pg_try_advisory_xact_lock(hashtext('rotation_notice_spread')) THEN
        RETURN 0;
    END IF;
    WITH fresh AS MATERIALIZED (
        SELECT n.* FROM rotation_notice n WHERE NOT n.spread ORDER BY n.seq LIMIT most
    ), put AS (
        INSERT INTO rotation_delivery (notifier_id, notice_id, credential_id, seq, state, tries,
            since, next_try_at, done_at, status, error, node, fence, lease_until)
        SELECT f.id, n.id, n.credential_id, n.seq, 'waiting', 0, clock_timestamp(),
            clock_timestamp(), to_timestamp(0), 0, '', '', 0, to_timestamp(0)
        FROM fresh n JOIN rotation_notifier f ON f.mount_id = n.mount_id
        WHERE f.enabled AND n.event = ANY (f.events) AND rotation_covers(f, n.credential, n.owner)
        ON CONFLICT DO NOTHING
    )
    UPDATE rotation_notice n SET spread = true FROM fresh WHERE n.id = fresh.id;
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
END $$;

-- Takes deliveries that are ready and nobody's, of each notifier the first ones: of each credential
-- only the oldest that waits, so that a later one is never ahead of it. By the indexes even where
-- nothing is known of the tables yet: with 1,000 notifiers a plan that scans takes seconds.
CREATE FUNCTION rotation_delivery_claim(node_name text, lease_us int8, most int8, each int8,
    busy uuid[]) RETURNS TABLE (notifier uuid, notice uuid, claim int8) LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    RETURN QUERY
    WITH ready AS (
        SELECT r.notifier_id, r.notice_id FROM rotation_notifier f CROSS JOIN LATERAL (
            SELECT d.notifier_id, d.notice_id FROM rotation_delivery d
            WHERE d.notifier_id = f.id AND d.state = 'waiting' AND d.next_try_at <= moment
                AND d.lease_until <= moment AND NOT EXISTS (
                    SELECT 1 FROM rotation_delivery e WHERE e.notifier_id = d.notifier_id
                        AND e.credential_id = d.credential_id AND e.state = 'waiting'
                        AND e.seq < d.seq)
            ORDER BY d.next_try_at, d.seq LIMIT each
        ) AS r
        WHERE f.enabled AND f.hold_until <= moment AND f.id <> ALL (busy)
    ), taken AS (
        SELECT d.notifier_id, d.notice_id FROM rotation_delivery d JOIN ready r
            ON r.notifier_id = d.notifier_id AND r.notice_id = d.notice_id
        WHERE d.state = 'waiting' AND d.lease_until <= moment
        ORDER BY d.seq LIMIT most FOR UPDATE OF d SKIP LOCKED
    ), claimed AS (
        UPDATE rotation_delivery d SET fence = d.fence + 1, node = node_name,
            lease_until = moment + lease_us * interval '1 microsecond'
        FROM taken t WHERE d.notifier_id = t.notifier_id AND d.notice_id = t.notice_id
        RETURNING d.notifier_id, d.notice_id, d.fence, d.seq
    )
    SELECT c.notifier_id, c.notice_id, c.fence FROM claimed c ORDER BY c.notifier_id, c.seq;
END $$;

-- Who needs to be reminded of what, and wasn't yet. A credential is reminded of one date at 30, 7 and
-- 1 days; one that comes in later gets the nearest of these only.
CREATE FUNCTION rotation_reminders(overdue_us int8, most int8)
    RETURNS TABLE (credential_id uuid, event text, once text) LANGUAGE sql STABLE AS $$
    WITH dates AS (
        SELECT c.id, 'expiring' AS event, c.expires_at AS at, 0::int8 AS interval_s
        FROM rotation_credential c
        WHERE c.expires_at > now() AND c.expires_at <= now() + interval '30 days'
        UNION ALL
        SELECT c.id, 'due', c.next_rotation_at, c.interval_s FROM rotation_credential c
        WHERE c.next_rotation_at > now() AND c.next_rotation_at <= now() + interval '30 days'
            AND c.interval_s >= 2 * 86400 AND NOT c.paused
            AND EXISTS (SELECT 1 FROM rotation_notifier f
                WHERE f.mount_id = c.mount_id AND 'due' = ANY (f.events))
    ), coming AS (
        SELECT d.id, d.event, d.at, d.interval_s, CASE WHEN d.at <= now() + interval '1 day' THEN 1
            WHEN d.at <= now() + interval '7 days' THEN 7 ELSE 30 END AS days
        FROM dates d
    ), all_of_them AS (
        SELECT c.id, c.event, c.days || 'd:' || extract(epoch FROM c.at) AS once FROM coming c
        WHERE c.event = 'expiring' OR c.interval_s >= 2 * 86400 * c.days
        UNION ALL
        SELECT c.id, 'expired', extract(epoch FROM c.expires_at)::text FROM rotation_credential c
        WHERE c.expires_at <= now() AND c.expires_at > now() - interval '7 days'
        UNION ALL
        SELECT c.id, 'overdue', extract(epoch FROM c.next_rotation_at)::text
        FROM rotation_credential c WHERE NOT c.paused
            AND c.next_rotation_at <= now() - overdue_us * interval '1 microsecond'
    )
    SELECT a.id, a.event, a.once FROM all_of_them a
    WHERE NOT EXISTS (SELECT 1 FROM rotation_notice n
        WHERE n.credential_id = a.id AND n.event = a.event AND n.once = a.once)
    LIMIT most
$$;
CREATE INDEX rotation_credential_expires ON rotation_credential (expires_at)
    WHERE expires_at < 'infinity';

-- What waited for too long is set aside; what is old tells nobody anything. Reminders are kept for
-- longer than the date that they are about is away, so that none comes twice.
CREATE FUNCTION rotation_notice_prune(age_us int8, kept_us int8, most int8)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE rotation_delivery SET state = 'parked', done_at = clock_timestamp(), fence = fence + 1,
        error = CASE WHEN error = '' THEN 'it waited for too long' ELSE error END
    WHERE state = 'waiting' AND lease_until <= now()
        AND since < now() - age_us * interval '1 microsecond';
    DELETE FROM rotation_notice WHERE id IN (SELECT n.id FROM rotation_notice n
        WHERE n.spread AND n.time < now() - kept_us * interval '1 microsecond'
            AND (n.event IN ('rotated', 'retired', 'failing', 'blocked')
                OR n.time < now() - interval '40 days')
        ORDER BY n.time LIMIT most);
END $$;

-- Which values a key still seals: notifiers have some too.
CREATE OR REPLACE FUNCTION key_epoch_used(namespace int8, wanted int8) RETURNS boolean LANGUAGE sql
STABLE SET enable_seqscan = off AS $$
    SELECT EXISTS (SELECT 1 FROM kv_version v WHERE v.namespace_id = $1 AND v.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM cubbyhole c WHERE c.namespace_id = $1 AND c.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM rotation_target t WHERE t.namespace_id = $1 AND t.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM rotation_value v WHERE v.namespace_id = $1 AND v.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM rotation_target_change v
                   WHERE v.namespace_id = $1 AND v.key_epoch = $2)
        OR EXISTS (SELECT 1 FROM rotation_notifier n WHERE n.namespace_id = $1 AND n.key_epoch = $2)
$$;

CREATE OR REPLACE FUNCTION key_values_before(namespace int8, wanted int8, most int8) RETURNS int8
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT (SELECT count(*) FROM (SELECT 1 FROM kv_version v
                                  WHERE v.namespace_id = $1 AND v.key_epoch < $2 LIMIT $3) AS r)
         + (SELECT count(*) FROM (SELECT 1 FROM cubbyhole c
                                  WHERE c.namespace_id = $1 AND c.key_epoch < $2 LIMIT $3) AS r)
         + (SELECT count(*) FROM (SELECT 1 FROM rotation_target t
                                  WHERE t.namespace_id = $1 AND t.key_epoch < $2 LIMIT $3) AS r)
         + (SELECT count(*) FROM (SELECT 1 FROM rotation_value v
                                  WHERE v.namespace_id = $1 AND v.key_epoch < $2 LIMIT $3) AS r)
         + (SELECT count(*) FROM (SELECT 1 FROM rotation_target_change v
                                  WHERE v.namespace_id = $1 AND v.key_epoch < $2 LIMIT $3) AS r)
         + (SELECT count(*) FROM (SELECT 1 FROM rotation_notifier n
                                  WHERE n.namespace_id = $1 AND n.key_epoch < $2 LIMIT $3) AS r)
$$;
