/** The queue's schema, one entry per version. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    born INTEGER NOT NULL,
    aged INTEGER NOT NULL,
    sender TEXT NOT NULL,
    size INTEGER NOT NULL
  );
  CREATE TABLE body (message INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE recipient (
    message INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    address TEXT NOT NULL,
    channel INTEGER NOT NULL,
    destination TEXT NOT NULL,
    state INTEGER NOT NULL,
    due INTEGER NOT NULL,
    tried INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (message, idx)
  ) WITHOUT ROWID;
  CREATE INDEX recipient_due ON recipient (channel, due) WHERE state = 0;
  CREATE INDEX recipient_destination ON recipient (destination, due) WHERE state = 0 AND destination <> '';
  INSERT INTO meta VALUES ('next_id', 1)
  `,
  // 1: its sender was told that it is late, or is not to be told.
  "ALTER TABLE message ADD COLUMN noticed INTEGER NOT NULL DEFAULT 0",
];
