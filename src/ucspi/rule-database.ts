import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { type ByteString, fromBytes, toBytes, utf8ToByteString } from "#bytes";
import { type CdbSync, openCdbSync, renderCdb } from "#files";
import { allWidths, type KeyedTcpRule, parseTcpRuleLines, type TcpPeer, type TcpRule, tcpRuleKeys } from "#net";

/** The octets of a database of rules as tcprules writes it: `D` denies, `+NAME=VALUE` sets; `-NAME`, ours, removes. Each ends in NUL. */
export function renderRuleDatabase(rules: readonly KeyedTcpRule[]): Buffer {
  return renderCdb(rules.map(({ key, rule }) => [toBytes(key), toBytes(renderRule(rule))]));
}

function renderRule({ verdict, changes }: TcpRule): ByteString {
  const set = changes.map(([name, value]) => (value === null ? `-${name}\0` : `+${name}=${value}\0`));
  return (verdict === "deny" ? "D\0" : "") + set.join("");
}

/** A database's record as a rule. What is not known is passed over, as the original does. */
export function parseRule(data: ByteString): TcpRule {
  const entries = data.split("\0").slice(0, -1);
  const changes = entries.flatMap((entry): [string, string | null][] => {
    if (entry.startsWith("-")) return [[entry.slice(1), null]];
    const equals = entry.indexOf("=");
    return entry.startsWith("+") && equals > 0 ? [[entry.slice(1, equals), entry.slice(equals + 1)]] : [];
  });
  return { verdict: entries.some((entry) => entry.startsWith("D")) ? "deny" : "allow", changes };
}

/** Rules that can be asked; the caller closes them. */
export type RuleBook = {
  /** The one rule for this peer, and the key it stands under; null if there is none. Throws if the file is corrupt. */
  find(peer: TcpPeer): KeyedTcpRule | null;
  close(): void;
};

/**
 * Opens rules: a database of tcprules or, beyond the original, its source text. Null if there is no such file; throws if it cannot be
 * read, is cut short, or is text with a line that is no rule.
 */
export function openRuleBook(path: string): RuleBook | null {
  try {
    return path.endsWith(".cdb") || !isText(path) ? databaseBook(path) : textBook(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Text has no NUL; a database, even an empty one, has many: its table of tables holds 32-bit numbers. */
function isText(path: string): boolean {
  const fd = openSync(path, "r");
  try {
    return !readFileSync(fd).subarray(0, 2048).includes(0);
  } finally {
    closeSync(fd);
  }
}

function databaseBook(path: string): RuleBook | null {
  const cdb: CdbSync | null = openCdbSync(path);
  if (cdb === null) return null;
  return {
    find(peer) {
      for (const key of tcpRuleKeys(bytesOf(peer), allWidths)) {
        const data = cdb.get(toBytes(key));
        if (data !== null) return { key, rule: parseRule(fromBytes(data)) };
      }
      return null;
    },
    close: () => cdb.close(),
  };
}

function textBook(path: string): RuleBook {
  const rules = parseTcpRuleLines(readFileSync(path, "latin1"));
  if ("kind" in rules) throw new Error(`line ${rules.line} is no rule`);
  const byKey = new Map<string, TcpRule>();
  for (const { key, rule } of rules) if (!byKey.has(key)) byKey.set(key, rule);
  return {
    find(peer) {
      for (const key of tcpRuleKeys(bytesOf(peer), allWidths)) {
        const rule = byKey.get(key);
        if (rule !== undefined) return { key, rule };
      }
      return null;
    },
    close() {},
  };
}

function bytesOf({ ip, host, info }: TcpPeer): TcpPeer {
  return {
    ip,
    ...(host === undefined ? {} : { host: utf8ToByteString(host) }),
    ...(info === undefined ? {} : { info: utf8ToByteString(info) }),
  };
}

/** A file looked at less than this after it changed may change again within one tick of the file system's clock. */
const settledMs = 1_000;

/**
 * Rules as they are on disk at this moment, for a server: each call looks whether the file is another by now, and opens it again only
 * then. Null if there is none. The books it gives are closed by it.
 */
export function liveRuleBook(path: string): () => RuleBook | null {
  let book: RuleBook | null = null;
  let seen = "";
  return () => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    const now = stat === undefined ? "" : [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(" ");
    const settled = stat !== undefined && Date.now() - Number(stat.ctimeMs) > settledMs;
    if (book !== null && settled && now === seen) return book;
    book?.close();
    book = null;
    seen = settled ? now : "";
    book = stat === undefined ? null : openRuleBook(path);
    return book;
  };
}
