/**
 * POP before SMTP (spec 10.4): who has just read mail from an address may send from it for a while. The table is vpopmail's `open-smtp`,
 * tcprules with a time behind them: `192.0.2.1:allow,RELAYCLIENT="",RBLSMTPD=""` TAB seconds since 1970. An IPv6 network stands as its
 * first four groups with a colon behind.
 */
import { chmodSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { errorCode } from "#files";
import { hostOf } from "#net";

/** Strangers with a mailbox choose the addresses; beyond this many the oldest go. */
const maxEntries = 10_000;

const path = (home: string): string => join(home, "control", "open-smtp");
/** What stands in the table for an address. */
const keyOf = (ip: string): string => (isIP(ip) === 6 ? `${hostOf(ip)}:` : ip);

/** The table's text as times of login, Unix seconds, by address; what is no entry is left out. */
export function parseOpenSmtp(text: string): ReadonlyMap<string, number> {
  const table = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, key, seconds] = /^([0-9A-Fa-f.:]+?):allow,[^\t]*\t([0-9]{1,12})$/.exec(line) ?? [];
    if (key !== undefined) table.set(key.includes(":") ? `${key}:`.replace(/::$/, ":") : key, Number(seconds));
  }
  return table;
}

/** The text of a table. */
export function renderOpenSmtp(table: ReadonlyMap<string, number>): string {
  return [...table].map(([key, seconds]) => `${key}:allow,RELAYCLIENT="",RBLSMTPD=""\t${seconds}\n`).join("");
}

function readText(home: string): string {
  try {
    return readFileSync(path(home), "latin1");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
}

/** Notes that somebody has read mail from this address now; entries older than `minutes` go. Throws what the disk says. */
export function noteLogin(home: string, ip: string, nowSeconds: number, minutes: number): void {
  if (isIP(ip) === 0) return;
  const table = new Map([...parseOpenSmtp(readText(home))].filter(([, at]) => at + minutes * 60 > nowSeconds));
  const key = keyOf(ip);
  table.delete(key);
  table.set(key, nowSeconds);
  for (const oldest of table.keys()) {
    if (table.size <= maxEntries) break;
    table.delete(oldest);
  }
  const made = `${path(home)}.${process.pid}`;
  rmSync(made, { force: true });
  writeFileSync(made, renderOpenSmtp(table), { mode: 0o644, flag: "wx" });
  chmodSync(made, 0o644); // The umask of a service is tight, and smtpd reads this under another uid.
  renameSync(made, path(home));
}

/** Whether an address is in the table and its time is not over. Looks at the file at each call, reads it when it has changed. */
export function openRelayTable(home: string): (ip: string, minutes: number) => boolean {
  let kept: { readonly stamp: string; readonly table: ReadonlyMap<string, number> } = { stamp: "", table: new Map() };
  return (ip, minutes) => {
    const stat = statSync(path(home), { throwIfNoEntry: false });
    if (stat === undefined) return false;
    // Our own writer makes a new file each time, so that the inode tells; others may write in place.
    const stamp = `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    if (kept.stamp !== stamp) kept = { stamp, table: parseOpenSmtp(readText(home)) };
    const at = kept.table.get(keyOf(ip));
    return at !== undefined && at + minutes * 60 > Date.now() / 1000;
  };
}
