-- Schedules, rules and retirement of credentials in care (docs/rotation.md). A column that has its
-- default stays out of the row's MAC, so that rows of before are valid as they are.
ALTER TABLE rotation_credential
    ADD COLUMN blackouts text NOT NULL DEFAULT '',     -- JSON list of when it may not be rotated
    ADD COLUMN value_rules text NOT NULL DEFAULT '',   -- JSON object: length, require, forbidden, first
    ADD COLUMN retire text NOT NULL DEFAULT '',        -- use: not while the previous value is in use
    ADD COLUMN retire_quiet_s int8 NOT NULL DEFAULT 0, -- unread for so long
    ADD COLUMN retire_max_s int8 NOT NULL DEFAULT 0,   -- and after so long whatever is in use
    ADD COLUMN moved_from timestamptz NOT NULL DEFAULT to_timestamp(0), -- next_rotation_at by the schedule
    ADD COLUMN moved_by text NOT NULL DEFAULT '';      -- window, blackout: why it is another time

-- A time zone's offsets from a time on: its first row holds before its own time too. No rows for a
-- zone that this server doesn't know: a rotation that works may not fail for it. A zone changes its
-- offset at most once a day, on a full minute.
CREATE FUNCTION rotation_zone(zone text, since timestamptz, days int8)
    RETURNS TABLE (changed_at timestamptz, seconds int8) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH day AS (
        SELECT d.t, extract(epoch FROM (d.t AT TIME ZONE zone) - (d.t AT TIME ZONE 'UTC'))::int8 AS s
        FROM generate_series(since, since + days * interval '24 hours', interval '24 hours') AS d(t)
    ), change AS (
        SELECT day.t, day.s, lag(day.s) OVER (ORDER BY day.t) AS before FROM day
    )
    SELECT c.t, c.s FROM change c WHERE c.before IS NULL
    UNION ALL
    SELECT (SELECT min(m.t)
            FROM generate_series(c.t - interval '24 hours', c.t, interval '1 minute') AS m(t)
            WHERE extract(epoch FROM (m.t AT TIME ZONE zone) - (m.t AT TIME ZONE 'UTC'))::int8 = c.s),
           c.s
    FROM change c WHERE c.before <> c.s
    ORDER BY 1;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN;
END $$;

-- Its name as the server spells it; NULL: there is no such zone. Abbreviations and POSIX rules,
-- which AT TIME ZONE takes as well, have no summer time that anybody expects.
CREATE FUNCTION rotation_zone_name(zone text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT name FROM pg_timezone_names WHERE lower(name) = lower(zone)
        AND name !~ '^(posix|right|localtime|posixrules|Factory)' LIMIT 1
$$;

-- Who read the value of a credential since a time, by the audit log.
CREATE FUNCTION rotation_consumers(namespace int8, creds_path text, since timestamptz, most int8)
    RETURNS TABLE (accessor text, actor text, remote text, reads int8, last_read timestamptz)
    LANGUAGE sql STABLE AS $$
    SELECT r.accessor, max(r.actor), (array_agg(r.remote ORDER BY r.time DESC))[1], count(*),
           max(r.time)
    FROM audit_record r
    WHERE r.path = creds_path COLLATE "C" AND r.time >= since AND r.namespace_id = namespace
        AND r.operation = 'read' AND r.result = 200
    GROUP BY r.accessor ORDER BY max(r.time) DESC LIMIT most
$$;
