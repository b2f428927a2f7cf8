import { DatabaseSync, type StatementSync } from "node:sqlite";

export type Database = DatabaseSync;
export type Statement = StatementSync;

/** Waiting time for a lock another process holds (an offline tool beside the service), in milliseconds. */
const busyMs = 5_000;

/**
 * Opens a database in WAL mode with synchronous=FULL: a COMMIT that returned is on disk. `migrations[n]` brings a database of
 * version n to version n+1, each in a transaction of its own; the version is SQLite's user_version. Throws on a database from a
 * newer Quail. The caller closes it.
 */
export function openDatabase(path: string, migrations: readonly string[], mode: "write" | "read" = "write"): Database {
  const database = new DatabaseSync(path, { timeout: busyMs, readOnly: mode === "read" });
  try {
    const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
    if (version > migrations.length)
      throw new Error(`${path} was made by a newer Quail (schema ${version}); upgrade this one`);
    if (mode === "read") return database;
    if (version === 0) database.exec("PRAGMA page_size = 4096");
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 4000;
      PRAGMA cache_size = -32768;
      PRAGMA temp_store = MEMORY;
      PRAGMA foreign_keys = OFF;`);
    for (const [at, statements] of migrations.entries()) {
      if (at < version) continue;
      database.exec(`BEGIN IMMEDIATE; ${statements}; PRAGMA user_version = ${at + 1}; COMMIT;`);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
