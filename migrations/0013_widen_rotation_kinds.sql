-- Values that an issuer makes (K4 to K6 of include/rotunda/rotator.h), and how a create that got lost
-- is found again. Where these have their defaults they are left out of the rows' MACs.

-- As the issuer said; 1970: it didn't.
ALTER TABLE rotation_value ADD COLUMN valid_until timestamptz NOT NULL DEFAULT to_timestamp(0);

-- JSON list of the ids that existed at the target right before the create; empty: none was begun.
ALTER TABLE rotation_attempt ADD COLUMN baseline text NOT NULL DEFAULT '';
-- A call whose answer got lost may still land until then: nobody acts before.
ALTER TABLE rotation_attempt ADD COLUMN quarantine_until timestamptz NOT NULL
    DEFAULT to_timestamp(0);
-- When the target confirmed the value, or may have taken it: it may take a while to accept it.
ALTER TABLE rotation_attempt ADD COLUMN applied_at timestamptz NOT NULL DEFAULT to_timestamp(0);
